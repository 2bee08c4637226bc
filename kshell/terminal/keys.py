"""The keys of the prompt, as a table: `repl` binds them, docs/prompt.md lists them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import Always, Filter, is_searching
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from kshell.errors import KshellError
from kshell.terminal.messages import draw_error
from kshell.terminal.programs import edited
from kshell.terminal.typed import runs_on_enter

if TYPE_CHECKING:
    from prompt_toolkit.buffer import Buffer

__all__ = ["KEYS", "Key", "bindings", "editing_mode"]


@dataclass(frozen=True, slots=True)
class Key:
    """A row: the key as people write it, prompt_toolkit's names, help; None: it is its own."""

    shown: str
    keys: tuple[str, ...]
    help: str
    press: Callable[[KeyPressEvent], object] | None = None
    when: Filter = Always()  # noqa: RUF009


def _enter(event: KeyPressEvent) -> None:
    buffer = event.current_buffer
    state = buffer.complete_state
    if state is not None and state.current_completion is not None:
        buffer.complete_state = None  # Enter takes the candidate; a second Enter runs
    elif runs_on_enter(buffer.text):
        buffer.validate_and_handle()
    else:
        buffer.insert_text("\n")


def _run(event: KeyPressEvent) -> None:
    event.current_buffer.validate_and_handle()


def _break_line(event: KeyPressEvent) -> None:
    event.current_buffer.insert_text("\n")


def _edit(event: KeyPressEvent) -> None:
    buffer: Buffer = event.current_buffer

    def work() -> None:
        try:
            buffer.text = edited(buffer.text)
            buffer.cursor_position = len(buffer.text)
        except KshellError as error:
            draw_error(error)

    run_in_terminal(work)


def _suspend(event: KeyPressEvent) -> None:
    event.app.suspend_to_background()


def _switch_editing(event: KeyPressEvent) -> None:
    vi = event.app.editing_mode is EditingMode.VI
    event.app.editing_mode = EditingMode.EMACS if vi else EditingMode.VI


_typing = ~is_searching
KEYS = (
    Key("Enter", ("enter",), "run a statement that ends with ; and else begin a line", _enter,
        _typing),
    Key("Alt-Enter", ("escape", "enter"), "run it without a semicolon", _run, _typing),
    Key("Ctrl-J", ("c-j",), "begin a line", _break_line, _typing),
    Key("Tab", (), "complete; again: the next one"),
    Key("Esc", (), "close the menu of completions"),
    Key("Ctrl-R", (), "look for a statement in the history; Enter puts it on the prompt"),
    Key("Ctrl-X Ctrl-E", ("c-x", "c-e"), "edit the statement in $EDITOR", _edit, _typing),
    Key("Ctrl-C", (), "take the line away; while a statement runs: stop it, keep what was shown;"
        " twice: give it up; three times: leave with 130"),
    Key("Ctrl-Z", ("c-z",), "suspend kshell; fg comes back", _suspend),
    Key("F4", ("f4",), "vi's keys, and back to emacs'", _switch_editing),
    Key("Ctrl-D", (), "leave; where queries run it asks once"),
)  # fmt: skip


def editing_mode(properties: Mapping[str, str]) -> EditingMode:
    """Whose keys the property chooses."""
    return EditingMode.VI if properties["kshell.editing"] == "vi" else EditingMode.EMACS


def bindings() -> KeyBindings:
    """The keys that are kshell's own."""
    made = KeyBindings()
    for key in KEYS:
        if key.press is not None:
            made.add(*key.keys, filter=key.when)(key.press)
    return made
