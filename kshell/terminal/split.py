r"""Handler of `\split`: two queries of the background on one screen, live.

Their threads stand still while the screen polls them, and go on when it is left.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kshell.errors import Interrupted, UsageError
from kshell.results import Live, Running
from kshell.terminal.board import Board
from kshell.terminal.conversation import Conversation
from kshell.terminal.jobs import Job
from kshell.terminal.live import keep, show
from kshell.terminal.live_pane import Pane, reason
from kshell.terminal.live_view import View
from kshell.terminal.messages import draws
from kshell.terminal.times import Times
from kshell.terminal.typed import Call
from kshell.types import quote_ksql

__all__ = ["split"]

_GRACE = 0.3  # seconds for the end of what was read for the screen alone
_SENDS = "& at the end of a query sends it there"


@dataclass(frozen=True, slots=True)
class _Side:
    """A view, what is done with its query when the screen is left, and how Ctrl-C ends it."""

    pane: Pane
    leave: Callable[[], None]
    stop: Callable[[], None] | None  # None: it writes to a topic, and goes on
    elsewhere: str  # where all its rows are


def split(talk: Conversation, call: Call) -> None:
    """Run `\\split`."""
    if not (sys.stdin.isatty() and draws(sys.stdout)):
        what = "\\split needs a terminal on which it can draw"
        raise UsageError(what, hint="\\fg and a number shows one query")
    jobs = talk.jobs.numbered()
    queries = {query.id: query for query in talk.session().running() if query.writes}
    sides: list[_Side] = []
    interrupted = False
    try:
        for name in chosen(call.argument.split(), list(jobs), list(queries)):
            opened = _job(talk, name, jobs[name]) if name in jobs else _sink(talk, queries[name])
            sides.append(opened)
        show([side.pane for side in sides])
        interrupted = any(side.pane.view.interrupted for side in sides)
        for side in sides:
            side.pane.leave()
            stops = interrupted and side.stop is not None
            elsewhere = "" if stops else side.elsewhere
            keep(side.pane, _how(side.pane, stops), elsewhere, side.pane.title)
    finally:
        for side in sides:
            side.pane.puller.done.set()
            side.leave()
            if interrupted and side.stop is not None:
                side.stop()
    if interrupted:
        raise Interrupted("")  # the last lines say it


def chosen(words: Sequence[str], jobs: Sequence[str], queries: Sequence[str]) -> Sequence[str]:
    """The two that are asked for; raises UsageError.

    >>> chosen([], ["1", "2", "3"], []), chosen(["3", "ctas_a_1"], ["3"], ["CTAS_A_1"])
    (['2', '3'], ['3', 'CTAS_A_1'])
    """
    there = [*jobs, *queries]
    hint = f"in the background: {', '.join(there)}" if there else _SENDS
    if not words and len(jobs) < 2:
        raise UsageError("\\split needs two queries in the background", hint=_SENDS)
    names = [word if word in jobs else word.upper() for word in words] or jobs[-2:]
    for name, word in zip(names, words, strict=False):
        if name not in there:
            raise UsageError(f"no query {word} in the background", hint=hint)
    if len(names) != 2:
        raise UsageError("\\split takes two queries, or none for the two newest", hint=hint)
    if names[0] == names[1]:
        raise UsageError(f"{words[0]} is one query: \\split takes two", hint=hint)
    return names


def _job(talk: Conversation, name: str, job: Job) -> _Side:
    live, board = job.lend()
    pane = Pane(live, View.of(board), f"[{name}] {' '.join(job.text.split())}")

    elsewhere = f"\\fg {name} for all"
    return _Side(
        pane, lambda: job.go_on(pane.puller), lambda: talk.jobs.take(name).stop(), elsewhere
    )


def _sink(talk: Conversation, query: Running) -> _Side:
    """What a query writes, read from its topic."""
    times = Times(talk.session().properties["kshell.times"])
    with talk.answers(f"SELECT * FROM {quote_ksql(query.writes)} EMIT CHANGES;") as answers:
        (live,) = (answer for answer in answers if isinstance(answer, Live))
    board = Board(live.schema, live.key, times)
    pane = Pane(live, View.of(board), f"[{query.id}] {query.writes}")

    def leave() -> None:
        live.cancel()
        pane.puller.thread.join(_GRACE)
        pane.puller.close()

    return _Side(pane, leave, None, "")


def _how(pane: Pane, stopped: bool) -> str:
    if pane.puller.error is not None:
        return f"failed: {reason(pane.puller.error)}"
    if pane.puller.ended:
        return "ended"
    return "stopped" if stopped else "goes on"
