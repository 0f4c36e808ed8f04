"""A pretrained network as a constant: found by its name, batch norms folded away, nothing in it learns or is saved."""

from __future__ import annotations

import copy
import hashlib
import json
import logging
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeGuard, cast

import timm
import torch
from timm.data.config import resolve_data_config
from timm.layers import Conv2dSame
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from gan.nets.convolve import Depthwise
from scrapbag.errors import MissingError, UsageError, never_full
from scrapbag.models import lite0
from scrapbag.recipe import model_folder

STRIDES = [4, 8, 16, 32]  # of the four taps
_SMALL = 64  # side of the picture that a folded network is tried on


def body(name: str) -> nn.Module:
    """The layers up to the last tap, without weights, on no device; (N, 3, H, W) -> a list that ends with the taps.

    `name` is "lite0", "demo", "local-dir:PATH" or timm's. Raises UsageError for one that has no such taps.
    """
    try:
        with torch.device("meta"):
            net: Any = timm.create_model(source_of(name), pretrained=False, features_only=True)
    except (OSError, RuntimeError, AssertionError, AttributeError) as error:
        never_full(error)
        reason = str(error).partition("\n")[0]
        raise UsageError(f"no teacher can be made of {name} ({reason}); write teacher=lite0 or teacher=none") from None
    if net.feature_info.reduction()[-4:] != STRIDES:
        raise UsageError(f"{name} has no maps of a 4th to a 32nd of the side; write teacher=lite0 or teacher=none")
    return freeze(net.eval())


def channels(net: nn.Module) -> list[int]:
    """Of the four taps, finest first."""
    return list(cast("Any", net).feature_info.channels()[-4:])


def pretrained(name: str) -> tuple[nn.Module, Tensor, Tensor, bytes]:
    """The network of `name` with its weights, the mean and deviation of its pictures in [0, 1], and its SHA-256.

    Raises MissingError where its weights are not on this computer, and no hub has them.
    """
    state, config = weights(name)
    net: Any = timm.create_model(source_of(name), pretrained=False, features_only=True)
    wanted = net.state_dict()
    net.load_state_dict({key: state[key] for key in wanted})
    sha = hashlib.sha256()
    for key in sorted(wanted):
        sha.update(key.encode())
        sha.update(state[key].detach().contiguous().numpy().tobytes())
    mean, std = (torch.tensor(config[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    return freeze(quick(folded(net.eval()))), mean, std, sha.digest()


def freeze(net: nn.Module) -> nn.Module:
    """Make every weight a buffer that no checkpoint keeps: no optimiser sees it, and devices still move it."""
    for module in net.modules():
        for name, weight in list(module.named_parameters(recurse=False)):
            delattr(module, name)
            module.register_buffer(name, weight.detach(), persistent=False)
        for name, buffer in list(module.named_buffers(recurse=False)):
            module.register_buffer(name, buffer, persistent=False)
    return net


@torch.no_grad()
def folded(net: nn.Module) -> nn.Module:
    """The same network with each batch norm that follows a convolution as a part of its weights, if that is the same.

    Half of a small network's kernels on a GPU are such norms.
    """
    less = copy.deepcopy(net)
    for module in less.modules():
        children = list(module.named_children())
        for (name, conv), (after, norm) in pairwise(children):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, name, fuse_conv_bn_eval(conv, norm))
                setattr(module, after, getattr(norm, "act", nn.Identity()))  # timm's norms carry the activation
    picture = torch.linspace(-1, 1, 3 * _SMALL**2).view(1, 3, _SMALL, _SMALL).sin()
    same = all(
        torch.allclose(a, b, atol=1e-3 * float(a.std())) for a, b in zip(net(picture), less(picture), strict=True)
    )
    return less if same else net  # one that names its layers in another order than it runs them


def quick(net: nn.Module) -> nn.Module:
    """The same network, its depthwise convolutions with strides as convolve.py has them."""
    for module in net.modules():
        for name, part in list(module.named_children()):
            if _strided(part):
                setattr(module, name, Depthwise(part))
    return net


def _strided(part: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Whether it is a square depthwise convolution with a stride, with nothing else about it."""
    if type(part) not in {nn.Conv2d, Conv2dSame}:
        return False
    conv = cast("nn.Conv2d", part)
    (kernel, wide), (stride, across) = conv.kernel_size, conv.stride
    depthwise = conv.groups == conv.in_channels == conv.out_channels
    plain = conv.dilation == (1, 1) and conv.padding_mode == "zeros"
    square = kernel == wide and stride == across > 1 and conv.padding in {(side, side) for side in range(kernel)}
    return depthwise and plain and square


def lite0_whole() -> nn.Module:
    """Lite0 with its classifier, for pictures (N, 3, H, W) in [-1, 1]. Raises MissingError where it is not here."""
    overlay = {"mean": lite0.MEAN, "std": lite0.STD}
    net: nn.Module = timm.create_model(lite0.ARCHITECTURE, pretrained=False, pretrained_cfg_overlay=overlay)
    net.load_state_dict(weights(lite0.NAME)[0])
    return net.eval().requires_grad_(requires_grad=False)


def source_of(name: str) -> str:
    """What timm calls it."""
    if name == lite0.NAME:
        return lite0.ARCHITECTURE
    folder = model_folder(name)
    return f"local-dir:{folder}" if folder else name


def licence(name: str) -> str:
    """Of a network's weights, as its package or its configuration states it; "" where neither does."""
    if name == lite0.NAME:
        return lite0.LICENCE
    if (folder := model_folder(name)) is None:
        return str(getattr(timm.get_pretrained_cfg(name, allow_unregistered=True), "license", None) or "")
    try:
        table = json.loads((folder / "config.json").read_bytes())
        return str((table.get("pretrained_cfg") or {}).get("license") or "")
    except (OSError, ValueError, AttributeError):
        return ""


def weights(name: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The whole network's state, and timm's configuration of its pictures."""
    if name == lite0.NAME:
        loaded = torch.load(lite0.path(), map_location="cpu", weights_only=True)
        half = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
        return {lite0.timm_key(key): tensor for key, tensor in loaded.items()}, half
    source = source_of(name)
    if source.startswith("local-dir:") and not (Path(source.removeprefix("local-dir:")) / "config.json").is_file():
        raise MissingError(f"the teacher {name} is not on this computer; write teacher=lite0 or teacher=none")
    logging.getLogger("timm").setLevel(logging.WARNING)  # it tells every file that it opens
    try:
        net: Any = timm.create_model(source, pretrained=True)
    except (OSError, RuntimeError) as error:
        never_full(error)
        reason = str(error).strip().partition("\n")[0]
        raise MissingError(
            f"the teacher {name} cannot be loaded ({reason}); write teacher=lite0 or teacher=none"
        ) from None
    return net.state_dict(), resolve_data_config({}, model=net)
