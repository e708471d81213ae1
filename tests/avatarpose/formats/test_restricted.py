import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from avatarpose.errors import FormatError
from avatarpose.formats.restricted import (
    Chumpy,
    ChumpySelect,
    plain_array,
    read_untrusted,
)
from tests.avatarpose.formats.damage import only_our_errors, spoilt


class Calls:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def test_arrays_numbers_and_sparse_matrices_come_through(tmp_path, random):
    dense = random.normal(0, 1, (5, 7)) * (random.random((5, 7)) > 0.5)
    value = {
        "f8": random.normal(0, 1, (3, 4)),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "u4": np.array([4294967295, 1], np.uint32),
        "csc": scipy.sparse.csc_matrix(dense),
        "csr": scipy.sparse.csr_matrix(dense),
        "list": [1, 2, 3],
        "scalar": np.float32(2.5),
        "text": "neutral",
        "none": None,
    }
    for protocol in (0, 2, 4):
        (tmp_path / "a.pkl").write_bytes(pickle.dumps(value, protocol))
        found = read_untrusted(tmp_path / "a.pkl", "body")
        np.testing.assert_array_equal(found["f8"], value["f8"])
        np.testing.assert_array_equal(found["fortran"], value["fortran"])
        np.testing.assert_array_equal(found["u4"], value["u4"])
        np.testing.assert_array_equal(found["csc"], dense)
        np.testing.assert_array_equal(found["csr"], dense)
        assert found["list"].tolist() == [1, 2, 3]
        assert float(found["scalar"]) == 2.5
        assert str(found["text"]) == "neutral"
        assert "none" not in found


def test_chumpy_arrays_come_through_without_chumpy(tmp_path):
    """A pickle that names chumpy.ch.Ch and chumpy.reordering.Select, written with stand-ins."""
    maker = tmp_path / "maker"
    for module in ("chumpy", "chumpy/ch.py", "chumpy/reordering.py"):
        path = maker / module
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix:
            path.write_text(f"class {'Ch' if 'ch.py' in module else 'Select'}: pass\n")
        else:
            path.mkdir()
            (path / "__init__.py").write_text("")
    script = (
        "import pickle, sys, numpy as np\n"
        "from chumpy.ch import Ch\nfrom chumpy.reordering import Select\n"
        "a = Ch(); a.__dict__ = {'x': np.arange(12.0).reshape(3, 4), 'dterms': ('x',)}\n"
        "s = Select(); s.__dict__ = {'a': a, 'idxs': np.array([0, 2, 4, 6]),\n"
        "                            'preferred_shape': (2, 2)}\n"
        "pickle.dump({'v': a, 'part': s}, open(sys.argv[1], 'wb'), 2)\n"
    )
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "a.pkl")],
        check=True,
        env={**os.environ, "PYTHONPATH": str(maker)},
    )
    found = read_untrusted(tmp_path / "a.pkl", "body")
    np.testing.assert_array_equal(found["v"], np.arange(12.0).reshape(3, 4))
    np.testing.assert_array_equal(found["part"], [[0.0, 2.0], [4.0, 6.0]])


def test_stand_ins_are_inert():
    outer = ChumpySelect()
    outer.__setstate__({"a": outer, "idxs": [0], "preferred_shape": None})
    with pytest.raises(ValueError, match="nested too deeply"):
        plain_array(outer)
    assert plain_array(Chumpy()) is None


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (os.system, ("touch {}",)),
        (eval, ("open({!r}, 'w')",)),
        (subprocess.Popen, (("touch", "{}"),)),
        (print, ("x",)),
    ],
    ids=["system", "eval", "Popen", "print"],
)
def test_a_pickle_that_would_run_code_is_refused_by_name_and_nothing_runs(
    tmp_path, function, arguments
):
    witness = tmp_path / "witness"
    filled = tuple(
        tuple(part.format(witness) for part in a)
        if isinstance(a, tuple)
        else a.format(str(witness))
        for a in arguments
    )
    content = pickle.dumps({"v_template": Calls(function, *filled)})
    (tmp_path / "SMPL_NEUTRAL.pkl").write_bytes(content)
    with pytest.raises(FormatError, match=f"{function.__module__}.{function.__name__}") as refused:
        read_untrusted(tmp_path / "SMPL_NEUTRAL.pkl", "body")
    assert refused.value.remedy
    assert not witness.exists()


@pytest.mark.parametrize(
    "opcodes",
    [
        b"cos\nsystem\n(S'true'\ntR.",
        b"c__builtin__\neval\n(S'1'\ntR.",
        b"\x80\x04\x8c\x05numpy\x8c\x0fndarray.__init__\x93.",
        b"\x80\x04\x8c\x0anumpy.core\x8c\x0amultiarray\x93.",
        b"P123\n.",
        b"ccopy_reg\n_reconstructor\n(cnumpy\nndarray\nc__builtin__\nobject\nNtR.",
        b"(lp0\n" * 3,
    ],
)
def test_ways_around_the_list_are_refused(tmp_path, opcodes):
    (tmp_path / "a.pkl").write_bytes(opcodes)
    with pytest.raises(FormatError, match="refused"):
        read_untrusted(tmp_path / "a.pkl", "body")


def test_a_file_that_fills_the_memory_or_takes_forever_ends(tmp_path):
    greedy = b"\x80\x02cnumpy\nndarray\n(J\xff\xff\xff\x7fJ\xff\xff\xff\x7ftq\x01\x85R."
    (tmp_path / "greedy.pkl").write_bytes(greedy)
    with pytest.raises(FormatError):
        read_untrusted(tmp_path / "greedy.pkl", "body")
    with pytest.raises(FormatError, match="longer than"):
        read_untrusted(tmp_path / "greedy.pkl", "body", time_limit_s=0.0)


@settings(max_examples=12)
@given(data=st.data())
def test_a_spoilt_pickle_is_read_or_refused_and_never_harms_the_reader(data, tmp_path_factory):
    """In the child process only: some such files bring Python's own unpickler down."""
    folder = tmp_path_factory.mktemp("pickle")
    protocol = data.draw(st.sampled_from([0, 2, 4]))
    whole = pickle.dumps({"a": np.arange(3), "b": [1.5, "x"]}, protocol)
    (folder / "a.pkl").write_bytes(data.draw(spoilt(whole)))
    with only_our_errors():
        found = read_untrusted(folder / "a.pkl", "body")
        assert all(array.dtype.kind in "biufU" for array in found.values())


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(FormatError, match="cannot be read"):
        read_untrusted(tmp_path / "none.pkl", "body")
