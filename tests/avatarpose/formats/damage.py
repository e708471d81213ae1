"""Ways to spoil a file, and what a reader may do about it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import strategies as st

from avatarpose.errors import AvatarPoseError


@contextmanager
def only_our_errors() -> Iterator[None]:
    """Passes when nothing is raised, or one of our errors that says what to do."""
    try:
        yield
    except AvatarPoseError as error:
        if not error.remedy:
            pytest.fail(f"no remedy is given for: {error.problem}")


@st.composite
def spoilt(draw: st.DrawFn, content: bytes) -> bytes:
    """The content cut short, emptied, replaced by junk, or with some bytes changed."""
    way = draw(st.sampled_from(["cut", "empty", "junk", "flip", "overwrite"]))
    place = draw(st.integers(0, max(len(content) - 1, 0)))
    if way == "cut":
        return content[:place]
    if way == "empty":
        return b""
    if way == "junk":
        return draw(st.binary(max_size=300))
    if way == "flip" and content:
        return (
            content[:place]
            + bytes([content[place] ^ draw(st.integers(1, 255))])
            + content[place + 1 :]
        )
    junk = draw(st.binary(max_size=40))
    return content[:place] + junk + content[place + len(junk) :]
