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
LARGE = 64  # pixels, from which `auto` on a CPU takes another row
WIDE = 128  # pixels, from which `auto` on CUDA looks through a pretrained network


@dataclass(frozen=True)
class Values:
    """What G and D are made of and how they learn. The defaults are a plain DCGAN; a preset says what differs.

    The names stand in settings.toml and beside every generator: they stay, and a new one gets a default.
    """

    # the networks
    # vector: as in DCGAN; canvas: G makes a full-size picture at once and repaints it; patch: D ends in a map of logits
    head: Literal["vector", "canvas", "patch"] = "vector"
    block: Literal["plain", "residual", "glu"] = "plain"  # residual: beside a skip connection; glu: gan/nets/pyramid.py
    excite: bool = False  # glu: small maps weigh the channels of those sixteen times as large
    latent: Literal["vector", "field"] = "vector"  # field: (N, z, h, w) latents, for pictures of any size
    law: Literal["normal", "uniform"] = "normal"  # the prior of the latents: N(0, 1), or uniform in [-1, 1]
    z: Annotated[int, Between(1, 8192)] = 128  # channels of the latents (of a field, the local ones)
    types: Annotated[int, Between(0, 512)] = 0  # channels that are the same over the whole field: the texture's type
    waves: Annotated[int, Between(0, 64)] = 0  # channels that are sine waves over the field
    width: Annotated[int, Between(4, 256)] = 32  # channels at full size; twice as many at each halving, at most 8 times
    # D looks through a frozen network: lite0, a name of timm's, or curation, which is what chose the pictures
    teacher: str = "none"
    teacher_side: Annotated[int, Between(0, 1024)] = 0  # pixels it sees; 0: 128, or the picture's own where it has more
    heads: Annotated[int, Between(1, 4)] = 4  # discriminators, on so many of its maps, coarsest first
    mix: Annotated[int, Between(4, 256)] = (
        64  # channels of its finest map when mixed; at the end of a head 8 times that
    )
    ghost: Annotated[int, Between(1, 4096)] = 16  # pictures, at most, that a batch norm of a head sees at a time
    up: Literal["nearest", "transposed"] = "transposed"  # how G doubles the size; nearest: then a convolution
    kernel: tuple[Annotated[int, Between(1, 9)], ...] = (4,)  # of G, layer by layer; the last one holds for all others
    tint: bool = False  # G adds one colour to the whole picture, linear in the latents: batch norm cannot remove it
    norm_g: Literal["batch", "none"] = "batch"  # of G's layers
    norm_d: Literal["batch", "group", "spectral", "none"] = "batch"  # of D's layers
    norm_from: Annotated[int, Between(1, 8)] = 1  # the first of D's layers that has a norm, counted from 0
    pad: Literal["zeros", "circular"] = "zeros"  # of G; circular makes seamless pictures
    tail: bool = False  # one more 3x3 convolution in D before to_logit
    minibatch_std: bool = False  # D sees the standard deviation within a batch (arXiv 1710.10196)
    moments: bool = False  # the end of D sees the picture's means and standard deviations, which batch norm hides
    dropout: Share = 0.0  # of D's channels
    noise: Positive = 0.0  # standard deviation of the Gaussian noise added to what D sees ...
    noise_kimg: Positive = 100.0  # ... falling linearly to 0 after so many thousand images; 0 keeps it
    # the game
    loss: Literal["nonsaturating", "hinge", "least_squares", "relativistic"] = "nonsaturating"  # gan/step/losses.py
    real: tuple[float, ...] = (1.0, 1.0)  # the range that D's targets for reals are drawn from (nonsaturating loss)
    fake: tuple[float, ...] = (0.0, 0.0)  # the same for fakes
    flip_labels: Share = 0.0  # the probability that a target is replaced by 1 - target
    joint: bool = False  # D sees reals and fakes as one batch: batch norm cannot hide a cast that all fakes share
    penalty: Literal["none", "r1", "r1r2"] = "none"  # the gradient penalty, on reals or on reals and fakes
    gamma: Positive = 0.2  # the penalty's weight; gamma / 2 multiplies the mean square norm of the gradient ...
    gamma_start: Annotated[float, Between(0.001, 1)] = 1.0  # ... from this share of it at the first image ...
    gamma_kimg: Positive = 100.0  # ... growing geometrically to all of it after so many thousand images
    lazy: Annotated[int, Between(1, 64)] = 8  # the penalty is due every so many steps, with so many times its weight
    balance: Literal["none", "alternate", "gate", "ada", "servo"] = "none"  # the controller, gan/step/balance.py
    target: float = 0.6  # its set point: loss gap of alternate; D's accuracy of gate; mean sign of D of ada and servo
    # the optimisers
    lr_g: Annotated[float, Between(0, 1)] = 2e-4  # Adam's learning rate of G
    lr_d: Annotated[float, Between(0, 1)] = 2e-4  # and of D
    beta1: Beta = 0.5  # of Adam: the first moment's decay
    beta2: Beta = 0.999  # the second moment's
    decay: Annotated[float, Between(0.01, 1)] = 1.0  # the learning rates are multiplied by this every `decay_kimg`
    decay_kimg: Annotated[float, Between(0.001)] = 100.0  # see decay
    ema_kimg: Positive = 20.0  # half-life of G's exponential moving average (EMA), in thousand images
    settle: bool = False  # measure the EMA's batch norm statistics anew: those gathered by G do not fit its weights
    batch: Annotated[int, Between(2, 4096)] = 64  # pictures a step
    # the pictures
    crop: Annotated[int, Between(0, 256)] = 0  # side of random crops in pixels; 0 takes the squares as they are
    mirror: bool = True  # left and right are swapped with probability 1/2
    tumble: bool = False  # flips and quarter turns too, each with probability 1/2
    colour: Positive = 0.0  # strength of changes of brightness, saturation and contrast; 1 is DiffAugment's
    shift: Share = 0.0  # at most, as a share of the side
    turn: Annotated[float, Between(0, 180)] = 0.0  # degrees either way
    zoom: Share = 0.0  # at most, as the logarithm of the scale, either way
    blur: Positive = 0.0  # standard deviation, in pixels, of the Gaussian blur of what D sees ...
    blur_kimg: Positive = 100.0  # ... falling linearly to 0 after so many thousand images
    widen_kimg: Positive = 0.0  # start with level 0 and add a level every so many thousand images
    # a run that begins from another one (INIT), see TRANSFER
    start: str = "none"  # whose weights it began with
    before_kimg: Positive = 0.0  # thousand images which that one had seen: gamma, EMA, noise and blur go on from there
    rate: Annotated[float, Between(0, 1)] = 1.0  # a factor on both learning rates
    frozen: Annotated[int, Between(0, 3)] = 0  # convolutions of D, the first ones, that keep their weights
    rehearse: Share = 0.0  # of a batch are pictures that the start had learnt from ...
    rehearse_kimg: Positive = 100.0  # ... falling linearly to 0 after so many thousand images; 0 keeps it

    def age(self, images_seen: int) -> int:
        """Images seen, those of the start among them."""
        return images_seen + round(1000 * self.before_kimg)


