import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from avatarpose.errors import FormatError
from avatarpose.formats.storage import (
    npz_bytes,
    parse_npy,
    read_json,
    read_npz,
    read_text,
    write_bytes,
    write_json,
    write_npz,
)
from tests.avatarpose.formats.damage import only_our_errors

ARRAYS = hnp.arrays(
    st.sampled_from([np.float32, np.float64, np.int64, np.uint8, np.bool_]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)


@given(first=ARRAYS, second=ARRAYS)
def test_arrays_written_and_read_are_the_same_arrays(tmp_path_factory, first, second):
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    write_npz(path, {"first": first, "second": second, "text": np.array("ä")})
    found = read_npz(path)
    np.testing.assert_array_equal(found["first"], first)
    assert found["second"].dtype == second.dtype
    assert str(found["text"]) == "ä"


def test_numpy_reads_what_is_written_and_the_other_way_round(tmp_path):
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    write_npz(tmp_path / "ours.npz", {"a": array})
    with np.load(tmp_path / "ours.npz", allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["a"], array)
    np.savez_compressed(tmp_path / "theirs.npz", a=array)
    np.testing.assert_array_equal(read_npz(tmp_path / "theirs.npz")["a"], array)


def test_equal_arrays_give_equal_bytes():
    assert npz_bytes({"a": np.arange(3)}) == npz_bytes({"a": np.arange(3)})


def test_an_array_of_objects_is_refused_without_being_opened(tmp_path):
    np.savez(tmp_path / "o.npz", a=np.array({"x": 1}, dtype=object))
    with pytest.raises(FormatError, match="Python objects"):
        read_npz(tmp_path / "o.npz")


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path):
    write_npz(tmp_path / "big.npz", {"zeros": np.zeros(1 << 20)})
    assert (tmp_path / "big.npz").stat().st_size < 1 << 16
    with pytest.raises(FormatError, match="unpacks to"):
        read_npz(tmp_path / "big.npz", limit_bytes=1 << 20)


def test_a_header_that_promises_more_than_the_file_holds_is_refused():
    member = io.BytesIO()
    np.lib.format.write_array(member, np.zeros(4))
    lying = member.getvalue().replace(b"(4,)", b"(9,)")
    with pytest.raises(FormatError, match="cut short"):
        parse_npy(lying, "a")


@given(cut=st.floats(0.0, 0.999), junk=st.binary(max_size=64))
def test_a_damaged_npz_is_an_error_of_ours(tmp_path_factory, cut, junk):
    whole = npz_bytes({"a": np.arange(100), "b": np.zeros((3, 3))})
    path = tmp_path_factory.mktemp("cut") / "a.npz"
    for content in (whole[: int(cut * len(whole))], junk, whole[:50] + junk + whole[90:]):
        path.write_bytes(content)
        with only_our_errors():
            read_npz(path)


def test_a_file_keeps_its_content_when_a_write_fails(tmp_path):
    target = tmp_path / "folder"
    target.mkdir()
    (target / "inside").write_text("x")
    with pytest.raises(FormatError, match="cannot be written"):
        write_bytes(target, b"new")
    assert (target / "inside").read_text() == "x"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_json_with_a_key_twice_is_refused(tmp_path):
    (tmp_path / "a.json").write_text('{"a": 1, "a": 2}')
    with pytest.raises(FormatError, match="'a' occurs twice"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("text", ["", "{", "[1,", "nul", "[" * 100_000, "\x00"])
def test_broken_json_is_an_error_of_ours(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(FormatError):
        read_json(tmp_path / "a.json")


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": NaN}')
    assert np.isnan(read_json(tmp_path / "a.json")["a"])


def test_a_text_that_is_none_is_named(tmp_path):
    (tmp_path / "a").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FormatError, match="not a text file"):
        read_text(tmp_path / "a")


def test_json_values_survive(tmp_path):
    value = {"ä": [1, 2.5, None, "x"]}
    write_json(tmp_path / "sub" / "a.json", value)
    assert read_json(tmp_path / "sub" / "a.json") == value


def test_members_outside_the_archive_are_never_written_anywhere(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("../../evil.npy", npz_bytes({}))
    with pytest.raises(FormatError):
        read_npz(tmp_path / "a.npz")
    assert not (tmp_path.parent / "evil.npy").exists()
