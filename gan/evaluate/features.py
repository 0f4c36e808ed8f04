"""Feature extractors for the metrics: a random ResNet-18 (no download), the curation model, and lite0's taps."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import timm
import torch
import torchvision
from timm.data.config import resolve_data_config
from torch import Tensor, nn
from torch.nn import functional

from gan.nets import frozen
from gan.pictures.batches import resized, to_floats
from gan.pictures.data import chosen_by
from scrapbag.errors import MissingError, never_full
from scrapbag.layout import METADATA
from scrapbag.models import lite0
from scrapbag.recipe import model_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gan.pictures.packing import Pixels

SEED = 3  # of the random weights and of the projection
REALS = 1024  # real pictures, at most, from which batch norm statistics, mean and standard deviation are measured
WIDTH = 128  # of a feature vector
SIDE = (64, 128)  # pixels: pictures smaller than the first are enlarged to it, larger than the second reduced to it
_BATCH = 128


@dataclass(frozen=True)
class Features:
    """A feature extractor. Metrics on features of different hashes cannot be compared."""

    name: str
    sha256: str  # first 12 digits of the hash of the weights and of whatever else the vectors depend on
    look: Callable[[Pixels], Tensor]  # (N, H, W, 3) uint8 -> (N, width) float32


def untrained(reals: Pixels) -> Features:
    """The first three stages of a ResNet-18 with fixed random weights, and batch norm statistics measured on `reals`.

    The output of each stage is average-pooled to 1x1 and 2x2. All of these are concatenated, standardised with the mean
    and standard deviation over `reals`, and multiplied by a fixed random matrix that leaves 128 numbers.
    swa_utils.update_bn would run the unused last stage too, and so change its statistics and the hash.
    """
    reals = reals[:REALS]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        net = torchvision.models.resnet18(weights=None)
    net.requires_grad_(requires_grad=False).to(memory_format=torch.channels_last)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # running statistics are the mean over all batches, not a moving average
    net.train()
    _stages(net, reals)
    net.eval()
    raw = _stages(net, reals)
    mean, scale = raw.mean(0), raw.std(0) + 1e-6
    project = torch.randn((raw.shape[1], WIDTH), generator=torch.Generator().manual_seed(SEED)) / raw.shape[1] ** 0.5
    state = {**net.state_dict(), "middle": mean, "scale": scale, "project": project}
    return Features("random ResNet-18", _hash(state), lambda pixels: (_stages(net, pixels) - mean) / scale @ project)


def curation(curated: Path) -> Features:
    """Features of the model that chose the pictures, named in metadata.csv. Raises MissingError with the reason."""
    table = curated / METADATA
    if not table.exists():
        raise MissingError(f"{table} does not exist, so no curation model is known")
    if not (name := chosen_by(curated)):
        raise MissingError("the pictures were curated without a model")
    net, show = classifier(name)
    return Features(
        name,
        _hash(net.state_dict()),
        lambda pixels: show(pixels, lambda x: net.forward_head(net.forward_features(x), pre_logits=True)),
    )


def taps(reals: Pixels) -> Features:
    """The four maps of lite0 that a teacher shows D (gan/nets/teacher.py), average-pooled and standardised by `reals`.

    It looks at 64 to 128 pixels: the 224 that it was trained at take three times as long or more. Raises MissingError
    where lite0 is not installed.
    """
    body, mean, std, digest = frozen.pretrained(lite0.NAME)
    show = _shown(min(max(reals.shape[1], SIDE[0]), SIDE[1]), mean, std)

    def raw(pixels: Pixels) -> Tensor:
        return show(pixels, lambda x: torch.cat([one.mean((2, 3)) for one in body(x)[-4:]], 1))

    found = raw(reals[:REALS])
    middle, scale = found.mean(0), found.std(0) + 1e-6
    sha256 = hashlib.sha256(digest + _hash({"middle": middle, "scale": scale}).encode()).hexdigest()[:12]
    return Features("lite0's taps", sha256, lambda pixels: (raw(pixels) - middle) / scale)


def classifier(name: str) -> tuple[Any, Callable[[Pixels, Callable[[Tensor], Tensor]], Tensor]]:
    """A timm model, and a function that shows it pictures (N, H, W, 3), whole and at the side that it was trained at.

    That function is given what to do with a batch, and returns all results, (N, ...). Raises MissingError.
    """
    net, config = _load(name)
    mean, std = (torch.tensor(config[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    return net, _shown(min(config["input_size"][1:]), mean, std)


def _shown(side: int, mean: Tensor, std: Tensor) -> Callable[[Pixels, Callable[[Tensor], Tensor]], Tensor]:
    @torch.inference_mode()
    def show(pixels: Pixels, to: Callable[[Tensor], Tensor]) -> Tensor:
        parts = []
        for start in range(0, len(pixels), _BATCH // 4):
            x = to_floats(pixels[start : start + _BATCH // 4], "cpu") / 2 + 0.5
            parts.append(to(((resized(x, side) - mean) / std).contiguous(memory_format=torch.channels_last)).float())
        return torch.cat(parts).clone()

    return show


def _load(name: str) -> tuple[Any, dict[str, Any]]:
    folder = model_folder(name)
    if folder and not (folder / "config.json").is_file():
        raise MissingError(f"the curation model {name} is not in {folder}")
    logging.getLogger("timm").setLevel(logging.WARNING)  # it logs every file that it opens
    try:
        known = name == lite0.NAME
        net: Any = frozen.lite0_whole() if known else timm.create_model(frozen.source_of(name), pretrained=True)
    except (OSError, RuntimeError) as error:
        never_full(error)
        reason = str(error).strip().partition("\n")[0]
        raise MissingError(f"the curation model {name} cannot be loaded ({reason})") from error
    config = resolve_data_config({}, model=net)
    return net.eval().requires_grad_(requires_grad=False).to(memory_format=torch.channels_last), config


@torch.no_grad()
def _stages(net: Any, pixels: Pixels) -> Tensor:
    side = min(max(pixels.shape[1], SIDE[0]), SIDE[1])
    parts = []
    for start in range(0, len(pixels), _BATCH):
        x = resized(to_floats(pixels[start : start + _BATCH], "cpu"), side).contiguous(
            memory_format=torch.channels_last
        )
        x = net.maxpool(net.relu(net.bn1(net.conv1(x))))
        pooled = []
        for stage in (net.layer1, net.layer2, net.layer3):
            x = stage(x)
            pooled += [x.mean((2, 3)), functional.adaptive_avg_pool2d(x, 2).flatten(1)]
        parts.append(torch.cat(pooled, 1))
    return torch.cat(parts)


def _hash(state: dict[str, Any]) -> str:
    digest = hashlib.sha256()
    for key, tensor in sorted(state.items()):
        digest.update(key.encode())
        digest.update(cast("Tensor", tensor).detach().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]