_CPU: dict[str, Any] = {
    "lr_g": 4e-4, "lr_d": 4e-4, "beta2": 0.99, "tail": True, "moments": True, "norm_from": 2,
    "penalty": "r1", "gamma": 10.0, "gamma_start": 0.1, "gamma_kimg": 150.0, "lazy": 8, "ema_kimg": 10.0,
    "settle": True,
}  # fmt: skip

PRESETS: dict[str, dict[str, Any]] = {
    # DCGAN with batch norm in both, lazy R1: on a CPU images per second come first, and steps before images
    "auto-cpu": {**_CPU, "batch": 32},
    # from 64 pixels on transposed convolutions leave a checkerboard grain in photographs that longer training does not
    # remove; nearest-neighbour upsampling does not, but loses hues, which the tint brings back
    "auto-cpu-64": {**_CPU, "up": "nearest", "kernel": (3,), "tint": True},
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


# what INIT changes in any row: slow enough not to forget the start. Rehearsal is off: docs/gan-transfer.md
TRANSFER: dict[str, Any] = {"rate": 0.25}


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
    _agree(values)
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


def _agree(values: Values) -> None:
    if not values.kernel:
        raise RecipeError("kernel is a list of sizes, layer by layer; write kernel=[3]")
    if values.up == "transposed" and values.pad == "circular":
        raise RecipeError("up = transposed cannot pad circularly (torch refuses); write up=nearest or pad=zeros")
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
    if values.block == "glu" and (values.latent == "field" or values.up == "transposed"):
        raise RecipeError("block = glu grows one vector of latents by nearest neighbours; write up=nearest")
    if values.block == "glu" and values.teacher == "none":
        raise RecipeError("block = glu is a generator alone, and D needs a teacher beside it; write teacher=lite0")
    if values.teacher != "none" and (values.crop or values.teacher_side % 32):
        raise RecipeError("a teacher sees whole squares, at a side that 32 divides; write crop=0 and teacher_side=128")
    for name in ("real", "fake"):
        targets = getattr(values, name)
        if len(targets) != 2 or targets[0] > targets[1]:
            raise RecipeError(f"{name} is a range of two numbers, such as {name}=[0.9, 1.0]")
