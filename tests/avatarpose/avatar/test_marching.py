import numpy as np
import pytest

from avatarpose.avatar.marching import Band, place_samples, ray_intervals

K = np.array([[200.0, 0, 32], [0, 200, 24], [0, 0, 1]])
SIZE = (48, 64)  # rows, columns


def _sphere(radius: float, centre: tuple[float, float, float], rings: int = 60):
    """Vertices and outward faces of a ball of many small triangles."""
    theta = np.linspace(0, np.pi, rings + 1)[1:-1]
    phi = np.linspace(0, 2 * np.pi, 2 * rings, endpoint=False)
    t, p = np.meshgrid(theta, phi, indexing="ij")
    side = np.stack([np.sin(t) * np.cos(p), np.sin(t) * np.sin(p), np.cos(t)], -1).reshape(-1, 3)
    vertices = np.concatenate([side, [[0, 0, 1], [0, 0, -1]]]) * radius + centre
    count, faces = len(phi), []
    top, bottom = len(side), len(side) + 1
    for row in range(len(theta) - 1):
        for column in range(count):
            a, b = row * count + column, row * count + (column + 1) % count
            faces += [[a, a + count, b], [b, a + count, b + count]]
    for column in range(count):
        a, b = column, (column + 1) % count
        last = (len(theta) - 1) * count
        faces += [[top, a, b], [bottom, last + b, last + a]]
    return vertices.astype(np.float32), np.array(faces, np.int32)


def _all_rays() -> np.ndarray:
    return np.arange(SIZE[0] * SIZE[1], dtype=np.int32).reshape(SIZE)


def _depths_of_ball(radius: float, depth: float) -> tuple[np.ndarray, np.ndarray]:
    """Depths at which the ray of every pixel enters and leaves a ball on the axis; NaN: misses."""
    y, x = np.divmod(np.arange(SIZE[0] * SIZE[1]), SIZE[1])
    direction = np.stack([(x - 32) / 200, (y - 24) / 200, np.ones(len(x))], -1)
    square, half = (direction**2).sum(-1), depth * direction[:, 2]
    inside = half**2 - square * (depth**2 - radius**2)
    root = np.sqrt(np.where(inside > 0, inside, np.nan))
    return (half - root) / square, (half + root) / square


def test_rays_enter_and_leave_a_ball_where_they_should():
    ball, faces = _sphere(0.3, (0, 0, 3))
    hits, counts, skin = ray_intervals(ball, ball * 1.0, faces, K, _all_rays(), SIZE[0] * SIZE[1])
    near, far = _depths_of_ball(0.3, 3)
    steep = np.isfinite(_depths_of_ball(0.25, 3)[0])
    assert steep.sum() > 500
    assert np.all(counts[steep] == 2)
    assert np.abs(hits[steep, 0] - near[steep]).max() < 1e-3
    last = hits[np.flatnonzero(steep), counts[steep] - 1]
    assert np.abs(-last - far[steep]).max() < 1e-3
    assert np.abs(skin[steep] - near[steep]).max() < 1e-3
    clear = np.isnan(_depths_of_ball(0.31, 3)[0])
    assert np.all(counts[clear] == 0)
    assert np.all(np.isinf(skin[clear]))


def test_only_wanted_pixels_get_rays():
    ball, faces = _sphere(0.3, (0, 0, 3), 20)
    ray_of_pixel = np.full(SIZE, -1, np.int32)
    ray_of_pixel[24, 32] = 0
    hits, counts, _ = ray_intervals(ball, ball, faces, K, ray_of_pixel, 1)
    assert hits.shape[0] == 1
    assert counts[0] >= 2


def test_two_balls_behind_each_other_are_two_stretches():
    front, faces = _sphere(0.2, (0, 0, 2), 20)
    back, _ = _sphere(0.2, (0, 0, 3), 20)
    both = np.concatenate([front, back])
    all_faces = np.concatenate([faces, faces + len(front)])
    ray_of_pixel = np.full(SIZE, -1, np.int32)
    ray_of_pixel[20, 30] = 0
    hits, counts, _ = ray_intervals(both, both, all_faces, K, ray_of_pixel, 1)
    assert counts[0] == 4
    assert np.sign(hits[0, :4]).tolist() == [1, -1, 1, -1]
    assert np.all(np.diff(np.abs(hits[0, :4])) > 0)


