"""MODEL_CARD.md: what a generator learnt from, what its trainer looked through, and what its samples are worth."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from scrapbag.disk import write_text
from scrapbag.errors import MissingError
from scrapbag.layout import dealt_by
from scrapbag.web import markdown
from show.cards import dataset_card, facts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scrapbag.layout import Data, Run
    from show.cards.facts import DatasetFacts, RunFacts

# The figures of evaluation.json that stand on the card: their key, the words, and digits behind the point
FIGURES = (
    ("kid", "KID x1000 (smaller is better)", 1),
    ("coverage", "coverage", 2),
    ("recall", "recall", 2),
    ("precision", "precision (only beside coverage)", 2),
    ("copy_auc", "copy test, AUC (0.5 is no copying)", 2),
    ("copies", "nearer to a training picture than 98 % of held-out ones", 3),
)


def write(run: Run, data: Data) -> Path:
    """RUN/MODEL_CARD.md; returns its path. Raises MissingError before the end of the first make train."""
    known = facts.trained(run, data)
    try:
        learnt = facts.dataset(data)
    except MissingError:
        learnt = None
    write_text(run.card, text(known, learnt, run))
    return run.card


def text(known: RunFacts, learnt: DatasetFacts | None, run: Run) -> str:
    """The whole card; `learnt` is None where the dataset has no report any more."""
    sections = (
        _head(known),
        _trained_on(known, learnt, run),
        _start(known),
        _teacher(known),
        _measured(known),
        _use(known, run),
    )
    return _front(known) + "\n" + "\n".join(line for one in sections for line in one)


def _front(known: RunFacts) -> str:
    metrics = [
        {"type": f"{key}", "name": f"{words}, on {one['name']}", "value": round(float(one["fakes"][key]), digits)}
        for one in known.verdict.get("measured", ())
        for key, words, digits in FIGURES
    ]
    task = {"type": "unconditional-image-generation"}
    result = {"task": task, "dataset": {"type": "imagefolder", "name": known.name}, "metrics": metrics}
    return markdown.front(
        {
            "license": "unknown",  # whoever trained it has chosen none; the pictures' licences stand below
            "library_name": "pytorch",
            "pipeline_tag": "unconditional-image-generation",
            "tags": ["gan", "image-generation", "scrapbag", str(known.done.get("preset", ""))],
            "model-index": [{"name": known.name, "results": [result]}] if metrics else None,
        }
    )


def _head(known: RunFacts) -> Iterator[str]:
    size, crop = known.generator.get("size", 0), (known.settings.get("values") or {}).get("crop")
    kind = f"textures, learnt from crops of {size}" if crop else f"{size}x{size}"
    device = (known.settings.get("machine") or {}).get("device", "")
    yield from (f"# {markdown.text(known.name)}", "")
    yield (
        f"A generator of pictures, {kind} pixels: preset {markdown.text(str(known.done.get('preset', '')))}, "
        f"{int(known.done.get('images_seen', 0)):,} images seen in {float(known.done.get('seconds', 0)) / 60:.1f} "
        f"minutes on {markdown.text(str(known.settings.get('computer') or device))}."
    )
    yield ""


def _trained_on(known: RunFacts, learnt: DatasetFacts | None, run: Run) -> Iterator[str]:
    yield from ("## Trained on", "")
    if "pictures" in known.done:
        yield f"{known.done['pictures']:,} pictures, {known.done.get('held', 0):,} more held out; "
    yield f"content {markdown.text(str(known.done.get('data', '')))}."
    if known.same_data is False:
        yield "The dataset has been curated anew since: what follows is of what it holds now."
    yield ""
    if server := dealt_by(run):
        yield from (f"They were dealt by {markdown.text(server)}: sources and licences are on the card there.", "")
        return
    if learnt is None:
        yield from ("Sources and licences are not known: the dataset has no report.csv.", "")
        return
    for section in (dataset_card.sources, dataset_card.licences, dataset_card.chosen):
        yield from (line.replace("## ", "### ", 1) if line.startswith("## ") else line for line in section(learnt))


def _start(known: RunFacts) -> Iterator[str]:
    """Whose weights it began with (INIT), by the last part of that name: the rest may be a folder of somebody's."""
    yield from ("## Began with", "")
    values = known.settings.get("values") or {}
    start = str(values.get("start") or "none")
    if start == "none":
        yield from ("Random weights.", "")
        return
    before = 1000 * float(values.get("before_kimg") or 0)
    words = f"The weights of {markdown.text(PurePath(start).name)}, after {before:,.0f} images."
    if share := float(values.get("rehearse") or 0):
        kimg = float(values.get("rehearse_kimg") or 0)
        until = f"at first, fewer and fewer until {1000 * kimg:,.0f} images" if kimg else "to the end"
        words += f" {share:.0%} of each batch were pictures that those had learnt from, {until}."
    yield from (words, "")


