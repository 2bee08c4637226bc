r"""Handlers of `\n`, `\ns` and `\nd`: queries that a person gave names, in a file of their own."""

from __future__ import annotations

import json
from pathlib import Path

from kshell.config import state_home
from kshell.config.private import why_not_private
from kshell.errors import UnknownName, UsageError, reason_of
from kshell.terminal.conversation import Conversation
from kshell.terminal.masking import masked
from kshell.terminal.messages import note
from kshell.terminal.sanitize import clean
from kshell.terminal.typed import Call, read_call
from kshell.whole_file import WholeFile

__all__ = ["names"]


def _file() -> Path:
    return state_home() / "named_queries.json"


def _read() -> dict[str, str]:
    """The queries by name; a file that others can change or read is ignored with a word."""
    path = _file()
    if not path.exists():
        return {}
    why, hint = why_not_private(path)
    if why:
        note(f"{why}, and is ignored{hint and f': {hint}'}")
        return {}
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {reason_of(error)}") from None
    if not isinstance(kept, dict):
        raise UsageError(f"{path} has no queries by name")
    return {str(name): str(text) for name, text in kept.items()}


def _write(queries: dict[str, str]) -> None:
    path = _file()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        whole = WholeFile(str(path), private=True)
        json.dump(queries, whole.file, indent=2, ensure_ascii=False)
        whole.done()
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None


def names() -> tuple[str, ...]:
    """The names, for completion."""
    return tuple(_read())


def run_or_list(talk: Conversation, call: Call) -> None:
    """Run `\\n`."""
    queries = _read()
    if not call.argument:
        lines = [f"{clean(name)}  {clean(text)}" for name, text in sorted(queries.items())]
        talk.say("\n".join(lines) or "No query has a name: \\ns name statement")
        return
    if call.argument not in queries:
        raise UnknownName("named query", call.argument, queries)
    text = queries[call.argument]
    if read_call(text) is not None:
        raise UsageError(f"{call.argument} has a command: commands are only what you type")
    talk.last = text
    note(text)
    talk.execute(text)


def save(talk: Conversation, call: Call) -> None:
    """Run `\\ns`."""
    name, _, text = call.argument.partition(" ")
    text = text.strip() or talk.last
    if not name:
        raise UsageError("\\ns takes a name and a statement")
    if not text or read_call(text) is not None:
        raise UsageError("\\ns names a statement, not a command")
    if masked(text) != text:
        raise UsageError(
            "\\ns keeps no secrets", hint="write ${name} for it: DEFINE or --define gives the value"
        )
    queries = _read()
    if name in queries and not talk.confirm(f"{name} is {clean(queries[name])}. Replace it?"):
        return
    _write({**queries, name: text})
    note(f"\\n {name} runs it.")


def delete(talk: Conversation, call: Call) -> None:
    """Run `\\nd`."""
    queries = _read()
    if call.argument not in queries:
        raise UnknownName("named query", call.argument, queries)
    _write({name: text for name, text in queries.items() if name != call.argument})
    note(f"{call.argument} is deleted.")
