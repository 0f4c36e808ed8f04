"""Every preset as a row of values, and the one place that resolves what a run uses."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from scrapbag.check import Between, build
from scrapbag.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Iterable

Share = Annotated[float, Between(0, 1)]
Positive = Annotated[float, Between(0)]
Beta = Annotated[float, Between(0, 0.9999)]  # of Adam
LARGE = 64  # pixels


@dataclass(frozen=True)
class Values:
    """What a network is made of and how it learns. The defaults are a plain DCGAN; a preset says what differs."""

    # the networks
    head: Literal["vector", "canvas", "patch"] = (
        "vector"  # G starts from a grid or a canvas; D ends in one score or many
    )
    block: Literal["plain", "residual", "glu"] = "plain"  # glu: of G alone, see gan/nets/pyramid.py
    excite: bool = False  # glu: small maps weigh the channels of those sixteen times as large
    latent: Literal["vector", "field"] = "vector"
    law: Literal["normal", "uniform"] = "normal"  # of the latents
    z: Annotated[int, Between(1, 8192)] = 128  # channels of the (local) latents
    types: Annotated[int, Between(0, 512)] = 0  # channels that are one for the whole field: the texture's type
    waves: Annotated[int, Between(0, 64)] = 0  # periodic channels
    width: Annotated[int, Between(4, 256)] = 32  # channels of the layer at full size; at most 8 times that inside
    # D looks through a frozen network: lite0, a name of timm's, or curation, which is what chose the pictures
    teacher: str = "none"
    teacher_side: Annotated[int, Between(0, 1024)] = 0  # pixels it sees; 0: 224, or the picture's own where it has more
    heads: Annotated[int, Between(1, 4)] = 4  # discriminators, on so many of its maps, coarsest first
    mix: Annotated[int, Between(4, 256)] = (
        64  # channels of its finest map when mixed; 8 times that at the end of a head
    )
    ghost: Annotated[int, Between(1, 4096)] = 16  # pictures, at most, that a batch norm of a head sees at a time
    up: Literal["nearest", "transposed"] = "transposed"
    kernel: tuple[Annotated[int, Between(1, 9)], ...] = (4,)  # of G, layer by layer; the last one goes on
    tint: bool = False  # the latents add a colour of their own to the whole picture, which batch norm cannot even out
    norm_g: Literal["batch", "none"] = "batch"
    norm_d: Literal["batch", "group", "spectral", "none"] = "batch"
    norm_from: Annotated[int, Between(1, 8)] = 1  # D's layers before this one have no norm
    pad: Literal["zeros", "circular"] = "zeros"
    tail: bool = False  # one more convolution in D before its score
    minibatch_std: bool = False  # D sees how much a batch varies
    moments: bool = False  # the end of D sees the colours of the picture itself, which batch norm hides
    dropout: Share = 0.0  # in D
    noise: Positive = 0.0  # deviation of the noise on what D sees ...
    noise_kimg: Positive = 100.0  # ... which fades to nothing by then
    # the game
    loss: Literal["nonsaturating", "hinge", "least_squares", "relativistic"] = "nonsaturating"
    real: tuple[float, ...] = (1.0, 1.0)  # the range that labels of reals are drawn from
    fake: tuple[float, ...] = (0.0, 0.0)
    flip_labels: Share = 0.0
    joint: bool = False  # D sees reals and fakes as one batch: batch norm cannot hide a cast that all fakes share
    penalty: Literal["none", "r1", "r1r2"] = "none"
    gamma: Positive = 0.2  # the penalty's weight ...
    gamma_start: Annotated[float, Between(0.001, 1)] = 1.0  # ... of which this share holds for the first picture ...
    gamma_kimg: Positive = 100.0  # ... and which has grown to all of it by then
    lazy: Annotated[int, Between(1, 64)] = 8  # the penalty is due every so many steps
    balance: Literal["none", "alternate", "gate", "ada", "servo"] = "none"
    target: float = 0.6  # e of alternate; D's accuracy of gate; mean sign of D on reals of ada and servo
    # the optimisers
    lr_g: Annotated[float, Between(0, 1)] = 2e-4
    lr_d: Annotated[float, Between(0, 1)] = 2e-4
    beta1: Beta = 0.5
    beta2: Beta = 0.999
    decay: Annotated[float, Between(0.01, 1)] = 1.0  # of the rates, every `decay_kimg`
    decay_kimg: Annotated[float, Between(0.001)] = 100.0
    ema_kimg: Positive = 20.0  # half-life of the averaged G
    settle: bool = False  # measure the batch norms of the averaged G anew: the ones of G itself do not fit its weights
    batch: Annotated[int, Between(2, 4096)] = 64
    # the pictures
    crop: Annotated[int, Between(0, 256)] = 0  # side of random crops; 0 takes the squares as they are
    mirror: bool = True
    tumble: bool = False  # upside down and quarter turns too
    colour: Positive = 0.0
    shift: Share = 0.0  # of the side
    turn: Annotated[float, Between(0, 180)] = 0.0  # degrees either way
    zoom: Share = 0.0
    blur: Positive = 0.0  # deviation, in pixels, of the blur on what D sees ...
    blur_kimg: Positive = 100.0  # ... which fades to nothing by then
    widen_kimg: Positive = 0.0  # start with level 0 and take in one level more every so many thousand images


_CPU: dict[str, Any] = {
    "lr_g": 4e-4, "lr_d": 4e-4, "beta2": 0.99, "tail": True, "moments": True, "norm_from": 2,
    "penalty": "r1", "gamma": 10.0, "gamma_start": 0.1, "gamma_kimg": 150.0, "lazy": 8, "ema_kimg": 10.0,
    "settle": True,
}  # fmt: skip

PRESETS: dict[str, dict[str, Any]] = {
    # DCGAN with batch norm in both, lazy R1: on a CPU images per second come first, and steps before images
    "auto-cpu": {**_CPU, "batch": 32},
    # from 64 pixels on transposed convolutions weave a grain into photographs that no minutes take out again, and what
    # grows by copies loses the hues
    "auto-cpu-64": {**_CPU, "up": "nearest", "kernel": (3,), "tint": True},
    # a residual pair without norm, relativistic, kept in bounds by R1 + R2 (R3GAN, arXiv 2501.05441)
    "auto-cuda": {
        "block": "residual", "up": "nearest", "kernel": (3,), "norm_g": "none", "norm_d": "none", "batch": 32,
        "loss": "relativistic", "penalty": "r1r2", "gamma": 10.0, "lazy": 4, "lr_g": 2e-4, "lr_d": 2e-4,
        "beta1": 0.0, "beta2": 0.99, "balance": "ada", "colour": 1.0, "shift": 0.125,
    },
    # D looks through a pretrained network (Projected GANs, arXiv 2111.01007), G is FastGAN's; a CPU runs it slowly
    "projected": {
        "block": "glu", "z": 256, "width": 64, "up": "nearest", "kernel": (3,), "teacher": "lite0", "loss": "hinge",
        "beta1": 0.0, "beta2": 0.99, "settle": True, "colour": 1.0, "shift": 0.125, "blur": 2.0, "blur_kimg": 50.0,
    },
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
    # Image Dataset Generation: 400 pictures, one CPU; the loser of the two losses trains until the gap is under e
    "balanced-cpu": {
        "z": 100, "norm_d": "none", "batch": 32, "balance": "alternate", "target": 0.5, "beta2": 0.99,
        "lr_g": 4e-4, "lr_d": 4e-4, "colour": 0.4, "shift": 0.1, "ema_kimg": 4.0,
    },
    # penetrails: a canvas that is painted over, strong augmentation, the surest quilts first
    "quilt": {
        "head": "canvas", "batch": 16, "tumble": True, "turn": 10.0, "zoom": 0.1, "colour": 0.4, "shift": 0.05,
        "widen_kimg": 50.0, "ema_kimg": 10.0, "real": (0.9, 1.0), "up": "nearest", "kernel": (3,),
    },
}  # fmt: skip


def row(preset: str, device: str, side: int) -> str:
    """The name of the table's row that a preset is on this kind of device, for pictures of so many pixels."""
    if preset != "auto":
        return preset
    if device.startswith("cuda"):
        return "auto-cuda"
    return "auto-cpu-64" if side >= LARGE else "auto-cpu"


