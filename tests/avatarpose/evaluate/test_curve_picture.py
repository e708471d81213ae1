import numpy as np

from avatarpose.evaluate.curve_picture import curve_picture


def curve(count: int, scale: float = 1.0) -> list[tuple[int, float]]:
    return [(step, scale / (step + 1)) for step in range(count)]


def test_there_is_a_chart_per_curve():
    one, four = curve_picture({"rgb": curve(50)}), curve_picture(dict.fromkeys("abcd", curve(50)))
    assert four.shape[0] == 2 * one.shape[0]
    assert four.shape[1] == 3 * one.shape[1]


def test_a_curve_is_drawn_in_colour():
    picture = curve_picture({"rgb": curve(50)}).astype(int)
    assert (np.ptp(picture, axis=-1) > 60).sum() > 100


def test_odd_values_do_no_harm():
    empty = curve_picture({})
    assert (empty == 255).all()
    nothing = curve_picture({"nan": [(0, float("nan")), (1, float("inf"))], "one": [(3, 1.0)]})
    assert (nothing == 255).all()
    flat = curve_picture({"flat": [(0, 0.0), (1, 0.0)], "negative": [(0, -1.0), (5, -3.0)]})
    assert flat.std() > 1
