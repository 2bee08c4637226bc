r"""Handlers of `\o` and `\g`: answers go to a file or to a program instead of the screen."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from typing import IO

from kshell.errors import UsageError
from kshell.terminal.conversation import Conversation, Destination
from kshell.terminal.environment import environment
from kshell.terminal.formats import FORMATS, format_of
from kshell.terminal.messages import note
from kshell.terminal.programs import said_ending
from kshell.terminal.typed import Call
from kshell.whole_file import WholeFile

__all__: list[str] = []

_ONE_ANSWER = ("arrow", "parquet")  # a file of these holds one answer


class _File:
    """A file, which has its name when it is whole."""

    def __init__(self, path: str, output: str) -> None:
        self.name, self.output = path, output
        try:
            self._whole = WholeFile(path)
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}") from None

    def redirected(self) -> contextlib.AbstractContextManager[object]:
        return contextlib.redirect_stdout(self._whole.file)

    def close(self) -> None:
        try:
            self._whole.done()
        except OSError as error:
            raise UsageError(f"{self.name} cannot be written: {error.strerror}") from None


class _Program:
    """A program that reads the answers; one that ends early gets no more."""

    def __init__(self, command: str, output: str) -> None:
        self.name, self.output = f"| {command}", output
        sys.stdout.flush()
        self._process = subprocess.Popen(
            command, shell=True, stdin=subprocess.PIPE, env=environment()
        )
        assert self._process.stdin is not None
        self._stream: IO[str] = io.TextIOWrapper(self._process.stdin, "utf-8", newline="")

    @contextlib.contextmanager
    def redirected(self):  # type: ignore[no-untyped-def]
        with contextlib.suppress(BrokenPipeError), contextlib.redirect_stdout(self._stream):
            yield
            self._stream.flush()

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._stream.close()
        said_ending(self.name, self._process.wait())


def _opened(talk: Conversation, where: str) -> Destination:
    """The destination that the argument of a command names."""
    if where.startswith("|"):
        command = where[1:].strip()
        if not command:
            raise UsageError("a program's name comes after |")
        return _Program(command, talk.chosen or "jsonl")
    talk.may_write(where)
    return _File(where, format_of(where) or talk.output)


def send_all(talk: Conversation, call: Call) -> None:
    """Run `\\o`."""
    where = call.argument
    if where in FORMATS:
        raise UsageError("\\o names a file or a program", hint=f"\\f {where} sets the format")
    if format_of(where) in _ONE_ANSWER:
        raise UsageError(
            f"a {format_of(where)} file holds one answer", hint=f"SELECT … \\g {where}"
        )
    talk.close()
    if where:
        talk.destination = _opened(talk, where)
        note(f"Answers go to {talk.destination.name}; \\o alone brings them back.")
    else:
        note("Answers come to the screen.")


def send_one(talk: Conversation, call: Call) -> None:
    """Run `\\g`."""
    statement = talk.statement(call.statement)
    if not call.argument:
        talk.execute(statement)
        return
    destination = _opened(talk, call.argument)
    try:
        if call.statement or not talk.again(statement, destination):
            talk.execute_to(destination, statement)
    finally:
        destination.close()
    if isinstance(destination, _File):
        note(f"Written to {destination.name} as {destination.output}.")
