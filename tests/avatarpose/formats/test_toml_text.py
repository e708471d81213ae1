import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatarpose.errors import FormatError
from avatarpose.formats.toml_text import read_toml, toml_text

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
SCALARS = st.one_of(
    st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), TEXT
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=4), st.lists(st.lists(SCALARS, max_size=3)))
TABLES = st.dictionaries(TEXT, VALUES, max_size=4)
DOCUMENTS = st.recursive(
    TABLES,
    lambda inner: st.dictionaries(
        TEXT, st.one_of(SCALARS, inner, st.lists(inner, min_size=1, max_size=2)), max_size=3
    ),
    max_leaves=6,
)


@given(document=DOCUMENTS)
def test_what_is_written_is_read_again(document):
    assert tomllib.loads(toml_text(document)) == document


def test_a_type_toml_lacks_is_our_own_mistake():
    with pytest.raises(TypeError, match="NoneType"):
        toml_text({"a": None})


@pytest.mark.parametrize("content", [b"a = ", b"a = 1\na = 2", b"\xff\xfe", b"[" * 5000])
def test_broken_toml_is_an_error_of_ours(tmp_path, content):
    (tmp_path / "a.toml").write_bytes(content)
    with pytest.raises(FormatError, match=r"a\.toml") as refused:
        read_toml(tmp_path / "a.toml")
    assert refused.value.remedy
