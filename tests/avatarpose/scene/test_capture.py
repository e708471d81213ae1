from pathlib import Path

import numpy as np
import pytest

from avatarpose.errors import SceneError
from avatarpose.scene.capture import Footage


def test_views_stand_in_natural_order_of_their_cameras(scene):
    assert scene.capture.rig.names == ("4", "16")
    assert [view.camera.name for view in scene.capture.views] == ["4", "16"]
    assert scene.capture.view("16").camera.name == "16"


def test_frame_numbers_and_positions_are_told_apart(scene):
    capture = scene.capture
    assert capture.index_of(21) == 0
    assert capture.index_of(32) == capture.frame_count - 1
    np.testing.assert_array_equal(capture.indices_between(23, 25), [2, 3, 4])
    np.testing.assert_array_equal(capture.indices_between(0, 22), [0, 1])


@pytest.mark.parametrize("frame", [0, 20, 33])
def test_a_frame_outside_the_capture_is_refused_with_its_range(scene, frame):
    with pytest.raises(SceneError) as refused:
        scene.capture.index_of(frame)
    assert "21 to 32" in refused.value.remedy


def test_an_empty_range_is_refused(scene):
    with pytest.raises(SceneError, match="No frame"):
        scene.capture.indices_between(40, 50)


def test_an_unknown_camera_is_refused_with_the_known_ones(scene):
    with pytest.raises(SceneError) as refused:
        scene.capture.view("5")
    assert "4, 16" in refused.value.remedy


def test_a_view_says_where_it_has_pictures():
    footage = Footage("images", Path("images/4"), np.array([7, -1, 9]), ("7.jpg", "", "9.jpg"))
    np.testing.assert_array_equal(footage.present, [True, False, True])
