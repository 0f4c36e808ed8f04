"""What a kill, a full disk or a user's hand leaves in a run: the best is kept, and the rest is said in one sentence."""

from __future__ import annotations

import resource
import weakref
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from gan_data import TINY, squares
from PIL import Image
from safetensors.torch import save

from gan.__main__ import main
from gan.evaluate import report
from gan.evaluate.keep import Keeper, rows
from gan.nets import networks, presets
from gan.pictures import data, films, grids
from gan.sample import sample, textures
from gan.step import players
from gan.step.players import Machine
from gan.train import checkpoint, progress
from gan.train.job import Job
from scrapbag.desk import status
from scrapbag.errors import UsageError, exits
from scrapbag.layout import Run
from scrapbag.recipe import Train


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    root = tmp_path_factory.mktemp("damaged")
    made = squares(root / "data")
    pictures = data.load(made.curated, root / "packed")
    return Job(Run(root / "run"), pictures, presets.resolve("auto-cpu", TINY), 32, Train(), Machine())


def _net(job, seed):
    """An untrained one with lively weights."""
    net = players.make(job.values, job.size, 0, job.machine).ema
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        networks.initialise(net, normed=False)
    return net


def test_a_kill_and_looks_at_other_moments_leave_the_best_of_all_that_was_seen(job, monkeypatch):
    monkeypatch.setattr("gan.evaluate.keep.COUNT", 32)
    nets = {seed: _net(job, seed) for seed in range(4)}
    for seed, net in nets.items():
        Keeper(job, young=0)(net, seed)
    order = sorted(rows(job.run), key=lambda one: one.kid)
    first, second, third, fourth = (nets[one.images_seen] for one in order)
    assert sample.load(job.run.best).images_seen == order[0].images_seen

    for path in job.run.root.glob("*"):
        path.unlink()
    Keeper(job, young=0)(second, 200)
    kept = job.run.best.read_bytes()
    resumed = Keeper(job, young=0)  # from 100
    state = torch.random.get_rng_state()
    resumed(fourth, 120)
    assert torch.equal(torch.random.get_rng_state(), state)
    resumed(third, 140)
    Keeper(job, young=0)(third, 130)
    assert job.run.best.read_bytes() == kept
    assert [one.images_seen for one in rows(job.run)] == [120, 130]
    Keeper(job, young=0)(first, 160)
    assert sample.load(job.run.best).images_seen == 160


@pytest.fixture
def run(tmp_path, job):
    """A small generator as a run leaves it."""
    made = Run(tmp_path / "run")
    checkpoint.write_generator(made.generator, _net(job, 0), job.values, job.size, 0)
    return made


def _said(command, run, *arguments):
    """What a command that ends in one sentence says, and its exit code."""
    result = CliRunner().invoke(main, [command, "--run", str(run.root), *map(str, arguments)])
    assert isinstance(result.exception, SystemExit), result.output
    assert result.output.startswith("error: ")
    assert result.output.count("\n") == 1
    return result.output, result.exit_code


def test_a_name_that_is_taken_or_too_long_is_said(tmp_path, run):
    taken = tmp_path / "file"
    taken.touch()
    away = "File exists; choose another name, or move away what stands there"
    assert _said("train", Run(taken), "--data", tmp_path) == (f"error: cannot read or write {taken}: {away}\n", 74)
    (run.root / "samples").touch()
    assert f"{run.root / 'samples'}: File exists" in _said("sample", run, "--n", 1)[0]
    (run.root / "samples").unlink()
    assert "File name too long" in _said("train", Run(tmp_path / ("x" * 300)), "--data", tmp_path)[0]
    assert "File name too long" in _said("sample", run, "--n", 1, "--seed", "9" * 300)[0]
    run.metrics.mkdir()
    with pytest.raises(SystemExit) as end, exits():
        progress.rewind(run, 0)
    assert end.value.code == 74


def test_a_film_that_the_disk_does_not_take_is_said_and_the_one_before_it_stays(run, capfd):
    free = "free some space and run it again"
    film = run.root / "samples" / "interpolate-seed0-4.mp4"
    film.parent.mkdir()
    film.write_bytes(b"older")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
    try:
        said, code = _said("interpolate", run, "--n", 4, "--seconds", 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (code, said) == (74, f"error: cannot write {film}: the film is not whole; {free}\n")
    assert [path.read_bytes() for path in film.parent.iterdir()] == [b"older"]
    assert not capfd.readouterr().err


def test_a_film_is_written_while_it_is_drawn(tmp_path):
    frames: list[weakref.ref[np.ndarray]] = []

    def drawn():
        for _ in range(48):
            frame = np.zeros((64, 64, 3), np.uint8)
            frames.append(weakref.ref(frame))
            assert sum(one() is not None for one in frames) < 4
            yield frame

    assert films.mp4(tmp_path / "film.mp4", drawn(), 24)


def test_seconds_that_are_not_a_number_are_said(run):
    assert _said("interpolate", run, "--seconds", "nan") == ("error: --seconds is nan; write a number, such as 12\n", 2)


@pytest.fixture(scope="module")
def transposed(tmp_path_factory):
    """A texture's generator that cannot wrap round."""
    made = Run(tmp_path_factory.mktemp("transposed") / "run")
    values = presets.resolve("texture", ["width=4", "z=8", "crop=32", "up=transposed", "pad=zeros", "kernel=[4]"])
    checkpoint.write_generator(made.generator, players.make(values, 32, 0, Machine()).ema, values, 32, 0)
    return made


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--pixels", "00x64"), "PIXELS is '00x64'; write width x height, such as 2048x512"),
        (("--std", "nan"), "STD is nan; write a number, such as 1.4"),
        (("--pixels", "64x64", "--seamless"), "SEAMLESS needs one that was trained with up=nearest"),
    ],
    ids=["size", "std", "seamless"],
)
def test_a_texture_that_cannot_be_is_said(transposed, arguments, says):
    said, code = _said("sample", transposed, *arguments)
    assert says in said
    assert code == 2
    assert not (transposed.root / "samples").exists()


