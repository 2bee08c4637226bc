"""What a person and the shell have settled at the prompt: the format, where answers go, the last
statement; and how a statement is run there.

`repl` makes one, the handlers of commands change it.  It knows nothing of keys and screens.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TextIO

from kshell.errors import Interrupted, KshellError, UsageError
from kshell.sql.script import split
from kshell.terminal.interrupts import counted
from kshell.terminal.jobs import Jobs, LiveJob, RowsJob
from kshell.terminal.keyboard import lent
from kshell.terminal.messages import draw_error, internal_error, note
from kshell.terminal.spool import spool
from kshell.terminal.typed import background_of

if TYPE_CHECKING:
    from kshell.results import Event, Rows
    from kshell.session import Session

__all__ = ["Conversation", "Destination", "NoSession"]


_MOST = 3  # how often Ctrl-C is pressed in one statement until kshell leaves


class NoSession(Exception):
    """The session could not be opened, so that no statement can run."""


class Destination(Protocol):
    """Where answers go instead of the screen."""

    name: str
    output: str  # the format

    def redirected(self) -> contextlib.AbstractContextManager[object]:
        """Standard output is the destination inside the block."""

    def close(self) -> None:
        """No answer comes any more; raises UsageError."""


def _asked(question: str) -> bool:
    """Ask yes or no on the terminal; anything but yes is no."""
    try:
        with lent():
            return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        print()
        return False


class Conversation:
    """One conversation; `session` waits until the session is open, or raises NoSession."""

    def __init__(
        self, session: Callable[[], Session], output: str, csv_safe: bool = False, yes: bool = False
    ) -> None:
        self.session = session
        self.csv_safe = csv_safe
        self.yes = yes  # changes of the cluster are made without a question
        self.chosen = output  # by --output or \f, "" for none
        self.timing = True
        self.destination: Destination | None = None
        self.last = ""  # the last statement
        self.prefill = ""  # what stands on the next prompt
        self.leaving = False
        self.jobs = Jobs()
        self.confirm: Callable[[str], bool] = _asked
        self._screen: TextIO | None = None  # standard output while answers go somewhere else

    @property
    def output(self) -> str:
        """The format of answers on the screen."""
        return self.chosen or "table"

    def run(self, text: str) -> None:
        """Run typed statements; draws their errors."""
        alone = background_of(text)
        self.last = alone or text
        if alone is None:
            self.guarded(text, lambda: self.execute(text))
        else:
            self.guarded(text, lambda: self._begin(alone))

    def guarded(self, text: str, work: Callable[[], object]) -> None:
        """Do the work that `text` asks for; draws errors, all but NoSession."""
        try:
            work()
        except KeyboardInterrupt:
            note("stopped")
        except Interrupted as stopped:
            if stopped.what:
                note(stopped.what)
        except NoSession:
            raise
        except KshellError as error:
            draw_error(error, text)
        except Exception as error:
            draw_error(internal_error(error))

    def execute(self, text: str) -> None:
        """Run statements and draw their answers where they go; raises the errors."""
        self._anywhere(lambda output, say: self._execute(text, output, say))

    def draw(self, rows: Rows, output: str = "") -> None:
        """Draw rows where answers go, in this format if it is given."""
        self._anywhere(lambda chosen, say: self.show([rows], output or chosen, say))

    def again(self, text: str, destination: Destination) -> bool:
        """Send the last result there, if it is whole and this statement's; Kafka is not read."""
        pieces = split(text)
        if len(pieces) != 1:
            return False
        try:
            rows = self.session().last(pieces[0].text)
        except UsageError:
            return False
        before, self.destination = self.destination, destination
        try:
            self.draw(rows)
        finally:
            self.destination = before
        return True

    def _anywhere(self, draw: Callable[[str, Callable[[str], None]], None]) -> None:
        """Call it with a format and where messages go, while output goes where answers do."""
        destination = self.destination
        if destination is None:
            draw(self.output, self.say)
            return
        self._screen = screen = sys.stdout

        def say(message: str) -> None:
            with contextlib.redirect_stdout(screen):
                self.say(message)

        try:
            with destination.redirected():
                draw(destination.output, say)
        finally:
            self._screen = None

    def execute_turned(self, text: str) -> None:
        """The same with rows on their side."""
        self._execute(text, "vertical", self.say)

    def execute_to(self, destination: Destination, text: str) -> None:
        """The same with the answers sent there."""
        before, self.destination = self.destination, destination
        try:
            self.execute(text)
        finally:
            self.destination = before

    def _begin(self, text: str) -> None:
        """Run the text's last statement in the background, those before it as ever."""
        session = self.session()
        from kshell.results import Live, Rows
        from kshell.terminal.times import Times

        session.in_use = self.jobs.running
        *before, piece = split(text)
        if before:
            self.execute("".join(f"{p.text};" for p in before))
        times = Times(session.properties["kshell.times"])
        with self.answers(piece.text) as answers:
            for answer in answers:
                match answer:
                    case Rows():
                        number = self.jobs.add(RowsJob(piece.text, answer, times))
                    case Live():
                        number = self.jobs.add(LiveJob(piece.text, answer, times))
                    case _:
                        self.show([answer], self.output, self.say)
                        continue
                how = f"\\jobs, \\fg {number}, \\kill {number}"
                note(f"[{number}] runs in the background: {how}")

    def _execute(self, text: str, output: str, say: Callable[[str], None]) -> None:
        with self.answers(text) as results:
            self.show(results, output, say)

    @contextlib.contextmanager
    def answers(self, text: str) -> Iterator[Iterator[Event]]:
        """The answers to statements, each made when it is asked for; Ctrl-C always ends them."""
        from kshell.terminal.pull import stepwise

        try:
            with counted(_MOST), contextlib.closing(stepwise(self.session().execute(text))) as made:
                yield made
        except KshellError as error:
            error.text = error.text or text
            raise

    def show(
        self, results: Iterable[Event], output: str, say: Callable[[str], None]
    ) -> None:
        """Draw answers as they come."""
        from kshell.results import Proposal, Spooling
        from kshell.terminal.show import Shower

        session = self.session()
        shower = Shower(
            output, self.csv_safe, say, lambda: session.properties, self._accept, prompt=True,
            timing=self.timing,
        )  # fmt: skip
        for result in results:
            if isinstance(result, Proposal) and self._screen is not None:
                with contextlib.redirect_stdout(self._screen):  # the question is asked there
                    replace(shower, output=self.output).show(result)
                continue
            if isinstance(result, Spooling) and result.path:
                self.may_write(result.path)
                say(spool(result.path, replace=True))
                continue
            if not shower.show(result):
                self.leaving = True
                break

    def _accept(self, question: str) -> bool:
        """Whether a change of the cluster is made, whose plan was shown."""
        accepted = self.yes or self.confirm(question)
        if not accepted:
            note("Nothing was changed.")
        return accepted

    def may_write(self, path: str) -> None:
        """Ask before a file is overwritten; raises Interrupted if the answer is no."""
        from kshell.whole_file import exists

        if exists(path) and not self.confirm(f"{path} exists. Overwrite it?"):
            raise Interrupted(f"{path} is left as it is")

    def say(self, text: str) -> None:
        """Write a message, with line breaks between words."""
        width = max(shutil.get_terminal_size().columns, 20)
        for line in text.split("\n"):
            print("\n".join(textwrap.wrap(line, width) or [""]) if len(line) > width else line)

    def statement(self, given: str) -> str:
        """The given statement, or the last one; raises UsageError if there is none."""
        if given:
            self.last = given
        if not self.last:
            raise UsageError("there is no statement yet")
        return self.last

    def close(self) -> None:
        """Stop the queries in the background; no answer comes any more."""
        self.jobs.close()
        destination, self.destination = self.destination, None
        if destination is not None:
            destination.close()
