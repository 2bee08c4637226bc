"""The menu of completions at the prompt: makes room for it, asks again when names come, Esc.

`repl` attaches one to its prompt.
"""

from __future__ import annotations

import contextlib

from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application, get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import (
    Condition,
    has_completions,
    is_searching,
    vi_insert_mode,
    vi_mode,
)
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent, merge_key_bindings
from prompt_toolkit.key_binding.vi_state import InputMode

from kshell.terminal.completion.completer import SqlCompleter
from kshell.terminal.completion.memory import Memory

__all__ = ["Menu"]

_MOST_LINES = 8


class Menu:
    """Completion of one prompt; `memory` is to learn the names of its session."""

    def __init__(self) -> None:
        self.memory = Memory(self._arrived)
        self.completer = SqlCompleter(self.memory.known, lambda: self.memory.version)
        self._prompt: PromptSession[str] | None = None
        self._pending = False  # whether candidates are looked for, for what was just typed
        self._wanted = ""  # the text at which Tab was pressed before they were there

    def attach(self, prompt: PromptSession[str]) -> None:
        """Serve this prompt, which keeps no lines free for a menu."""
        self._prompt = prompt
        prompt.reserve_space_for_menu = 0
        prompt.app.before_render += self._make_room
        prompt.default_buffer.on_text_insert += self._inserted
        prompt.default_buffer.on_completions_changed += self._found
        own = [prompt.key_bindings] if prompt.key_bindings is not None else []
        prompt.key_bindings = merge_key_bindings([*own, self._keys()])

    def _make_room(self, app: Application[str]) -> None:
        """Lines below the text for the menu, while there is one."""
        if self._prompt is not None:
            buffer = self._prompt.default_buffer
            state = buffer.complete_state
            shown = min(len(state.completions), _MOST_LINES) if state is not None else 0
            below = buffer.document.cursor_position_row + 1 + shown
            self._prompt.reserve_space_for_menu = below if shown else 0

    def _arrived(self) -> None:
        """Names are there that were asked for: ask again, if that is still what is typed."""
        app = self._prompt.app if self._prompt is not None else None
        if self.memory.waiting and app is not None and app.is_running and app.loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                app.loop.call_soon_threadsafe(self._complete_again)

    def _complete_again(self) -> None:
        assert self._prompt is not None
        buffer = self._prompt.default_buffer
        state = buffer.complete_state
        chosen = state is not None and state.complete_index is not None
        if self.completer.busy:
            return  # it sees by itself that there is more
        if self.memory.waiting and buffer.text and not chosen:
            self.memory.waiting = False
            buffer.complete_state = None
            buffer.start_completion()

    def _inserted(self, buffer: Buffer) -> None:
        self._pending, self._wanted = True, ""

    def _found(self, buffer: Buffer) -> None:
        """Take the first candidate if Tab was pressed while they were looked for."""
        state = buffer.complete_state
        if self.completer.busy or state is None:
            return
        wanted, self._pending, self._wanted = self._wanted, False, ""
        if wanted and wanted == buffer.text and state.completions:
            buffer.go_to_completion(0)

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        # Alt with a key comes as Esc and the key at once: then this is no Esc.
        alone = Condition(lambda: not get_app().key_processor.input_queue)

        @keys.add("escape", filter=has_completions & ~vi_mode, eager=alone)
        def _(event: KeyPressEvent) -> None:
            self.memory.waiting = False  # what comes later is not to open it again
            event.current_buffer.cancel_completion()

        @keys.add("escape", filter=vi_insert_mode & ~is_searching, eager=alone)
        def _(event: KeyPressEvent) -> None:
            # As vi does, at once: else it would wait for the Enter of Alt-Enter.
            self.memory.waiting = False
            buffer = event.current_buffer
            buffer.complete_state = None
            buffer.cursor_position += buffer.document.get_cursor_left_position()
            event.app.vi_state.input_mode = InputMode.NAVIGATION

        pending = Condition(lambda: self._pending)

        @keys.add("tab", filter=pending & ~has_completions)
        def _(event: KeyPressEvent) -> None:
            self._wanted = event.current_buffer.text

        return keys
