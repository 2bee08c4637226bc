"""Counts Ctrl-C, so that the last one always ends kshell.

The first raises KeyboardInterrupt, as ever.  A call into C that does not return heeds no exception:
so a thread counts, which ends the process.  `conversation` and `cli` have it count.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

from kshell.errors import Interrupted
from kshell.terminal.keyboard import restore

__all__ = ["counted", "heed"]

_SOON = 0.02  # seconds until the callback is over


def _count(pipe: int, most: int) -> None:
    """Read the numbers of the signals that came, until the pipe is closed."""
    while most > 0:
        came = os.read(pipe, 64)
        if not came:
            os.close(pipe)
            return
        most -= came.count(signal.SIGINT)
    restore()
    os._exit(Interrupted.exit_code)


def heed() -> None:
    """Have Ctrl-C interrupt, also where the parent started kshell with it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def _raised_again() -> Iterator[None]:
    """An interrupt that Python drops, because it came in a callback (of an import), comes again."""
    before, inside = sys.unraisablehook, True
    main = ctypes.c_ulong(threading.main_thread().ident or 0)

    def again() -> None:
        if inside:
            interrupt = ctypes.py_object(KeyboardInterrupt)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(main, interrupt)

    def hook(dropped: Any) -> None:
        if issubclass(dropped.exc_type, KeyboardInterrupt):
            threading.Timer(_SOON, again).start()
        else:
            before(dropped)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        inside, sys.unraisablehook = False, before


@contextlib.contextmanager
def counted(most: int) -> Iterator[None]:
    """So many interrupts inside the block end the process with 130, whatever it does then."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    read, write = os.pipe()
    os.set_blocking(write, False)
    before = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    threading.Thread(target=_count, args=(read, most), name="kshell-keys", daemon=True).start()
    try:
        with _raised_again():
            yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(write)
