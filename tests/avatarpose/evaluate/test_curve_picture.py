import numpy as np

from avatarpose.evaluate.charts import broken_at_gaps
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


def test_nothing_is_drawn_across_a_gap():
    halves = [*((step, 1.0 + step % 2) for step in range(40)),
              *((step, 1.0 + step % 2) for step in range(360, 400))]  # fmt: skip
    picture = curve_picture({"rgb": halves}).astype(int)
    is_drawn = np.ptp(picture[40:170], axis=-1).max(0) > 60
    assert not is_drawn[150:320].any()
    assert is_drawn[66:90].all()


def test_a_chart_breaks_where_the_steps_jump():
    points = [(0.0, 1.0), (1.0, 2.0), (2.0, 1.0), (90.0, 3.0), (91.0, 2.0)]
    assert broken_at_gaps(points) == [*points[:3], (2.0, None), *points[3:]]
    assert broken_at_gaps([]) == []
    assert broken_at_gaps(points[:1]) == points[:1]
