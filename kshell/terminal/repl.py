"""The prompt: a person types statements and commands, until Ctrl-D.

The prompt appears at once: a thread that starts after it is drawn opens the session and imports the
heavy modules.  Enter in an incomplete statement begins the next line; an error in a statement does
not end the prompt.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO, cast

from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application, run_in_terminal
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding.vi_state import InputMode
from prompt_toolkit.output import Output, create_output
from prompt_toolkit.shortcuts import CompleteStyle
from prompt_toolkit.styles import DynamicStyle
from prompt_toolkit.utils import is_dumb_terminal

from kshell import __version__
from kshell.errors import KshellError
from kshell.terminal.commands import enter
from kshell.terminal.completion.menu import Menu
from kshell.terminal.conversation import Conversation, NoSession
from kshell.terminal.encoding import Unbuffered, speaks_utf8
from kshell.terminal.highlight import BracketsAtCursor, SqlLexer
from kshell.terminal.history import PrivateHistory
from kshell.terminal.interrupts import heed
from kshell.terminal.keyboard import quiet
from kshell.terminal.keys import bindings, editing_mode
from kshell.terminal.messages import draw_error, note
from kshell.terminal.opening import Opening
from kshell.terminal.plain_prompt import ask
from kshell.terminal.themes import prompt_style
from kshell.terminal.toolbar import toolbar
from kshell.terminal.tour import Tour

if TYPE_CHECKING:
    from kshell.results import Waiting
    from kshell.session import Session

__all__ = ["converse"]

_PROMPT, _HOLDING = "kshell> ", "kshell*> "  # the second while something is held
_TICK = 1.0  # seconds after which an idle prompt is drawn again: queries run beside it
_FRESH = 10.0  # seconds after which names are loaded again


def _output() -> Output | None:
    """Standard output, if it is not UTF-8; None is prompt_toolkit's own choice."""
    if speaks_utf8() or not sys.stdout.isatty():
        return None
    return create_output(stdout=cast(TextIO, Unbuffered(sys.stdout)))


