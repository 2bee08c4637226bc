"""Results in order, errors at their place, and no work for a caller that went away."""

from __future__ import annotations

import threading

import pytest

from kshell.engines.local.sources.decode_ahead import ahead


def test_results_come_in_order_whatever_takes_long():
    first_may_end = threading.Event()

    def work(n: int) -> int:
        if n == 0:
            assert first_may_end.wait(10)
        elif n == 1:
            first_may_end.set()
        return n * n

    assert list(ahead(work, range(20))) == [n * n for n in range(20)]


def test_an_error_comes_after_the_results_before_it():
    def work(n: int) -> int:
        if n == 3:
            raise ValueError("three")
        return n

    got = []
    with pytest.raises(ValueError, match="three"):
        for n in ahead(work, range(10)):
            got.append(n)
    assert got == [0, 1, 2]


def test_what_ends_the_items_ends_the_results():
    def items():
        yield 1
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(ahead(str, items()))


def test_a_caller_that_stops_leaves_no_thread():
    before = set(threading.enumerate())
    results = ahead(str, range(1000))
    assert next(results) == "0"
    assert set(threading.enumerate()) > before
    results.close()
    assert set(threading.enumerate()) <= before
