"""Gives the candidates to prompt_toolkit, which asks at every key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from kshell.terminal.sanitize import clean

if TYPE_CHECKING:  # the first prompt does not wait for what the first key needs
    from kshell.terminal.completion.names import Known
    from kshell.terminal.completion.offers import Candidate

__all__ = ["SqlCompleter"]

_MOST = 150  # candidates in the menu: each costs time at every drawing


class SqlCompleter(Completer):
    """`complete_at` over the names that `known` gives at each call, in another thread.

    `busy` while it looks: it looks again if `version` says that more is known then.
    """

    def __init__(
        self, known: Callable[[], Known], version: Callable[[], int] = lambda: 0
    ) -> None:
        self._known, self._version = known, version
        self.busy = False

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """The candidates, found in this thread."""
        return [_completion(c) for c in self._find(document)]

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        """The candidates, found in another thread; handed over one by one they would cost more."""
        loop = asyncio.get_running_loop()
        self.busy, version = True, -1
        found: list[Candidate] = []
        try:
            while version != self._version():
                version = self._version()
                found = await loop.run_in_executor(None, self._find, document)
        finally:
            self.busy = False
        for candidate in found:
            yield _completion(candidate)

    def _find(self, document: Document) -> list[Candidate]:
        from kshell.terminal.completion.candidates import complete_at

        before, after = document.text_before_cursor, document.text_after_cursor
        return complete_at(before, after, self._known())[:_MOST]


def _completion(found: Candidate) -> Completion:
    return Completion(
        found.text, found.replaces, display=clean(found.text), display_meta=clean(found.kind)
    )
