"""What a timm model's outputs stand for: the classes they tell apart, and how logits become probabilities."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from timm.data.imagenet_info import ImageNetInfo, infer_imagenet_subset

from curate.model.targets import SYNSET, ClassSet, above
from scrapbag.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LINKS = ("softmax", "sigmoid")
# Recipes whose loss was binary cross-entropy (Wightman et al., ResNet strikes back, 2021; pytorch/vision#7570): each
# output is a yes or no of its own, and a softmax over them gives no class a high probability.
_SIGMOID_TAGS = re.compile(r"(a1|a1h|a2|a3)_")
_TAG_SET = re.compile(r"in(1k|12k|21k|22k)")  # the last one is what the classifier was trained on at the end


def class_set(config: Mapping[str, Any], count: int) -> ClassSet:
    """The classes of a model of `count` outputs: those that its config names; else those of its tag; else unknown.

    `config` is timm's pretrained_cfg. Raises UsageError where it names more or fewer than there are.
    """
    if not count:
        return ClassSet("none", ())
    if names := _names(config.get("label_names"), count):
        described = config.get("label_descriptions") or {}
        words = {name: described[name] for name in names if name in described}
        if all(SYNSET.fullmatch(name) for name in names):
            words = _words(names) | words
        return ClassSet("model", names, words)
    if tagged := _of_tag(config, count):
        synsets = _synsets(tagged)
        return ClassSet(tagged, synsets, _words(synsets))
    return ClassSet("unknown", tuple(map(str, range(count))))


def activation(config: Mapping[str, Any], own: Mapping[str, Any], classes: ClassSet) -> str:
    """Softmax or sigmoid, '' for a model without outputs.

    `link` in the model's own config.json wins. A single output is a yes or no: its softmax would always be 1. Only the
    classifier that the tag tells of was trained as the tag says: one that was put in its place and trained anew, by
    cross entropy as everybody does, keeps the tag of the body in its config.
    """
    if not classes.classes:
        return ""
    if link := own.get("link"):
        if link not in LINKS:
            raise UsageError(f"link in the model's config.json is {link!r}; write softmax or sigmoid")
        return str(link)
    if len(classes.classes) == 1:
        return "sigmoid"
    tagged = _of_tag(config, len(classes.classes))
    own_head = bool(tagged) and set(classes.classes) == set(_synsets(tagged))
    return "sigmoid" if own_head and _SIGMOID_TAGS.match(str(config.get("tag"))) else "softmax"


def _names(said: Any, count: int) -> tuple[str, ...]:
    """label_names as a tuple; () where there are none. timm also writes them as a table by number, with gaps."""
    if isinstance(said, dict):
        table = {int(number): str(name) for number, name in said.items()}
        if table and max(table) >= count:
            raise UsageError(
                f"the model's config names class {max(table)}, but it has {count} outputs; mend label_names"
            )
        return tuple(table.get(number, str(number)) for number in range(count)) if table else ()
    names = tuple(map(str, said or ()))
    if names and len(names) != count:
        raise UsageError(f"the model's config names {len(names)} classes, but it has {count} outputs; mend label_names")
    return names


def _of_tag(config: Mapping[str, Any], count: int) -> str:
    """The ImageNet subset of `count` classes that the weights' tag ends with; '' where they do not fit."""
    tagged, guess = _TAG_SET.findall(str(config.get("tag") or "")), infer_imagenet_subset({"num_classes": count})
    return str(guess) if tagged and guess and tagged[-1] == guess.split("-")[1] else ""


def _words(synsets: Iterable[str]) -> dict[str, str]:
    known: Any = ImageNetInfo("imagenet-22k")
    every = set(synsets) | above(synsets)
    return {s: known.label_name_to_description(s) for s in sorted(every & {*_synsets("imagenet-22k"), *synsets})}


def _synsets(subset: str) -> tuple[str, ...]:
    info: Any = ImageNetInfo(subset)
    return tuple(info.label_names())
