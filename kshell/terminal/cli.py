"""The command line: its options, scripts without a prompt, and the exit code.

Light to import, so that `kshell -e "SHOW TOPICS"` answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from kshell import __version__
from kshell.errors import Interrupted, KshellError, UsageError, nearest
from kshell.terminal import themes
from kshell.terminal.encoding import speak
from kshell.terminal.formats import FORMATS
from kshell.terminal.interrupts import counted
from kshell.terminal.keyboard import no_caret

if TYPE_CHECKING:
    from kshell.session import Session

__all__ = ["open_session", "run"]

EXAMPLES = """\
examples:
  kshell --demo                                   an embedded broker with sample data
  kshell -b localhost:9092                        the prompt; help; lists the statements
  kshell -b localhost:9092 -e "SHOW TOPICS"
  kshell -b localhost:9092 -e "SELECT * FROM orders EMIT CHANGES" | jq .total
  kshell -F client.properties                     properties as Java's tools take them
  kshell test FILE…                               test cases, without a broker
  kshell config init | show | validate            write, show or check the configuration
  kshell completion bash | zsh | fish             a script that completes these options

A terminal gets a table and a pipe gets jsonl, unless --output says otherwise.
A script that leaves queries running (CREATE … AS SELECT) goes on until Ctrl-C.
Exit codes: 0 done, 1 a statement failed or the output was closed early, 2 usage, 3 no connection,
4 an answer was PARTIAL (a limit, a table that is behind, a partition that cannot be read),
130 interrupted.
"""


_PARTIAL = 4  # the exit code if every statement ran, but an answer is incomplete
_CUT = 1  # the exit code if the reader of the output closed it before all was written
_MOST = 2  # the second Ctrl-C ends a script whatever it does
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_LOOK = 0.2  # seconds between two checks of the queries that a script left running


# The commands beside the shell itself: each takes its arguments, and what makes the shell's parser.
_COMMANDS = {
    "test": "kshell.cases.command:main",
    "config": "kshell.terminal.config_command:main",
    "completion": "kshell.terminal.shell_completion:main",
}


def _command(name: str) -> Callable[..., int]:
    module, _, function = _COMMANDS[name].partition(":")
    command: Callable[..., int] = getattr(import_module(module), function)
    return command


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """One line for an option: its short and first long name, and its value once."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=36)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        names = [o for o in action.option_strings if not o.startswith("--")][:1]
        names += [o for o in action.option_strings if o.startswith("--")][:1]
        value = f" {action.metavar}" if action.metavar else ""
        return ", ".join(names) + value


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        hint = "kshell --help"
        if "unrecognized arguments" in message:
            wrong = message.split(": ")[-1].split()[0].split("=")[0]
            known = [o for action in self._actions for o in action.option_strings]
            close = nearest(wrong, known)
            message = f"no option {wrong}"
            hint = f"did you mean {' or '.join(close)}?" if close else hint
        raise UsageError(message, hint=hint)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="kshell",
        usage="kshell [options]",
        description="psql for Kafka: topics are tables.",
        epilog=EXAMPLES,
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("-b", "--bootstrap", "--bootstrap-server", "--bootstrap-servers", metavar="HOST:PORT[,…]",
        help="brokers to connect to first (also --bootstrap-server)")
    add("-e", "-c", "--execute", action="append", default=[], metavar="SQL",
        help="run statements and exit; may be repeated (also -c)")
    add("-f", "--file", metavar="FILE", help="run a script and exit; - is standard input")
    add("-o", "--output", choices=FORMATS, metavar="FORMAT",
        help=", ".join(FORMATS))
    add("-X", "--property", action="append", default=[], metavar="NAME=VALUE",
        help="set a property; SHOW PROPERTIES lists them; may be repeated")
    add("-F", "--command-config", default="", metavar="FILE",
        help="properties from a client's file: Java's client.properties, librdkafka's, kcat's")
    add("--profile", default="", metavar="NAME",
        help="a [profile.NAME] of config.toml; without, [profile.default]")
    add("--registry", metavar="URL", help="the schema registry")
    add("--schema", action="append", default=[], metavar="TOPIC=FILE",
        help="a topic's values have this schema: .avsc, .proto, .desc, .json;"
        " FILE#NAME names the message")
    add("--key-schema", action="append", default=[], metavar="TOPIC=FILE",
        help="the same of its keys")
    add("--demo", action="store_true", help="an embedded broker with live sample data")
    add("--csv-safe", action="store_true", help="disarm formulas in CSV and TSV cells")
    add("--debug", action="store_true", help="show tracebacks")
    add("--version", action="version", version=f"kshell {__version__}")
    return parser  # fmt: skip


