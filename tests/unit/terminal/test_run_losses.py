"""What `kshell run` says of records that are left out."""

from __future__ import annotations

from kshell.engines.error_log import ErrorLog
from kshell.errors import BadRecord
from kshell.terminal.run_losses import Losses


def test_each_is_said_once_without_a_value():
    errors = ErrorLog()
    losses = Losses(errors, "")
    assert list(losses.news()) == []
    errors.add([BadRecord("t", 1, n, f"N: {n} is no BIGINT") for n in (7, 9)])
    errors.evaluation("Q", "D", "cannot cast 'secret'")
    errors.evaluation("Q", "not written to O", "a NULL")
    assert list(losses.news()) == [
        "topic t: 2 records cannot be decoded and are left out; the last: partition 1, offset 9",
        "query Q: 1 row where D could not be computed and is NULL",
        "query Q: 1 row not written to O",
    ]
    errors.add([BadRecord("t", 1, 9, "N: 9 is no BIGINT"), BadRecord("u", 0, 3, "not valid JSON")])
    assert list(losses.news()) == []  # so soon after
    assert list(losses.news(last=True)) == ["topic u: 1 record cannot be decoded and is left out; the last: partition 0, offset 3"]
    assert list(losses.news(last=True)) == []


def test_more_than_are_kept_are_counted():
    errors = ErrorLog()
    errors.add([BadRecord("t", 0, n, "not valid JSON") for n in range(1500)])
    assert list(Losses(errors, "dead").news()) == [
        "topic t: 1,000 records cannot be decoded and are written to dead; the last: partition 0, offset 1499",
        "500 rows more could not be used",
    ]
