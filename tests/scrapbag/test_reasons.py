"""The closed set of reasons: types, tables and docs name the same words."""

from making import ROOT

from scrapbag import reasons


def documented(heading: str) -> dict[str, str]:
    """The table under a heading of docs/reference.md, word to sentence."""
    section = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8").partition(f"## {heading}\n")[2]
    rows = [line.split("|") for line in section.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    return {word.strip(" `"): sentence.strip() for _, word, sentence, _ in rows}


def test_every_reason_that_the_types_allow_has_a_sentence_and_no_other_has():
    assert tuple(reasons.DECISION) == reasons.DECISION_REASONS
    assert set(reasons.FETCH_REASONS) == reasons.FETCH.keys() | {"gone", "not_image", "unreadable"}
    assert tuple(reasons.PASSED) == reasons.PASSED_REASONS
    assert all(reasons.sentence(word) for word in (*reasons.DECISION, *reasons.FETCH, *reasons.PENDING))


def test_the_docs_say_the_same_sentences():
    assert documented("Reasons of a decision") == reasons.DECISION
    assert documented("Reasons of what is passed over") == reasons.PASSED
    assert documented("Reasons of a fetch") == reasons.FETCH | reasons.PENDING
