import threading
from dataclasses import replace

import cv2
import numpy as np
import pytest

from avatarpose.errors import FormatError
from avatarpose.formats.media import FrameReader, FrameRequest
from avatarpose.scene.capture import Capture, Footage, View


@pytest.fixture
def video_capture(tmp_path, small_scene):
    """A video whose every frame shows its own number, and a time base with a hole."""
    path = tmp_path / "counter.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (256, 64))
    for number in range(60):
        writer.write(striped(number))
    writer.release()
    camera = replace(small_scene.capture.rig["4"], name="v", width=256, height=64)
    numbers = np.array([0, 5, 6, 7, -1, 30, 31, 59])
    frames = np.arange(100, 108)
    return Capture("video", frames, 25.0, (View(camera, Footage("video", path, numbers)),))


def striped(number: int) -> np.ndarray:
    bits = [(number >> bit) & 1 for bit in range(8)]
    return np.repeat(np.repeat(np.array(bits, np.uint8)[None] * 255, 32, 1), 64, 0)[
        ..., None
    ].repeat(3, -1)


def number_shown(picture: np.ndarray) -> int:
    bits = picture[picture.shape[0] // 2, :, 0].reshape(8, -1).mean(1) > 128
    return int(sum(1 << bit for bit, is_set in enumerate(bits) if is_set))


def test_pictures_come_as_rgb_in_the_asked_size(small_scene):
    reader = FrameReader(small_scene.capture)
    full = reader.read("4", 0)
    small = reader.read("4", 0, size=(235, 320))
    assert full is not None
    assert small is not None
    assert full.shape == (640, 470, 3)
    assert small.shape == (320, 235, 3)
    path = small_scene.capture.view("4").footage.path / "000021.jpg"
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(full, bgr[..., ::-1])
    area = cv2.resize(full, (235, 320), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - area).mean() < 1.5
    assert not full.flags.writeable
    reader.close()


def test_an_undistorted_picture_equals_opencv_s(small_scene):
    camera = small_scene.capture.rig["16"]
    reader = FrameReader(small_scene.capture)
    recorded, ideal = reader.read("16", 1), reader.read("16", 1, undistort=True)
    assert recorded is not None
    assert ideal is not None
    k = camera.pixel_from_camera
    expected = cv2.undistort(recorded, k, camera.distortion, None, k)
    difference = np.abs(ideal.astype(int) - expected)
    assert difference.max() <= 4  # both use fixed-point weights
    assert difference.mean() < 0.1
    reader.close()


def test_a_cached_picture_is_there_at_once_and_others_are_not(small_scene):
    reader = FrameReader(small_scene.capture)
    assert reader.cached("4", 2, size=(94, 128)) is None
    read = reader.read("4", 2, size=(94, 128))
    assert reader.cached("4", 2, size=(94, 128)) is read
    assert reader.cached("4", 2) is None
    reader.close()


def test_the_budget_holds(small_scene):
    budget = 3 * 128 * 94 * 3
    reader = FrameReader(small_scene.capture, budget_bytes=budget)
    for index in range(4):
        for camera in ("4", "16", "28"):
            reader.read(camera, index, size=(94, 128))
            assert reader.used_bytes <= budget
    assert reader.cached("28", 3, size=(94, 128)) is not None
    assert reader.cached("4", 0, size=(94, 128)) is None
    reader.close()


def test_pictures_are_read_ahead_in_the_background(small_scene):
    reader = FrameReader(small_scene.capture)
    wanted = [FrameRequest(camera, 1, (94, 128)) for camera in ("4", "16", "28", "52")]
    reader.prefetch(wanted)
    last = wanted[-1]
    done = threading.Event()
    while reader.cached(last.camera, last.index, size=last.size) is None:
        done.wait(0.01)
    assert all(reader.cached(r.camera, r.index, size=r.size) is not None for r in wanted)
    reader.close()
    assert not any(thread.name == "read-ahead" for thread in threading.enumerate())


def test_closing_ends_the_reading_ahead_at_once_and_reading_still_works(small_scene):
    reader = FrameReader(small_scene.capture)
    reader.prefetch([FrameRequest("4", index) for index in range(4)])
    reader.close()
    reader.prefetch([FrameRequest("4", 0)])
    assert not any(thread.name == "read-ahead" for thread in threading.enumerate())
    assert reader.read("4", 3) is not None
    reader.close()


def test_many_threads_get_the_same_pictures(small_scene):
    reader = FrameReader(small_scene.capture, budget_bytes=1 << 20)
    alone = {
        (camera, index): reader.read(camera, index, size=(94, 128), undistort=True)
        for camera in ("4", "16")
        for index in range(4)
    }
    wrong = []

    def compare() -> None:
        for (camera, index), expected in alone.items():
            found = reader.read(camera, index, size=(94, 128), undistort=True)
            if found is None or not np.array_equal(found, expected):
                wrong.append((camera, index))

    threads = [threading.Thread(target=compare) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reader.close()
    assert wrong == []


def test_a_picture_cut_short_is_absent_and_noted(small_scene, small_capture):
    path = small_capture / "images" / "4" / "000022.jpg"
    path.write_bytes(path.read_bytes()[:-500])
    reader = FrameReader(small_scene.capture)
    assert reader.read("4", 1) is None
    assert reader.read("4", 1, size=(94, 128)) is None
    assert reader.read("4", 0) is not None
    (issue,) = reader.issues
    assert (issue.camera, issue.frame) == ("4", 22)
    reader.close()


def test_a_picture_of_another_shape_is_absent_and_noted(small_scene, small_capture):
    cv2.imwrite(
        str(small_capture / "images" / "4" / "000022.jpg"), np.zeros((470, 640, 3), np.uint8)
    )
    reader = FrameReader(small_scene.capture)
    assert reader.read("4", 1) is None
    assert "640 x 470" in reader.issues[0].message
    reader.close()


def test_an_unknown_camera_is_an_error_and_an_unknown_frame_is_nothing(small_scene):
    reader = FrameReader(small_scene.capture)
    with pytest.raises(FormatError, match="no camera"):
        reader.read("nope", 0)
    assert reader.read("4", 400) is None
    assert reader.read("4", -1) is None
    reader.close()


def test_every_frame_of_a_video_is_the_one_asked_for_in_any_order(video_capture, random):
    reader = FrameReader(video_capture, budget_bytes=1 << 18)
    numbers = video_capture.views[0].footage.source_frames
    for index in random.integers(0, len(numbers), 60).tolist():
        picture = reader.read("v", index)
        if numbers[index] < 0:
            assert picture is None
        else:
            assert picture is not None
            assert number_shown(picture) == numbers[index]
    assert reader.issues == ()
    reader.close()


def test_threads_that_ask_one_video_for_different_frames_all_get_theirs(video_capture):
    reader = FrameReader(video_capture, budget_bytes=0)
    numbers = video_capture.views[0].footage.source_frames
    wrong = []

    def ask(seed: int) -> None:
        for index in np.random.default_rng(seed).permutation(len(numbers)).tolist():
            picture = reader.read("v", index)
            shown = -1 if picture is None else number_shown(picture)
            if shown != numbers[index]:
                wrong.append((index, shown))

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reader.close()
    assert wrong == []


def test_stepping_back_finds_the_frames_before_already_there(video_capture):
    reader = FrameReader(video_capture)
    assert reader.read("v", 6) is not None
    assert reader.read("v", 3) is not None
    assert reader.cached("v", 2) is not None
    reader.close()


def test_a_video_that_ends_early_has_no_such_frame(video_capture):
    view = video_capture.views[0]
    longer = replace(view.footage, source_frames=np.array([0, 5, 6, 7, -1, 30, 31, 200]))
    reader = FrameReader(replace(video_capture, views=(replace(view, footage=longer),)))
    assert reader.read("v", 7) is None
    assert "ends before" in reader.issues[0].message
    assert reader.read("v", 5) is not None
    reader.close()


def test_the_real_clip_is_frame_exact(shared_clip, body, random):
    from avatarpose.formats.pose2sim import read_pose2sim

    scene = read_pose2sim(shared_clip, body)
    sequential = cv2.VideoCapture(str(shared_clip / "videos" / "cam03.mp4"))
    frames = []
    while True:
        is_read, picture = sequential.read()
        if not is_read:
            break
        frames.append(cv2.resize(picture, (136, 240), interpolation=cv2.INTER_AREA)[..., ::-1])
    sequential.release()
    assert len(frames) == scene.capture.frame_count == 100
    reader = FrameReader(scene.capture, budget_bytes=1 << 20)
    for index in [0, 1, 99, 98, 40, *random.integers(0, 100, 5).tolist()]:
        np.testing.assert_array_equal(reader.read("cam03", index, size=(136, 240)), frames[index])
    reader.close()
