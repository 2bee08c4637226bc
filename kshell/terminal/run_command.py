"""`kshell run FILE --app NAME`: runs a file's queries so that they outlive the process.

All of the file is bound and checked before anything starts.  Then a line on stderr says that the
queries run; SIGTERM and Ctrl-C commit what they have.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kshell import __version__
from kshell.errors import Interrupted, KshellError, UsageError
from kshell.terminal.options import Parser, connection_options, length_of_time, variables_of

if TYPE_CHECKING:
    import argparse

    from kshell.engines.local.durable.application import Application
    from kshell.engines.local.durable.ledger import Saved
    from kshell.session import Session

__all__ = ["main"]

_LOOK = 0.1  # seconds between two looks at the queries
_FENCED = 5  # the exit code where another process has taken over
_ALL = "*"


def _parser() -> Parser:
    made = Parser(
        prog="kshell run",
        usage="kshell run FILE --app NAME [options]",
        description="Run a file's queries, exactly once, until SIGTERM; state is kept in Kafka.",
        allow_abbrev=False,
    )
    add = made.add_argument
    add("file", metavar="FILE", help="CREATE … AS SELECT and INSERT INTO … SELECT, with what they"
        " need: other CREATEs, SET and DEFINE")
    add("--app", required=True, metavar="NAME", help="the application: it names topics and groups")
    add("--commit", type=length_of_time, default=0.1, metavar="TIME",
        help="the time between two transactions: 100ms, 1s")
    add("--check", action="store_true", help="check all that can be, and start nothing")
    add("--reset", nargs="?", const=_ALL, metavar="QUERY",
        help="forget the state of a query, or of all, and begin anew: outputs are written again")
    connection_options(made)
    return made  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    """Run with these arguments; returns the exit code."""
    from kshell.session import Session
    from kshell.terminal.settings import gathered

    options = _parser().parse_args(arguments)
    text = _text_of(options.file)
    session = Session.open(gathered(options).properties, options.profile)
    session.variables.update(variables_of(options))
    with contextlib.closing(session):
        try:
            return _run(session, options, text)
        except KshellError as error:
            from kshell.terminal.messages import draw_error

            draw_error(error, text)
            return error.exit_code


def _text_of(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from None


def _run(session: Session, options: argparse.Namespace, text: str) -> int:
    from kshell.engines.local.engine import LocalEngine
    from kshell.engines.local.statements import application as applications
    from kshell.results import Remark
    from kshell.sql.script import split
    from kshell.terminal.messages import note

    engine = session.engine
    assert isinstance(engine, LocalEngine)
    application = engine.application(options.app, options.commit, __version__)
    for piece in split(text):
        for event in session.execute_piece(piece):
            if isinstance(event, Remark):
                note(event.text)
    if options.reset is not None:
        names = _named(application, options.reset)
        note(f"{', '.join(names)}: the state is forgotten; outputs are written again.")
        applications.reset(engine.context, names, session.properties)
    found = applications.check(engine.context, session.properties)
    if options.check:
        for line in applications.rights(engine.context, session.properties):
            note(line)
        for name, saved in found.items():
            note(f"query {name}: {_known(saved)}")
        note(f"{options.app}: {', '.join(application.plans)} can run.")
        return 0
    stop, code = threading.Event(), 0

    def leave(number: int, frame: object) -> None:
        nonlocal code
        code = Interrupted.exit_code if number == signal.SIGINT else 0
        stop.set()

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    applications.start(engine.context, session.properties)
    watched = _watch(session, application, stop)
    application.stop()
    _tell(session, watched)
    if application.taken_over:
        return _FENCED
    return KshellError.exit_code if watched else code


def _known(saved: Saved) -> str:
    """What a state topic says of a query: who has it, and its last commit."""
    if saved.owner is None or saved.standing is None:
        return "has not run before"
    owner, standing = saved.owner, saved.standing
    where = f"{owner.host}, process {owner.pid}"
    state = "stopped; it ran on" if owner.left else "runs, or was killed, on"
    return f"{state} {where}; commit {standing.seq:,} was {_ago(standing.time)}"


def _ago(moment: int) -> str:
    seconds = max(time.time() - moment / 1000, 0)
    return f"{seconds:,.0f} s ago"


def _named(application: Application, which: str) -> list[str]:
    if which == _ALL:
        return list(application.plans)
    found = [name for name in application.plans if name.upper() == which.upper()]
    if not found:
        raise UsageError(
            f"the file has no query {which}", hint=f"it has {', '.join(application.plans)}"
        )
    return found


def _watch(session: Session, application: Application, stop: threading.Event) -> set[str]:
    """Say what happens, until the process is to end or no query runs; gives those that failed."""
    from kshell.terminal.messages import Outages, note

    outages, failed, told = Outages(), set[str](), False
    while not stop.wait(_LOOK):
        for query in session.running():
            outages.tell(f"Query {query.id}", query.note)
        _tell(session, failed)
        if application.taken_over or len(failed) == len(application.plans):
            break
        if not told and all(query.ready.is_set() for query in application.queries):
            told = True
            names = [query.id for query in application.queries if query.id not in failed]
            note(f"kshell: application {application.name} runs: {', '.join(names)}")
    return failed


def _tell(session: Session, told: set[str]) -> None:
    """Say which queries have failed since, and why."""
    from kshell.terminal.messages import note

    for query in session.running():
        if query.failed and query.id not in told:
            told.add(query.id)
            note(f"Query {query.id} {query.state}")
