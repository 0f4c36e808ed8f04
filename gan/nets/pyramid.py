"""A generator of gated blocks (FastGAN's, arXiv 2101.04775): few and wide layers, made for small sets of pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gan.nets.values import Values

_WIDTHS = (16, 8, 4, 2, 2, 1, 0.5)  # times `width`: channels from the first map, 4 to 7 pixels a side, to the largest
_APART = 4  # doublings between a map and the one that excites it


def generator(values: Values, base: int, depth: int) -> list[Any]:
    """(N, z, 1, 1) -> (N, 3, side, side) in [-1, 1], side = base * 2 ** depth.

    Latents are brought to a second moment of one; every convolution is spectrally normalised, every one but the last
    is followed by a batch norm and a gated linear unit.
    """
    wide = [max(4, int(values.width * share)) for share in _WIDTHS]
    first = {"in_channels": values.z, "out_channels": 2 * wide[0], "kernel_size": base, "bias": False}
    stages = [_sequence(["Spectral", {}, [["ConvTranspose2d", first, []]]], *_gate(wide[0]))]
    for i in range(depth):
        grown = _sequence(["Upsample", {"scale_factor": 2, "mode": "nearest"}, []], _conv(wide[i], 2 * wide[i + 1]))
        stages.append(_sequence(grown, *_gate(wide[i + 1])))
    spans = [[i, i + _APART] for i in range(depth + 1 - _APART)] if values.excite else []
    if spans:
        gates = [_excitation(wide[before], wide[after], base, 2**before) for before, after in spans]
        stages = [["Excited", {"spans": spans}, [*stages, *gates]]]
    picture = _sequence(*stages, _conv(wide[depth], 3, bias=True))
    return _sequence(
        ["Flatten", {}, []],
        ["RMSNorm", {"normalized_shape": values.z, "eps": 1e-8, "elementwise_affine": False}, []],
        ["Unflatten", {"dim": 1, "unflattened_size": [values.z, 1, 1]}, []],
        *([["Add", {}, [picture, tint(values.z)]]] if values.tint else picture[2]),
        ["Tanh", {}, []],
    )


def tint(z: int) -> list[Any]:
    """One colour, which is added to every pixel, (N, z, 1, 1) -> (N, 3, 1, 1): a linear map of the latents."""
    return _sequence(["Conv2d", {"in_channels": z, "out_channels": 3, "kernel_size": 1, "bias": False}, []])


def bare(spec: list[Any]) -> list[Any]:
    """The same layers without spectral norms, for weights that have been divided already."""
    name, arguments, inner = spec
    return bare(inner[0]) if name == "Spectral" else [name, arguments, [bare(one) for one in inner]]


def _conv(i: int, o: int, *, bias: bool = False) -> list[Any]:
    conv = {"in_channels": i, "out_channels": o, "kernel_size": 3, "padding": 1, "bias": bias}
    return ["Spectral", {}, [["Conv2d", conv, []]]]


def _gate(channels: int) -> list[list[Any]]:
    return [["BatchNorm2d", {"num_features": 2 * channels}, []], ["GLU", {"dim": 1}, []]]


def _excitation(i: int, o: int, base: int, times: int) -> list[Any]:
    """A map of `base` times `times` pixels a side -> one weight in (0, 1) for each of `o` channels."""
    first = {"in_channels": i, "out_channels": o, "kernel_size": base, "bias": False}
    second = {"in_channels": o, "out_channels": o, "kernel_size": 1, "bias": False}
    return _sequence(
        ["AvgPool2d", {"kernel_size": times}, []],
        ["Spectral", {}, [["Conv2d", first, []]]],
        ["SiLU", {}, []],
        ["Spectral", {}, [["Conv2d", second, []]]],
        ["Sigmoid", {}, []],
    )


def _sequence(*layers: list[Any]) -> list[Any]:
    return ["Sequential", {}, list(layers)]
