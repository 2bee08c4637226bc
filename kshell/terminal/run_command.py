"""`kshell run FILE --app NAME`: runs a file's queries so that they outlive the process.

All of the file is bound and checked before anything starts.  Then a line on stderr says that the
queries run; SIGTERM and Ctrl-C commit what they have.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from kshell import __version__
from kshell.errors import Interrupted, KshellError, Outage, UsageError
from kshell.terminal.metrics_server import Address, address_of
from kshell.terminal.options import Parser, connection_options, length_of_time, variables_of
from kshell.terminal.run_log import JsonLog, RunLog
from kshell.terminal.run_losses import Losses

if TYPE_CHECKING:
    import argparse

    from kshell.engines.local.durable.application import Application
    from kshell.engines.local.durable.ledger import Saved
    from kshell.kafka.turn import Turn
    from kshell.results import Event
    from kshell.session import Session
    from kshell.sql.script import Piece

__all__ = ["main"]

T = TypeVar("T")
_LOOK = 0.1  # seconds between two looks at the queries
_PATIENCE = 60.0  # seconds that a start waits for brokers that were there just now
_AGAIN = 0.5  # seconds between two attempts of it
_TELL = 1.0  # seconds that one waits without a word
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
    add("--standby", action="store_true",
        help="wait while another process with --standby runs the application; then take over")
    add("--dead-letter", default="", metavar="TOPIC",
        help="write records that cannot be decoded there, with the reason in their headers")
    add("--log", choices=("text", "json"), default="text", metavar="text|json",
        help="how it says on stderr what happens")
    add("--metrics", default="", metavar="[HOST:]PORT",
        help="serve figures for Prometheus at /metrics and /health; on 127.0.0.1 without a host")
    connection_options(made)
    return made  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    """Run with these arguments; returns the exit code."""
    from kshell.session import Session
    from kshell.terminal.settings import gathered, remarks

    options = _parser().parse_args(arguments)
    text = _text_of(options.file)
    address = address_of(options.metrics) if options.metrics else None
    found = gathered(options)
    session = Session.open(found.properties, options.profile)
    session.variables.update(variables_of(options))
    log = JsonLog(options.app) if options.log == "json" else RunLog(options.app)
    for remark in remarks(options, found):
        log.say("settings", remark)
    with contextlib.closing(session):
        try:
            return _run(session, options, text, address, log)
        except KshellError as error:
            log.ended_by(error, text)
            return error.exit_code


def _text_of(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} cannot be read: {error}") from None


def _run(
    session: Session, options: argparse.Namespace, text: str, address: Address | None, log: RunLog
) -> int:
    from kshell.engines.chosen import ChosenEngine
    from kshell.engines.local.statements import application as applications
    from kshell.results import Remark
    from kshell.sql.script import split

    engine = session.engine
    assert isinstance(engine, ChosenEngine)
    application = engine.local.application(
        options.app, options.commit, __version__, options.dead_letter
    )

    def events(piece: Piece) -> list[Event]:
        return list(session.execute_piece(piece))

    for piece in split(text):
        for event in _patient(partial(events, piece), log):
            if isinstance(event, Remark):
                log.say("remark", event.text)
    names = [] if options.reset is None else _named(application, options.reset)
    allowed = partial(applications.allowed, engine.context, session.properties)
    unasked = _patient(lambda: allowed(standby=options.standby, reset=names), log)
    found = _patient(lambda: applications.check(engine.context, reset=names), log)
    if options.check:
        _tell_checked(application, unasked, found, log)
        return 0
    if names or not options.standby:
        _patient(lambda: applications.check_alone(engine.context), log)
    if names:
        applications.reset(engine.context, names, session.properties)
        log.say("reset", f"{', '.join(names)}: the state is forgotten; outputs are written again.")
    stop, code = threading.Event(), 0

    def leave(number: int, frame: object) -> None:
        nonlocal code
        code = Interrupted.exit_code if number == signal.SIGINT else 0
        stop.set()

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    with contextlib.ExitStack() as open_ones:
        open_ones.enter_context(_served(application, address, log))
        make_topics = partial(applications.make_topics, engine.context, session.properties)
        _patient(make_topics, log)
        turn = applications.turn(engine.context, session.properties) if options.standby else None
        open_ones.enter_context(_waited(turn, application, stop, log))
        if stop.is_set():
            return code
        _patient(lambda: applications.start(engine.context, session.properties), log)
        losses = Losses(engine.context.errors, options.dead_letter)
        watched = _watch(session, application, stop, log, turn, losses)
        for error in application.stop():
            if all(error is not query.error for query in application.queries):
                log.lost(f"{error.what}; {error.hint}")
        _tell(session, watched, log)
        for text in losses.news(last=True):
            log.lost(text)
    if application.taken_over:
        return _FENCED
    return KshellError.exit_code if watched else code


def _patient(attempt: Callable[[], T], log: RunLog) -> T:
    """What it gives; brokers that are away, or that elect a leader, are waited for some time."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            found = attempt()
        except Outage as error:
            if time.monotonic() > deadline:
                raise
            log.waits("", error.what)
            time.sleep(_AGAIN)
        else:
            log.waits("", "")
            return found


