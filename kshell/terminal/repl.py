"""The prompt: a person types statements, until Ctrl-D.

The prompt appears at once: a thread that starts after it is drawn opens the session and imports the
heavy modules.  Enter in an incomplete statement begins the next line; an error in a statement does
not end the prompt.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.shortcuts import CompleteStyle
from prompt_toolkit.styles import Style

from kshell import __version__
from kshell.errors import Interrupted, KshellError
from kshell.sql.script import is_complete
from kshell.terminal.commands import COMMANDS, FORMATS, command_help
from kshell.terminal.completion.menu import Menu
from kshell.terminal.highlight import BracketsAtCursor, SqlLexer
from kshell.terminal.history import PrivateHistory
from kshell.terminal.messages import draw_error, internal_error, note
from kshell.terminal.sanitize import clean

if TYPE_CHECKING:
    from kshell.session import Session

__all__ = ["converse"]

STYLE = Style.from_dict(
    {
        "prompt": "bold ansigreen",
        "continuation": "ansibrightblack",
        "keyword": "bold ansicyan",
        "function": "ansiblue",
        "string": "ansigreen",
        "name": "ansiyellow",
        "number": "ansimagenta",
        "punct": "ansibrightblack",
        "comment": "italic ansibrightblack",
        "bracket.open": "bold ansiyellow",
        "bracket.alone": "bold #ffffff bg:#af0000",
        "bracket.pair": "bold underline",
        "auto-suggestion": "#6c6c6c",
        "bottom-toolbar": "noreverse bg:#262626 #a8a8a8",
        "bar.cluster": "bold #87d7ff",
        "bar.waiting": "#ffd75f",
        "bar.running": "#87d787",
        "bar.failed": "bold #ff8787",
        "bar.rule": "#4e4e4e",
        "completion-menu": "bg:#303030 #dadada",
        "completion-menu.completion.current": "noreverse bg:#005f87 #ffffff",
        "completion-menu.meta.completion": "bg:#262626 #8a8a8a",
        "completion-menu.meta.completion.current": "bg:#005f87 #d0d0d0",
        "scrollbar.background": "bg:#262626",
        "scrollbar.button": "bg:#4e4e4e",
    }
)
_TOLD = 60  # characters of a query's state on the toolbar
_TICK = 1.0  # seconds after which an idle prompt is drawn again: queries run beside it
_FRESH = 10.0  # seconds after which names are loaded again


class _Opening:
    """Opens the session in a thread: that may import, start a broker, connect."""

    def __init__(
        self,
        open_session: Callable[[], Session],
        changed: Callable[[], None],
        learn: Callable[[Session], None],
    ) -> None:
        self._open, self._changed, self._learn = open_session, changed, learn
        self.session: Session | None = None
        self.error: BaseException | None = None
        self._done = threading.Event()
        self._begun = False

    def begin(self) -> None:
        """Start the thread; a second call does nothing."""
        if not self._begun:
            self._begun = True
            threading.Thread(target=self._run, name="kshell-open", daemon=True).start()

    def _run(self) -> None:
        try:
            session = self._open()
            session.connect()
            self.session = session
        except BaseException as error:
            self.error = error
        finally:
            self._done.set()
            self._changed()
        if self.session is not None:
            self._learn(self.session)
            self._changed()

    def wait(self) -> Session:
        """The session; raises the error of opening it.  Ctrl-C may end the wait."""
        self.begin()
        while not self._done.wait(0.1):
            pass
        if self.session is None:
            raise self.error or KshellError("no session")
        return self.session


class _Prompt:
    """One conversation."""

    def __init__(self, open_session: Callable[[], Session], output: str, csv_safe: bool) -> None:
        self.output, self.csv_safe = output, csv_safe
        self._learned = time.monotonic()
        self._menu = Menu()
        self._opening = _Opening(open_session, self._changed, self._learn)
        self._history = PrivateHistory()
        self._prompt: PromptSession[str] = PromptSession(
            history=self._history,
            auto_suggest=AutoSuggestFromHistory(),
            completer=self._menu.completer,
            complete_while_typing=True,
            complete_style=CompleteStyle.COLUMN,
            lexer=SqlLexer(),
            style=STYLE,
            multiline=True,
            prompt_continuation=lambda width, number, wrap: [
                ("class:continuation", "… ".rjust(width))
            ],
            bottom_toolbar=self._toolbar,
            refresh_interval=_TICK,
            input_processors=[BracketsAtCursor()],
            key_bindings=_keys(),
        )
        self._menu.attach(self._prompt)
        self._prompt.app.after_render += self._drawn
        self._prompt.app.ttimeoutlen = 0.05  # do not wait after Esc

    def _drawn(self, app: Application[str]) -> None:
        self._opening.begin()

    def _changed(self) -> None:
        """The thread has finished: change the toolbar, or leave if there is no cluster."""
        app = self._prompt.app
        error = self._opening.error
        if error is not None and app.is_running and app.loop is not None:
            with contextlib.suppress(RuntimeError):
                app.loop.call_soon_threadsafe(self._leave, error)
        else:
            app.invalidate()

    def _leave(self, error: BaseException) -> None:
        app = self._prompt.app
        if app.is_running and not app.is_done:
            app.exit(exception=error)

    def _toolbar(self) -> StyleAndTextTuples:
        session = self._opening.session
        rule = ("class:bar.rule", " │ ")
        bar: StyleAndTextTuples = [("", " ")]
        if session is None:
            return [*bar, ("class:bar.waiting", "connecting …")]
        bar.append(("class:bar.cluster", clean(session.cluster)))
        if session.profile:
            bar += [rule, ("", clean(session.profile))]
        for query in session.running():
            style, sign = ("class:bar.failed", "✗") if query.failed else ("class:bar.running", "▶")
            told = clean(f"{query.id} {query.state}")
            bar += [rule, (style, f"{sign} {told[:_TOLD]}{'…' if len(told) > _TOLD else ''}")]
        if self.output != "table":
            bar += [rule, ("", self.output)]
        return [*bar, rule, ("", "; and Enter runs · Tab completes · help · Ctrl-D leaves")]

    def _learn(self, session: Session) -> None:
        """Load names for completion, and import the modules that the first query needs."""
        memory = self._menu.memory
        memory.learn(session, () if memory.session else self._history.load_history_strings())
        import kshell.engines.local.statements.select
        import kshell.terminal.show  # noqa: F401

    def run(self) -> int:
        """Run until Ctrl-D; returns the exit code."""
        print(f"kshell {__version__} · SQL over Kafka · help; lists statements, \\? commands\n")
        while True:
            try:
                text = self._prompt.prompt([("class:prompt", "kshell> ")])
                if text.strip():
                    if not self._execute(text):
                        return 0
                    print()
            except KeyboardInterrupt:
                continue
            except EOFError:
                return 0
            if self._opening.error is not None:
                raise self._opening.error

    def _execute(self, text: str) -> bool:
        """Run the typed text; False means leave."""
        if text.lstrip().startswith("\\"):
            return self._command(text.strip())
        try:
            session = self._opening.wait()
            from kshell.terminal.show import Shower

            shower = Shower(self.output, self.csv_safe, _say)
            results = session.execute(text)
            try:
                for result in results:
                    if not shower.show(result):
                        return False
            finally:
                results.close()  # type: ignore[attr-defined]
        except (Interrupted, KeyboardInterrupt):
            note("stopped")
        except KshellError as error:
            if error is self._opening.error:
                raise
            draw_error(error, text)
        except Exception as error:
            draw_error(internal_error(error))
        self._learn_after(text)
        return True

    def _learn_after(self, text: str) -> None:
        session = self._opening.session
        now = time.monotonic()
        changed = self._menu.memory.used(text)
        if session is None:
            return
        if changed or now - self._learned > _FRESH:
            self._learned = now
            threading.Thread(target=self._learn, args=(session,), daemon=True).start()

    def _command(self, text: str) -> bool:
        word, _, argument = text.partition(" ")
        argument = argument.strip().rstrip(";")
        command = next((c for c in COMMANDS if c.word == word.rstrip(";")), None)
        if command is None or command.word == "\\?":
            print(command_help())
        elif command.word == "\\q":
            return False
        elif command.word == "\\x":
            self._shown_as("table" if self.output == "vertical" else "vertical")
        elif command.word == "\\o":
            self._shown_as(argument)
        else:
            filled = command.statement.replace("{}", argument)
            return self._execute(filled if argument else command.alone or command.statement)
        return True

    def _shown_as(self, output: str) -> None:
        if output in FORMATS:
            self.output = output
            note(f"Answers are shown as {output}.")
        else:
            note(f"\\o takes one of {', '.join(FORMATS)}")


def _say(text: str) -> None:
    """Write a message, with line breaks between words."""
    width = max(shutil.get_terminal_size().columns, 20)
    for line in text.split("\n"):
        print("\n".join(textwrap.wrap(line, width) or [""]) if len(line) > width else line)


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        state = buffer.complete_state
        if state is not None and state.current_completion is not None:
            buffer.complete_state = None  # Enter takes the candidate; a second Enter runs
        elif is_complete(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    @keys.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys


def converse(open_session: Callable[[], Session], output: str, csv_safe: bool) -> int:
    """Run the prompt until the person leaves; returns the exit code.

    Raises the error of opening the session, because nothing works without a cluster.
    """
    sys.stdout.flush()
    return _Prompt(open_session, output, csv_safe).run()
