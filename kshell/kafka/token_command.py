"""Runs the program of `sasl.oauthbearer.token.command`; `tokens` reads what it printed.

No shell runs it, it cannot ask at the terminal, and neither its time nor its output is without end.
"""

from __future__ import annotations

import atexit
import os
import selectors
import shlex
import subprocess
import time
from collections.abc import Iterable, Sequence

from kshell.config import MASK, masked_words
from kshell.config.values import secret_arguments
from kshell.errors import LoginRefused, Unreachable, UsageError, reason_of

__all__ = ["NAME", "printed", "without"]

NAME = "sasl.oauthbearer.token.command"
_PATIENCE = 30.0  # seconds that it may take
_LONGEST = 64 << 10  # bytes that it may print
_SAID = 300  # characters that are shown of what it says of its failure
_LOOK = 0.05  # seconds until it is seen that it has ended, and left its streams to another program


def printed(command: str) -> tuple[str, str]:
    """The program's name, and the text that it printed.

    Raises Unreachable where it fails or does not end, LoginRefused where it prints nothing or too
    much, UsageError where it cannot be run.
    """
    try:
        arguments = shlex.split(command)
    except ValueError as error:
        raise UsageError(
            f"{NAME} cannot be read: {error}", hint="a quote in an argument stands in other quotes"
        ) from None
    if not arguments:
        raise UsageError(f"{NAME} is empty", hint="a program and its arguments")
    name = arguments[0]
    try:
        code, text, said = _run(arguments)
    except OSError as error:
        raise UsageError(
            f"{NAME}: {name}: {reason_of(error)}",
            hint="a program in PATH, or its whole path, and its arguments; no shell runs it",
        ) from None
    if code:
        words = without(said.strip().rpartition("\n")[2].strip(), secret_arguments(arguments))
        ended = f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
        raise Unreachable(
            f"{name} printed no token, and {ended}",
            hint=f"it said: {words}" if words else "run it by itself to see why",
        )
    return name, text.strip()


def without(words: str, secrets: Iterable[str]) -> str:
    """What somebody else says of a failure, shortened, and without secrets that it repeats.

    >>> without("no secret=b for a", ["a"])
    'no secret=******** for ********'
    """
    for secret in sorted(secrets, key=len, reverse=True):
        words = words.replace(secret, MASK)
    words = masked_words(words)
    return words if len(words) <= _SAID else f"{words[:_SAID]}…"


_alive: set[subprocess.Popen[bytes]] = set()  # what the end of this process ends


@atexit.register
def _end() -> None:
    for process in list(_alive):
        process.kill()
        process.wait()


def _run(arguments: Sequence[str]) -> tuple[int, str, str]:
    """The exit code, and what the program printed on both streams; raises OSError too."""
    deadline = time.monotonic() + _PATIENCE
    late = Unreachable(
        f"{arguments[0]} printed no token in {_PATIENCE:g} s", hint="does it wait for an answer?"
    )
    with (
        subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process,
        selectors.DefaultSelector() as streams,
    ):
        _alive.add(process)
        assert process.stdout is not None
        assert process.stderr is not None
        out, said = bytearray(), bytearray()
        streams.register(process.stdout, selectors.EVENT_READ, out)
        streams.register(process.stderr, selectors.EVENT_READ, said)
        try:
            while streams.get_map():
                ended = process.poll() is not None
                ready = streams.select(_LOOK)
                if ended and not ready:
                    break
                for key, _ in ready:
                    piece = os.read(key.fd, _LONGEST)
                    if not piece:
                        streams.unregister(key.fileobj)
                    key.data.extend(piece)
                del said[:-_LONGEST]
                if len(out) > _LONGEST:
                    raise LoginRefused(
                        f"{arguments[0]} printed more than a token",
                        hint="it prints the token, and nothing else",
                    )
                if time.monotonic() > deadline:
                    raise late
            code = process.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            process.kill()
            raise late from None
        except BaseException:
            process.kill()
            raise
        finally:
            _alive.discard(process)
    return code, out.decode(errors="replace"), said.decode(errors="replace")