def test_what_lies_behind_the_camera_is_not_seen():
    ball, faces = _sphere(0.3, (0, 0, -3), 12)
    _, counts, skin = ray_intervals(ball, ball, faces, K, _all_rays(), SIZE[0] * SIZE[1])
    assert not counts.any()
    assert np.all(np.isinf(skin))


def _place(stretches, *, skin=np.inf, band=None, jitter=0.5, slant=1.0):
    """Samples of one ray with the given signed depths."""
    hits = np.zeros((1, 16), np.float32)
    hits[0, : len(stretches)] = stretches
    return place_samples(
        hits, np.array([len(stretches)], np.int32), np.array([skin], np.float32),
        np.array([slant]), band or Band(inside_m=0.02, step_m=0.01, most=50), np.array([jitter]),
    )  # fmt: skip


@pytest.mark.parametrize("jitter", [0.0, 0.3, 0.999])
def test_samples_fill_the_stretches_and_their_steps_sum_to_the_length(jitter):
    samples = _place([2.0, -2.1, 2.5, -2.53], jitter=jitter)
    assert samples.step_m.sum() == pytest.approx(0.13, abs=1e-5)
    assert np.all(np.diff(samples.t_m) > 0)
    assert samples.slot.tolist() == list(range(13))
    inside = ((samples.t_m >= 2.0) & (samples.t_m <= 2.1 + 1e-5)) | (
        (samples.t_m >= 2.5) & (samples.t_m <= 2.53 + 1e-5)
    )
    assert inside.all()
    assert samples.t_m[0] == pytest.approx(2.0 + 0.01 * jitter, abs=1e-5)


def test_samples_end_a_little_behind_the_first_skin():
    samples = _place([2.0, -3.0], skin=2.05)
    assert samples.t_m.max() <= 2.07 + 1e-5
    assert samples.step_m.sum() == pytest.approx(0.07, abs=1e-5)


def test_long_stretches_get_fewer_samples_than_wanted_but_none_is_left_out():
    samples = _place([2.0, -3.0], band=Band(step_m=0.01, most=20))
    assert len(samples.t_m) == 20
    assert samples.step_m.sum() == pytest.approx(1.0, abs=1e-4)


def test_distances_run_along_the_ray_and_not_along_the_axis():
    samples = _place([2.0, -2.1], slant=1.25)
    assert samples.t_m[0] > 2.5
    assert samples.step_m.sum() == pytest.approx(0.125, abs=1e-5)


def test_nested_surfaces_are_one_stretch():
    samples = _place([2.0, 2.05, -2.08, -2.1])
    assert samples.step_m.sum() == pytest.approx(0.1, abs=1e-5)


def test_a_ray_that_meets_nothing_has_no_samples():
    assert len(_place([]).t_m) == 0


def test_a_ray_that_starts_inside_the_band_has_none_before_it_enters_again():
    assert len(_place([-2.0]).t_m) == 0
    samples = _place([-2.0, 2.2, -2.3])
    assert samples.t_m.min() >= 2.2


def test_a_lost_far_side_ends_behind_the_skin():
    samples = _place([2.0], skin=2.04)
    assert samples.step_m.sum() == pytest.approx(0.06, abs=1e-5)
    assert len(_place([2.0]).t_m) == 0


def test_rays_are_packed_in_order():
    hits = np.zeros((3, 16), np.float32)
    hits[0, :2], hits[2, :2] = (1.0, -1.03), (2.0, -2.02)
    samples = place_samples(
        hits, np.array([2, 0, 2], np.int32), np.full(3, np.inf, np.float32), np.ones(3),
        Band(step_m=0.01), np.full(3, 0.5),
    )  # fmt: skip
    assert samples.ray.tolist() == [0, 0, 0, 2, 2]
    assert samples.slot.tolist() == [0, 1, 2, 0, 1]
