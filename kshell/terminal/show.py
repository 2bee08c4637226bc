"""Draws answers one after the other, for the prompt and for `kshell -e`.

`cli` and `repl` make a `Shower` for each script.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.changes import Changes
from kshell.config import Properties
from kshell.errors import Interrupted
from kshell.formats.json_lines import json_lines
from kshell.results import (
    Answer,
    Event,
    Goodbye,
    Live,
    Message,
    Notice,
    NoticeKind,
    Printed,
    Proposal,
    Remark,
    Rows,
    Sections,
    Spooling,
    Task,
    notices_of,
)
from kshell.terminal.drawing import Drawing, footer
from kshell.terminal.messages import Outages, draws, note
from kshell.terminal.output import FOR_PEOPLE, Target, write, write_lines
from kshell.terminal.progress import ProgressLine
from kshell.terminal.pull import finished, pulled
from kshell.terminal.sanitize import clean, clean_block, clean_json
from kshell.terminal.screen import remark, stdout_target
from kshell.terminal.spool import spool, terminal
from kshell.terminal.times import Times
from kshell.value_texts import raw_texts
from kshell.wording import many

__all__ = ["Shower", "change_lines"]

# A table or a JSON array needs an end, so a continuous answer is written as lines.
_STREAMED_AS = {"table": "jsonl", "auto": "jsonl", "json": "jsonl"}
_LOOK = 1.0  # seconds between two looks for an outage
_OBJECTS = ("table", "auto", "json", "jsonl")  # formats in which PRINT's records are JSON in a pipe


def _quiet(text: str) -> None:
    """Takes the messages of statements if there is no prompt."""
    print(text, file=sys.stderr)


def _defaults() -> Properties:
    return Properties()


def _refuse(question: str) -> bool:
    """Leaves the cluster as it is, where no person can be asked."""
    note("Nothing was changed: --yes makes the change.")
    return False


@dataclass
class Shower:
    """How answers are drawn: the format's name, where messages go, and the session's properties.

    At a prompt, long answers are drawn in part or page by page.  `partial` says whether one of the
    drawn answers was incomplete.  `meanwhile` is called while a continuous answer is written.
    """

    output: str
    csv_safe: bool = False
    say: Callable[[str], None] = _quiet
    properties: Callable[[], Properties] = _defaults
    accept: Callable[[str], bool] = _refuse  # asks whether a change of the cluster is made
    prompt: bool = False
    timing: bool = True
    meanwhile: Callable[[], None] = lambda: None
    partial: bool = False
    _drawn: int = 0
    _planned: tuple[Notice, ...] = ()  # what the plan of a change has said already

    def show(self, event: Event) -> bool:
        """Draw an answer; False means leave.  Ctrl-C stops the answer and raises Interrupted."""
        match event:
            case Rows(format=format) if format and format != self.output:
                other = replace(self, output=format)
                other._answer(event)
                self.partial = other.partial
            case Rows():
                self._answer(event)
            case Printed():
                self._printed(event)
            case Live():
                self._live(event)
            case Message():
                self.say(clean_block(event.text))
                self._notices(event.notices)
            case Sections():
                for part in event.parts:
                    self._section(part)
                self._notices(event.notices)
            case Proposal():
                self._proposal(event)
            case Task():
                self._task(event)
            case Remark():
                self.say(clean_block(event.text))
            case Spooling():
                self.say(spool(event.path))
            case Goodbye():
                return False
        if not isinstance(event, Proposal):
            self._planned = ()
        return True

    def _task(self, task: Task) -> None:
        """Wait for work, with its progress; Ctrl-C ends it, and what was done is said."""
        line = ProgressLine(task.progress)
        line.start()
        try:
            message, stopped = finished(task.work, task.cancel)
        finally:
            line.stop()
        self.show(message)
        if stopped:
            raise Interrupted("stopped")

    def _proposal(self, proposal: Proposal) -> None:
        """Draw the plan, and ask; a program that wants the rows it leads to gets no plan."""
        question = clean(proposal.question)
        if proposal.reads and not self._for_people() and self.accept(question):
            proposal.accepted = True
            return
        self._section(proposal.plan)
        self._notices(proposal.notices)
        self._planned = proposal.notices
        proposal.accepted = self.accept(question)

    def _answer(self, rows: Rows) -> None:
        """Draw rows, and on a terminal also how many they are and how long they took."""
        drawing = self._drawing(rows)
        stopped = False
        try:
            drawing.draw(self._most(rows))
        except KeyboardInterrupt:
            stopped = True
        if drawing.whole or drawing.count:
            self._notices(rows.notices())
            if self._for_people():
                for text in footer(drawing, self.timing):
                    remark(text)
        if stopped:
            raise Interrupted("stopped")

    def _most(self, rows: Rows) -> int:
        """How many rows are drawn of a long answer; 0 for all of them."""
        if not (self.prompt and rows.elides and self._for_people()):
            return 0
        return self.properties().number("kshell.max.rows") or 0

    def _section(self, part: Answer) -> None:
        """Draw a part of a description: rows without a count, and no table if there are no rows."""
        if isinstance(part, Rows) and self._for_people():
            batches = [batch for batch in part.batches if batch.num_rows]
            if batches:
                self._part(replace(part, batches=iter(batches)))
            else:
                self._heading(part.title, stdout_target())
                print("none")
                self._notices(part.notices())
        elif isinstance(part, Rows):
            self._part(part)
        else:
            self.show(part)
            self._drawn += self._for_people()

    def _part(self, rows: Rows) -> None:
        try:
            for text in self._drawing(rows).draw(0):
                remark(text)
        except KeyboardInterrupt:
            raise Interrupted("stopped") from None
        self._notices(rows.notices())

    def _for_people(self) -> bool:
        return self.output in FOR_PEOPLE and sys.stdout.isatty()

    def _target(self) -> Target:
        times = Times(self.properties()["kshell.times"])
        return stdout_target(self.csv_safe, times, self.prompt)

    def _drawing(self, rows: Rows) -> Drawing:
        target = self._target()
        if self.output in FOR_PEOPLE:
            self._heading(rows.title, target)
        return Drawing(rows, self.output, target, self._pages())

    def _pages(self) -> bool:
        """Whether a long answer goes to a pager: a person reads it, and nothing else does."""
        alone = self.prompt and self._for_people() and terminal() is sys.stdout
        return alone and self.properties()["kshell.pager"] == "auto"

    def _notices(self, notices: Sequence[Notice]) -> None:
        """Write an answer's notices below it."""
        for notice in notices:
            if notice in self._planned:
                continue
            partial = notice.kind is NoticeKind.PARTIAL
            self.partial = self.partial or partial
            note(f"{'PARTIAL' if partial else 'Note'}: {notice.text}")

    def _heading(self, title: str, to: Target) -> None:
        """Write a blank line between two answers, and this one's title."""
        if self._drawn:
            to.out.write("\n")
        self._drawn += 1
        if title:
            bold, plain = ("\x1b[1m", "\x1b[0m") if to.colour else ("", "")
            to.out.write(f"{bold}{clean(title)}{plain}\n")

    def _live(self, live: Live) -> None:
        if self.output in ("table", "auto") and sys.stdin.isatty() and draws(sys.stdout):
            from kshell.terminal.live import watch

            watch(live, Times(self.properties()["kshell.times"]), prompt=self.prompt)
            return
        try:
            self._stream(live)
        except KeyboardInterrupt:
            live.cancel()
            if said := live.stopped():
                note(said)
            raise Interrupted("stopped") from None
        finally:
            live.cancel()
        self._notices(notices_of(live))

    def _printed(self, live: Printed) -> None:
        """Write records as they come, until the end or Ctrl-C."""
        if self._for_people() and live.follows and not live.ends:
            note(f"records of {clean(live.title)}; Ctrl-C stops")
        began = time.monotonic()
        try:
            as_objects = self.output in _OBJECTS
            self._records(live) if as_objects or self._for_people() else self._stream(live)
            if self._for_people():
                took = f", {time.monotonic() - began:.2f} s" if self.timing else ""
                remark(f"({many(live.stats().rows, 'record')}{took})")
        except KeyboardInterrupt:
            raise Interrupted("stopped") from None
        finally:
            live.cancel()
        self._notices(notices_of(live))

    def _records(self, live: Printed) -> None:
        from kshell.terminal.printed import printed_blocks, printed_lines

        target = self._target()
        changes = _changes(live, self.meanwhile)
        shown = clean_json if target.terminal else str
        try:
            for part in changes:
                if self._for_people():
                    target.out.writelines(printed_blocks(part.rows, target))
                else:
                    target.out.writelines(f"{shown(li)}\n" for li in printed_lines(part.rows))
                target.out.flush()
        finally:
            changes.close()  # type: ignore[attr-defined]

    def _stream(self, live: Live) -> None:
        """Write rows as they come, and flush after each poll: for pipes."""
        name = _STREAMED_AS.get(self.output, self.output)
        target = self._target()
        changes = _changes(live, self.meanwhile)
        try:
            if live.key and name == "jsonl":
                for part in changes:
                    write_lines(change_lines(live, part), target)
                    target.out.flush()
            else:
                write(name, live.schema, _flushed(live, changes, target, name), target)
        finally:
            changes.close()  # type: ignore[attr-defined]


