import numpy as np
import pytest

from avatarpose.formats.calibration import RawCamera, check_rig, checked_camera
from avatarpose.geometry.camera import Camera
from avatarpose.geometry.rigid import invert, look_at
from avatarpose.geometry.rotation import matrix_from_rotvec
from avatarpose.scene.issues import Issue, Severity

K = np.array([[800.0, 0.0, 320.0], [0.0, 790.0, 236.0], [0.0, 0.0, 1.0]])
ROTATION = matrix_from_rotvec(np.array([0.3, -1.2, 0.5]))


def raw(**changes) -> RawCamera:
    values = {
        "name": "c",
        "intrinsics": K,
        "rotation": ROTATION,
        "translation": np.array([0.1, 0.2, 3.0]),
        "distortion": np.array([0.1, -0.05, 0.001, 0.002]),
        "size": (640, 480),
    }
    return RawCamera(**{**values, **changes})


def checked(given: RawCamera, picture=None) -> tuple[Camera | None, list[Issue]]:
    issues: list[Issue] = []
    return checked_camera(given, picture, where="file", issues=issues), issues


def test_a_sound_camera_passes_unchanged():
    camera, issues = checked(raw(), (640, 480))
    assert camera is not None
    assert issues == []
    np.testing.assert_array_equal(camera.pixel_from_camera, K)
    np.testing.assert_array_equal(camera.camera_from_world[:3, :3], ROTATION)
    np.testing.assert_array_equal(camera.distortion, [0.1, -0.05, 0.001, 0.002, 0, 0, 0, 0])


def test_a_rotation_vector_is_as_good_as_a_matrix():
    camera, _ = checked(raw(rotation=np.array([[0.3], [-1.2], [0.5]])))
    assert camera is not None
    np.testing.assert_allclose(camera.camera_from_world[:3, :3], ROTATION, atol=1e-12)


def test_a_calibration_for_another_size_of_the_same_shape_is_scaled_and_said():
    camera, issues = checked(raw(), (320, 240))
    assert camera is not None
    assert (camera.width, camera.height) == (320, 240)
    full, _ = checked(raw())
    assert full is not None
    point = np.array([0.2, -0.1, 0.3])
    expected = (full.project(point) + 0.5) / 2 - 0.5
    np.testing.assert_allclose(camera.project(point), expected, atol=1e-9)
    assert [issue.severity for issue in issues] == [Severity.WARNING]


def test_a_calibration_for_another_shape_is_an_error_but_the_camera_stays():
    camera, issues = checked(raw(), (480, 640))
    assert camera is not None
    assert issues[0].severity == Severity.ERROR
    assert "another shape" in issues[0].message


def test_the_size_comes_from_the_pictures_when_the_file_says_zero():
    camera, issues = checked(raw(size=(0, 0)), (640, 480))
    assert camera is not None
    assert (camera.width, camera.height, issues) == (640, 480, [])


@pytest.mark.parametrize(
    "changes",
    [
        {"intrinsics": np.full((3, 3), np.nan)},
        {"intrinsics": np.eye(2)},
        {"intrinsics": K * -1},
        {"rotation": np.diag([1.0, 1.0, -1.0])},
        {"rotation": 1.2 * ROTATION},
        {"rotation": np.full((3, 3), np.inf)},
        {"rotation": np.zeros(4)},
        {"translation": np.zeros(2)},
        {"translation": np.array([0, 0, np.nan])},
        {"distortion": np.zeros(6)},
        {"distortion": np.array([np.nan, 0, 0, 0])},
        {"distortion": np.array([0.0] * 8 + [0.1] * 4)},
        {"is_fisheye": True},
        {"size": None},
    ],
    ids=str,
)
def test_what_cannot_be_mended_is_rejected_with_a_remedy(changes):
    camera, issues = checked(raw(**changes))
    assert camera is None
    assert issues[-1].severity == Severity.ERROR
    assert issues[-1].remedy
    assert issues[-1].camera == "c"


def test_a_slightly_wrong_rotation_is_mended_and_said():
    camera, issues = checked(raw(rotation=ROTATION + 2e-3))
    assert camera is not None
    rotation = camera.camera_from_world[:3, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert issues[0].severity == Severity.WARNING


def test_an_optical_centre_far_from_the_middle_is_said():
    _, issues = checked(raw(size=(1920, 1080)))
    assert "optical centre" in issues[0].message


def ring(count: int, radius_m: float = 3.0) -> list[Camera]:
    around = np.linspace(0, 2 * np.pi, count, endpoint=False)
    centres = radius_m * np.stack([np.cos(around), np.sin(around), 0.5 + 0 * around], -1)
    target = np.array([0.0, 0.0, 1.0])
    return [
        Camera(str(index), 640, 480, K, look_at(centre, target))
        for index, centre in enumerate(centres)
    ]


def rig_issues(cameras: list[Camera]) -> list[Issue]:
    issues: list[Issue] = []
    check_rig(cameras, where="file", issues=issues)
    return issues


def test_a_ring_of_cameras_is_in_order():
    assert rig_issues(ring(6)) == []


def test_one_camera_is_an_error():
    assert rig_issues(ring(1))[0].severity == Severity.ERROR


def test_millimetres_are_suspected():
    assert "millimetres" in rig_issues(ring(4, 3000.0))[0].remedy


def test_an_inverted_calibration_is_suspected():
    inverted = [Camera(c.name, 640, 480, K, invert(c.camera_from_world)) for c in ring(4)]
    assert any("world to camera" in issue.remedy for issue in rig_issues(inverted))