def _teacher(known: RunFacts) -> Iterator[str]:
    """Which pretrained weights the trainer looked through; an older run has noted their name alone."""
    yield from ("## Looked through", "")
    name = str(known.done.get("teacher") or (known.settings.get("values") or {}).get("teacher") or "none")
    if name == "none":
        yield from ("No other network.", "")
        return
    licence = str(known.done.get("teacher_licence") or "") or "stated nowhere"
    yield (
        f"The discriminator looked through {markdown.text(name)}, a pretrained network that never learnt; its licence "
        f"is {markdown.text(licence)}. None of its weights are in the generator. Figures of pretrained networks "
        "flatter such a generator (arXiv 2203.06026)."
    )
    yield ""


def _measured(known: RunFacts) -> Iterator[str]:
    yield from ("## Measured", "")
    verdict = known.verdict
    if not verdict:
        yield from ("Nothing yet: make evaluate measures it.", "")
        return
    yield (
        f"After {verdict.get('images_seen', 0):,} images, on {verdict.get('many', verdict.get('n', 0)):,} samples. "
        "The floor is what other real pictures reach in the samples' place."
    )
    yield ""
    rows = [
        (f"{words}, on {one['name']}", f"{one['fakes'][key]:.{digits}f}", f"{one['floor'][key]:.{digits}f}")
        for one in verdict.get("measured", ())
        for key, words, digits in FIGURES
    ]
    yield from markdown.table(("metric", "samples", "floor"), rows)
    yield ""
    for words in (verdict.get("rough"), *(verdict.get("flags") or ())):
        if words:
            yield f"- {markdown.text(str(words))}"
    yield from _blind(known.blind)
    yield ""


def _blind(test: dict[str, Any]) -> Iterator[str]:
    said = list(zip(test.get("kinds", ()), test.get("answers", ()), strict=False))
    for kind, words in (("sample", "samples"), ("real", "held-out real pictures")):
        answers = [answer for one, answer in said if one == kind]
        if answers:
            target = markdown.text(str(test.get("target", "target")))
            yield f"- In a blind test people took {answers.count('yes')} of {len(answers)} {words} for a {target}."


def _use(known: RunFacts, run: Run) -> Iterator[str]:
    yield from ("## Intended use", "")
    yield (
        f"New pictures of the kind that it learnt from. {run.generator.name} has the weights, "
        f"{run.generator.with_suffix('.json').name} beside it the layers, the latents and every value of the preset. "
        "Whoever trained it has chosen no licence for the weights; the licences of the pictures stand above."
    )
    yield from ("", "## Limits", "")
    yield from (f"- {line}" for line in _limits(known))
    yield ""


def _limits(known: RunFacts) -> Iterator[str]:
    if not known.verdict:
        yield "Whether it copies training pictures has not been looked at."
    for one in known.verdict.get("measured", ())[:1]:
        share, floor = float(one["fakes"]["copies"]), float(one["floor"]["copies"])
        yield f"{share:.1%} of the samples are near copies of a training picture ({floor:.1%} of other real ones are)."
    yield "It knows nothing but the pictures above, and repeats what is common or wrong among them."