def _changes(live: Live, meanwhile: Callable[[], None]) -> Iterator[Changes]:
    """The changes as they come; reports an outage, so that it does not look like silence."""

    def polled() -> Iterator[Changes | None]:
        while (part := live.poll(0.2)) is not None:
            yield part if len(part) else None

    outages, told, looked = Outages(), 0, 0.0
    source = pulled(polled(), live.cancel)
    try:
        for part in source:
            if part is not None:
                yield part
            if time.monotonic() - looked > _LOOK:
                outages.tell("Note", live.stats().note)
                looked = time.monotonic()
            told = _told(live, told)
            meanwhile()
    finally:
        source.close()  # type: ignore[attr-defined]
        _told(live, told)


def _told(live: Live, before: int) -> int:
    """Say on stderr what became of it since the first `before`; gives how many that are."""
    said = live.said()
    for text in said[before:]:
        note(f"Note: {clean(text)}")
    return len(said)


def _flushed(
    live: Live, changes: Iterator[Changes], target: Target, format: str
) -> Iterator[pa.RecordBatch]:
    """The rows that are there now; flushes the last rows before the next.

    The first deletion that the format cannot say is a note: its row stays among those above.
    """
    said = not live.key
    for part in changes:
        if not said and _deleted(live, part).any():
            note(f"Note: {format} cannot say that a row was deleted: use -o jsonl")
            said = True
        yield part.rows.filter(part.there())
        target.out.flush()


