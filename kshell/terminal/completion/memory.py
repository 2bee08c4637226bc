"""Learns names in the background, and keeps what completion knows.

`menu` has one for its prompt.  Columns come from samples of topics, which take time: the first
question for a table gives nothing, and `arrived` is called when its columns are there.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from kshell.errors import KshellError
from kshell.sql.keywords import KEYWORDS
from kshell.sql.script import tokens

if TYPE_CHECKING:  # the first prompt does not wait for what the first key needs
    import pyarrow as pa

    from kshell.engines.base import Named
    from kshell.results import Running
    from kshell.sql.functions import Function
    from kshell.terminal.completion.names import FunctionName, Known, SourceName, Table
    from kshell.terminal.completion.ranking import Index

__all__ = ["Memory"]

_FRESH = 60.0  # seconds after which a table that is named is sampled again
_EMPTY_FRESH = 5.0  # the same of one without columns: a topic that has no records yet
_LISTED_FRESH = 5.0  # the same of groups, brokers and principals
_MOST_USED = 200
_MOST_STATEMENTS = 200  # of the history, whose names count as used
_ANSWERS = ("SELECT", "WITH", "FROM")
_CHANGES = ("CREATE", "DROP", "INSERT", "ALTER", "RUN", "SET", "UNSET")


class _Session(Protocol):
    """What is asked of a session."""

    @property
    def variables(self) -> Mapping[str, str]: ...
    def refresh(self) -> None: ...
    def names(self) -> Sequence[Named]: ...
    def columns(self, name: str) -> Mapping[str, pa.DataType]: ...
    def listed(self, what: str) -> Sequence[str]: ...
    def functions(self) -> Mapping[str, Function]: ...
    def types(self) -> Sequence[str]: ...
    def running(self) -> Sequence[Running]: ...


@dataclass(slots=True)
class _Kept:
    table: Table
    when: float
    stale: bool = False


@dataclass
class Memory:
    """What was learned so far; `known` may be read from any thread, and never waits."""

    arrived: Callable[[], None] = lambda: None
    session: _Session | None = None
    jobs: Callable[[], Sequence[Running]] = tuple
    waiting: bool = False  # whether names or columns were asked for that were not there
    version: int = 0  # another one whenever more is known
    _sources: Index[SourceName] | None = None
    _functions: Index[FunctionName] | None = None
    _types: Sequence[str] = ()
    _tables: dict[str, _Kept] = field(default_factory=dict)  # the last used one is the last
    _used: dict[str, int] = field(default_factory=dict)
    _clock: int = 0
    _listed: dict[str, tuple[Sequence[str], float]] = field(default_factory=dict)
    # What is to be learned, in order: sources to sample, and kinds of names to list.
    _asked: dict[tuple[str, str], Callable[[str], None]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _worker: threading.Thread | None = None

    def known(self) -> Known:
        """Everything that is known now."""
        from kshell.terminal.completion.names import Known

        session = self.session
        if session is None or self._sources is None or self._functions is None:
            self.waiting = True
            return Known(used=self._used)
        with self._lock:
            seen = [kept.table for kept in reversed(self._tables.values())]
        return Known(
            self._sources, self._table, seen, self._functions, self._types,
            {q.id: q.state for q in session.running()}, tuple(session.variables), dict(self._used),
            {job.id.strip("[]"): job.state for job in self.jobs()}, self._names_of,
        )  # fmt: skip

    def learn(self, session: _Session, history: Iterable[str] = ()) -> None:
        """Ask the session for names; it may ask the cluster, so this is for another thread."""
        import kshell.terminal.completion.candidates  # noqa: F401
        from kshell.terminal.completion.names import functions_of, sources_of

        with contextlib.suppress(KshellError, OSError):
            session.refresh()
        self._sources = sources_of(session.names())
        self._functions = functions_of(session.functions())
        self._types = tuple(session.types())
        for text in reversed(list(islice(history, _MOST_STATEMENTS))):
            self._use(text)
        self.session = session
        self.version += 1
        self.arrived()

    def used(self, text: str) -> bool:
        """Remember the names of a statement that ran; says whether it may have changed names."""
        self._use(text)
        if self.session is None:
            return False
        from kshell.results import LAST

        named = self._names_in(text)
        with self._lock:
            for name in named:
                if name in self._tables:  # the last one is the last used
                    self._tables[name] = self._tables.pop(name)
            first = text.split(None, 1)[0].upper() if text.strip() else ""
            changed = first.startswith(_CHANGES)
            for name, kept in self._tables.items():
                kept.stale = kept.stale or changed or name == LAST
            # The first answer makes the table of the last one.
            changed = changed or (first in _ANSWERS and self._meant(LAST) is None)
        for name in named:
            self._table(name)
        return changed

    def _names_in(self, text: str) -> list[str]:
        found = []
        for token in tokens(text):
            source = self._meant(token.text.strip("`\""))
            if source is not None:
                found.append(source.name)
        return found

    def _use(self, text: str) -> None:
        for token in tokens(text):
            if token.kind not in ("word", "quoted", "string") or token.text.upper() in KEYWORDS:
                continue
            self._clock += 1
            name = token.text.strip("`\"'").casefold()
            self._used.pop(name, None)
            self._used[name] = self._clock
        for name in list(self._used)[: max(len(self._used) - _MOST_USED, 0)]:
            del self._used[name]

    def _meant(self, name: str) -> SourceName | None:
        """The source that a name means: a declared one, in any case, before a topic."""
        if self._sources is None:
            return None
        declared = self._sources.named(name.upper())
        if declared is not None and declared.kind != "topic" and declared.name == name.upper():
            return declared
        return self._sources.named(name)

    def _table(self, name: str) -> Table | None:
        source = self._meant(name)
        if source is None:
            return None
        with self._lock:
            kept = self._tables.get(source.name)
            if kept is not None and not kept.stale:
                age = time.monotonic() - kept.when
                if age < (_FRESH if len(kept.table.columns) else _EMPTY_FRESH):
                    return kept.table
            self._ask("columns", source.name, self._sample, known=kept is not None)
        return kept.table if kept is not None else None

    def _names_of(self, what: str) -> Sequence[str]:
        """The groups, brokers or principals that are known so far."""
        with self._lock:
            names, when = self._listed.get(what, ((), -_LISTED_FRESH))
            if time.monotonic() - when >= _LISTED_FRESH:
                self._ask("names", what, self._list, known=what in self._listed)
        return names

    def _ask(self, kind: str, name: str, learn: Callable[[str], None], *, known: bool) -> None:
        """Have the worker learn something; the lock is held."""
        self._asked[kind, name] = learn
        self.waiting = self.waiting or not known
        if self._worker is None:
            self._worker = threading.Thread(target=self._work, name="kshell-columns", daemon=True)
            self._worker.start()

    def _work(self) -> None:
        """Learn what was asked for, one thing after another."""
        while True:
            with self._lock:
                asked = next(iter(self._asked), None)
                if asked is None:
                    self._worker = None
                    return
                learn = self._asked[asked]
            learn(asked[1])
            with self._lock:
                self._asked.pop(asked, None)
                self.version += 1
            self.arrived()

    def _sample(self, name: str) -> None:
        from kshell.terminal.completion.names import Table
        from kshell.terminal.completion.ranking import Index

        table = self._columns(name)
        with self._lock:
            before = self._tables.get(name)
            if table is None and before is not None:
                table = before.table
            self._tables[name] = _Kept(table or Table(name, Index(())), time.monotonic())

    def _list(self, what: str) -> None:
        names: Sequence[str] | None = None
        # Completion has no place for an error: the statement will say it.
        with contextlib.suppress(Exception):
            names = self.session.listed(what) if self.session is not None else None
        with self._lock:
            before, _ = self._listed.get(what, ((), 0))
            self._listed[what] = (before if names is None else tuple(names), time.monotonic())

    def _columns(self, name: str) -> Table | None:
        from kshell.terminal.completion.names import table_of

        session, sources = self.session, self._sources
        source = sources.named(name) if sources is not None else None
        if session is None or source is None:
            return None
        try:
            types = session.columns(name)
        except Exception:  # completion has no place for an error; the statement will say it
            return None
        return table_of(name, types, declared=source.kind in ("stream", "table"))
