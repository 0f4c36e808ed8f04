"""Generators and discriminators as data: a nested list of torch.nn layers, which `build` turns into modules.

Every generator takes latents of (N, channels, h, w); a vector of latents is a field of 1x1. The list is written beside
the weights, so that they can be loaded without this code (see the README).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from gan.nets import pyramid, teacher
from gan.nets.convolve import Conv2d, ConvTranspose2d, Grown
from gan.nets.layers import Add, Excited, GhostBatchNorm2d, MinibatchStd, Moments, Waves
from scrapbag.errors import UsageError

if TYPE_CHECKING:
    from gan.nets.values import Values

Spec = list[Any]  # [class name, keyword arguments, inner layers]


def generator(values: Values, size: int) -> Spec:
    """Latents (N, channels, h, w) -> pictures (N, 3, H, W) in [-1, 1]; of a field, H = h * 2 ** depth (see `split`)."""
    base, depth = split(size)
    if values.head == "canvas":
        return _sequence(*_canvas(values, size))
    if values.block == "glu":
        return pyramid.generator(values, base, depth)
    widths = [values.width * 2 ** min(3, depth - 1 - i) for i in range(depth)]
    layers: list[Spec] = []
    if values.latent == "field":
        if values.waves:
            layers.append(["Waves", {"local": values.z, "types": values.types, "waves": values.waves}, []])
        layers.append(_conv(values.z + values.types + values.waves, widths[0], 3, values))
    else:
        first = {
            "in_channels": values.z,
            "out_channels": widths[0],
            "kernel_size": base,
            "bias": values.norm_g == "none",
        }
        layers.append(["ConvTranspose2d", first, []])
    if values.block == "residual":
        for i in range(depth):
            wide, narrow = widths[i], widths[min(i + 1, depth - 1)]
            layers += [_residual(wide, wide, values), _upsample(), _residual(wide, narrow, values)]
        layers += [_leaky(), _conv(widths[-1], 3, 3, values)]
    else:
        layers += [*_norm(values.norm_g, widths[0]), _relu()]
        for i in range(depth - 1):
            layers += _grow(widths[i], widths[i + 1], i, values) + _norm(values.norm_g, widths[i + 1]) + [_relu()]
        layers += _grow(widths[-1], 3, depth - 1, values)
    if values.tint:
        layers = [["Add", {}, [_sequence(*layers), pyramid.tint(values.z)]]]
    return _sequence(*layers, ["Tanh", {}, []])


def discriminator(values: Values, size: int) -> Spec:
    """(N, 3, size, size) -> logits (N, 1), or (N, patches) with a patch head.

    D pads with zeros even where G pads circularly: a crop of a real picture does not wrap round, so circular padding
    would show D a seam in reals alone.
    """
    if values.teacher != "none":
        through = teacher.discriminator(values, size)
        if not values.both:
            return through
        return ["Both", {}, [through, discriminator(replace(values, teacher="none"), size)]]
    values = replace(values, pad="zeros", width=values.beside or values.width)
    base, depth = split(size)
    if values.head == "patch":
        depth = min(depth, 5)  # with a tail the receptive field of a logit is 158 pixels
    widths = [values.width * 2 ** min(3, i) for i in range(depth)]
    layers: list[Spec] = []
    if values.block == "residual":
        layers.append(_conv(3, widths[0], 3, values))
        for i in range(depth):
            narrow, wide = widths[i], widths[min(i + 1, depth - 1)]
            layers += [_residual(narrow, narrow, values), ["AvgPool2d", {"kernel_size": 2}, []]]
            layers.append(_residual(narrow, wide, values))
        layers.append(_leaky())
    else:
        for i in range(depth):
            norm = values.norm_d if i >= values.norm_from else "none"
            layers += _shrink(3 if i == 0 else widths[i - 1], widths[i], norm, values)
            if values.dropout:
                layers.append(["Dropout2d", {"p": values.dropout}, []])
    wide = widths[-1]
    if values.minibatch_std:
        layers.append(["MinibatchStd", {}, []])
        wide += 1
    if values.moments:
        layers = [["Moments", {}, layers]]
        wide += 6
    if values.tail:
        layers += [_conv(wide, widths[-1], 3, values), _leaky()]
        wide = widths[-1]
    kernel = 1 if values.head == "patch" else base
    to_logit: Spec = ["Conv2d", {"in_channels": wide, "out_channels": 1, "kernel_size": kernel}, []]
    return _sequence(*layers, to_logit, ["Flatten", {}, []])


def split(size: int, setting: str = "SIZE") -> tuple[int, int]:
    """A side in pixels as (base, depth): side = base * 2 ** depth, base from 4 to 7, depth from 3 to 6.

    Raises UsageError, which names `setting` as what to change, for a side that is no such product.
    """
    depth = max(0, math.floor(math.log2(size / 4)))
    base = size >> depth
    if base << depth != size or not 32 <= size <= 256:
        near = min(
            (b << d for b in range(4, 8) for d in range(3, 7) if 32 <= b << d <= 256), key=lambda s: abs(s - size)
        )
        raise UsageError(f"the pictures are {size} pixels wide, which no network here grows to; write {setting}={near}")
    return base, depth


def field(values: Values, size: int) -> tuple[int, int]:
    """The (h, w) of the latents from which a generator makes pictures of (size, size)."""
    base = split(size)[0] if values.latent == "field" else 1
    return base, base


def build(spec: Spec) -> nn.Module:
    """The module that a spec describes. Raises AttributeError for a layer that neither torch.nn nor gan has."""
    name, arguments, inner = spec
    kind = _OURS.get(name) or getattr(nn, name)
    if [one[0] for one in inner] in (["Upsample", "Conv2d"], ["Upsample", "Spectral"]):
        kind = Grown
    return cast("nn.Module", kind(*[build(one) for one in inner], **arguments))


def circular(spec: Spec) -> Spec:
    """The same layers with circular padding, so that the pictures are seamless. The weights fit both."""
    name, arguments, inner = spec
    name = "CircularPad2d" if name == "ZeroPad2d" else name
    changes: dict[str, dict[str, Any]] = {"Conv2d": {"padding_mode": "circular"}, "Waves": {"whole": True}}
    return [name, {**arguments, **changes.get(name, {})}, [circular(one) for one in inner]]


def initialise(net: nn.Module, *, normed: bool) -> None:
    """N(0, 0.02) as DCGAN where a norm follows (`normed`); else He's, and residual branches that start at 0."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            if normed:
                nn.init.normal_(module.weight, 0.0, 0.02)
            else:
                nn.init.kaiming_normal_(module.weight, 0.2)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for module in net.modules():
        if isinstance(module, Add):
            last = cast("nn.Sequential", module[1])[-1]
            if isinstance(last, nn.Conv2d) and last.bias is not None:  # a tint has none
                nn.init.zeros_(last.weight)


