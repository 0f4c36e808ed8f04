"""Controllers: which net trains next, how much is augmented and how large the penalty is, from the last step's logits.

Their whole state is four numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gan.nets.values import Values

ADA_KIMG = 100.0  # thousand images in which the augmentation probability could go from 0 to 1
ADA_MOST = 0.8  # the largest probability; without a limit it ran to 21.8 (stylegan2-ada-pytorch#175)
SERVO_KIMG = 50.0  # thousand images in which the factor on gamma could grow fourfold
SERVO_MOST = 16.0  # the largest factor, and one over the smallest


@dataclass(frozen=True)
class Balance:
    """The state of every controller; a checkpoint carries it."""

    train_d: bool = True
    train_g: bool = True
    p: float = 1.0  # the probability that a kind of augmentation is applied
    gamma: float = 1.0  # a factor on the penalty's weight


@dataclass(frozen=True)
class StepMetrics:
    """What one step measured; the logits are those of D's update."""

    loss_d: float
    loss_g: float
    accuracy: float  # of D over reals and fakes, from 0 to 1
    sign: float  # mean sign, -1 to 1, of D's logits of reals (relativistic loss: of real minus fake)
    penalty: float  # the gradient penalty without its weight; 0 in steps in which it was not due


def start(values: Values) -> Balance:
    """The state before step 1."""
    return Balance(p=0.0 if values.balance == "ada" else 1.0)


def update(balance: Balance, metrics: StepMetrics, values: Values) -> Balance:
    """The next step's state from this step's metrics; `values.target` is the set point.

    Neither a clock nor random numbers, so a resumed run goes the same way.
    """
    match values.balance:
        case "none":
            return balance
        case "alternate":
            gap = metrics.loss_d - metrics.loss_g  # the net whose loss is larger by the target trains alone
            return replace(balance, train_d=gap > -values.target, train_g=gap < values.target)
        case "gate":
            return replace(balance, train_d=metrics.accuracy < values.target)
        case "ada":  # arXiv 2006.06676, section 3.1, with the sign of D's logits of reals (r_t)
            push = math.copysign(values.batch / (1000 * ADA_KIMG), metrics.sign - values.target)
            return replace(balance, p=min(ADA_MOST, max(0.0, balance.p + push)))
        case "servo":  # as ada, but what is raised when D is too sure is the weight of the penalty
            push = math.copysign(values.batch / (1000 * SERVO_KIMG), metrics.sign - values.target)
            return replace(
                balance, gamma=min(SERVO_MOST, max(1 / SERVO_MOST, balance.gamma * math.exp(push * math.log(4))))
            )
