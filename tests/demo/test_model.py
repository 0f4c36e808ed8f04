"""The small ResNet in demo/model: loadable by timm, sure of drawn quilts, and honest about what it learnt."""

import re
from collections import Counter
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from timm.data import create_transform, resolve_data_config

from demo.drawing.develop import draw
from demo.drawing.palettes import PALETTES
from demo.drawing.stock import FORMS, DrawnPicture, stock
from demo.lessons import CLASSES, EXAM_BLOCKS, EXAM_FORMS, EXAM_PALETTES, lesson
from demo.train_model import ARCHITECTURE, COPY, MODEL, THRESHOLD, Marks, examine, save, train


@pytest.fixture(scope="module")
def model() -> Any:
    return timm.create_model(f"local-dir:{MODEL}", pretrained=True).eval()


@pytest.fixture(scope="module")
def shown(model: Any) -> tuple[np.ndarray, np.ndarray, list[DrawnPicture]]:
    """Probabilities and features of a sample of the shop, seen as timm says that the net wants to see them."""
    pictures = [picture for picture in stock() if not picture.flaw][::12]
    transform = create_transform(**resolve_data_config({}, model=model))
    with torch.inference_mode():
        maps = model.forward_features(torch.stack([transform(draw(picture)) for picture in pictures]))
        features = model.forward_head(maps, pre_logits=True)
        return model.forward_head(maps).softmax(1).numpy(), features.numpy(), pictures


def test_it_is_small_enough_for_git_and_names_its_classes(model: Any) -> None:
    assert (MODEL / "model.safetensors").stat().st_size <= 6_000_000
    assert model.pretrained_cfg["input_size"] == (3, 96, 96)
    assert tuple(model.pretrained_cfg["label_names"]) == CLASSES
    assert set(CLASSES) == {"quilt", *FORMS}


def test_it_is_sure_of_nearly_all_quilts_of_the_shop_and_of_little_else(
    shown: tuple[np.ndarray, np.ndarray, list[DrawnPicture]],
) -> None:
    probabilities, _, pictures = shown
    quilts = np.array([picture.group == "quilt" for picture in pictures])
    kept = probabilities[:, CLASSES.index("quilt")] >= THRESHOLD
    assert kept[quilts].mean() >= 0.95
    assert quilts[kept].mean() >= 0.97
    named = np.array([CLASSES.index(picture.group) for picture in pictures])
    assert (probabilities.argmax(1) == named).mean() >= 0.95


def test_it_tells_one_quilt_from_another(shown: tuple[np.ndarray, np.ndarray, list[DrawnPicture]]) -> None:
    _, features, pictures = shown
    quilts = features[[picture.group == "quilt" for picture in pictures]]
    unit = quilts / np.linalg.norm(quilts, axis=1, keepdims=True)
    likeness = unit @ unit.T - 2 * np.eye(len(unit))
    assert (likeness.max(1) >= COPY).mean() <= 0.1


def test_the_card_says_how_it_was_made_and_what_it_is_worth() -> None:
    card = (MODEL / "README.md").read_text()
    assert re.search(r"python -m demo.train_model --pictures \d+ --epochs \d+ --seed \d+", card)
    assert ARCHITECTURE in card
    for name in (*EXAM_BLOCKS, *EXAM_PALETTES, *EXAM_FORMS):
        assert name.replace("_", " ") in card
    row = next(line for line in card.splitlines() if line.startswith("| kinds it never saw"))
    precision, recall = (float(cell) for cell in row.split("|")[4:6])
    assert precision >= 0.95
    assert recall >= 0.95


def test_a_lesson_is_the_same_from_the_same_number_and_of_every_class() -> None:
    one, again, other = (lesson(number, 3, exam=False, quilts=0.5) for number in (5, 5, 6))
    assert (one.pixels == again.pixels).all()
    assert not (one.pixels == other.pixels).all()
    labels = Counter(lesson(number, 3, exam=True, quilts=0.2).label for number in range(90))
    assert set(labels) == set(range(len(CLASSES)))


def test_the_exam_has_something_of_every_class_that_no_lesson_shows() -> None:
    for forms in FORMS.values():
        assert set(forms) & set(EXAM_FORMS)
        assert set(forms) - set(EXAM_FORMS)
    assert set(EXAM_PALETTES) < set(PALETTES)


def test_marks_count_what_was_kept() -> None:
    marks = Marks(quilts=50, others=50, kept=48, kept_others=8, accuracy=0.9, alike=0.0, by_class={})
    assert marks.precision == pytest.approx(40 / 48)
    assert marks.recall == pytest.approx(40 / 50)


def test_training_learns_and_what_it_saves_is_what_it_learnt(tmp_path) -> None:
    pictures = [lesson(number, 4, exam=False, quilts=0.5) for number in range(16)]
    net = train(pictures, epochs=1, seed=0, batch=8)
    again = train(pictures, epochs=1, seed=0, batch=8)
    assert all((a == b).all() for a, b in zip(net.state_dict().values(), again.state_dict().values(), strict=True))
    save(net, tmp_path)
    loaded = timm.create_model(f"local-dir:{tmp_path}", pretrained=True).eval()
    assert examine(loaded, pictures) == examine(net, pictures)
    assert Image.fromarray(pictures[0].pixels).size == (128, 128)
