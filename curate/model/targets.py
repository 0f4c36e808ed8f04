"""Which of a model's classes are wanted: by WordNet synset or by name, everything below a synset included."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from scrapbag.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SYNSET = re.compile(r"n\d{8}")
_TREE = Path(__file__).with_name("wordnet.txt")


@dataclass(frozen=True)
class ClassSet:
    """The classes that a model tells apart, in the order of its outputs.

    Stored beside its scores (labels.json), because the number of classes alone does not say which they are.
    """

    name: str  # imagenet-1k ..., 'model' when its config names them, 'unknown' when nothing tells, 'none'
    classes: tuple[str, ...]  # a synset or a plain name for each output
    words: Mapping[str, str] = field(default_factory=dict)  # synset -> its words, of the classes and all above them

    def class_name(self, index: int) -> str:
        """A class as people read it: 'quilt' rather than n04033995."""
        name = self.classes[index]
        return self.words.get(name, name).partition(",")[0]

    def dumps(self) -> str:
        """As labels.json, whose keys are older than the names of the fields."""
        return json.dumps(
            {"name": self.name, "labels": self.classes, "words": self.words}, ensure_ascii=False, indent=0
        )

    @staticmethod
    def loads(text: str) -> ClassSet:
        table = json.loads(text)
        return ClassSet(table["name"], tuple(table["labels"]), table["words"])


def indices(targets: Iterable[str], class_set: ClassSet) -> tuple[int, ...]:
    """The positions of the outputs that `targets` stand for, sorted; a synset brings those of its hyponyms.

    Raises RecipeError when the model has no such class, naming the nearest it has, or when nobody knows its classes.
    """
    wanted = list(targets)
    if wanted and class_set.name == "none":
        raise RecipeError(f"the model tells no classes apart, so {wanted[0]!r} cannot be looked up; write targets = []")
    if wanted and class_set.name == "unknown":
        raise RecipeError(
            f"the model's config does not say what its {len(class_set.classes):,} classes are, so {wanted[0]!r} cannot"
            " be looked up; add label_names to its config.json, or take a model that has them"
        )
    found: set[int] = set()
    for target in wanted:
        found |= _under(_synset(target, class_set), class_set) if _is_wordnet(class_set) else _named(target, class_set)
    return tuple(sorted(found))


def above(classes: Iterable[str]) -> set[str]:
    """The synsets among `classes` and all their hypernyms in WordNet."""
    parents: dict[str, list[str]] = {}
    for synset, below in _tree().items():
        for child in below:
            parents.setdefault(child, []).append(synset)
    return _closure((name for name in classes if SYNSET.fullmatch(name)), parents)


def _is_wordnet(class_set: ClassSet) -> bool:
    return any(SYNSET.fullmatch(name) for name in class_set.classes)


def _synset(target: str, class_set: ClassSet) -> str:
    """`target` as a synset that is a class of the model or a hypernym of some. Of one name, a class goes first."""
    if target in class_set.classes or target in class_set.words:
        return target
    if not SYNSET.fullmatch(target):
        known = set(class_set.classes)
        matching = sorted(s for s, words in class_set.words.items() if target.lower() in _split(words))
        matching = [s for s in matching if s in known] or matching
        if len(matching) == 1:
            return matching[0]
        if matching:
            meant = " or ".join(f"{s} ({class_set.words[s]})" for s in matching)
            raise RecipeError(f"target {target!r} means several things to the model; write {meant}")
    raise _absent(target, class_set)


def _under(synset: str, class_set: ClassSet) -> set[int]:
    family = _closure([synset], _tree())
    return {index for index, name in enumerate(class_set.classes) if name in family}


def _named(target: str, class_set: ClassSet) -> set[int]:
    found = {index for index, name in enumerate(class_set.classes) if target.lower() in _split(name)}
    if not found:
        raise _absent(target, class_set)
    return found


def _absent(target: str, class_set: ClassSet) -> RecipeError:
    names = {word: name for name in class_set.classes for word in _split(class_set.words.get(name, name))}
    near = difflib.get_close_matches(target.lower(), names, n=5, cutoff=0.5)
    near += [word for word in sorted(names) if target.lower() in word and word not in near][: 5 - len(near)]
    shown = [f"{w} ({names[w]})" if SYNSET.fullmatch(names[w]) else w for w in near or sorted(names)[:5]]
    hint = f"the nearest it has: {', '.join(shown)}" if near else f"it has {', '.join(shown)} ..."
    advice = "or write targets = []: after make score, make targets shows what it takes them for"
    return RecipeError(f"the model has no class {target!r}; {hint}; {advice}")


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
