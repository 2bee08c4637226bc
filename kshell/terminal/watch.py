r"""Handler of `\watch`: a statement is run every few seconds, until it is left.

On a terminal a table is shown in the live view, in place; all else is printed, run after run.
"""

from __future__ import annotations

import math
import sys
import time

from kshell.errors import Interrupted, KshellError, UsageError
from kshell.sql.script import split
from kshell.sql.tokens import Kind, tokenize
from kshell.terminal.conversation import Conversation
from kshell.terminal.messages import draw_error, draws, note
from kshell.terminal.typed import Call

__all__ = ["watch"]

_EVERY = 2.0  # seconds between two runs
_MOST = 86_400.0
_QUERIES = ("SELECT", "WITH", "FROM", "VALUES")
_READS = (*_QUERIES, "SHOW", "LIST")  # they may run once more


def watch(talk: Conversation, call: Call) -> None:
    """Run `\\watch`."""
    seconds = _seconds(call.argument)
    statement = talk.statement(call.statement)
    if _is_table(talk, statement):
        from kshell.terminal.repeats import NoTable

        try:
            _show(talk, statement, seconds)
            return
        except NoTable:
            pass
    _print(talk, statement, seconds)


def _seconds(argument: str) -> float:
    if not argument:
        return _EVERY
    try:
        seconds = float(argument)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= _MOST:
        raise UsageError(f"\\watch takes seconds, more than 0, not {argument}")
    return seconds


def _is_table(talk: Conversation, statement: str) -> bool:
    """Whether it is one query, and its rows are for a terminal."""
    if talk.destination is not None or talk.output not in ("table", "auto"):
        return False
    if not (sys.stdin.isatty() and draws(sys.stdout)):
        return False
    return len(split(statement)) == 1 and _first_word(statement) in _READS


def _first_word(statement: str) -> str:
    return next((t.text.upper() for t in tokenize(statement) if t.kind is Kind.WORD), "")


def _show(talk: Conversation, statement: str, seconds: float) -> None:
    """Show the rows until it is left; raises the error of a run, NoTable and Interrupted."""
    from kshell.terminal.live import keep, show
    from kshell.terminal.live_pane import Pane
    from kshell.terminal.live_view import View
    from kshell.terminal.repeats import Repeats
    from kshell.terminal.snapshot import Snapshot
    from kshell.terminal.times import Times

    session = talk.session()
    board = Snapshot(Times(session.properties["kshell.times"]), seconds)
    title = f"every {seconds:g} s  {' '.join(statement.split())}"
    repeats = Repeats(lambda: session.execute(statement), seconds, title)
    pane = Pane(repeats.live, View.of(board), title, repeats)
    try:
        show([pane])
    finally:
        repeats.stop()
    if board.when:
        keep(pane, "stopped", "\\last for all" if _first_word(statement) in _QUERIES else "")
    if repeats.error is not None and not pane.view.stopped:
        if isinstance(repeats.error, KshellError):
            repeats.error.text = statement
        raise repeats.error
    if not board.when:
        raise Interrupted("stopped")
    if pane.view.interrupted:
        raise Interrupted("")  # the last line says it


def _print(talk: Conversation, statement: str, seconds: float) -> None:
    """Print the answers, until Ctrl-C; an outage does not end it."""
    from kshell.terminal.repeats import OUTAGES

    while not talk.leaving:
        note(f"{time.strftime('%H:%M:%S')} (every {seconds:g} s; Ctrl-C ends it)")
        try:
            talk.execute(statement)
        except OUTAGES as error:
            draw_error(error, statement)
        time.sleep(seconds)
