"""A prompt for terminals that cannot move the cursor (TERM=dumb), which edit lines themselves.

`repl` uses it in the place of prompt_toolkit's.
"""

from __future__ import annotations

from kshell.terminal.history import PrivateHistory
from kshell.terminal.keyboard import lent
from kshell.terminal.typed import runs_on_enter

__all__ = ["ask"]


def ask(prompt: str, history: PrivateHistory, default: str = "") -> str:
    """The next statement; raises EOFError, KeyboardInterrupt.

    `default` cannot be edited here: it is shown, and Enter takes it.
    """
    if default:
        print(default)
    lines: list[str] = []
    while True:
        with lent():
            lines.append(input(prompt if not lines else "... ".rjust(len(prompt))))
        if default and lines == [""]:
            lines = [default]
        # Enter typed while a statement ran is a carriage return: see `keyboard.quiet`.
        text = "\n".join(lines).replace("\r", "\n")
        if runs_on_enter(text):
            history.append_string(text)
            return text
