import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatarpose.cli.arguments import parse_frames, parse_list, parse_numbers, parse_size, table


@given(first=st.integers(0, 10**6), more=st.integers(0, 1000))
def test_a_range_of_frames_includes_both_ends(first, more):
    assert parse_frames(f"{first}:{first + more}") == (first, first + more)
    assert parse_frames(f" {first} ") == (first, first)


@pytest.mark.parametrize("text", ["", ":", "3:", ":3", "5:3", "a:b", "1-2", "-1:3", "1:2:3", "1.5"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError):
        parse_frames(text)


def test_sizes_and_lists_are_read():
    assert parse_size("320x240") == parse_size("320X240") == parse_size(" 320 × 240 ") == (320, 240)
    assert parse_list("a, b,,c ") == ["a", "b", "c"]
    assert parse_numbers("0, 2") == [0, 2]


@pytest.mark.parametrize(
    ("parse", "text"), [(parse_size, "320"), (parse_size, "0x3"), (parse_numbers, "a")]
)
def test_what_is_none_is_refused(parse, text):
    with pytest.raises(argparse.ArgumentTypeError):
        parse(text)


def test_a_table_is_aligned():
    assert table([("a", "1"), ("long", "2"), ("b", "")]) == "a     1\nlong  2\nb"