def _tell_checked(
    application: Application, unasked: list[str], found: dict[str, Saved], log: RunLog
) -> None:
    for line in unasked:
        log.say("rights", line)
    for name in application.plans:
        known = _known(found[name]) if name in found else "begins anew, by --reset"
        log.say("query", f"query {name}: {known}")
    log.say("checked", f"{application.name}: {', '.join(application.plans)} can run.")


def _known(saved: Saved) -> str:
    """What a state topic says of a query: who has it, and its last commit."""
    from kshell.wording import ago

    if saved.owner is None or saved.standing is None:
        return "has not run before"
    owner, standing = saved.owner, saved.standing
    where = f"{owner.host}, process {owner.pid}"
    state = "stopped; it ran on" if owner.left else "runs, or was killed, on"
    why = f"; it failed: {owner.error}" if owner.error else ""
    return f"{state} {where}; commit {standing.seq:,} was {ago(standing.time)}{why}"


def _named(application: Application, which: str) -> list[str]:
    if which == _ALL:
        return list(application.plans)
    found = [name for name in application.plans if name.upper() == which.upper()]
    if not found:
        raise UsageError(
            f"the file has no query {which}", hint=f"it has {', '.join(application.plans)}"
        )
    return found


@contextlib.contextmanager
def _served(application: Application, address: Address | None, log: RunLog) -> Iterator[None]:
    """The figures at an address, if one is given, inside the block."""
    if address is None:
        yield
        return
    from http import HTTPStatus

    from kshell.engines.local.durable.metrics import health, metrics
    from kshell.terminal.metrics_server import TEXT, MetricsServer

    def well() -> tuple[HTTPStatus, str, str]:
        fine, text = health(application)
        status = HTTPStatus.OK if fine else HTTPStatus.SERVICE_UNAVAILABLE
        return status, text + "\n", "application/json"

    pages = {"/metrics": lambda: (HTTPStatus.OK, metrics(application), TEXT), "/health": well}
    server = MetricsServer(address, pages)
    if server.open:
        log.say("metrics", "--metrics: figures are open to other machines, and nobody is asked who"
                " he is")  # fmt: skip
    server.start()
    try:
        yield
    finally:
        server.close()


@contextlib.contextmanager
def _waited(
    turn: Turn | None, application: Application, stop: threading.Event, log: RunLog
) -> Iterator[None]:
    """Wait until it is this process's turn, or it is to stop; at the end let the next begin."""
    if turn is None:
        yield
        return
    turn.join()
    try:
        told = time.monotonic() + _TELL
        with contextlib.ExitStack() as following:
            while not turn.serve() and not stop.wait(_LOOK / 2):
                if told and time.monotonic() > told:
                    told = 0.0
                    log.say("standby", "kshell: another process has the turn; this one stands by")
                    following.enter_context(application.follows())
                if (standby := application.standby) is not None and standby.gone is not None:
                    raise standby.gone  # nobody gets the turn without it
        yield
    finally:
        turn.leave()


def _watch(
    session: Session, application: Application, stop: threading.Event, log: RunLog,
    turn: Turn | None, losses: Losses,
) -> set[str]:
    """Say what happens, until the process is to end or no query runs; gives those that failed."""
    failed, told = set[str](), False
    while not stop.wait(_LOOK):
        for query in session.running():
            log.waits(query.id, query.note)
        for text in losses.news():
            log.lost(text)
        if turn is not None:
            with contextlib.suppress(KshellError):  # who takes over without a turn fences this
                turn.serve()
        _tell(session, failed, log)
        if application.taken_over or len(failed) == len(application.plans):
            break
        if not told and all(query.ready.is_set() for query in application.queries):
            told = True
            names = [query.id for query in application.queries if query.id not in failed]
            log.say("ready", f"kshell: application {application.name} runs: {', '.join(names)}")
    return failed


def _tell(session: Session, told: set[str], log: RunLog) -> None:
    """Say which queries have failed since, and why."""
    for query in session.running():
        if query.failed and query.id not in told:
            told.add(query.id)
            log.failed(query.id, query.state.removeprefix("failed: "))
