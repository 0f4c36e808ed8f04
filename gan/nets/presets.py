"""Every preset as a row of values, and the one place that resolves what a run uses."""

from __future__ import annotations

import tomllib
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gan.nets.values import Values, check
from scrapbag.check import build
from scrapbag.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Iterable

LARGE = 64  # pixels, from which `auto` on a CPU takes another row
WIDE = 128  # pixels, from which `auto` on CUDA looks through a pretrained network

_CPU: dict[str, Any] = {
    "lr_g": 4e-4, "lr_d": 4e-4, "beta2": 0.99, "tail": True, "moments": True, "norm_from": 2,
    "penalty": "r1", "gamma": 10.0, "gamma_start": 0.1, "gamma_kimg": 150.0, "ema_kimg": 10.0,
    "settle": True,
}  # fmt: skip

_CPU_64: dict[str, Any] = {**_CPU, "up": "nearest", "kernel": (3,), "tint": True}
_BESIDE: dict[str, Any] = {"teacher": "lite0", "teacher_side": 64, "mix": 16, "beside": 32}

PRESETS: dict[str, dict[str, Any]] = {
    # DCGAN with batch norm in both, lazy R1: on a CPU images per second come first, and steps before images
    "auto-cpu": {**_CPU, "batch": 32},
    # from 64 pixels on transposed convolutions leave a checkerboard grain in photographs that longer training does not
    # remove; nearest-neighbour upsampling does not, but loses hues, which the tint brings back
    "auto-cpu-64": _CPU_64,
    # residual networks without norm, relativistic loss, R1 and R2 penalties (R3GAN, arXiv 2501.05441)
    "auto-cuda": {
        "block": "residual", "up": "nearest", "kernel": (3,), "norm_g": "none", "norm_d": "none", "batch": 32,
        "loss": "relativistic", "penalty": "r1r2", "gamma": 10.0, "lazy": 4, "lr_g": 2e-4, "lr_d": 2e-4,
        "beta1": 0.0, "beta2": 0.99, "balance": "ada", "colour": 1.0, "shift": 0.125,
    },
    # D looks through a pretrained network (Projected GANs, arXiv 2111.01007), G is FastGAN's; a CPU runs it slowly
    "projected": {
        "block": "glu", "z": 256, "width": 64, "up": "nearest", "kernel": (3,), "teacher": "lite0", "loss": "hinge",
        "beta1": 0.0, "beta2": 0.99, "settle": True, "tint": True, "colour": 0.25, "shift": 0.125,
        "blur": 2.0, "blur_kimg": 50.0,
    },
    # auto-cpu-64, but half of D's scores come from small heads on a teacher's maps, which see what convolutions of a
    # few hundred pictures do not: whether there is a thing in it. For runs that begin from another one (ONWARD)
    "projected-cpu": {**_CPU_64, **_BESIDE, "gamma": 1.0},
    # arXiv 1511.06434 as Bag Dreams ran it
    "dcgan64": {"z": 128, "width": 64, "mirror": False, "ema_kimg": 0.0},
    # DCGAN256: heels and handbags
    "dcgan256": {
        "z": 4096, "law": "uniform", "width": 16, "up": "nearest", "kernel": (3, 4, 4, 3), "batch": 16,
        "real": (0.8, 1.0), "fake": (0.0, 0.2), "flip_labels": 0.05, "noise": 0.1, "noise_kimg": 200.0,
        "dropout": 0.25, "decay": 0.85, "decay_kimg": 160.0, "mirror": False,
    },
    # spatial GAN (arXiv 1611.08207): a field of latents, one texture, any size
    "texture": {
        "head": "patch", "latent": "field", "z": 32, "up": "nearest", "kernel": (3,), "pad": "circular", "crop": 128,
        "batch": 16, "penalty": "r1", "gamma": 0.1, "lazy": 8, "lr_g": 4e-4, "lr_d": 4e-4, "beta2": 0.99,
        "mirror": False, "ema_kimg": 4.0, "tail": True,
    },
    # periodic spatial GAN (arXiv 1705.06566): many textures in one net, with a type and waves
    "psgan": {
        "head": "patch", "latent": "field", "z": 16, "types": 16, "waves": 4, "up": "nearest", "kernel": (3,),
        "pad": "circular", "crop": 128, "batch": 16, "penalty": "r1", "gamma": 0.1, "lazy": 8, "lr_g": 4e-4,
        "lr_d": 4e-4, "beta2": 0.99, "mirror": False, "ema_kimg": 4.0, "tail": True,
    },
    # Image Dataset Generation: 400 pictures, one CPU; the net with the larger loss trains alone until the gap is small
    "balanced-cpu": {
        "z": 100, "norm_d": "none", "batch": 32, "balance": "alternate", "target": 0.5, "beta2": 0.99,
        "lr_g": 4e-4, "lr_d": 4e-4, "colour": 0.4, "shift": 0.1, "ema_kimg": 4.0,
    },
    # penetrails: a full-size picture that is repainted, strong augmentation, level 0 (the surest pictures) first
    "quilt": {
        "head": "canvas", "batch": 16, "tumble": True, "turn": 10.0, "zoom": 0.1, "colour": 0.4, "shift": 0.05,
        "widen_kimg": 50.0, "ema_kimg": 10.0, "real": (0.9, 1.0), "up": "nearest", "kernel": (3,),
    },
}  # fmt: skip


