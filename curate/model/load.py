"""A timm ResNet on this computer's processor: its weights, its own transform, its classes, and what it sees."""

from __future__ import annotations

import difflib
import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import timm
import torch
from huggingface_hub import constants, try_to_load_from_cache
from safetensors import SafetensorError
from timm.data.config import resolve_data_config

from curate.model import passes
from curate.model.classes import activation, class_set
from curate.model.passes import BATCH
from curate.model.transform import transform
from scrapbag.errors import MissingError, UsageError, never_full
from scrapbag.models import lite0
from scrapbag.recipe import model_folder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curate.model.targets import ClassSet
    from curate.model.transform import Prepare

Body = Callable[[torch.Tensor], torch.Tensor]  # normalised (BATCH, 3, H, W) -> feature maps
_NAMES = ("label_names", "label_descriptions")  # keys of config.json


@dataclass(frozen=True)
class Loaded:
    """A model with everything that a score depends on."""

    module: Any  # a timm model; torch's stubs know nothing of its methods
    prepare: Prepare  # upright RGB -> (3, H, W), exactly as timm evaluates
    config: dict[str, Any]  # timm's data config: input_size mean std interpolation crop_pct crop_mode
    weights: str  # sha256 of the state dict
    classes: ClassSet
    activation: str  # softmax | sigmoid, which turns logits into probabilities; '' where there are none

    @property
    def side(self) -> int:
        """The shorter side, in pixels, that a picture is resized to before the crop."""
        return int(min(self.config["input_size"][1:]) / self.config["crop_pct"])

    @property
    def paper(self) -> tuple[float, float, float]:
        """The RGB colour, 0 to 255, that normalisation turns into zeros."""
        red, green, blue = (255 * part for part in self.config["mean"])
        return red, green, blue


def load(name: str) -> Loaded:
    """A model by timm name, `hf-hub:...`, `local-dir:PATH`, "lite0" or "demo", with its weights.

    Raises UsageError when there is none of that name or it cannot be scored with, MissingError when its weights are on
    a hub out of reach.
    """
    local = model_folder(name)
    own = _read(local) if local else {}
    module = _lite0() if name == lite0.NAME else _timm(name, local)
    own = own or _of_hub(name)
    config = resolve_data_config({}, model=module)
    classes = class_set(module.pretrained_cfg | {k: own[k] for k in _NAMES if k in own}, module.num_classes)
    loaded = Loaded(
        module=module,
        prepare=transform(config),
        config={key: list(value) if isinstance(value, tuple) else value for key, value in sorted(config.items())},
        weights=_hash(module),
        classes=classes,
        activation=activation(module.pretrained_cfg, own, classes),
    )
    _try(loaded, name)
    return loaded