def resolve(name: str, overrides: Iterable[str] = (), learnt: dict[str, Any] | None = None) -> Values:
    """The values of a row, over them what the preflight `learnt`, over them the user's `key=value`.

    Raises RecipeError with one sentence for a value that cannot be used.
    """
    values = _build({**PRESETS[name], **(learnt or {})}, overrides)
    _agree(values)
    return values


def crop(name: str, overrides: Iterable[str] = ()) -> int:
    """The side of the crops that a row learns from, 0 where it takes the squares as they are."""
    return _build(PRESETS[name], overrides).crop


def plain(values: Values) -> dict[str, Any]:
    """The values as TOML and JSON have them; `build` reads them back."""
    return {key: list(one) if isinstance(one, tuple) else one for key, one in asdict(values).items()}


def restore(table: dict[str, Any], where: str) -> Values:
    """The inverse of `plain`; `where` names the table in messages. Raises RecipeError."""
    return build(Values, table, where)


def _build(table: dict[str, Any], overrides: Iterable[str]) -> Values:
    return build(Values, {**table, **dict(_parse(one) for one in overrides)}, "--set")


def _parse(override: str) -> tuple[str, Any]:
    key, found, text = override.partition("=")
    if not found:
        raise RecipeError(f"cannot use --set {override!r}; write key=value, such as lr_g=0.0004")
    try:
        value = tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        value = text
    return key.strip(), value


