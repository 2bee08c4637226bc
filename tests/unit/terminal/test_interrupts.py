"""Ctrl-C while Python would drop it."""

from __future__ import annotations

import os
import signal
import time
import weakref

import pytest

from kshell.terminal.interrupts import counted


class Thing:
    pass


def test_an_interrupt_in_a_callback_is_not_lost(capfd) -> None:
    def gone(reference: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)  # it comes here, where Python only prints what is raised

    thing = Thing()
    held = weakref.ref(thing, gone)
    with pytest.raises(KeyboardInterrupt), counted(3):
        del thing
        for _ in range(100):
            time.sleep(0.01)
    assert held() is None
    assert "Exception ignored" not in capfd.readouterr().err
