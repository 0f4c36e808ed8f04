"""What a stage runs with after several calls: what was named, what was not, and whose folder it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scrapbag.disk import lock
from scrapbag.errors import LockedError, RecipeError, UsageError
from scrapbag.layout import Data, Run
from scrapbag.recipe import load
from scrapbag.settings import kept, settle

RECIPE = """
name = "tiny"
[[source]]
kind = "folder"
path = "pictures"
[curate]
threshold = 0.6
[train]
preset = "dcgan64"
images = 256
values = ["batch=16"]
"""
REMOTE = 'name = "far"\n[[source]]\nkind = "met"\nquery = "quilt"\n'


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Settle as `make STAGE KEY=VALUE …` does; returns what the stage runs with then."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.toml").write_text(RECIPE, encoding="utf-8")

    def settled(stage, *overrides, data="data/tiny", run="runs/tiny", recipe="tiny.toml"):
        given = tuple(name for name, root in (("DATA", data), ("RUN", run)) if "tiny" not in root)
        settle(Path(recipe), Data(Path(data)), Run(Path(run)), (stage,), overrides, given)
        file = Run(Path(run)).asked if stage == "train" else Data(Path(data)).settings_of(stage)
        return getattr(load(file), stage)

    return settled


def test_minutes_keep_the_preset_that_was_named_before_and_the_preset_the_minutes(call):
    call("train", "train.preset=dcgan256", "train.minutes=10", "train.images=0")
    now = call("train", "train.minutes=60", "train.images=0")
    assert (now.preset, now.minutes, now.images) == ("dcgan256", 60, 0)
    now = call("train", "train.preset=auto")
    assert (now.preset, now.minutes, now.images) == ("auto", 60, 0)
    assert call("train") == now, "with nothing named nothing changes"


def test_a_stage_at_work_keeps_its_settings_and_takes_an_edited_recipe_later(call):
    call("curate", "curate.threshold=0.8")
    with lock(Path("data/tiny"), "curate"):
        with pytest.raises(LockedError, match="curate is at work with other settings"):
            call("curate", "curate.threshold=0.7")
        assert call("curate", "curate.threshold=0.8").threshold == 0.8, "nothing new is asked"
        Path("tiny.toml").write_text(RECIPE.replace("threshold = 0.6", "threshold = 0.5"), encoding="utf-8")
        assert call("score") is not None, "another stage is not held up"
        assert load(Data(Path("data/tiny")).settings_of("curate")).curate.threshold == 0.8
    assert call("curate").threshold == 0.5


def test_a_size_keeps_the_threshold_that_was_named_before_and_back(call):
    call("curate", "curate.threshold=0.8")
    now = call("curate", "curate.size=48")
    assert (now.threshold, now.size) == (0.8, 48)
    now = call("curate", "curate.threshold=0.7")
    assert (now.threshold, now.size) == (0.7, 48)
    assert call("curate") == now


def test_a_model_keeps_the_backend_and_a_limit_the_sources(call):
    call("score", "score.model=demo", "score.dtype=fp32")
    now = call("score", "score.model=lite0")
    assert (now.model, now.dtype) == ("lite0", "fp32")
    assert call("scrape", "scrape.limit=5").limit == 5
    assert call("scrape").limit == 5
    assert len(load(Data(Path("data/tiny")).settings_of("scrape")).sources) == 1


def test_values_of_a_preset_stay_until_others_or_none_are_named(call):
    assert call("train", 'train.values=["lr=0.001"]').values == ("lr=0.001",)
    assert call("train", "train.seed=4").values == ("lr=0.001",)
    assert call("train", "train.values=[]").values == ()


def test_an_edited_section_wins_over_earlier_calls_and_leaves_the_other_stages_alone(call):
    call("curate", "curate.threshold=0.8")
    call("train", "train.minutes=60", "train.images=0")
    Path("tiny.toml").write_text(RECIPE.replace("0.6", "0.5"), encoding="utf-8")
    assert call("curate", "curate.size=48").threshold == 0.5
    assert call("train").minutes == 60


def test_another_folder_starts_from_the_recipe_and_keeps_what_is_its_own(call):
    call("curate", "curate.threshold=0.8")
    assert call("curate", data="other", run="away").threshold == 0.6
    call("train", "train.seed=7", run="away")
    assert call("curate", "curate.size=48").threshold == 0.8
    assert (call("train").seed, call("train", run="away").seed) == (0, 7)


def test_settings_that_no_longer_load_give_way_to_the_recipe(call):
    call("curate", "curate.threshold=0.8")
    Data(Path("data/tiny")).settings_of("curate").write_text('name = "tiny"\n[curate]\ngone = 1\n', encoding="utf-8")
    assert call("curate").threshold == 0.6


def test_what_was_kept_is_said_with_the_variables_that_change_it(call):
    call("train", "train.minutes=7.5", "train.images=0", 'train.values=["lr=1", "batch=8"]')
    call("curate", "curate.threshold=0.8", "curate.fit=white")
    data, run = Data(Path("data/tiny")), Run(Path("runs/tiny"))
    assert kept(data, run, "train") == {"MINUTES": ("7.5", "10"), "SET": ("lr=1 batch=8", "batch=16")}
    assert kept(data, run, "curate") == {"THRESH": ("0.8", "0.6"), "FIT": ("white", "auto")}
    assert kept(data, run, "score") == {}


def test_two_recipes_of_one_name_share_no_folder_unless_it_is_named(call):
    call("curate")
    Path("copy.toml").write_text(RECIPE, encoding="utf-8")
    with pytest.raises(
        RecipeError, match=re.escape("data/tiny belongs to tiny.toml, and copy.toml has the name 'tiny'")
    ):
        call("curate", recipe="copy.toml")
    settle(Path("copy.toml"), Data(Path("data/tiny")), Run(Path("runs/tiny")), ("curate",), (), ("DATA", "RUN"))


def test_a_recipe_that_was_moved_or_is_named_otherwise_is_the_same_one(call):
    call("curate", "curate.threshold=0.8")
    assert call("curate", recipe=str(Path("tiny.toml").absolute())).threshold == 0.8
    Path("mine").mkdir()
    Path("tiny.toml").rename("mine/tiny.toml")
    assert call("curate", recipe="mine/tiny.toml").threshold == 0.8


@pytest.mark.parametrize("stage", ["score", "curate", "report"])
@pytest.mark.parametrize("contact", ["", '[scrape]\ncontact = "me@example.org"\n'], ids=["nobody", "somebody"])
def test_an_empty_dataset_names_the_crawl_that_comes_first_and_asks_nobody(call, stage, contact):
    Path("far.toml").write_text(REMOTE + contact, encoding="utf-8")
    with pytest.raises(UsageError, match=r"^data/tiny is empty: nothing was scraped yet.* run make scrape") as error:
        call(stage, recipe="far.toml")
    assert ("write contact = " in str(error.value)) == (not contact)
    assert ("in far.toml" in str(error.value)) == (not contact)
    assert not Path("data/tiny").exists()


def test_pictures_of_this_computer_need_no_call_of_their_own(call):
    assert call("curate").threshold == 0.6
