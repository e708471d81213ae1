import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatarpose.errors import FormatError
from avatarpose.formats.opencv_yaml import matrix_lines, parse_opencv_yaml
from tests.avatarpose.formats.damage import only_our_errors


def test_what_opencv_writes_is_read(tmp_path):
    storage = cv2.FileStorage(str(tmp_path / "a.yml"), cv2.FILE_STORAGE_WRITE)
    matrix = np.random.default_rng(1).normal(0, 1, (4, 5))
    storage.write("K_cam 1".replace(" ", "_"), matrix)
    storage.write("H_1", 1280)
    storage.write("title", "two words")
    storage.startWriteStruct("names", cv2.FileNode_SEQ)
    for name in ("4", "16"):
        storage.write("", name)
    storage.endWriteStruct()
    storage.release()
    found = parse_opencv_yaml((tmp_path / "a.yml").read_text(), "a.yml")
    np.testing.assert_array_equal(found["K_cam_1"], matrix)
    assert found["H_1"] == "1280"
    assert found["title"] == "two words"
    assert found["names"] == ["4", "16"]


@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=8))
def test_a_matrix_written_and_read_has_the_same_bits(values):
    matrix = np.array(values)[None]
    found = parse_opencv_yaml("\n".join(["%YAML:1.0", "---", *matrix_lines("K", matrix)]), "a")
    np.testing.assert_array_equal(found["K"], matrix)


@pytest.mark.parametrize(
    "text",
    [
        'names:\n  - "4"\n  - 16\n',
        "names:\n- '4'\n- '16'\n",
        'names: [ "4", 16 ]\n',
        'names: [ "4",\n   "16" ]   # two cameras\r\n',
    ],
)
def test_names_are_text_in_every_spelling(text):
    assert parse_opencv_yaml("%YAML:1.0\n---\n" + text, "a")["names"] == ["4", "16"]


def test_comments_and_blank_lines_do_not_count_but_a_hash_in_quotes_does():
    found = parse_opencv_yaml('# head\n\na: "x # y"  # tail\nb: 1\n', "a")
    assert found == {"a": "x # y", "b": "1"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nnonsense\n", 2),
        ("a: !!python/object:os.system\n", 1),
        ("a: 1\na: 2\n", 2),
        ("\nK: !!opencv-matrix\n   rows: 3\n   cols: 3\n   data: [ 1.0 ]\n", 2),
        ("K: !!opencv-matrix\n   rows: 3\n", 1),
        ("K: !!opencv-matrix\n   rows: 1\n   cols: 1\n   data: [ x ]\n", 1),
        ("a: [ 1, 2\n", 1),
    ],
)
def test_what_cannot_be_understood_is_named_with_its_line(text, line):
    with pytest.raises(FormatError, match=f"a.yml, line {line}[:c ]"):
        parse_opencv_yaml(text, "a.yml")


@given(text=st.text(alphabet=' \t\n:#[]"!-,.0123abcKR_\r%', max_size=200))
def test_any_text_gives_entries_or_an_error_of_ours(text):
    with only_our_errors():
        parse_opencv_yaml(text, "a")