# what INIT changes in any row: slow enough not to forget the start, and whatever that one rehearsed itself is over. Its
# pictures stay where it names a share of a batch for them (gan/train/subject.py)
TRANSFER: dict[str, Any] = {"rate": 0.25, "ema_share": 0.25, "rehearse": 0.0, "rehearse_kimg": 100.0}
# with preset `auto`, the row that a run of one of these goes on with, at half the rates (a quarter takes twice as long)
# and through the teacher in every second step, for a third more images (docs/gan-transfer.md)
ONWARD = {"auto-cpu-64": "projected-cpu", "projected-cpu": "projected-cpu"}
_ONWARD: dict[str, Any] = {"rate": 0.5, "batch": 64, "every": 2}
_LIGHTER = 0.1  # of gamma beside a teacher: the whole of it presses the pictures into relief (docs/gan-transfer.md)
# the row in the place of one whose teacher is not on this computer
UNTAUGHT = {"projected": "auto-cuda", "projected-cpu": "auto-cpu-64"}


def onward(values: dict[str, Any]) -> dict[str, Any]:
    """What ONWARD changes in a start's own `values`; a D without heads gets them, and is the one beside them."""
    if values.get("teacher", "none") != "none":
        return _ONWARD
    beside = values.get("beside") or values["width"]
    return _ONWARD | _BESIDE | {"beside": beside, "gamma": _LIGHTER * values.get("gamma", 10.0)}


def _untaught(learnt: dict[str, Any]) -> dict[str, Any]:
    """`learnt` for a run that has no teacher after all: the penalty is whole where it was to be of a D beside one."""
    beside = learnt.get("teacher", "none") != "none" and learnt.get("beside")
    return learnt | {"gamma": learnt["gamma"] / _LIGHTER} if beside and "gamma" in learnt else learnt


def row(preset: str, device: str, side: int) -> str:
    """The name of the row of PRESETS that `preset` stands for, on "cpu" or "cuda", for pictures of `side` pixels."""
    if preset != "auto":
        return preset
    if device.startswith("cuda"):
        return "projected" if side >= WIDE else "auto-cuda"
    return "auto-cpu-64" if side >= LARGE else "auto-cpu"


def resolve(name: str, overrides: Iterable[str] = (), learnt: dict[str, Any] | None = None) -> Values:
    """The values of a row, overridden by what the preflight `learnt`, and those by the user's `key=value`.

    Raises RecipeError, in one sentence, for a value that cannot be used.
    """
    values = _build({**PRESETS[name], **(learnt or {})}, overrides)
    if learnt and values.teacher == "none":
        values = _build({**PRESETS[name], **_untaught(learnt)}, overrides)
    check(values)
    return values


def crop(name: str, overrides: Iterable[str] = (), learnt: dict[str, Any] | None = None) -> int:
    """The side of the crops that a row learns from, 0 where it takes the squares as they are; see `resolve`."""
    return _build({**PRESETS[name], **(learnt or {})}, overrides).crop


def plain(values: Values) -> dict[str, Any]:
    """The values as TOML and JSON have them; `restore` reads them back."""
    return {key: list(one) if isinstance(one, tuple) else one for key, one in asdict(values).items()}


def restore(table: dict[str, Any], where: str) -> Values:
    """The inverse of `plain`; `where` names the table in messages. Raises RecipeError."""
    return build(Values, table, where)


def _build(table: dict[str, Any], overrides: Iterable[str]) -> Values:
    return build(Values, {**table, **dict(_parse(one) for one in overrides)}, "SET")


def _parse(override: str) -> tuple[str, Any]:
    key, found, text = override.partition("=")
    if not found:
        raise RecipeError(f"cannot use SET={override!r}; write key=value, such as SET=lr_g=0.0004")
    try:
        value = tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        value = text
    return key.strip(), value