def test_the_margins_of_a_texture_count(transposed):
    generator = replace(sample.load(transposed.generator), grows=32)
    with pytest.raises(UsageError, match="999999x1 is over 40 megapixels with its margins"):
        textures.tile(generator, (1, 999999), 1.0, (), seamless=False, seed=0)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("generator.safetensors", lambda old: old[:3000]),
        ("generator.safetensors", lambda _: b""),
        ("generator.safetensors", lambda _: save({"x": torch.zeros(1)})),
        ("generator.json", lambda old: old[:300]),
        ("generator.json", lambda _: b"{}"),
        ("generator.json", lambda _: b"[]"),
        ("generator.json", lambda _: b"\xff"),
        ("generator.json", lambda old: old.replace(b'"Tanh"', b'"Tan"')),
        ("generator.json", lambda old: old.replace(b'"tint"', b'"hint"')),
    ],
    ids=["cut", "empty", "another", "cut json", "no key", "a list", "not UTF-8", "no such layer", "no such value"],
)
def test_a_damaged_generator_is_said_by_its_file(run, name, damage):
    path = run.root / name
    path.write_bytes(damage(path.read_bytes()))
    said, code = _said("sample", run, "--n", 1)
    assert said.startswith(f"error: {path} ")
    assert code == 2


HEADER = ",".join(field.name for field in fields(progress.MetricsRow)) + "\n"
WHOLE = "64,1,64,1.4,0.7,0.5,0,0,0,0.2,0.0004,900,0.1\n"


@pytest.mark.parametrize(
    "line",
    [b"garbage\n", WHOLE.replace("64", "x", 1).encode(), WHOLE.replace("1.4", "x").encode(), b"\xff\n"],
    ids=["no line", "no count", "no loss", "not UTF-8"],
)
def test_damaged_metrics_are_said_by_their_file(run, line):
    run.metrics.write_bytes((HEADER + WHOLE).encode() + line + WHOLE.encode())
    run.fakes(1).touch()
    for act in (lambda: progress.rewind(run, 64), lambda: report.write(run)):
        with pytest.raises(UsageError, match=f"^{run.metrics} is damaged"):
            act()
    assert run.fakes(1).exists()


def test_a_line_that_a_kill_cut_off_is_forgotten(run):
    for cut in (WHOLE[:20], WHOLE[:-4] + "9e-", "\0" * 9):
        run.metrics.write_text(HEADER + WHOLE + cut)
        assert "64 images seen" in report.write(run).read_text()
        assert status.learnt(run) == ["trained  64 images seen, not finished (make train)"]
        progress.rewind(run, 64)
        assert run.metrics.read_text() == HEADER + WHOLE


@pytest.mark.parametrize(
    "content", [b"images_seen,kid\n1,2\n", HEADER.encode() + b"x\n", b"\xff\n"], ids=["no key", "no line", "not UTF-8"]
)
def test_damaged_quality_is_said_by_its_file_before_training(job, run, content):
    path = run.quality
    path.write_bytes(content)
    with pytest.raises(UsageError, match=f"^{path} is damaged"):
        Keeper(replace(job, run=run))


def test_the_page_leaves_out_what_cannot_be_read_or_is_no_grid(run):
    for kimg in (2, 3):
        grids.save(run.fakes(kimg), np.zeros((4, 32, 32, 3), np.uint8))
    whole = run.fakes(2).read_bytes()
    for content in (whole[:60], b"", b"x" * 99):
        for path in (run.fakes(1), run.reals, run.neighbours):
            path.write_bytes(content)
        (run.root / "fakes-best.png").write_bytes(whole)
        for text in (b"{", b"[]", b"\xff"):
            run.evaluation.write_bytes(text)
            page = report.write(run).read_text()
            assert page.count("data:image/webp") == 3  # now, and two over time
            assert "make evaluate" in page


def test_a_film_goes_without_a_grid_that_cannot_be_read(run, caplog):
    for kimg in range(3):
        grids.save(run.fakes(kimg), np.full((4, 32, 32, 3), 100 * kimg, np.uint8))
    run.fakes(1).write_bytes(run.fakes(1).read_bytes()[:60])
    with Image.open(films.write(run)) as film:
        assert getattr(film, "n_frames", 1) == 2
    assert str(run.fakes(1)) in caplog.text


def test_a_picture_of_the_users_own_is_no_grid(run):
    grids.save(run.fakes(1), np.zeros((4, 32, 32, 3), np.uint8))
    own = run.root / "fakes-best.png"
    own.write_bytes(b"mine")
    progress.rewind(run, 0)
    assert not run.fakes(1).exists()
    films.write(run)
    assert own.read_bytes() == b"mine"
