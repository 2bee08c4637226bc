"""The command line: a prompt or a script, and the exit code.

Light to import, so that `kshell -e "SHOW TOPICS"` answers at once.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from kshell.errors import Interrupted, KshellError
from kshell.terminal import themes
from kshell.terminal.batch import Batch
from kshell.terminal.encoding import speak
from kshell.terminal.interrupts import counted
from kshell.terminal.keyboard import no_caret
from kshell.terminal.options import parser, script_of, variables_of

if TYPE_CHECKING:
    import argparse

    from kshell.config import Properties
    from kshell.session import Session
    from kshell.terminal.tour import Tour

__all__ = ["open_session", "run"]

_CUT = 1  # the exit code if the reader of the output closed it before all was written
_MOST = 2  # the second Ctrl-C ends a script whatever it does
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


# The commands beside the shell itself, which `options` names.
_COMMANDS = {
    "run": "kshell.terminal.run_command:main",
    "test": "kshell.cases.command:main",
    "config": "kshell.terminal.config_command:main",
    "datagen": "kshell.terminal.datagen_command:main",
    "completion": "kshell.terminal.shell_completion:main",
}


def _command(name: str) -> Callable[[Sequence[str]], int]:
    module, _, function = _COMMANDS[name].partition(":")
    command: Callable[[Sequence[str]], int] = getattr(import_module(module), function)
    return command


def open_session(
    options: argparse.Namespace, stack: contextlib.ExitStack, *, prompt: bool = False
) -> Session:
    """The session, and the embedded broker with --demo; the stack closes both."""
    properties = dict(options.properties)
    if options.demo:
        from kshell.demo.broker import start

        broker = start()
        stack.callback(broker.close)
        properties["bootstrap.servers"] = broker.bootstrap
    from kshell.session import Session

    profile = "demo" if options.demo else options.profile
    from kshell.terminal.messages import draws

    watched = sys.stdin.isatty() and draws(sys.stdout)
    session = Session.open(properties, profile, remembers=prompt, opens_records=watched)
    stack.callback(session.close)
    session.commands = _command_texts
    if prompt and not options.demo and not options.no_catalog:
        from kshell.config import config_home

        session.kept_in = config_home() / "catalog"
    session.gather = lambda name: _with_profile(options, name)
    themes.follow(lambda: session.properties)
    return session


def _tour(options: argparse.Namespace) -> Tour | None:
    """What --tour types."""
    if not options.tour:
        return None
    from kshell.config import Properties
    from kshell.demo.broker import TOUR
    from kshell.terminal.tour import Tour

    return Tour(TOUR.read_text(encoding="utf-8"), Properties(options.properties), options.auto)


def _with_profile(options: argparse.Namespace, name: str) -> Properties:
    """What holds with another profile: the flags still come first."""
    import argparse

    from kshell.terminal.settings import gathered

    return gathered(argparse.Namespace(**{**vars(options), "profile": name})).properties


def _command_texts() -> dict[str, str]:
    from kshell.terminal.commands import command_texts

    return command_texts()


def _properties(options: argparse.Namespace) -> dict[str, str]:
    from kshell.terminal.settings import gathered, remarks

    found = gathered(options)
    for text in remarks(options, found):
        from kshell.terminal.messages import note

        note(text)
    return dict(found.properties)


def _terminate(number: int, frame: object) -> NoReturn:
    """SIGTERM: leave as with Ctrl-C, so that queries write their last results."""
    raise SystemExit(128 + number)


def _work(options: argparse.Namespace) -> int:
    options.properties = _properties(options)
    if options.on_error == "skip":
        options.properties["kshell.copy.on.error"] = "skip"
    themes.follow(lambda: options.properties)
    variables = variables_of(options)
    text = script_of(options)
    with contextlib.ExitStack() as stack:
        stack.callback(_end_spool)
        if text is None:
            from kshell.terminal.repl import converse

            def opened() -> Session:
                session = open_session(options, stack, prompt=True)
                session.variables.update(variables)
                return session

            output = options.output or ""
            return converse(opened, output, options.csv_safe, _tour(options), yes=options.yes)
        output = options.output or ("table" if sys.stdout.isatty() else "jsonl")
        stack.enter_context(counted(_MOST))
        stack.enter_context(no_caret())
        session = open_session(options, stack)
        if options.demo:
            session.connect()  # the demo's set-up is no part of a statement's --timeout
        session.variables.update(variables)
        goes_on = options.on_error == "continue"
        batch = Batch(
            output, options.csv_safe, options.timeout, options.limit, goes_on, options.yes
        )
        return batch.run(session, text)


def _end_spool() -> None:
    from kshell.terminal.spool import spool

    spool("")


def run(arguments: Sequence[str]) -> int:
    """Run with these arguments; returns the exit code."""
    from kshell.terminal.messages import draw_error, internal_error

    debug = "--debug" in arguments
    with contextlib.suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGTERM, _terminate)
    speak()
    try:
        if arguments and arguments[0] in _COMMANDS:
            return _command(arguments[0])(arguments[1:])
        options = parser().parse_args(arguments)
        return _work(options)
    except KshellError as error:
        if debug:
            raise
        draw_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return Interrupted.exit_code
    except BrokenPipeError:
        _write_nothing_more()
        return _CUT
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else 0
    except Exception as error:
        if debug:
            raise
        if isinstance(error, OSError) and error.errno in _FULL:
            _write_nothing_more()
            draw_error(KshellError(f"the output cannot be written: {error.strerror}"))
            return _CUT
        draw_error(internal_error(error))
        return 1


def _write_nothing_more() -> None:
    """What is still in standard output's buffer goes nowhere, also at exit."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
