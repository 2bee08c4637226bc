"""Types the statements of a file at the prompt, one by one, as a person would: `--tour`.

`repl` takes a step of it for each prompt; Enter runs it, or the tour itself with --auto.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prompt_toolkit.application import get_app
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

from kshell.sql.script import split

__all__ = ["Step", "Tour", "steps_of"]

# Pauses, in the time that a character takes.
_THINK = 15  # before the first character, and before Enter
_READ = 70  # after an answer


@dataclass(frozen=True, slots=True)
class Step:
    """A statement with its semicolon, and the comment lines right above it."""

    comment: str
    statement: str

    @property
    def text(self) -> str:
        """Both, as they stand in the file."""
        return self.comment + self.statement


def steps_of(script: str) -> Iterator[Step]:
    r"""The steps of a file; comments that an empty line follows belong to none.

    >>> [step.text for step in steps_of("-- a file\n\n-- one\nSELECT 1;\nSELECT 2;")]
    ['-- one\nSELECT 1;', 'SELECT 2;']
    """
    lines = script.splitlines(keepends=True)
    for piece in split(script):
        first = last = piece.line - 1
        while first and lines[first - 1].startswith("--"):
            first -= 1
        yield Step("".join(lines[first:last]), f"{piece.text};")


class Tour:
    """The steps that are still to come."""

    def __init__(self, script: str, properties: Mapping[str, str], auto: bool) -> None:
        self._steps = deque(steps_of(script))
        self._step = Step("", "")
        self._beat = 1 / float(properties["kshell.typing.speed"])
        self._chance = random.Random(0)
        self._typing = False
        self._pause = 0  # before the next step
        self.auto = auto

    def next_step(self) -> Step | None:
        """The step for the next prompt; None after the last one."""
        if not self._steps:
            return None
        self._step = self._steps.popleft()
        return self._step

    def begin(self) -> None:
        """Type the step at the prompt that has just begun."""
        get_app().create_background_task(self._type())

    async def _type(self) -> None:
        """Prompt_toolkit cancels it when the prompt ends."""
        self._typing = True
        try:
            await self._wait(self._pause)
            # The comment is there at once: people read it while the statement is typed.
            self._show(self._step.comment)
            await self._wait(_THINK)
            due = time.monotonic()
            for length in range(len(self._step.statement)):
                self._show(self._step.comment + self._step.statement[: length + 1])
                due += self._chance.uniform(0.4, 1.6) * self._beat
                # To draw takes its time too, which a slow machine does not add.
                await asyncio.sleep(max(due - time.monotonic(), 0) if self._typing else 0)
        finally:
            self._typing = False
        if self.auto:
            self._pause = _READ
            await asyncio.sleep(_THINK * self._beat)
            get_app().current_buffer.validate_and_handle()

    async def _wait(self, beats: float) -> None:
        if self._typing:
            await asyncio.sleep(beats * self._beat)

    def _show(self, text: str) -> None:
        # Without the events of a person's typing, which would offer completions.
        if self._typing:
            get_app().current_buffer.document = Document(text)

    def bind(self, keys: KeyBindings) -> None:
        """While it types, a key ends the typing and does nothing else."""
        typing = Condition(lambda: self._typing)

        def end(event: KeyPressEvent) -> None:
            self._show(self._step.text)
            self._typing = False

        for key in (Keys.Any, Keys.Enter):
            keys.add(key, filter=typing)(end)
