"""Train the small ResNet that ships in demo/model, from drawn pictures alone: .venv/bin/python -m demo.train_model.

With --exam it trains nothing, and measures anew what the card of a model says.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import timm
import torch
from timm.models import save_for_hf
from torch.nn.functional import cross_entropy, normalize
from torchvision.transforms import v2
from tqdm import tqdm

from demo.lessons import CLASSES, EXAM_BLOCKS, EXAM_FORMS, EXAM_PALETTES, Lesson, lessons

if TYPE_CHECKING:
    from collections.abc import Sequence

Net = Any  # a timm model: a module with forward_features, forward_head and get_classifier
MODEL = Path(__file__).parent / "model"
ARCHITECTURE = "test_resnet"
SIDE = 96
THRESHOLD = 0.9
COPY = 0.985  # the cosine of features from which curation takes two pictures for one: its default
_MEAN = _STD = (0.5, 0.5, 0.5)

AUGMENT = v2.Compose(
    [
        v2.RandomResizedCrop(SIDE, scale=(0.35, 1.0), ratio=(0.8, 1.25), antialias=True),
        v2.RandomHorizontalFlip(),
        v2.RandomApply([v2.RandomRotation(12)], p=0.3),
        v2.ColorJitter(0.3, 0.3, 0.3, 0.1),
        v2.RandomGrayscale(0.05),
        v2.RandomApply([v2.GaussianBlur(3)], p=0.15),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(_MEAN, _STD),
    ]
)
PLAIN = v2.Compose([v2.Resize(SIDE, antialias=True), v2.ToDtype(torch.float32, scale=True), v2.Normalize(_MEAN, _STD)])


@dataclass(frozen=True)
class Marks:
    """What the exam showed, for "quilt" at THRESHOLD."""

    quilts: int
    others: int
    kept: int
    kept_others: int
    accuracy: float  # over all classes, the likeliest one taken
    alike: float  # the share of quilts that have a neighbour at COPY or more, though no two are copies
    by_class: dict[str, float]  # the share of each class that was kept as a quilt

    @property
    def precision(self) -> float:
        return 1 - self.kept_others / max(1, self.kept)

    @property
    def recall(self) -> float:
        return (self.kept - self.kept_others) / max(1, self.quilts)


def train(pictures: Sequence[Lesson], epochs: int, seed: int, batch: int = 48) -> Net:
    """A net that has seen two views of every picture `epochs` times.

    Its classes come from plain cross entropy, so that the softmax can be firm. That alone would draw the features of
    all quilts together, and curation takes pictures with equal features for copies: hence `apart`.
    """
    torch.manual_seed(seed)
    model: Net = timm.create_model(ARCHITECTURE, num_classes=len(CLASSES)).to(memory_format=torch.channels_last)
    rounds = len(pictures) // batch
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-3, total_steps=epochs * rounds)
    rng = np.random.default_rng(seed)
    bar = tqdm(total=epochs * rounds, desc="learning", unit=" steps", disable=None)
    for _ in range(epochs):
        for chosen in np.split(rng.permutation(len(pictures))[: rounds * batch], rounds):
            views = [AUGMENT(_tensor(pictures[k])) for k in (*chosen, *chosen)]
            labels = torch.tensor([pictures[k].label for k in (*chosen, *chosen)])
            with torch.autocast("cpu", torch.bfloat16):
                maps = model.forward_features(torch.stack(views).to(memory_format=torch.channels_last))
                features = model.forward_head(maps, pre_logits=True)
                logits = model.get_classifier()(features)
            loss = cross_entropy(logits.float(), labels) + 0.5 * apart(features.float())
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            bar.update()
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
    bar.close()
    return model.to(memory_format=torch.contiguous_format).eval()  # safetensors takes no other


def apart(features: torch.Tensor, temperature: float = 0.1) -> torch.Tensor:
    """InfoNCE (arXiv 1807.03748): a view should know the other of its picture, half of (2B, F) on, among all views."""
    unit = normalize(features)
    likeness = unit @ unit.T / temperature
    likeness = likeness.masked_fill(torch.eye(len(unit), dtype=torch.bool), float("-inf"))
    return cross_entropy(likeness, torch.arange(len(unit)).roll(len(unit) // 2))


@torch.inference_mode()
def examine(model: Net, pictures: Sequence[Lesson]) -> Marks:
    """How the net does on pictures of `demo.lessons`."""
    labels = np.array([picture.label for picture in pictures])
    chunks = [torch.stack([PLAIN(_tensor(p)) for p in pictures[k : k + 128]]) for k in range(0, len(pictures), 128)]
    features = torch.cat([model.forward_head(model.forward_features(chunk), pre_logits=True) for chunk in chunks])
    logits = model.get_classifier()(features)
    kept = (logits.softmax(1)[:, 0] >= THRESHOLD).numpy()
    unit = normalize(features[torch.from_numpy(labels == 0)])
    nearest = (unit @ unit.T).fill_diagonal_(0).amax(1)
    return Marks(
        quilts=int((labels == 0).sum()),
        others=int((labels != 0).sum()),
        kept=int(kept.sum()),
        kept_others=int(kept[labels != 0].sum()),
        accuracy=float((logits.argmax(1).numpy() == labels).mean()),
        alike=float((nearest >= COPY).float().mean()),
        by_class={name: float(kept[labels == k].mean()) for k, name in enumerate(CLASSES) if (labels == k).any()},
    )


def save(model: Net, folder: Path) -> None:
    """A folder that timm loads as local-dir: config.json and model.safetensors."""
    given = {
        "input_size": (3, SIDE, SIDE),
        "mean": _MEAN,
        "std": _STD,
        "interpolation": "bicubic",
        "crop_pct": 1.0,
        "crop_mode": "center",
    }
    config = {"num_classes": len(CLASSES), "label_names": CLASSES, "pretrained_cfg": {**given, "license": "mit"}}
    save_for_hf(model, str(folder), model_config=config, safe_serialization=True)


def _tensor(picture: Lesson) -> torch.Tensor:
    return torch.from_numpy(picture.pixels.copy()).permute(2, 0, 1)


@click.command()
@click.option("--pictures", default=5000, show_default=True, help="Lessons to draw.")
@click.option("--epochs", default=15, show_default=True)
@click.option("--seed", default=7, show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), default=MODEL, show_default=True)
@click.option(
    "--exam",
    is_flag=True,
    help="Train nothing: examine the model in --output, which was trained with these options, and write its card anew.",
)
def main(pictures: int, epochs: int, seed: int, output: Path, *, exam: bool) -> None:
    """Draw the lessons, learn them, sit the exam, and write the model with its card."""
    start = time.process_time()
    if exam:
        model: Net = timm.create_model(f"local-dir:{output}", pretrained=True).eval()
    else:
        model = train(lessons(pictures, seed, exam=False), epochs, seed)
    used = time.process_time() - start
    seen, unseen = (examine(model, lessons(2000, seed + 1, exam=kept_out)) for kept_out in (False, True))
    command = f".venv/bin/python -m demo.train_model --pictures {pictures} --epochs {epochs} --seed {seed}"
    if not exam:
        save(model, output)
    (output / "README.md").write_text(_card(model, command, seen, unseen), encoding="utf-8")
    learnt = "" if exam else f"learnt {pictures:,} drawn pictures in {used / 60:.1f} CPU-minutes; "
    click.echo(
        f"{learnt}on what it had not seen, at {THRESHOLD}:"
        f" precision {unseen.precision:.3f}, recall {unseen.recall:.3f} -> {output}"
    )


def _card(model: Net, command: str, seen: Marks, unseen: Marks) -> str:
    """The model card, with the figures that the command measured."""
    row = "| {} | {:,} | {:,} | {:.3f} | {:.3f} | {:.3f} | {:.1%} |"
    rows = [
        row.format(name, m.quilts, m.others, m.precision, m.recall, m.accuracy, m.alike)
        for name, m in (("kinds it learnt, other pictures", seen), ("kinds it never saw", unseen))
    ]
    taken = ", ".join(f"{name} {share:.1%}" for name, share in unseen.by_class.items() if share and name != "quilt")
    parameters = sum(p.numel() for p in model.parameters())
    return _CARD.format(
        architecture=ARCHITECTURE,
        parameters=parameters,
        side=SIDE,
        classes=", ".join(CLASSES),
        command=command,
        threshold=THRESHOLD,
        copy=COPY,
        rows="\n".join(rows),
        blocks=", ".join(EXAM_BLOCKS),
        palettes=", ".join(EXAM_PALETTES),
        forms=", ".join(name.replace("_", " ") for name in EXAM_FORMS),
        taken=taken or "nothing",
    )


_CARD = """# A small ResNet that knows drawn quilts

It serves `make demo` and the tests. It has seen drawings only, never a photograph: there it is worth nothing.

- **Net**: timm `{architecture}`, {parameters:,} parameters, {side} x {side} pixels, from scratch: plain cross entropy
  for the classes, and a contrastive term (InfoNCE) that keeps the features of different pictures apart.
- **Classes**: {classes}. The target of the demo is `quilt`.
- **Data**: drawn by `demo/lessons.py` from this repository's blocks, palettes and other things; nobody's pictures.
- **Command**: `{command}`
- **Licence**: MIT, like the code that drew and trained it.

## What it is worth

For "quilt" at {threshold}. Accuracy is over all nine classes; alike is the share of quilts whose features another quilt
shares (cosine of {copy} or more), which curation would drop as copies.

| drawn pictures | quilts | others | precision | recall | accuracy | alike |
|---|---|---|---|---|---|---|
{rows}

Kept out of its lessons, and all there is in the last row:

- blocks: {blocks}
- palettes: {palettes}
- other things: {forms}

Taken for quilts in the last row: {taken}.

Load it with `timm.create_model("local-dir:demo/model", pretrained=True)`.
"""


if __name__ == "__main__":
    main()
