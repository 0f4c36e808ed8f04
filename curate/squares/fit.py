"""From a picture of any shape to a square of one size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = 2  # raise it by hand when squares come out differently
_ONE_COLOUR = 0.9  # `border_uniform` from which `auto` takes a border for one of a single colour, and pads


def side_used(fit: str, width: NDArray[Any], height: NDArray[Any], border_uniform: NDArray[Any]) -> NDArray[Any]:
    """For N pictures the length, in their own pixels, that becomes the side of the square: (N,)."""
    least: NDArray[Any] = np.minimum(width, height)
    longest: NDArray[Any] = np.maximum(width, height)
    if fit == "original":
        return np.full(least.shape, np.iinfo(np.int64).max)  # never enlarged
    if fit in {"crop", "auto"}:
        cropped = (border_uniform < _ONE_COLOUR) | (fit == "crop")
        return np.where(cropped, least, longest)
    return longest


def settled(fit: str, border_uniform: float) -> str:
    """The fit that `auto` stands for with one picture; every other fit unchanged."""
    if fit != "auto":
        return fit
    return "border" if border_uniform >= _ONE_COLOUR else "crop"


def square(pixels: NDArray[np.uint8], size: int, fit: str, border_uniform: float) -> NDArray[np.uint8]:
    """(H, W, 3) -> (size, size, 3), RGB; the picture itself when `fit` is original. `border_uniform` is 0 to 1."""
    if fit == "original":
        return pixels
    fit = settled(fit, border_uniform)
    if fit == "crop":
        side = min(pixels.shape[:2])
        top, left = ((length - side) // 2 for length in pixels.shape[:2])
        return resize(pixels[top : top + side, left : left + side], size, size)
    scale = size / max(pixels.shape[:2])
    height, width = (max(1, round(length * scale)) for length in pixels.shape[:2])
    return _pad(resize(pixels, width, height), size, fit)


def resize(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """By pixel area when it shrinks, so that every pixel counts; by Lanczos when it grows."""
    shrinks = width * height <= pixels.shape[0] * pixels.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LANCZOS4
    return cv2.resize(np.ascontiguousarray(pixels), (width, height), interpolation=method).astype(np.uint8, copy=False)


def _pad(inner: NDArray[np.uint8], size: int, fit: str) -> NDArray[np.uint8]:
    height, width = inner.shape[:2]
    top, left = (size - height) // 2, (size - width) // 2
    margins = (top, size - height - top, left, size - width - left)
    if fit == "reflect":
        return cv2.copyMakeBorder(inner, *margins, cv2.BORDER_REFLECT).astype(np.uint8, copy=False)
    if fit == "blur":
        return _on_blur(inner, size, top, left)
    colour = [255.0] * 3 if fit == "white" else _border_colour(inner)
    return cv2.copyMakeBorder(inner, *margins, cv2.BORDER_CONSTANT, value=colour).astype(np.uint8, copy=False)


def _on_blur(inner: NDArray[np.uint8], size: int, top: int, left: int) -> NDArray[np.uint8]:
    """The picture on a background of itself, cropped to the square and blurred."""
    back = square(inner, size, "crop", 0.0)
    back = cv2.GaussianBlur(back, (0, 0), sigmaX=size / 16).astype(np.uint8, copy=False)
    back[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return back


def _border_colour(pixels: NDArray[np.uint8]) -> list[float]:
    ring = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return [float(value) for value in np.median(ring, axis=0)]
