"""Queries that are to end share one time for it, however often each is told."""

from __future__ import annotations

import threading
import time

import pytest

from kshell.engines.local.durable import held, query
from kshell.engines.local.durable.application import Application
from kshell.engines.local.durable.held import Held
from kshell.engines.local.durable.ledger import Owner
from kshell.engines.local.durable.query import Durable


def test_brokers_that_do_not_answer_take_the_time_of_one_query(monkeypatch):
    monkeypatch.setattr(held, "LEAVING", 0.5)
    monkeypatch.setattr(query, "LEAVING", 0.5)
    application, end = Application("a", 0.1, "test"), threading.Event()
    for n in range(4):
        made = Durable.__new__(Durable)
        made.id, made.error, made.held = f"Q{n}", None, Held(Owner.here(), lambda point: None)
        made._thread = threading.Thread(target=end.wait, daemon=True)
        made._thread.start()
        application.queries.append(made)
    began = time.monotonic()
    errors = application.stop()
    took = time.monotonic() - began
    end.set()
    assert [e.what.split(":")[0] for e in errors] == [f"query Q{n} is left without its last commit" for n in range(4)]
    assert took == pytest.approx(0.5 + 4 * 0.1, abs=0.4)
