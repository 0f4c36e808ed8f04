"""Whether a start's pictures are of this run's subject, as ImageNet's classes have it: only then do they go along.

A start can say what share of every batch its pictures are worth (Origin.rehearse): drawn quilts among photographs of
quilts keep blocks in the samples; among photographs of shoes they would be quilts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from gan.nets import frozen
from gan.pictures import batches
from scrapbag.errors import MissingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from gan.pictures.packing import Pixels
    from gan.train.job import Origin

LEAST = 0.4  # of the overlap: docs/gan-transfer.md#are-they-of-one-subject has what others reach
SHOWN = 160  # pictures of either
_SIDE = 128  # pixels: at 64 lite0 confuses more, at 224 everything small is blurred alike
_BATCH = 32


def learnt(
    origin: Origin | None, ours: Callable[[], Pixels], asked: tuple[str, ...], say: Callable[[str], None]
) -> dict[str, Any]:
    """The values by which the start's pictures stay in every batch; {} where they do not, as where `asked` decides.

    `ours` gives some of this run's pictures, (N, H, W, 3). `say` prints what was found.
    """
    if origin is None or origin.squares is None or not origin.rehearse:
        return {}
    if any(one.partition("=")[0].strip() in {"rehearse", "rehearse_kimg"} for one in asked):
        return {}
    try:
        common = overlap(origin.squares[:SHOWN], ours()[:SHOWN])
    except MissingError:
        return {}
    if common < LEAST:
        say(f"{origin.name} is of another subject ({common:.2f} in common; {LEAST} are asked): none of it is rehearsed")
        return {}
    say(
        f"{origin.name} is of the same subject ({common:.2f} in common): {origin.rehearse:.0%} of every batch are "
        "pictures of it; SET=rehearse=0 for none"
    )
    return {"rehearse": origin.rehearse, "rehearse_kimg": 0.0}


def overlap(theirs: Pixels, ours: Pixels) -> float:
    """What two sets of pictures (N, H, W, 3) have in common, 0 to 1: the sum over classes of the smaller probability.

    The distributions are means of lite0's softmax over ImageNet's classes. Raises MissingError where lite0 is not here.
    """
    net = frozen.lite0_whole()
    one, other = (_mean(net, pixels) for pixels in (theirs, ours))
    return float(torch.minimum(one, other).sum())


@torch.inference_mode()
def _mean(net: torch.nn.Module, pixels: Pixels) -> Tensor:
    """(classes,), which sums to 1."""
    parts = []
    for first in range(0, len(pixels), _BATCH):
        x = batches.to_floats(pixels[first : first + _BATCH], "cpu")
        parts.append(net(batches.resized(x, _SIDE)).softmax(1))
    return torch.cat(parts).mean(0)
