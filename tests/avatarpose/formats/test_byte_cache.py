import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from avatarpose.formats.byte_cache import ByteCache


@given(sizes=st.lists(st.integers(0, 60), max_size=30), budget=st.integers(0, 100))
def test_the_budget_is_never_exceeded_and_the_last_one_that_fits_is_there(sizes, budget):
    cache = ByteCache(budget)
    for key, size in enumerate(sizes):
        cache.keep(key, np.zeros(size, np.uint8))
        assert cache.used_bytes <= budget
        assert (cache.find(key) is not None) == (size <= budget)


def test_the_least_recently_used_goes_first():
    cache = ByteCache(30)
    for key in "abc":
        cache.keep(key, np.zeros(10, np.uint8))
    assert cache.find("a") is not None
    cache.keep("d", np.zeros(10, np.uint8))
    assert [cache.find(key) is not None for key in "abcd"] == [True, False, True, True]


def test_replacing_an_array_counts_it_once():
    cache = ByteCache(100)
    cache.keep("a", np.zeros(40, np.uint8))
    cache.keep("a", np.zeros(10, np.uint8))
    assert cache.used_bytes == 10
    cache.clear()
    assert cache.used_bytes == 0
