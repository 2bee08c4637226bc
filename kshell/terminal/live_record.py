"""Reads the record of a live row as PRINT does, in a thread: its view answers keys meanwhile.

`live_pane` has one while a person looks at the record; `live_frame` draws what there is of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pyarrow as pa

from kshell.errors import KshellError
from kshell.results import Printed
from kshell.terminal.cells import NULL
from kshell.terminal.printed import described, pretty
from kshell.terminal.sanitize import clean, clean_block
from kshell.terminal.times import Times

__all__ = ["OpenedRecord", "RecordReader", "Section", "sections_of"]

_POLL = 0.1  # seconds
Read = Callable[[int, int], Printed]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of what is open, as clean text: its heading, a text beside it, and lines below."""

    heading: str
    beside: str = ""
    below: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class OpenedRecord:
    """The record, as far as it was read; `said`: an outage, or why it cannot be read."""

    place: str
    topic: str = ""
    sections: tuple[Section, ...] = ()
    said: str = ""


def sections_of(rows: pa.RecordBatch, times: Times) -> Iterator[Section]:
    """One record of PRINT: its time, key, headers and whole value."""
    (record,) = described(rows, times)
    yield Section("time", record.when)
    if record.error is not None:
        yield Section("error", clean(record.error))
        return
    yield _section("key", "no key" if record.key is None else record.key)
    for name, text in record.headers:
        yield Section(f"header {clean(name)}", clean(text))
    yield _section("value", f"{NULL}, a tombstone" if record.value is None else record.value)


def _section(heading: str, text: str) -> Section:
    lines = clean_block(pretty(text)).split("\n")
    return Section(heading, lines[0]) if len(lines) == 1 else Section(heading, "", tuple(lines))


class RecordReader:
    """Reads the record at a place; it calls `told` when `record` is another one."""

    def __init__(
        self, read: Read, place: tuple[int, int], times: Times, told: Callable[[], None]
    ) -> None:
        self._read, self.place, self._times, self._told = read, place, times, told
        self._lock = threading.Lock()
        self._closed = False
        self.record = OpenedRecord("{}@{}".format(*place))
        threading.Thread(target=self._run, name="kshell-record", daemon=True).start()

    def _run(self) -> None:
        try:
            printed = self._read(*self.place)
            try:
                self._poll(printed)
            finally:
                printed.cancel()
        except KshellError as error:
            self._tell(replace(self.record, said=error.what))
        except Exception as error:
            self._tell(replace(self.record, said=f"it cannot be read: {error}"))

    def _poll(self, printed: Printed) -> None:
        while not self._closed and (part := printed.poll(_POLL)) is not None:
            if len(part):
                made = tuple(sections_of(part.rows, self._times))
                self._tell(OpenedRecord(self.record.place, printed.title, made))
                return
            note = printed.stats().note
            if note != self.record.said:
                self._tell(replace(self.record, said=note))

    def _tell(self, record: OpenedRecord) -> None:
        with self._lock:
            if not self._closed:
                self.record = record
                self._told()

    def close(self) -> None:
        """Read no more; `told` is not called any more."""
        with self._lock:
            self._closed = True