def _agree(values: Values) -> None:
    if not values.kernel:
        raise RecipeError("kernel is a list of sizes, layer by layer; write kernel=[3]")
    if values.up == "transposed" and values.pad == "circular":
        raise RecipeError("up = transposed cannot pad in circles (torch refuses); write up=nearest or pad=zeros")
    if values.up == "transposed" and any(k % 2 for k in values.kernel):
        raise RecipeError(
            f"up = transposed doubles the size with even kernels only, not {values.kernel}; write kernel=[4]"
        )
    if values.latent == "field" and (values.crop == 0 or values.head != "patch"):
        raise RecipeError("latent = field learns from crops with a patch head; write crop=128 and head=patch")
    if values.latent == "vector" and (values.types or values.waves):
        raise RecipeError("types and waves belong to a field of latents; write latent=field")
    if values.tint and (values.latent == "field" or values.head == "canvas"):
        raise RecipeError("tint is for pictures that grow from one vector of latents; write tint=false")
    if values.block == "residual" and values.up == "transposed":
        raise RecipeError("block = residual grows by nearest neighbours; write up=nearest and kernel=[3]")
    if values.block == "glu" and (values.latent == "field" or values.tint or values.up == "transposed"):
        raise RecipeError("block = glu grows one vector of latents by nearest neighbours; write up=nearest tint=false")
    if values.block == "glu" and values.teacher == "none":
        raise RecipeError("block = glu is a generator alone, and D needs a teacher beside it; write teacher=lite0")
    if values.teacher != "none" and (values.crop or values.teacher_side % 32):
        raise RecipeError("a teacher sees whole squares, at a side that 32 divides; write crop=0 and teacher_side=224")
    for name in ("real", "fake"):
        labels = getattr(values, name)
        if len(labels) != 2 or labels[0] > labels[1]:
            raise RecipeError(f"{name} is a range of two numbers, such as {name}=[0.9, 1.0]")
