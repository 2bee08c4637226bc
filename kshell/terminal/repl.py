"""The prompt: statements typed by a person, until Ctrl-D.

Enter on an incomplete statement goes on to the next line.  Names for completion are learned in the
background, so the prompt is there at once; nothing that fails in a statement ends it.
"""

from __future__ import annotations

import contextlib
import threading

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import ThreadedCompleter
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import HTML
from prompt_toolkit.shortcuts import CompleteStyle
from prompt_toolkit.styles import Style

from kshell import __version__
from kshell.errors import ConnectionFailed, Interrupted, KshellError
from kshell.session import Session
from kshell.sql.script import is_complete
from kshell.terminal.completion import SqlCompleter, SqlLexer
from kshell.terminal.history import PrivateHistory
from kshell.terminal.messages import draw_error, note
from kshell.terminal.output import WRITERS
from kshell.terminal.sanitize import clean
from kshell.terminal.show import Shower

__all__ = ["converse"]

STYLE = Style.from_dict(
    {
        "keyword": "bold ansicyan",
        "function": "ansiblue",
        "string": "ansigreen",
        "name": "ansiyellow",
        "number": "ansimagenta",
        "comment": "italic ansibrightblack",
        "prompt": "bold ansigreen",
        "bottom-toolbar": "noreverse bg:#333333 #cccccc",
        "bottom-toolbar.cluster": "bg:#333333 #88ccff bold",
        "completion-menu.completion": "bg:#303030 #dddddd",
        "completion-menu.completion.current": "bg:#005f87 #ffffff",
        "completion-menu.meta.completion": "bg:#262626 #999999",
        "completion-menu.meta.completion.current": "bg:#00527a #dddddd",
        "auto-suggestion": "#777777",
    }
)


@Condition
def _unfinished() -> bool:
    """Whether Enter goes on to another line."""
    return not is_complete(get_app().current_buffer.text)


def _learn(session: Session) -> None:
    """Learn names for completion, and import what the first query needs."""
    with contextlib.suppress(KshellError, OSError):
        session.refresh()
    with contextlib.suppress(ImportError):
        import kshell.engines.local.query  # noqa: F401


class _Prompt:
    """One conversation."""

    def __init__(self, session: Session, output: str, csv_safe: bool) -> None:
        self.session = session
        self.shower = Shower(output, csv_safe, interactive=True)
        self.prompt: PromptSession[str] = PromptSession(
            history=PrivateHistory(),
            auto_suggest=AutoSuggestFromHistory(),
            completer=ThreadedCompleter(SqlCompleter(session)),
            complete_while_typing=True,
            complete_style=CompleteStyle.COLUMN,
            lexer=SqlLexer(),
            style=STYLE,
            multiline=_unfinished,
            prompt_continuation=lambda width, number, wrap: "… ".rjust(width),
            bottom_toolbar=self.toolbar,
            reserve_space_for_menu=6,
        )

    def toolbar(self) -> HTML:
        session = self.session
        parts = [f"<cluster> {_escape(session.cluster)} </cluster>"]
        if session.profile:
            parts.append(_escape(session.profile))
        parts += [_escape(line) for line in session.running()]
        parts.append("Enter runs a statement that ends in ; · help · Ctrl-D")
        return HTML(" │ ".join(parts))

    def run(self) -> int:
        print(f"kshell {__version__} at {clean(self.session.cluster)}. HELP; tells more.")
        while True:
            try:
                text = self.prompt.prompt([("class:prompt", "kshell> ")])
            except KeyboardInterrupt:
                continue
            except EOFError:
                return 0
            if text.strip() and not self.execute(text.strip()):
                return 0

    def execute(self, text: str) -> bool:
        """Run what was typed; False is goodbye."""
        if text.startswith("\\"):
            return self.command(text)
        results = self.session.execute(text)
        try:
            for result in results:
                if not self.shower.show(result):
                    return False
        except Interrupted:
            note("stopped")
        except KeyboardInterrupt:
            note("stopped")
        except KshellError as error:
            draw_error(error, text)
        except Exception as error:
            draw_error(KshellError(f"internal error: {type(error).__name__}: {error}"))
        finally:
            results.close()  # type: ignore[attr-defined]
        threading.Thread(target=_learn, args=(self.session,), daemon=True).start()
        return True

    def command(self, text: str) -> bool:
        """The backslash commands of psql that people's fingers know."""
        word, _, argument = text.partition(" ")
        argument = argument.strip().rstrip(";")
        if word == "\\q":
            return False
        if word == "\\x":
            self.shower.output = "table" if self.shower.output == "vertical" else "vertical"
            note(f"output is {self.shower.output}")
        elif word == "\\o" and argument in WRITERS:
            self.shower.output = argument
            note(f"output is {argument}")
        elif word in ("\\d", "\\dt"):
            return self.execute(f"DESCRIBE {argument};" if argument else "SHOW TOPICS;")
        else:
            note(f"\\q quits, \\x turns rows on their side, \\d topic describes,"
                 f" \\o sets the output: {', '.join(WRITERS)}")  # fmt: skip
        return True


def _escape(text: str) -> str:
    return clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def converse(session: Session, output: str, csv_safe: bool) -> int:
    """Talk until the person leaves; gives the exit code."""
    try:
        session.connect()
    except ConnectionFailed as error:
        draw_error(error)
        return error.exit_code
    threading.Thread(target=_learn, args=(session,), daemon=True).start()
    return _Prompt(session, output, csv_safe).run()
