"""A discriminator that looks through a frozen, pretrained network (Projected GANs, arXiv 2111.01007).

Four maps of the network, a 4th to a 32nd of the side, are mixed at random across channels, then from coarse to fine
across scales; neither ever learns. A small discriminator on each of the four is all that does.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate

from gan.nets import frozen
from scrapbag.errors import ScrapbagError
from scrapbag.models import lite0

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gan.nets.values import Values

SIDE = 128  # pixels that D sees, or the picture's own where it has more; docs/gan-records.md has 224 beside it
_END = 8  # pixels of a head's last map, at most
_WIDEST = 8  # times `mix`: channels of a head's last map


class Teacher(nn.Module):
    """(N, 3, size, size) in [-1, 1] -> mixed maps of a 2nd to a 16th of `side`, finest first, the last `heads` of four.

    Mixing is linear, and so is growing: the 1x1 across channels and the one across scales are kept as their product,
    and both come before the map grows, which gives the same with a quarter of the work.
    """

    tap0: Tensor
    shown: Tensor
    mean: Tensor
    std: Tensor
    sha256: Tensor

    def __init__(self, name: str, side: int, size: int, mix: int, heads: int) -> None:
        super().__init__()
        self.name, self.first = name, 4 - heads
        self.body = frozen.body(name)
        found = frozen.channels(self.body)
        wide, narrow = [mix, 2 * mix, 4 * mix, 8 * mix], widths(mix)
        for i in range(4):
            across, scale = (
                nn.init.kaiming_normal_(torch.empty(o, n, 1, 1)) for n, o in ((found[i], wide[i]), (wide[i], narrow[i]))
            )
            self.register_buffer(f"tap{i}", torch.einsum("oihw,ijhw->ojhw", scale, across))
            if i < 3:
                self.register_buffer(f"coarser{i}", scale)
            self.register_buffer(
                f"up{i}",
                resizing(side // frozen.STRIDES[i], 2 * side // frozen.STRIDES[i], corners=True),
                persistent=False,
            )
        self.register_buffer("shown", resizing(size, side), persistent=False)
        self.register_buffer("mean", torch.full((1, 3, 1, 1), 0.5), persistent=False)
        self.register_buffer("std", torch.full((1, 3, 1, 1), 0.5), persistent=False)
        self.register_buffer("sha256", torch.zeros(32, dtype=torch.uint8))  # a checkpoint keeps this for the weights

    def load(self) -> None:
        """Fetch the weights. Raises MissingError."""
        self.body, self.mean, self.std, digest = frozen.pretrained(self.name)
        self.sha256 = torch.tensor(list(digest), dtype=torch.uint8)

    def train(self, mode: bool = True) -> Teacher:
        """Never: its batch norms are those of the pretraining."""
        super().train(mode)
        self.body.eval()
        return self

    def forward(self, x: Tensor) -> list[Tensor]:
        x = x.to(self.tap0.dtype)
        if self.shown.shape[0] != self.shown.shape[1]:
            x = (self.shown @ x) @ self.shown.T
        x = ((x * 0.5 + 0.5 - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        taps = self.body(x)[-4:]
        out: list[Tensor] = []
        coarse: Tensor | None = None
        for i in (3, 2, 1, 0)[: 4 - self.first]:
            mixed = conv2d(taps[i], getattr(self, f"tap{i}"))
            if coarse is not None:
                mixed = mixed + conv2d(coarse, getattr(self, f"coarser{i}"))
            coarse = resized(mixed, getattr(self, f"up{i}"))
            out.insert(0, coarse)
        return out

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        theirs = state_dict.get(f"{prefix}sha256")
        if theirs is not None and not torch.equal(theirs.cpu(), self.sha256.cpu()):
            args[-1].append(f"the weights of {self.name} are others than those that it learnt by")
        super()._load_from_state_dict(state_dict, prefix, *args)


class Heads(nn.Sequential):
    """A small discriminator on each map: a list of maps -> (N, scores)."""

    def forward(self, maps: Iterable[Tensor]) -> Tensor:
        return torch.cat([head(one).flatten(1) for head, one in zip(self, maps, strict=True)], 1)


class Both(nn.Sequential):
    """Two discriminators of the same pictures: (N, 3, size, size) -> (N, scores), those of the second one last.

    The second one's score is repeated, so that both weigh the same in the mean over all of them. Only that one is ever
    penalised: a gradient for pictures that are a leaf of the graph, as the penalty's are, does not pass the first.
    """

    def forward(self, x: Tensor) -> Tensor:
        through, plain = self[0](x.detach() if x.is_leaf else x), self[1](x)
        return torch.cat([through, plain.expand(-1, through.shape[1])], 1)


def discriminator(values: Values, size: int) -> list[Any]:
    """As networks.discriminator does it: (N, 3, size, size) -> (N, scores), patches of four scales."""
    side = values.teacher_side or max(SIDE, size)
    told = {"name": values.teacher, "side": side, "size": size, "mix": values.mix, "heads": values.heads}
    first = 4 - values.heads
    heads = [
        _head(2 * side // frozen.STRIDES[i], widths(values.mix)[i], values.mix, ghost(values), std=values.minibatch_std)
        for i in range(first, 4)
    ]
    return ["Sequential", {}, [["Teacher", told, []], ["Heads", {}, heads]]]


def ghost(values: Values) -> int:
    """Pictures that a batch norm of a head sees at a time: the most that divide a batch."""
    return max(n for n in range(1, min(values.ghost, values.batch) + 1) if values.batch % n == 0)


def widths(mix: int) -> list[int]:
    """Channels of the mixed maps, finest first."""
    return [mix, mix, 2 * mix, 4 * mix]


def resizing(before: int, after: int, *, corners: bool = False) -> Tensor:
    """(after, before): bilinear resizing along one side as a matrix, with an antialias filter where it shrinks.

    CUDA's own adds its gradient in any order; products of matrices add in one.
    """
    rows = torch.eye(before)[None, None]
    if after >= before:
        return interpolate(rows, (before, after), mode="bilinear", align_corners=corners)[0, 0].T.contiguous()
    return interpolate(rows, (before, after), mode="bilinear", antialias=True)[0, 0].T.contiguous()


def resized(x: Tensor, matrix: Tensor) -> Tensor:
    """(N, C, h, w) -> (N, C, H, W), rows and columns by the same matrix, channels last in memory."""
    n, channels, height, width = x.shape
    rows = matrix @ x.permute(0, 2, 3, 1).reshape(n, height, width * channels)
    return (matrix @ rows.view(n, len(matrix), width, channels)).permute(0, 3, 1, 2)


def constants(d: nn.Module) -> set[nn.Module]:
    """The modules of the frozen network in `d`."""
    return {part for one in d.modules() if isinstance(one, Teacher) for part in one.body.modules()}


def load(d: nn.Module, *, bf16: bool) -> None:
    """Give the teacher in `d`, if it has one, its weights; in bf16 they are kept so, and not cast at every step."""
    for module in d.modules():
        if isinstance(module, Teacher):
            module.load()
            if bf16:
                module.to(torch.bfloat16)
            return


def find(asked: str, curated: str, say: Callable[[str], None]) -> str:
    """The name of a teacher whose weights are on this computer; "none", and a sentence said, where there is none.

    `curated` names the model that chose the pictures, "" for none; it stands in for lite0 where that is not installed.
    Raises MissingError for any other that is asked for and cannot be had.
    """
    wanted = {lite0.NAME: [lite0.NAME, curated], "curation": [curated]}.get(asked)
    if wanted is None:
        frozen.pretrained(asked)
        return asked
    reasons = []
    for name in filter(None, wanted):
        try:
            frozen.pretrained(name)
        except ScrapbagError as error:
            reasons.append(str(error))
        else:
            return name
    reason = reasons[0] if reasons else "the pictures were curated without a model, so none of theirs can teach"
    say(f"{reason}; without a teacher D learns from the pictures alone")
    return "none"


def _head(side: int, channels: int, mix: int, group: int, *, std: bool) -> list[Any]:
    """From a map of `side` pixels and its channels down to eight or less, which ends in a patch's score each four."""
    layers, halvings = [], max(0, math.ceil(math.log2(side / _END)))
    for i in range(halvings):
        wide = _WIDEST * mix >> halvings - 1 - i
        conv = {"in_channels": channels, "out_channels": wide, "kernel_size": 4, "stride": 2, "padding": 1}
        layers += [
            ["Spectral", {}, [["Conv2d", {**conv, "bias": False}, []]]],
            ["GhostBatchNorm2d", {"num_features": wide, "group": group}, []],
            ["LeakyReLU", {"negative_slope": 0.2}, []],
        ]
        channels, side = wide, side // 2
    if std:
        layers.append(["MinibatchStd", {}, []])
        channels += 1
    last = {"in_channels": channels, "out_channels": 1, "kernel_size": min(4, side), "bias": False}
    return ["Sequential", {}, [*layers, ["Spectral", {}, [["Conv2d", last, []]]]]]
