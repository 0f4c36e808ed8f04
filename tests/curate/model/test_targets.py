"""Targets are synsets or names; what the model lacks is refused with the nearest that it has."""

import pytest
from timm.data.imagenet_info import ImageNetInfo

from curate.model import targets
from curate.model.load import _label_set
from curate.model.targets import LabelSet
from scrapbag.errors import RecipeError

QUILTS = ("n03898633", "n04033995", "n03128427", "n03266749", "n04034262")


def imagenet(tag, classes):
    return _label_set({"tag": tag}, classes)


def test_in_imagenet_1k_only_one_of_the_five_quilt_synsets_is_a_class():
    label_set = imagenet("tv_in1k", 1000)
    assert label_set.name == "imagenet-1k"
    assert targets.indices(["n04033995"], label_set) == (750,)
    assert targets.indices(["quilt"], label_set) == (750,)


@pytest.mark.parametrize(
    ("tag", "classes", "name"),
    [("d_in12k", 11821, "imagenet-12k"), ("goog_in21k", 21843, "imagenet-21k-goog"), ("miil_in21k", 11221, None)],
)
def test_where_a_model_has_all_five_quilt_synsets_all_five_are_found(tag, classes, name):
    label_set = imagenet(tag, classes)
    names = ImageNetInfo(label_set.name).label_names()
    assert name in {label_set.name, None}
    assert {names[index] for index in targets.indices(QUILTS, label_set)} >= set(QUILTS)


def test_a_synset_brings_its_hyponyms_even_when_it_is_no_class_itself():
    label_set = imagenet("tv_in1k", 1000)
    dogs = targets.indices(["n02084071"], label_set)  # dog: a family of 118 classes, and none itself
    assert len(dogs) == 118
    assert {label_set.say(index) for index in dogs} >= {"Chihuahua", "Siberian husky"}


def test_an_absent_target_is_refused_with_the_nearest_names():
    with pytest.raises(RecipeError, match=r"no class 'quilts'.*quilt \(n04033995\)"):
        targets.indices(["quilts"], imagenet("tv_in1k", 1000))


def test_a_name_of_several_synsets_is_refused_with_their_numbers():
    with pytest.raises(RecipeError, match=r"several things.*n02012849.*n03126707"):
        targets.indices(["crane"], imagenet("tv_in1k", 1000))


def test_a_label_set_told_by_the_class_count_alone_is_refused():
    label_set = _label_set({"tag": "mine"}, 1000)
    assert label_set.name == "unknown"
    with pytest.raises(RecipeError, match="does not say what its 1,000 classes are"):
        targets.indices(["quilt"], label_set)
    assert targets.indices([], label_set) == ()


def test_the_names_in_a_models_own_config_go_before_any_guess():
    label_set = _label_set({"tag": "x_in1k", "label_names": ["bag", "quilt", "shoe"]}, 3)
    assert targets.indices(["Shoe", "bag"], label_set) == (0, 2)


def test_a_label_set_survives_its_file():
    label_set = LabelSet("model", ("n04033995", "n03126707"), {"n04033995": "quilt, comforter"})
    assert LabelSet.loads(label_set.dumps()) == label_set
