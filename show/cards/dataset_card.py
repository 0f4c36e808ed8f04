"""DATASET_CARD.md: where the pictures came from, under which licences, and how they were chosen."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from scrapbag.disk import write_text
from scrapbag.layout import CREDITS
from scrapbag.plain import counted, digits
from scrapbag.reasons import sentence
from scrapbag.web import markdown
from show.cards import facts
from show.cards.facts import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scrapbag.layout import Data
    from show.cards.facts import DatasetFacts

_SIZES = (0, 10**3, 10**4, 10**5, 10**6, 10**7)
_NAMES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M")  # Hugging Face's size_categories


def write(data: Data) -> Path:
    """DATA/DATASET_CARD.md; returns its path. Raises MissingError before the first make curate."""
    write_text(data.card, text(facts.dataset(data)))
    return data.card


def text(known: DatasetFacts) -> str:
    """The whole card."""
    sections = (_head(known), sources(known), licences(known), chosen(known), _use(known))
    return _front(known) + "\n" + "\n".join(line for one in sections for line in one)


def _front(known: DatasetFacts) -> str:
    names = sorted({markdown.hub_licence(licence) for licence in known.licences}) or ["unknown"]
    return markdown.front(
        {
            "pretty_name": known.name,
            "license": names[0] if len(names) == 1 else names,
            "task_categories": ["unconditional-image-generation"],
            "size_categories": [_size(known.kept)],
            "tags": ["image", "scrapbag", *(known.decision.targets if known.decision else ())],
        }
    )


def _head(known: DatasetFacts) -> Iterator[str]:
    side = known.curate.size
    form = (
        "pictures at their own sizes" if known.curate.fit == "original" else f"squares of {side}x{side} pixels"
    )  # as curate made them
    wanted = f" of: {' or '.join(map(markdown.text, known.decision.targets))}" if known.decision else ""
    yield from (f"# {markdown.text(known.name)}", "")
    yield f"{known.kept:,} {form}{wanted}, chosen among {known.fetched:,} that came of {known.rows:,} addresses."
    yield ""


def sources(known: DatasetFacts) -> Iterator[str]:
    """Which sources were asked, and what each gave."""
    yield from ("## Sources", "")
    most = sorted(known.sources.items(), key=lambda one: (-one[1][2], one[0]))
    rows = [(name, kind or UNKNOWN, asked, kept) for name, (kind, asked, kept) in most]
    yield from markdown.table(("source", "kind", "addresses", "kept"), rows)
    when = f"Fetched from {known.first[:10]} to {known.last[:10]} (UTC). " if known.first else ""
    yield from ("", f"{when}Who made each stands in {CREDITS}; {known.creators:,} different makers are named.", "")


def licences(known: DatasetFacts) -> Iterator[str]:
    """Under which licences the kept ones are, as their pages state them."""
    yield from ("## Licences", "", "As the pages or the recipe state them; nobody has checked that they may.", "")
    yield from markdown.table(("licence", "pictures"), known.licences.items())
    if known.licences.get(UNKNOWN):
        yield from ("", f"{UNKNOWN}: nothing is stated, so that nothing is allowed but what the law allows anybody.")
    if known.disputed:
        said = "picture has" if known.disputed == 1 else "pictures have"
        yield from ("", f"{known.disputed:,} {said} pages that state several licences; the strictest holds.")
    yield ""


def chosen(known: DatasetFacts) -> Iterator[str]:
    """By what they were chosen, what that promises, and what was dropped."""
    yield from ("## How they were chosen", "", " ".join(filter(None, _decided(known))), "")
    if known.reasons:
        rows = [(reason or "not said", count, sentence(reason)) for reason, count in known.reasons.items()]
        yield from markdown.table(("not kept", "addresses", "why"), rows)
        yield ""


def _decided(known: DatasetFacts) -> Iterator[str]:
    by = known.decision
    if by is None:
        yield "By rules on quality alone: no classifier decided."
    else:
        yield f"By {markdown.text(by.model)}, a pretrained classifier: kept from a confidence of {digits(by.cut)} up"
        yield "(a ranker fitted to people's answers decided)." if by.ranker else "(the sum over the wanted classes)."
    if known.certificate:
        yield f"The certificate: precision {markdown.text(known.certificate)}."
    elif by is not None:
        yield "Uncertified: no answers of people say how many of them are what they should be."
    yield f"{counted(known.answered, 'picture')} were looked at by a person for that." if known.answered > 1 else ""


def _use(known: DatasetFacts) -> Iterator[str]:
    yield from ("## Intended use", "")
    yield "Training of generators of such pictures, by those whom the licences above allow it, with the credits."
    yield from ("", "## Limits", "")
    yield from (f"- {line}" for line in limits(known))
    yield ""


def limits(known: DatasetFacts) -> Iterator[str]:
    """What whoever uses the pictures should know, as far as it can be counted."""
    if not known.certificate:
        yield "How many of the pictures are something else is not known: nothing is certified."
    if known.kept and (count := sum(n for name, n in known.licences.items() if not markdown.is_public(name))):
        yield f"{count:,} of {known.kept:,} are not stated to be in the public domain; read their licences."
    if known.kept and (largest := max(kept for _, _, kept in known.sources.values())) > known.kept / 2:
        (name, *_) = (name for name, (_, _, kept) in known.sources.items() if kept == largest)
        yield f"{largest / known.kept:.0%} come from one source, {markdown.text(name)}: they show what it shows."
    yield "Titles, tags, makers and licences are those of the pages, mistakes of theirs included."


def _size(count: int) -> str:
    return next((name for name, (_, end) in zip(_NAMES, pairwise(_SIZES), strict=True) if count < end), _NAMES[-1])