_OURS: dict[str, Any] = {
    "Conv2d": Conv2d,
    "ConvTranspose2d": ConvTranspose2d,
    "Add": Add,
    "Moments": Moments,
    "MinibatchStd": MinibatchStd,
    "Waves": Waves,
    "Spectral": spectral_norm,
    "Excited": Excited,
    "GhostBatchNorm2d": GhostBatchNorm2d,
    "Teacher": teacher.Teacher,
    "Heads": teacher.Heads,
    "Both": teacher.Both,
}


def _sequence(*layers: Spec) -> Spec:
    return ["Sequential", {}, list(layers)]


def _conv(i: int, o: int, kernel: int, values: Values, *, bias: bool = True) -> Spec:
    """A convolution that keeps the size. An even kernel needs one pixel of padding more at the bottom and right."""
    arguments = {"in_channels": i, "out_channels": o, "kernel_size": kernel, "bias": bias}
    if kernel % 2:
        return ["Conv2d", {**arguments, "padding": kernel // 2, "padding_mode": values.pad}, []]
    before, after = (kernel - 1) // 2, kernel // 2
    border = "CircularPad2d" if values.pad == "circular" else "ZeroPad2d"
    return _sequence([border, {"padding": [before, after, before, after]}, []], ["Conv2d", arguments, []])


def _grow(i: int, o: int, layer: int, values: Values) -> list[Spec]:
    """Twice the size: a transposed convolution, or nearest-neighbour upsampling and a convolution."""
    kernel = values.kernel[min(layer, len(values.kernel) - 1)]
    bias = values.norm_g == "none" or o == 3
    if values.up == "nearest":
        return [_sequence(_upsample(), _conv(i, o, kernel, values, bias=bias))]
    arguments = {"in_channels": i, "out_channels": o, "kernel_size": kernel, "stride": 2, "padding": kernel // 2 - 1}
    return [["ConvTranspose2d", {**arguments, "bias": bias}, []]]


def _shrink(i: int, o: int, norm: str, values: Values) -> list[Spec]:
    arguments = {"in_channels": i, "out_channels": o, "kernel_size": 4, "stride": 2, "padding": 1}
    conv: Spec = ["Conv2d", {**arguments, "bias": norm != "batch", "padding_mode": values.pad}, []]
    return [["Spectral", {}, [conv]] if norm == "spectral" else conv, *_norm(norm, o), _leaky()]


def _norm(norm: str, channels: int) -> list[Spec]:
    if norm == "batch":
        return [["BatchNorm2d", {"num_features": channels}, []]]
    if norm == "group":
        return [["GroupNorm", {"num_groups": math.gcd(8, channels), "num_channels": channels}, []]]
    return []


def _residual(i: int, o: int, values: Values) -> Spec:
    skip: Spec = (
        ["Identity", {}, []] if i == o else ["Conv2d", {"in_channels": i, "out_channels": o, "kernel_size": 1}, []]
    )
    return ["Add", {}, [skip, _sequence(_leaky(), _conv(i, o, 3, values), _leaky(), _conv(o, o, 3, values))]]


def _canvas(values: Values, size: int) -> list[Spec]:
    """A full-size picture from one transposed convolution; then a small encoder and decoder repaint it."""
    w = values.width
    canvas = {"in_channels": values.z, "out_channels": 3, "kernel_size": size}
    layers: list[Spec] = [["ConvTranspose2d", canvas, []]]
    for i, o in ((3, w), (w, 2 * w)):
        down = {"in_channels": i, "out_channels": o, "kernel_size": 4, "stride": 2, "padding": 1}
        layers += [["Conv2d", {**down, "padding_mode": values.pad}, []], *_norm(values.norm_g, o), _relu()]
    for _ in range(2):
        layers += [_conv(2 * w, 2 * w, 3, values), *_norm(values.norm_g, 2 * w), _relu()]
    layers += [*_grow(2 * w, w, 0, values), *_norm(values.norm_g, w), _relu(), *_grow(w, 3, 1, values)]
    return [*layers, ["Tanh", {}, []]]


def _upsample() -> Spec:
    return ["Upsample", {"scale_factor": 2, "mode": "nearest"}, []]


def _relu() -> Spec:
    return ["ReLU", {"inplace": True}, []]


def _leaky() -> Spec:
    return ["LeakyReLU", {"negative_slope": 0.2}, []]
