"""A timm ResNet on this computer's processor: its weights, its own transform, its classes, and what it sees."""

from __future__ import annotations

import copy
import difflib
import hashlib
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

import timm
import torch
from huggingface_hub import constants
from timm.data.config import resolve_data_config
from timm.data.imagenet_info import ImageNetInfo, infer_imagenet_subset
from torch.nn import BatchNorm2d

from curate.model import passes
from curate.model.passes import BATCH
from curate.model.targets import SYNSET, ClassSet, above
from curate.model.transform import transform
from scrapbag.errors import MissingError, UsageError
from scrapbag.models import lite0
from scrapbag.recipe import model_folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

Body = Callable[[torch.Tensor], torch.Tensor]  # normalised (BATCH, 3, H, W) -> feature maps

# Recipes whose loss was binary cross-entropy (Wightman et al., ResNet strikes back, 2021; pytorch/vision#7570): each
# output is a yes or no of its own, and a softmax over them gives no class a high probability.
_SIGMOID_TAGS = re.compile(r"(a1|a1h|a2|a3)_")
_TAG_SET = re.compile(r"in(1k|12k|21k|22k)")  # the last one is what the classifier was trained on at the end


@dataclass(frozen=True)
class Loaded:
    """A model with everything that a score depends on."""

    module: Any  # a timm model; torch's stubs know nothing of its methods
    prepare: Callable[[Image.Image], NDArray[np.uint8]]  # upright RGB -> (3, H, W), exactly as timm evaluates
    config: dict[str, Any]  # timm's data config: input_size mean std interpolation crop_pct crop_mode
    weights: str  # sha256 of the state dict
    classes: ClassSet
    activation: str  # softmax | sigmoid, which turns logits into probabilities

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

    Raises UsageError when there is none of that name, MissingError when its weights are on a hub out of reach.
    """
    local = model_folder(name)
    own = json.loads((local / "config.json").read_text(encoding="utf-8")) if _is_model(local) else {}
    module = _lite0() if name == lite0.NAME else _timm(name, local)
    config = resolve_data_config({}, model=module)
    return Loaded(
        module=module,
        prepare=transform(config),
        config={key: list(value) if isinstance(value, tuple) else value for key, value in sorted(config.items())},
        weights=_hash(module),
        classes=_class_set(module.pretrained_cfg, module.num_classes),
        activation=own.get("link")
        or ("sigmoid" if _SIGMOID_TAGS.match(str(module.pretrained_cfg.get("tag"))) else "softmax"),
    )


def _is_model(local: Path | None) -> TypeGuard[Path]:
    return local is not None and (local / "config.json").is_file()


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
    if local:
        if not _is_model(local):
            raise UsageError(
                f"there is no model in {local}; it needs config.json and model.safetensors, as timm saves them"
            )
    else:
        _check_name(source)
        _check_hub()
    try:
        module: Any = timm.create_model(source, pretrained=True).eval()
    except (OSError, RuntimeError) as error:  # the hub's errors are OSErrors; torch says RuntimeError at wrong weights
        if local or not isinstance(error, OSError):
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
        features = self._module.forward_head(maps, pre_logits=True)[: len(pixels)]
        return features.flatten(1).numpy(), self._module.forward_head(maps)[: len(pixels)].numpy()


def normalise(pixels: NDArray[np.uint8], mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    """The batch with the mean and the standard deviation of the model's training data, both given in 0 to 255."""
    return torch.from_numpy(pixels).float().sub_(mean).div_(std)


def torch_body(loaded: Loaded, dtype: str) -> Body:
    """The convolutions in bf16 or fp32, channels last. Batch norms stay in fp32, which halves the error of bf16."""
    kind = torch.bfloat16 if dtype == "bf16" else torch.float32
    module = copy.deepcopy(loaded.module).to(dtype=kind, memory_format=torch.channels_last)
    for exact, part in zip(loaded.module.modules(), module.modules(), strict=True):
        if isinstance(part, BatchNorm2d):
            part.float().load_state_dict(exact.state_dict())

    def body(batch: torch.Tensor) -> torch.Tensor:
        maps: torch.Tensor = module.forward_features(batch.to(dtype=kind, memory_format=torch.channels_last))
        return maps

    return body


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


def _class_set(config: dict[str, Any], classes: int) -> ClassSet:
    """The class names in the model's config; else the set that its tag names, if it has that many; else unknown."""
    if names := config.get("label_names"):
        described = config.get("label_descriptions") or {}
        words = {name: described[name] for name in names if name in described}
        if all(SYNSET.fullmatch(name) for name in names):
            words = _words(names) | words
        return ClassSet("model", tuple(names), words)
    tagged = _TAG_SET.findall(str(config.get("tag") or ""))
    guess = infer_imagenet_subset({"num_classes": classes})
    if tagged and guess and tagged[-1] == guess.split("-")[1]:
        synsets = _synsets(guess)
        return ClassSet(guess, synsets, _words(synsets))
    return ClassSet("unknown", tuple(map(str, range(classes))))


def _words(synsets: Iterable[str]) -> dict[str, str]:
    known: Any = ImageNetInfo("imagenet-22k")
    every = set(synsets) | above(synsets)
    return {s: known.label_name_to_description(s) for s in sorted(every & {*_synsets("imagenet-22k"), *synsets})}


def _synsets(subset: str) -> tuple[str, ...]:
    info: Any = ImageNetInfo(subset)
    return tuple(info.label_names())


def _hash(module: Any) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
