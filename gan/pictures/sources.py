"""Where a run's pictures come from: a folder of this computer, or a server (gan/pictures/dealt.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from gan.pictures import data, moved

if TYPE_CHECKING:
    from gan.pictures.data import Pictures
    from scrapbag.layout import Data, Run


class PictureSource(Protocol):
    """What runs.prepare asks of either."""

    moves: bool  # whether its address may be another one the next time, and the run the same

    def pictures(self, crop: int) -> Pictures:
        """What there is to train on; `crop` as in data.load. Raises UsageError, and MissingError for a server."""

    def model(self) -> str:
        """The name of the model that chose the pictures; "" where none did."""

    def note(self, run: Run) -> dict[str, str]:
        """What settings.toml keeps of where they are."""

    def asked(self) -> dict[str, Any]:
        """What else two runs must have in common to be the same one."""

    def meet(self, asked: dict[str, Any], run: Run) -> None:
        """Raises UsageError where a run that `asked` for other pictures must not be moved aside."""

    def keep(self, pictures: Pictures, run: Run, pools: tuple[int, int]) -> Pictures:
        """The pictures with what is needed to measure a run by, of the first so many of `train` and of `held`."""


class CuratedFolder:
    """A dataset's folder."""

    moves = False  # it does, and gan/pictures/moved.py looks for it

    def __init__(self, dataset: Data) -> None:
        self._dataset = dataset

    def pictures(self, crop: int) -> Pictures:
        """See PictureSource, as for all that follow."""
        return data.load(self._dataset.curated, self._dataset.packed, crop)

    def model(self) -> str:
        return data.chosen_by(self._dataset.curated)

    def note(self, run: Run) -> dict[str, str]:
        return moved.note(self._dataset, run)

    def asked(self) -> dict[str, Any]:
        return {}

    def meet(self, asked: dict[str, Any], run: Run) -> None:
        pass

    def keep(self, pictures: Pictures, run: Run, pools: tuple[int, int]) -> Pictures:  # noqa: ARG002
        return pictures
