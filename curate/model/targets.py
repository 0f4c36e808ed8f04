"""Which of a model's classes are wanted: by WordNet synset or by name, everything below a synset included."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from scrapbag.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SYNSET = re.compile(r"n\d{8}")
_TREE = Path(__file__).with_name("wordnet.txt")


@dataclass(frozen=True)
class LabelSet:
    """What a model's outputs mean, in their order. Stored beside its scores, since a count of classes tells nothing."""

    name: str  # imagenet-1k ..., 'model' when its config names them, 'unknown' when nothing tells
    labels: tuple[str, ...]  # a synset or a plain name for each output
    words: Mapping[str, str] = field(default_factory=dict)  # synset -> its words, of the labels and all above them

    def say(self, index: int) -> str:
        """A class as people read it: 'quilt' rather than n04033995."""
        label = self.labels[index]
        return self.words.get(label, label).partition(",")[0]

    def dumps(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, indent=0)

    @staticmethod
    def loads(text: str) -> LabelSet:
        table = json.loads(text)
        return LabelSet(table["name"], tuple(table["labels"]), table["words"])


def indices(targets: Iterable[str], label_set: LabelSet) -> tuple[int, ...]:
    """The outputs that `targets` stand for, sorted; a synset brings those of its hyponyms.

    Raises RecipeError when the model has no such class, naming the nearest it has, or when nobody knows its classes.
    """
    wanted = list(targets)
    if wanted and label_set.name == "unknown":
        raise RecipeError(
            f"the model's config does not say what its {len(label_set.labels):,} classes are, so {wanted[0]!r} cannot"
            " be looked up; add label_names to its config.json, or take a model that has them"
        )
    found: set[int] = set()
    for target in wanted:
        found |= _under(_synset(target, label_set), label_set) if _is_wordnet(label_set) else _named(target, label_set)
    return tuple(sorted(found))


def above(labels: Iterable[str]) -> set[str]:
    """The synsets among `labels` and everything over them in WordNet's tree."""
    parents: dict[str, list[str]] = {}
    for synset, below in _tree().items():
        for child in below:
            parents.setdefault(child, []).append(synset)
    return _closure((label for label in labels if SYNSET.fullmatch(label)), parents)


def _is_wordnet(label_set: LabelSet) -> bool:
    return any(SYNSET.fullmatch(label) for label in label_set.labels)


def _synset(target: str, label_set: LabelSet) -> str:
    """`target` as a synset that the model has or has hyponyms of. A class of that name goes before a family."""
    if target in label_set.labels or target in label_set.words:
        return target
    if not SYNSET.fullmatch(target):
        classes = set(label_set.labels)
        matching = sorted(s for s, words in label_set.words.items() if target.lower() in _split(words))
        matching = [s for s in matching if s in classes] or matching
        if len(matching) == 1:
            return matching[0]
        if matching:
            meant = " or ".join(f"{s} ({label_set.words[s]})" for s in matching)
            raise RecipeError(f"target {target!r} means several things to the model; write {meant}")
    raise _absent(target, label_set)


def _under(synset: str, label_set: LabelSet) -> set[int]:
    family = _closure([synset], _tree())
    return {index for index, label in enumerate(label_set.labels) if label in family}


def _named(target: str, label_set: LabelSet) -> set[int]:
    found = {index for index, label in enumerate(label_set.labels) if target.lower() in _split(label)}
    if not found:
        raise _absent(target, label_set)
    return found


def _absent(target: str, label_set: LabelSet) -> RecipeError:
    names = {word: label for label in label_set.labels for word in _split(label_set.words.get(label, label))}
    near = difflib.get_close_matches(target.lower(), names, n=5, cutoff=0.5)
    near += [word for word in sorted(names) if target.lower() in word and word not in near][: 5 - len(near)]
    shown = [f"{w} ({names[w]})" if SYNSET.fullmatch(names[w]) else w for w in near or sorted(names)[:5]]
    hint = f"the nearest it has: {', '.join(shown)}" if near else f"it has {', '.join(shown)} ..."
    return RecipeError(f"the model has no class {target!r}; {hint}; or write targets = [] for quality rules alone")


def _split(words: str) -> list[str]:
    return [words.lower(), *(word.strip().lower() for word in words.split(","))]


def _closure(start: Iterable[str], steps: Mapping[str, Iterable[str]]) -> set[str]:
    seen: set[str] = set()
    todo = list(start)
    while todo:
        synset = todo.pop()
        if synset not in seen:
            seen.add(synset)
            todo += steps.get(synset, ())
    return seen


@cache
def _tree() -> dict[str, list[str]]:
    lines = (line.split() for line in _TREE.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return {synset: below for synset, *below in lines}