def _read(local: Path) -> dict[str, Any]:
    """The config.json that timm saves beside its weights. Raises UsageError."""
    if not (local / "config.json").is_file():
        raise UsageError(
            f"there is no model in {local}; it needs config.json and model.safetensors, as timm saves them"
        )
    try:
        own = json.loads((local / "config.json").read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise UsageError(f"{local}/config.json cannot be read: {error}") from None
    if not isinstance(own, dict) or not isinstance(own.get("architecture"), str):
        other = " (this one is of transformers)" if isinstance(own, dict) and "model_type" in own else ""
        raise UsageError(f"{local}/config.json names no architecture{other}; save the model by timm's save_for_hf")
    return own


def _of_hub(name: str) -> dict[str, Any]:
    """The config.json of a model of the hub, out of the cache that it was just loaded into; {} where there is none."""
    if not name.startswith("hf-hub:"):
        return {}
    repository, _, revision = name.removeprefix("hf-hub:").partition("@")
    path = try_to_load_from_cache(repository, "config.json", revision=revision or None)
    return dict(json.loads(Path(path).read_text(encoding="utf-8"))) if isinstance(path, str) else {}


@torch.inference_mode()
def _try(loaded: Loaded, name: str) -> None:
    """Raise UsageError for a network whose features are no single tensor, before hours are spent on it."""
    try:
        maps = loaded.module.forward_features(torch.zeros(1, *loaded.config["input_size"]))
        features = loaded.module.forward_head(maps, pre_logits=True)
        whole = isinstance(maps, torch.Tensor) and features.flatten(1).shape == (1, loaded.module.head_hidden_size)
    except (RuntimeError, TypeError, AttributeError, ValueError, NotImplementedError, IndexError) as error:
        never_full(error)
        raise UsageError(
            f"{name} cannot be scored with ({_first_line(error)}); take a ResNet or another of timm"
        ) from error
    if not whole:
        raise UsageError(f"{name} cannot be scored with: its features are no single vector; take a ResNet")


def _lite0() -> Any:
    """EfficientNet-lite0 with the ImageNet-1k weights of its package; no hub is asked."""
    overlay = {"mean": lite0.MEAN, "std": lite0.STD, "tag": "in1k"}
    module = timm.create_model(lite0.ARCHITECTURE, pretrained=False, pretrained_cfg_overlay=overlay).eval()
    state = torch.load(lite0.path(), map_location="cpu", weights_only=True)
    module.load_state_dict({lite0.timm_key(key): tensor for key, tensor in state.items()})
    return module


def _timm(name: str, local: Path | None) -> Any:
    """A model of timm's, from `local` or the hub."""
    source = f"local-dir:{local}" if local else name
    if not local:
        _check_name(source)
        _check_hub()
    try:
        module: Any = timm.create_model(source, pretrained=True).eval()
    except (OSError, RuntimeError, ValueError, TypeError, KeyError, SafetensorError) as error:
        never_full(error)
        if local or not isinstance(error, OSError):  # the hub's errors are OSErrors; torch's at wrong weights are not
            raise UsageError(f"cannot load the model {name}: {_first_line(error)}") from error
        raise MissingError(
            f"the weights of {name} are not on this computer and the hub cannot be reached;"
            " connect it, or take MODEL=lite0, whose weights are, or MODEL=local-dir:PATH of a model that timm saved,"
            " or MODEL=none where targets = []"
        ) from error
    return module


class Embedder:
    """Features and logits of a batch; may be called from several threads at once.

    The body may compute in bf16 or int8; pooling and the last layer are the model's own, in fp32.
    """

    def __init__(self, loaded: Loaded, body: Body) -> None:
        self.width = int(loaded.module.head_hidden_size)  # of a feature vector
        self._module = loaded.module
        self._body = body
        self._mean, self._std = (torch.tensor(loaded.config[k]).view(1, 3, 1, 1) * 255 for k in ("mean", "std"))

    @torch.inference_mode()
    def __call__(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(B, 3, H, W) of 0 to 255 with B at most BATCH -> features (B, F) and logits (B, classes)."""
        passes.add(len(pixels))
        batch = normalise(pixels, self._mean, self._std)
        maps = self._body(torch.cat([batch, batch.new_zeros(BATCH - len(batch), *batch.shape[1:])])).float()
        features = self._module.forward_head(maps, pre_logits=True)[: len(pixels)].flatten(1).numpy()
        if not self._module.num_classes:
            return features, np.zeros((len(pixels), 0), dtype=np.float32)
        return features, self._module.forward_head(maps)[: len(pixels)].numpy()


def normalise(pixels: NDArray[np.uint8], mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    """The batch with the mean and the standard deviation of the model's training data, both given in 0 to 255."""
    return torch.from_numpy(pixels).float().sub_(mean).div_(std)


def one_thread() -> None:
    """Let torch use one core: two batches side by side, each on a core, are faster than one batch on two."""
    torch.set_num_threads(1)


def _check_name(source: str) -> None:
    if source.startswith("hf-hub:"):
        return
    architecture, _, tag = source.partition(".")
    if not timm.is_model(architecture):
        near = difflib.get_close_matches(architecture, timm.list_models(), n=3)
        hint = f"; did you mean {' or '.join(near)}" if near else ""
        raise UsageError(
            f"timm has no model {source!r}{hint}; or write lite0, local-dir:PATH, hf-hub:OWNER/NAME, demo or none"
        )
    tags = timm.list_pretrained(f"{architecture}.*")
    if tag and source not in tags:
        raise UsageError(f"timm has no weights {source!r}; it has {', '.join(tags[:8]) or 'none of ' + architecture}")


def _check_hub() -> None:
    """Fail in seconds where the hub client would try for a minute; weights already on this computer still load."""
    if constants.HF_HUB_OFFLINE:
        return
    try:
        request = urllib.request.Request(constants.ENDPOINT, method="HEAD")  # noqa: S310  the library's own https address
        urllib.request.urlopen(request, timeout=5).close()  # noqa: S310
    except urllib.error.HTTPError:
        return  # it answers
    except OSError:
        constants.HF_HUB_OFFLINE = True


def _hash(module: Any) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