class _Prompt:
    """The prompt of one conversation."""

    def __init__(
        self, open_session: Callable[[], Session], output: str, csv_safe: bool, tour: Tour | None,
        yes: bool,
    ) -> None:  # fmt: skip
        self._tour = tour
        self._loop = asyncio.new_event_loop()
        self._learned = time.monotonic()
        self._menu = Menu()
        self._asked = False  # whether Ctrl-D was pressed while queries run
        self._opening = Opening(open_session, self._changed, self._learn)
        self._talk = Conversation(self._session, output, csv_safe, yes)
        self._menu.memory.jobs = self._talk.jobs.status
        self._history = PrivateHistory()
        keys = bindings()
        if tour is not None:
            tour.bind(keys)
        self._prompt: PromptSession[str] = PromptSession(
            history=self._history,
            auto_suggest=AutoSuggestFromHistory(),
            completer=self._menu.completer,
            complete_while_typing=True,
            complete_style=CompleteStyle.COLUMN,
            lexer=SqlLexer(),
            style=DynamicStyle(prompt_style),
            multiline=True,
            prompt_continuation=lambda width, number, wrap: [
                ("class:continuation", "… ".rjust(width))
            ],
            bottom_toolbar=self._toolbar,
            refresh_interval=_TICK,
            input_processors=[BracketsAtCursor()],
            key_bindings=keys,
            output=_output(),
        )
        self._menu.attach(self._prompt)
        self._editing = EditingMode.EMACS
        self._prompt.app.after_render += self._drawn
        self._prompt.app.ttimeoutlen = 0.05  # do not wait after Esc

    def _drawn(self, app: Application[str]) -> None:
        self._opening.begin()

    def _session(self) -> Session:
        """The session, when it is open; the error of opening it ends the prompt."""
        try:
            return self._opening.wait()
        except (KshellError, OSError) as error:
            raise NoSession from error

    def _changed(self) -> None:
        """The thread has finished: change the toolbar, or leave if there is no cluster."""
        app = self._prompt.app
        error = self._opening.error
        self._edit_as_set()
        if error is not None and app.is_running and app.loop is not None:
            with contextlib.suppress(RuntimeError):
                app.loop.call_soon_threadsafe(self._leave, error)
        elif self._opening.said and app.is_running and app.loop is not None:
            with contextlib.suppress(RuntimeError):
                app.loop.call_soon_threadsafe(run_in_terminal, self._say_opening)
        else:
            app.invalidate()

    def _say_opening(self) -> None:
        """What the rc file said, above the prompt."""
        said, self._opening.said = self._opening.said, []
        for error in said:
            draw_error(error)

    def _leave(self, error: BaseException) -> None:
        app = self._prompt.app
        if app.is_running and not app.is_done:
            app.exit(exception=error)

    def _toolbar(self) -> StyleAndTextTuples:
        session = self._opening.session
        if session is None:
            return [("", " "), ("class:bar.waiting", "connecting …")]
        marks = [self._talk.output] if self._talk.output != "table" else []
        if self._prompt.editing_mode is EditingMode.VI:
            inserts = self._prompt.app.vi_state.input_mode is InputMode.INSERT
            marks.append("vi insert" if inserts else "vi")
        if self._talk.destination is not None:
            marks.append(f"to {self._talk.destination.name}")
        width = shutil.get_terminal_size().columns
        queries = (*session.running(), *self._talk.jobs.status())
        if (held := session.held) is not None:
            marks.insert(0, held.mark)
        return toolbar(session.cluster, session.profile, queries, marks, width)

    def _learn(self, session: Session) -> None:
        """Load names for completion, and import the modules that the first query needs."""
        memory = self._menu.memory
        memory.learn(session, () if memory.session else self._history.load_history_strings())
        import kshell.engines.local.statements.live
        import kshell.engines.local.statements.over_duckdb
        import kshell.terminal.show  # noqa: F401

    def run(self) -> int:
        """Run until Ctrl-D; returns the exit code."""
        heed()
        talk = self._talk
        talk.say(f"kshell {__version__} · SQL over Kafka · help; lists statements, \\? commands\n")
        try:
            while not talk.leaving:
                text, talk.prefill = talk.prefill, ""
                for line in talk.jobs.news():
                    note(line)
                self._say_opening()
                self._edit_as_set()
                try:
                    text = self._ask_or_type(text)
                    if text.strip():
                        self._run(text)
                        print()
                        if not talk.leaving:
                            self._asked = False
                        talk.leaving = talk.leaving and self._may_drop()
                except (KeyboardInterrupt, NoSession):
                    pass
                except EOFError:
                    talk.leaving = self._may_drop() and self._may_leave()
                if self._opening.error is not None:
                    raise self._opening.error
        finally:
            talk.close()
        return 0

    def _ask_or_type(self, default: str) -> str:
        """The next text, typed by the tour while there is one; raises EOFError after --auto."""
        tour = self._tour
        if tour is None or default:
            return self._ask(default)
        step = tour.next_step()
        if step is not None:
            try:
                return self._ask(step.text if is_dumb_terminal() else "", tour.begin)
            except KeyboardInterrupt:
                tour.auto = False
        if tour.auto:
            raise EOFError
        self._tour = None
        note("The tour ends here: the prompt is yours, and Ctrl-D leaves.")
        return ""

    def _ask(self, default: str, begin: Callable[[], None] | None = None) -> str:
        """The next text; raises EOFError at Ctrl-D.  `begin` is called when the prompt runs."""
        text = _PROMPT if self._held() is None else _HOLDING
        if is_dumb_terminal():
            return ask(text, self._history, default)
        # In a loop that lives on: to close one waits for threads, and Ctrl-C would not be heeded.
        prompt: StyleAndTextTuples = [("class:prompt", text)]
        asked = self._prompt.prompt_async(prompt, default=default, pre_run=begin)
        return self._loop.run_until_complete(asked)

    def _held(self) -> Waiting | None:
        """What an open transaction or statement set holds; None without one."""
        session = self._opening.session
        return None if session is None else session.held

    def _may_drop(self) -> bool:
        """Whether what is held may be dropped by leaving: it asks once."""
        held = self._held()
        if held is None or not held.count:
            return True
        if self._asked:
            note(held.lost)
            return True
        self._asked = True
        note(f"{held.lost}: {held.ends}, and to leave again drops")
        return False

    def _may_leave(self) -> bool:
        """Whether Ctrl-D leaves: while queries run it asks once."""
        session = self._opening.session
        running = session.running() if session else ()
        busy = [q.id for q in running if not (q.failed or q.outlives)]
        busy += [q.id for q in self._talk.jobs.status() if self._talk.jobs.running()]
        if not busy or self._asked:
            return True
        self._asked = True
        if len(busy) == 1:
            note(f"{busy[0]} still runs: Ctrl-D again ends it")
        else:
            note(f"{len(busy)} queries still run: Ctrl-D again ends them")
        return False

    def _edit_as_set(self) -> None:
        """Take the keys that the property names, if it has changed; F4 may have changed them."""
        session = self._opening.session
        if session is None:
            return
        editing = editing_mode(session.properties)
        if editing is not self._editing:
            self._editing = self._prompt.editing_mode = editing

    def _run(self, text: str) -> None:
        enter(self._talk, text)
        self._learn_after(text)

    def _learn_after(self, text: str) -> None:
        session = self._opening.session
        now = time.monotonic()
        changed = self._menu.memory.used(text)
        if session is None:
            return
        if changed or now - self._learned > _FRESH:
            self._learned = now
            threading.Thread(target=self._learn, args=(session,), daemon=True).start()


def converse(
    open_session: Callable[[], Session], output: str, csv_safe: bool, tour: Tour | None = None,
    *, yes: bool = False,
) -> int:  # fmt: skip
    """Run the prompt until the person leaves, or the tour; returns the exit code.

    `output` is the format that was chosen, "" for none.  With `yes` changes of the cluster are made
    without a question.  Raises the error of opening the session,
    because nothing works without a cluster.
    """
    sys.stdout.flush()
    with quiet():
        return _Prompt(open_session, output, csv_safe, tour, yes).run()
