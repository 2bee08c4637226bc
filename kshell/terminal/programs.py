r"""Handlers of `\!` and `\e`: programs of the system that a person asked for at the prompt.

They do not get kshell's secrets, and no variable is put into what is typed for them.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from kshell.errors import UsageError, reason_of
from kshell.terminal.conversation import Conversation
from kshell.terminal.environment import environment
from kshell.terminal.keyboard import lent
from kshell.terminal.messages import note
from kshell.terminal.typed import Call

__all__ = ["edited", "said_ending"]

_EDITORS = ("VISUAL", "EDITOR")


def said_ending(name: str, code: int) -> None:
    """Say that a program failed; one that was stopped by a signal was stopped by the person."""
    if code > 0:
        note(f"{name} ended with {code}")


def run_shell(talk: Conversation, call: Call) -> None:
    """Run `\\!`."""
    command = call.argument or os.environ.get("SHELL", "/bin/sh")
    sys.stdout.flush()
    with lent():
        code = subprocess.run(command, shell=True, env=environment()).returncode
    said_ending(command, code)


def edited(text: str) -> str:
    """The text as the person leaves it in $VISUAL, $EDITOR or vi; raises UsageError."""
    editor = next((os.environ[name] for name in _EDITORS if os.environ.get(name)), "vi")
    handle, path = tempfile.mkstemp(".sql", "kshell-")  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        try:
            with lent():
                code = subprocess.run([*shlex.split(editor), path], env=environment()).returncode
        except (OSError, ValueError) as error:
            raise UsageError(
                f"the editor {editor} cannot be started: {reason_of(error)}", hint="set EDITOR"
            ) from None
        if code:
            raise UsageError(f"the editor ended with {code}; the text is as it was")
        return Path(path).read_text(encoding="utf-8").rstrip("\n")
    except UnicodeDecodeError:
        raise UsageError("the edited text is not UTF-8") from None
    finally:
        Path(path).unlink(missing_ok=True)


def edit_statement(talk: Conversation, call: Call) -> None:
    """Run `\\e`: the text comes back on the prompt."""
    talk.prefill = edited(call.statement or talk.last)
