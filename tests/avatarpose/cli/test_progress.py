import os
from pathlib import Path

import pytest

from avatarpose.cli.progress import ProgressLine, duration


def test_a_log_gets_a_line_per_topic_only(tmp_path: Path):
    log = tmp_path / "log"
    with log.open("w", encoding="utf-8") as stream:
        progress = ProgressLine(stream)
        for share in (0.0, 0.1, 0.2):
            progress.show(share, "keypoints", "step 1/9")
        progress.show(0.5, "avatars", "step 5/9")
        progress.close()
    assert log.read_text("utf-8") == "  0%  keypoints  step 1/9\n 50%  avatars  step 5/9\n"


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_a_terminal_shows_one_line_that_changes():
    ours, theirs = os.openpty()
    try:
        with os.fdopen(theirs, "w", encoding="utf-8") as stream:
            progress = ProgressLine(stream)
            progress.show(0.25, "keypoints", "a long text about it")
            progress.show(1.0, "done")
            progress.close()
            shown = os.read(ours, 4096).decode("utf-8")
    finally:
        os.close(ours)
    first, second = shown.strip("\r\n").split("\r")
    assert first.startswith("[######------------------]  25%  keypoints")
    assert second.startswith("[########################] 100%  done")
    assert len(second) == len(first)  # nothing of the longer line is left


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0:00"), (42.0, "0:42"), (187.2, "3:07"), (3750.0, "1:02:30")]
)
def test_durations_are_written_as_on_a_clock(seconds, text):
    assert duration(seconds) == text
