"""Checkpoints, written atomically and read without running code in them; and a generator's files."""

from __future__ import annotations

import io
import json
import logging
import pickle
import zipfile
from typing import TYPE_CHECKING

import torch
from safetensors.torch import save as to_safetensors

from gan.nets import networks, pyramid
from gan.nets.presets import plain
from scrapbag.disk import write_bytes, write_text
from scrapbag.errors import never_full

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from gan.nets.values import Values
    from gan.step.players import State

KEPT = 3  # checkpoints
log = logging.getLogger(__name__)


def save(folder: Path, state: State, images_seen: int) -> Path:
    """Write `state` as 000000012345.pt, by images seen, and delete all but the last three. Returns the path."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    path = folder / f"{images_seen:012d}.pt"
    write_bytes(path, buffer.getvalue())
    for old in saved(folder)[:-KEPT]:
        old.unlink()
    return path


def saved(folder: Path) -> list[Path]:
    """The checkpoints, oldest first."""
    return sorted(folder.glob("*.pt"))


def load(folder: Path, device: str = "cpu") -> State | None:
    """The newest checkpoint that is whole, its tensors on `device`; None where there is none.

    Raises OSError where the disk does not give it: to go on from an older one would then lose work.
    """
    for path in reversed(saved(folder)):
        if not zipfile.is_zipfile(
            path
        ):  # cut off; torch would take it for one of its older formats, none of which was ever written here
            log.warning("%s is not whole; the one before it is tried", path)
            continue
        try:
            with zipfile.ZipFile(path) as archive:
                if damaged := archive.testzip():  # torch does not check the CRCs
                    raise zipfile.BadZipFile(f"{damaged} is damaged")
            state: State = torch.load(path, map_location=device, weights_only=True)
        except (RuntimeError, ValueError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
            never_full(error)
            log.warning("%s cannot be read (%s); the one before it is tried", path, error)
        else:
            return state
    return None


def write_generator(path: Path, ema: nn.Module, values: Values, size: int, images_seen: int) -> None:
    """The averaged G as `path` (safetensors), and a JSON of the same name: layers, the latents' shape, every value."""
    channels = values.z + values.types + values.waves
    _, depth = networks.split(size)
    config = {
        "format": 1,
        "size": size,
        "latents": {
            "channels": channels,
            "field": list(networks.field(values, size)),
            "grows": 2**depth,
            "law": values.law,
        },
        "images_seen": images_seen,
        "layers": pyramid.bare(networks.generator(values, size)),
        "values": plain(values),
    }
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in ema.state_dict().items()}
    write_bytes(path, to_safetensors(weights))
    write_text(path.with_suffix(".json"), json.dumps(config, indent=1) + "\n")
