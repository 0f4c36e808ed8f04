"""What is measured of a picture without a classifier."""

import cv2
import numpy as np
import pytest
from choose_pictures import draw

from curate.look import quality


def measured(image):
    pixels = quality.shrink(image)
    return quality.measure(pixels, np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8))


def grid(rows, columns, gutter=6, side=90):
    """Several drawn pictures on one white ground."""
    step = side + gutter
    sheet = np.full((rows * step + gutter, columns * step + gutter, 3), 255, dtype=np.uint8)
    for number in range(rows * columns):
        top, left = (gutter + step * place for place in divmod(number, columns))
        sheet[top : top + side, left : left + side] = np.asarray(draw(number, (side, side)))
    return sheet


@pytest.mark.parametrize(("rows", "columns"), [(1, 2), (2, 1), (2, 2), (3, 3)])
def test_the_panels_of_a_collage_are_counted(rows, columns):
    grey = cv2.cvtColor(grid(rows, columns), cv2.COLOR_RGB2GRAY)
    assert quality._panels(grey) == rows * columns


def things_on_a_plain_ground():
    grey = np.full((200, 300), 250, dtype=np.uint8)
    for left in (40, 180):
        cv2.circle(grey, (left + 40, 100), 45, 60, -1)
    return grey


@pytest.mark.parametrize(
    "grey",
    [
        np.asarray(draw(1).convert("L")),
        np.tile(np.repeat(np.array([20, 240, 120, 60], dtype=np.uint8), 10), (200, 6)),
        things_on_a_plain_ground(),
    ],
    ids=["a picture", "stripes", "two things on a plain ground"],
)
def test_one_picture_is_one_panel(grey):
    assert quality._panels(grey) == 1


def test_a_blurred_picture_is_less_sharp_than_itself():
    sharp = draw(2, (400, 300))
    soft = sharp.resize((40, 30)).resize((400, 300))
    assert measured(soft).blur < measured(sharp).blur / 20


def test_a_blank_has_no_entropy_and_a_border_of_one_colour():
    blank = measured(draw(3).resize((1, 1)).resize((300, 200)))
    assert (blank.entropy, blank.border_uniform, blank.panels) == (0, 1, 1)
    assert measured(draw(3)).border_uniform < 0.7