def _properties(options: argparse.Namespace) -> dict[str, str]:
    from kshell.terminal.settings import gathered

    found = gathered(options)
    if found.ignored:
        from kshell.terminal.messages import note

        names = f"{len(found.ignored)} name{'s' * (len(found.ignored) > 1)}"
        listed = ", ".join(found.ignored)
        note(f"{options.command_config} sets {names} that kshell has no use for: {listed}")
    return dict(found.properties)


def _script(options: argparse.Namespace) -> str | None:
    """The text to run without a prompt, or None for a prompt."""
    texts = list(options.execute)
    if options.file == "-":
        texts.append(sys.stdin.read())
    elif options.file:
        try:
            with open(options.file, encoding="utf-8") as file:
                texts.append(file.read())
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{options.file} cannot be read: {error}") from None
    if not texts and not sys.stdin.isatty():
        texts.append(sys.stdin.read())
    return ";\n".join(texts) if texts else None


def open_session(options: argparse.Namespace, stack: contextlib.ExitStack) -> Session:
    """The session, and the embedded broker with --demo; the stack closes both."""
    properties = dict(options.properties)
    if options.demo:
        from kshell.demo.broker import start

        broker = start()
        stack.callback(broker.close)
        properties["bootstrap.servers"] = broker.bootstrap
    from kshell.session import Session

    session = Session.open(properties, "demo" if options.demo else options.profile)
    stack.callback(session.close)
    session.commands = _command_texts
    themes.follow(lambda: session.properties)
    return session


def _command_texts() -> dict[str, str]:
    from kshell.terminal.commands import command_texts

    return command_texts()


def _batch(session: Session, text: str, output: str, csv_safe: bool) -> int:
    from kshell.terminal.messages import draw_error
    from kshell.terminal.show import Shower

    shower = Shower(output, csv_safe)
    failed: set[str] = set()
    try:
        for event in session.execute(text):
            if not shower.show(event):
                break
        else:
            sys.stdout.flush()
            _stay(session, failed)
        sys.stdout.flush()
        _say_failed(session, failed)
    except KshellError as error:
        _say_failed(session, failed)
        if not isinstance(error, Interrupted):
            with contextlib.suppress(OSError):
                sys.stdout.flush()
            draw_error(error, text)
        return error.exit_code
    if failed:  # what they did not write is missing
        return KshellError.exit_code
    return _PARTIAL if shower.partial else 0


def _say_failed(session: Session, said: set[str]) -> None:
    """Says which queries in the background have failed, each once."""
    from kshell.terminal.messages import note

    for query in session.running():
        if query.failed and query.id not in said:
            said.add(query.id)
            note(f"Query {query.id} {query.state}")


def _stay(session: Session, failed: set[str]) -> None:
    """Keeps a script going while its queries run, until it is stopped; EXIT; at its end leaves now.

    Raises KshellError when no query runs any more.
    """
    from kshell.terminal.messages import Outages, note

    queries = session.running()
    if queries:
        ids = ", ".join(q.id for q in queries)
        note(f"{ids} still run{'s' * (len(queries) == 1)}; Ctrl-C stops.")
    outages = Outages()
    while queries:
        for query in queries:
            outages.tell(f"Query {query.id}", query.note)
        _say_failed(session, failed)
        if len(failed) == len(queries):
            raise KshellError(f"no query runs any more: {', '.join(sorted(failed))} failed")
        time.sleep(_LOOK)
        queries = session.running()


def _terminate(number: int, frame: object) -> NoReturn:
    """SIGTERM: leave as with Ctrl-C, so that queries write their last results."""
    raise SystemExit(128 + number)


def _work(options: argparse.Namespace) -> int:
    options.properties = _properties(options)
    themes.follow(lambda: options.properties)
    text = _script(options)
    with contextlib.ExitStack() as stack:
        stack.callback(_end_spool)
        if text is None:
            from kshell.terminal.repl import converse

            return converse(
                lambda: open_session(options, stack), options.output or "", options.csv_safe
            )
        output = options.output or ("table" if sys.stdout.isatty() else "jsonl")
        stack.enter_context(counted(_MOST))
        stack.enter_context(no_caret())
        return _batch(open_session(options, stack), text, output, options.csv_safe)


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
            return _command(arguments[0])(arguments[1:], _parser)
        options = _parser().parse_args(arguments)
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
