import cv2
import numpy as np
import pytest

from avatarpose.errors import FormatError
from avatarpose.formats.video import (
    VideoDecoder,
    VideoTiming,
    read_video_facts,
    read_video_timing,
)


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "v.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (64, 48))
    for number in range(30):
        writer.write(np.full((48, 64, 3), 8 * number, np.uint8))
    writer.release()
    return path


def test_size_count_and_rate_are_read(video):
    facts = read_video_facts(video)
    assert (facts.width, facts.height, facts.frame_count, facts.fps) == (64, 48, 30, 25.0)


def test_every_frame_is_counted_and_a_steady_rate_has_no_jumps(video):
    assert read_video_timing(video) == VideoTiming(30, ())


def test_frames_met_on_the_way_back_come_along(video):
    decoder = VideoDecoder(video)
    assert [index for index, _ in decoder.frames_to(20)] == [20]
    assert [index for index, _ in decoder.frames_to(21)] == [21]
    back = decoder.frames_to(15)
    assert [index for index, _ in back] == list(range(3, 16))
    for index, picture in back:
        assert abs(float(picture.mean()) - 8 * index) < 2
    assert decoder.frames_to(30) == []
    assert decoder.frames_to(-1) == []
    assert [index for index, _ in decoder.frames_to(0)] == [0]
    decoder.close()
    assert [index for index, _ in decoder.frames_to(4)] == [4]
    decoder.close()


@pytest.mark.parametrize("content", [b"", b"junk", b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 40])
def test_what_is_no_video_is_an_error_of_ours(tmp_path, content):
    (tmp_path / "v.mp4").write_bytes(content)
    for read in (read_video_facts, read_video_timing):
        with pytest.raises(FormatError) as refused:
            read(tmp_path / "v.mp4")
        assert refused.value.remedy
    with pytest.raises(FormatError, match="does not exist"):
        read_video_facts(tmp_path / "none.mp4")


def test_a_truncated_video_gives_the_frames_it_has(video, tmp_path):
    content = video.read_bytes()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(content[: len(content) // 2])
    decoder = VideoDecoder(cut)
    count = read_video_timing(cut).frame_count
    assert 0 < count < 30
    assert decoder.frames_to(count - 1)[-1][0] == count - 1
    assert decoder.frames_to(count) == []
    decoder.close()
