"""Targets are synsets or names; what the model lacks is refused with the nearest that it has."""

import pytest
from timm.data.imagenet_info import ImageNetInfo

from curate.model import targets
from curate.model.classes import class_set
from curate.model.targets import ClassSet
from scrapbag.errors import RecipeError

QUILTS = ("n03898633", "n04033995", "n03128427", "n03266749", "n04034262")


def imagenet(tag, classes):
    return class_set({"tag": tag}, classes)


def test_in_imagenet_1k_only_one_of_the_five_quilt_synsets_is_a_class():
    class_set = imagenet("tv_in1k", 1000)
    assert class_set.name == "imagenet-1k"
    assert targets.indices(["n04033995"], class_set) == (750,)
    assert targets.indices(["quilt"], class_set) == (750,)


@pytest.mark.parametrize(
    ("tag", "classes", "name"),
    [("d_in12k", 11821, "imagenet-12k"), ("goog_in21k", 21843, "imagenet-21k-goog"), ("miil_in21k", 11221, None)],
)
def test_where_a_model_has_all_five_quilt_synsets_all_five_are_found(tag, classes, name):
    class_set = imagenet(tag, classes)
    names = ImageNetInfo(class_set.name).label_names()
    assert name in {class_set.name, None}
    assert {names[index] for index in targets.indices(QUILTS, class_set)} >= set(QUILTS)


def test_a_synset_brings_its_hyponyms_even_when_it_is_no_class_itself():
    class_set = imagenet("tv_in1k", 1000)
    dogs = targets.indices(["n02084071"], class_set)  # dog: a family of 118 classes, and none itself
    assert len(dogs) == 118
    assert {class_set.class_name(index) for index in dogs} >= {"Chihuahua", "Siberian husky"}


def test_an_absent_target_is_refused_with_the_nearest_names():
    with pytest.raises(RecipeError, match=r"no class 'quilts'.*quilt \(n04033995\)"):
        targets.indices(["quilts"], imagenet("tv_in1k", 1000))


def test_a_name_of_several_synsets_is_refused_with_their_numbers():
    with pytest.raises(RecipeError, match=r"several things.*n02012849.*n03126707"):
        targets.indices(["crane"], imagenet("tv_in1k", 1000))


def test_a_class_set_told_by_the_class_count_alone_is_refused():
    found = class_set({"tag": "mine"}, 1000)
    assert found.name == "unknown"
    with pytest.raises(RecipeError, match="does not say what its 1,000 classes are"):
        targets.indices(["quilt"], found)
    assert targets.indices([], found) == ()


def test_the_names_in_a_models_own_config_go_before_any_guess():
    found = class_set({"tag": "x_in1k", "label_names": ["bag", "quilt", "shoe"]}, 3)
    assert targets.indices(["Shoe", "bag"], found) == (0, 2)


def test_a_class_set_survives_its_file():
    class_set = ClassSet("model", ("n04033995", "n03126707"), {"n04033995": "quilt, comforter"})
    assert ClassSet.loads(class_set.dumps()) == class_set
