"""The statements of rc.sql, beside config.toml: they run when the prompt's session is open.

`opening` runs them, in its thread: no answer can be drawn there, so they are statements that give
none.  Scripts do not read the file: what they do must not depend on who runs them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kshell.config import config_home
from kshell.config.private import why_not_private
from kshell.errors import KshellError, UsageError, reason_of

if TYPE_CHECKING:
    from kshell.session import Session

__all__ = ["rc_file", "run_rc"]


def rc_file() -> Path:
    """The file's place."""
    return config_home() / "rc.sql"


def run_rc(session: Session) -> list[KshellError]:
    """Run the file's statements, if it is there and its owner's alone; what is wrong with it."""
    path = rc_file()
    try:
        why, hint = why_not_private(path)
        if why:
            return [UsageError(f"{why}, and is not run", hint=hint)]
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        return [UsageError(f"{path} cannot be read: {reason_of(error)}")]
    try:
        return _run(session, path, text)
    except KshellError as error:
        line = f":{error.place.line}" if error.place is not None else ""
        return [KshellError(f"{path}{line}: {error.what}", hint=error.hint)]


def _run(session: Session, path: Path, text: str) -> list[KshellError]:
    from kshell.results import Goodbye, Live, Message, Remark, Rows
    from kshell.sql.script import split

    said: list[KshellError] = []
    for piece in split(text):
        placed = "\n" * (piece.line - 1) + piece.text  # errors then have the file's lines
        for event in session.execute(placed):
            match event:
                case Message():
                    pass
                case Remark():
                    said.append(KshellError(event.text))
                case Goodbye():
                    return said
                case _:
                    if isinstance(event, Rows | Live):
                        event.cancel()
                    raise UsageError(
                        "this gives an answer, and the statements of rc.sql give none",
                        hint="SET, DEFINE, CREATE and the like",
                    ).with_place(piece.place)
    return said
