import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatarpose.evaluate.lettering import Line, columns_for, plain_text, sheet, write_lines


def filled(height: int, width: int, value: int) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def test_a_sheet_has_every_picture_in_reading_order():
    pictures = [filled(10, 20, value) for value in (50, 100, 150)]
    found = sheet(pictures, 2, gap_px=2)
    assert found.shape == (22, 42, 3)
    assert [found[5, 5, 0], found[5, 30, 0], found[17, 5, 0]] == [50, 100, 150]


def test_smaller_pictures_stand_in_the_middle_of_their_cell():
    found = sheet([filled(10, 10, 200), filled(4, 4, 100)], 2, gap_px=0)
    assert (found[3:7, 13:17] == 100).all()
    assert (found[0, 10:] != 100).all()


@given(st.integers(1, 16), st.integers(100, 2000), st.integers(100, 2000))
def test_columns_are_at_least_one_and_never_more_than_pictures(count, width, height):
    assert 1 <= columns_for(count, width, height) <= count


def test_eight_portrait_pictures_stand_in_two_rows():
    assert columns_for(8, 470, 640) in (4, 5)


@pytest.mark.parametrize("at_bottom", [False, True])
def test_text_darkens_its_corner_and_nothing_else(at_bottom):
    canvas = filled(400, 600, 120)
    write_lines(canvas, [Line("camera 4"), Line("Anna", (230, 159, 0))], 2.0, at_bottom=at_bottom)
    rows, columns = np.nonzero((canvas != 120).any(-1))
    assert columns.min() == 0
    assert columns.max() < 400
    assert (rows.max() == 399) == at_bottom
    assert (rows.min() == 0) != at_bottom
    assert (canvas == (230, 159, 0)).all(-1).sum() > 50


def test_nothing_to_say_leaves_the_picture_alone():
    canvas = filled(40, 60, 120)
    write_lines(canvas, [Line("")], 1.0, at_bottom=False)
    assert (canvas == 120).all()


def test_letters_the_font_lacks_lose_their_accents():
    assert plain_text("Zoë Müller – 王") == "Zoe Muller ? ?"
