"""The values that a preset is a row of: what G and D are made of, how they learn, and which cannot go together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from scrapbag.check import Between
from scrapbag.errors import RecipeError

Share = Annotated[float, Between(0, 1)]
Positive = Annotated[float, Between(0)]
Beta = Annotated[float, Between(0, 0.9999)]  # of Adam


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
    # width of a D beside the heads: in a step with both each is half of the loss, and the penalty is of this one alone.
    # 0: none; without a teacher it is D's width where that is not G's
    beside: Annotated[int, Between(0, 256)] = 0
    every: Annotated[int, Between(1, 64)] = 1  # steps, of which one is through the teacher, where D has one beside it
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
    # the EMA's half-life, at most, as a share of this run's images, so that the start leaves it; 0: .08 of both runs'
    ema_share: Share = 0.0
    frozen: Annotated[int, Between(0, 3)] = 0  # convolutions of D, the first ones, that keep their weights
    rehearse: Share = 0.0  # of a batch are pictures that the start had learnt from ...
    rehearse_kimg: Positive = 100.0  # ... falling linearly to 0 after so many thousand images; 0 keeps it

    @property
    def both(self) -> bool:
        """Whether D is two: one that looks through a teacher, and one beside it that does not."""
        return self.teacher != "none" and self.beside > 0

    def age(self, images_seen: int) -> int:
        """Images seen, those of the start among them."""
        return images_seen + round(1000 * self.before_kimg)


def check(values: Values) -> None:
    """Raises RecipeError, in one sentence, for values that contradict each other."""
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
    if values.both and values.head == "patch":
        raise RecipeError("head = patch has a score for each patch, and D beside a teacher one; write beside=0")
    for name in ("real", "fake"):
        targets = getattr(values, name)
        if len(targets) != 2 or targets[0] > targets[1]:
            raise RecipeError(f"{name} is a range of two numbers, such as {name}=[0.9, 1.0]")
