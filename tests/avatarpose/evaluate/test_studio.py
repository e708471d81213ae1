import numpy as np
import pytest

from avatarpose.evaluate.overlay import DrawnPerson
from avatarpose.evaluate.studio import orbit_camera, orbit_radius, studio

SIZE = (160, 120)
CENTRE = np.array([0.5, -0.3, 0.9])


def box(x: float, y: float) -> DrawnPerson:
    """Somebody with the shape of a plate that stands on the floor."""
    corners = np.array([[x, y - 0.3, 0.0], [x, y + 0.3, 0.0], [x, y + 0.3, 1.7], [x + 0.4, y, 0.0]])
    faces = np.array([[0, 1, 2], [0, 1, 3]])
    return DrawnPerson("Box", (86, 180, 233), corners, np.tile([x, y, 1.0], (24, 1)), faces)


@pytest.mark.parametrize("azimuth", np.linspace(0, 2 * np.pi, 7))
@pytest.mark.parametrize("size", [(160, 120), (90, 160)])
def test_everybody_is_in_the_picture_from_all_around(azimuth, size):
    points = CENTRE + np.random.default_rng(1).uniform(-0.9, 0.9, (200, 3))
    radius = orbit_radius(points, CENTRE, size)
    camera = orbit_camera(CENTRE, azimuth, radius, 1.5, size)
    assert camera.is_inside(camera.project(points)).all()
    assert camera.project(CENTRE) == pytest.approx((size[0] / 2 - 0.5, size[1] / 2 - 0.5))
    assert camera.centre_world[2] == pytest.approx(1.5)


def test_people_throw_shadows_on_the_floor_where_they_stand():
    camera = orbit_camera(CENTRE, 0.3, 4.0, 1.6, SIZE)
    person = box(*CENTRE[:2])
    empty, peopled = studio(camera, ()), studio(camera, [person])
    x, y = np.rint(camera.project(np.array([CENTRE[0] + 0.1, CENTRE[1], 0.0]))).astype(int)
    assert peopled[y, x].mean() < empty[y, x].mean() - 15
    assert peopled[2, 2].mean() == pytest.approx(empty[2, 2].mean(), abs=1.5)


def test_the_studio_is_bright_and_neutral():
    picture = studio(orbit_camera(CENTRE, 0.0, 4.0, 1.6, SIZE), ()).astype(int)
    assert picture.min() > 170
    assert np.ptp(picture, axis=-1).max() < 12