def change_lines(live: Live, part: Changes) -> pa.Array:
    """A table's changes as JSON lines: the new row of a key, or `{"-": row}` for a deleted row.

    An update is only its new row, as in ksqlDB's push queries.
    """
    gone = _deleted(live, part)
    shown = gone | (np.asarray(part.weights) > 0)
    rows = part.rows.filter(pa.array(shown))
    if not gone.any():
        return json_lines(live.schema, rows, "\n")
    import pyarrow.compute as pc

    lines = json_lines(live.schema, rows)
    deleted = pc.binary_join_element_wise('{"-":', lines, "}", "")
    lines = pc.if_else(pa.array(gone[shown]), deleted, lines)
    return pc.binary_join_element_wise(lines, "\n", "")


def _deleted(live: Live, part: Changes) -> Any:
    """At which changes a key's row went, and no new one came after it."""
    weights = np.asarray(part.weights)
    gone = weights < 0
    if gone.any():
        keys = [part.rows.column(name) for name in live.key]
        # Of most updates the new row follows the old one.
        gone[:-1] &= ~((weights > 0)[1:] & _same(keys))
        if gone.any():
            texts = list(zip(*map(raw_texts, keys), strict=True))
            last = {key: i for i, key in enumerate(texts)}
            gone &= [last[key] == i for i, key in enumerate(texts)]
    return gone


def _same(columns: Sequence[pa.Array]) -> Any:
    """At which rows all columns have what the next row has."""
    import pyarrow.compute as pc

    same = np.ones(len(columns[0]) - 1, np.bool_)
    for column in columns:
        if pa.types.is_nested(column.type):
            return np.zeros_like(same)  # Arrow does not compare these
        equal = pc.equal(column[:-1], column[1:])
        same &= np.asarray(pc.fill_null(equal, False))
    return same
