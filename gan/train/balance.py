"""Who trains next, and how hard D is held back: small controllers whose state is four numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gan.nets.presets import Values

ADA_KIMG = 100.0  # images in which the chance of augmentation could go from 0 to 1
ADA_MOST = 0.8  # unclamped it ran to 21.8 (stylegan2-ada-pytorch#175)
SERVO_KIMG = 50.0
SERVO_MOST = 16.0


@dataclass(frozen=True)
class Balance:
    """The state of every controller; a checkpoint carries it."""

    train_d: bool = True
    train_g: bool = True
    p: float = 1.0  # the chance that a kind of augmentation is applied
    gamma: float = 1.0  # a factor on the penalty's


@dataclass(frozen=True)
class Scores:
    """What one step showed."""

    loss_d: float
    loss_g: float
    accuracy: float  # of D, over reals and fakes
    sign: float  # mean sign of D on reals; of reals minus fakes for the relativistic loss
    penalty: float


def start(values: Values) -> Balance:
    return Balance(p=0.0 if values.balance == "ada" else 1.0)


def update(balance: Balance, scores: Scores, values: Values) -> Balance:
    """The next step's state from this step's scores: no clock, no chance, so a resumed run takes the same turns."""
    match values.balance:
        case "none":
            return balance
        case "alternate":
            gap = scores.loss_d - scores.loss_g
            return replace(balance, train_d=gap > -values.target, train_g=gap < values.target)
        case "gate":
            return replace(balance, train_d=scores.accuracy < values.target)
        case "ada":
            push = math.copysign(values.batch / (1000 * ADA_KIMG), scores.sign - values.target)
            return replace(balance, p=min(ADA_MOST, max(0.0, balance.p + push)))
        case "servo":
            push = math.copysign(values.batch / (1000 * SERVO_KIMG), scores.sign - values.target)
            return replace(
                balance, gamma=min(SERVO_MOST, max(1 / SERVO_MOST, balance.gamma * math.exp(push * math.log(4))))
            )
