"""Opens the session in a thread, while the prompt is there already.

`repl` begins it when the prompt is drawn, and waits for it at the first statement.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from kshell.errors import KshellError
from kshell.terminal.rc import run_rc

if TYPE_CHECKING:
    from kshell.session import Session

__all__ = ["Opening"]


class Opening:
    """Imports, may start a broker, connects; `changed` is called when something is new.

    `learn` gets the session when it is open, in the same thread.
    """

    def __init__(
        self,
        open_session: Callable[[], Session],
        changed: Callable[[], None],
        learn: Callable[[Session], None],
    ) -> None:
        self._open, self._changed, self._learn = open_session, changed, learn
        self.session: Session | None = None
        self.error: BaseException | None = None
        self.said: list[KshellError] = []  # by rc.sql and by `keep`; who shows them empties it
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
            self.said += run_rc(session)
            self.said += [KshellError(text) for text in session.keep()]
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
