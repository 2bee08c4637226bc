"""The session: takes one statement, gives one result; holds properties, variables and the engine.

`terminal` calls `execute`.  The session itself runs the statements that concern only it (SET,
DEFINE, HELP, EXIT), the engine all others.  It connects at the first statement that needs a broker.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kshell.config import Properties, Scope, check_settable, config_home, scope_of, variables_shown
from kshell.errors import KshellError, StatementError, UsageError, reason_of
from kshell.permits import check_files, check_writes
from kshell.results import (
    LAST,
    Event,
    Goodbye,
    Message,
    Proposal,
    Remark,
    Rows,
    Running,
    Spooling,
    Task,
    Waiting,
    give_back,
)
from kshell.sql import statements as ast
from kshell.sql.cluster import Change
from kshell.sql.option_place import point_at
from kshell.sql.script import Piece, split, substitute
from kshell.sql.tokens import tokenize

if TYPE_CHECKING:
    import pyarrow as pa

    from kshell.engines.base import Engine, Named
    from kshell.sql.duck import Database
    from kshell.sql.functions import Function

__all__ = ["Session"]


class Session:
    """Properties and variables of one user at one cluster; for one thread at a time."""

    def __init__(
        self,
        properties: Properties,
        profile: str = "",
        tables: Mapping[str, pa.Table] | None = None,
        *,
        remembers: bool = False,
        opens_records: bool = False,
    ) -> None:
        self.properties = properties
        self._remembers = remembers  # whether each SELECT's answer is the last result, `_`
        self._opens_records = opens_records  # whether a person may open the record of a live row
        self._tables = dict(tables or {})
        self.profile = profile
        self.variables: dict[str, str] = {}
        self.commands: Callable[[], Mapping[str, str]] = dict  # what HELP says of the terminal's
        self._engine: Engine | None = None
        self._loaded: Path | None = None
        self._functions: dict[str, Function] = {}  # the user's own, by name
        self._database: Database | None = None  # in DuckDB, made when first needed
        self._names: Sequence[Named] = ()
        self.in_use: Callable[[], object] = bool  # whether answers are read besides statements
        self.gather: Callable[[str], Properties] | None = None  # what holds with a profile
        self.kept_in: Path | None = None  # the folder where a prompt's declarations are kept

    @classmethod
    def open(
        cls,
        properties: Mapping[str, str],
        profile: str = "",
        *,
        remembers: bool = False,
        opens_records: bool = False,
    ) -> Session:
        """A session that connects at its first statement; raises UsageError, UnknownName.

        `remembers` is for a prompt, where a person may ask for the last result at any time;
        `opens_records` for a terminal, where a person may ask for the record of a live row.
        """
        return cls(
            Properties(properties), profile, remembers=remembers, opens_records=opens_records
        )

    @property
    def engine(self) -> Engine:
        """The engine; connects at the first call; raises ConnectionFailed."""
        if self._engine is None:
            from kshell.engines.chosen import ChosenEngine

            self._engine = ChosenEngine.connect(
                self.properties, self._tables, self._opens_records
            )
        return self._engine

    @property
    def cluster(self) -> str:
        """The cluster's name on the toolbar."""
        return self.properties.get("bootstrap.servers", "no cluster")

    def connect(self) -> None:
        """Connect now."""
        _ = self.engine

    def keep(self) -> list[str]:
        """Declare what earlier prompts declared on this cluster, and keep what this one declares.

        Returns what is not as it was, a sentence each.
        """
        return self.engine.keep(self.kept_in, self.properties) if self.kept_in else []

    def change(self, names: Iterable[str], properties: Properties) -> list[str]:
        """Take new properties, of which these changed; connect first if one is the connection's.

        Raises the errors of connecting; then nothing has changed.  Returns sentences of `keep`.
        """
        anew = any(scope_of(name) is Scope.CONNECTION for name in names)
        if anew and self.in_use():
            raise UsageError(
                "the connection cannot change while a query runs", hint="\\jobs lists them"
            )
        told: list[str] = []
        if anew and self._engine is not None:
            told = self._engine.reconnect(properties)
            self._names = ()
        self.properties = properties
        return told

    def execute(self, text: str) -> Iterator[Event]:
        """Run a script statement by statement; draw each result before you ask for the next.

        The memory of one goes back to the system before the next begins.

        Raises KshellError with its place in `text`.
        """
        with self.remembering(text):
            for piece in split(text):
                yield from self.execute_piece(piece)

    def execute_piece(self, piece: Piece) -> Iterator[Event]:
        """The same for one statement of a script."""
        from kshell.sql.parse import parse_piece

        types = self._engine.types() if self._engine else None
        try:
            statement = parse_piece(substitute(piece, self.variables), types)
            yield from self._run(statement, piece.text)
        except (StatementError, UsageError) as error:
            point_at(error, piece)
            error.with_place(piece.place)
            if isinstance(error, StatementError):  # a setting's fault is not the statement's
                error.hint = error.hint or _usage(piece.text)
            raise
        give_back()

    @contextlib.contextmanager
    def remembering(self, script: str) -> Iterator[None]:
        """Keep results as `_` inside the block, if the script names it or at a prompt."""
        before = self._remembers
        self._remembers = before or _names_last(script)
        try:
            yield
        finally:
            self._remembers = before

    def last(self, text: str = "") -> Rows:
        """The last result once more, without reading Kafka; raises UsageError if there is none.

        With the text of a statement only if it is that statement's, and whole.
        """
        return self.engine.last(text)

    def _run(self, statement: ast.Statement, text: str) -> Iterator[Event]:
        serve = _OWN.get(type(statement))
        if serve is not None:
            yield from serve(self, statement)
            return
        if isinstance(statement, ast.Show) and statement.what is ast.ShowWhat.VARIABLES:
            shown = variables_shown(self.variables)
            yield Message(shown or "No variable is defined.")
            return
        if statement.writes:
            check_writes(self.properties, _words(statement))
        for option in _files_of(statement):
            check_files(self.properties, option)
        if not _may_call(statement):
            answer = self.engine.run(statement, self.properties)
            yield answer
        else:
            yield from self._own_functions()
            from kshell.sql import duck
            from kshell.sql.users import with_users

            self._database = self._database or duck.Database()
            with with_users(self._functions), duck.using(self._database):
                answer = self.engine.run(statement, self.properties)
            keeps = self._remembers and isinstance(statement, ast.Select)
            if keeps and not isinstance(answer, Proposal | Task):
                answer = self.engine.remember(answer, self.properties, text)
            yield answer
        if isinstance(answer, Proposal) and answer.accepted:
            yield answer.apply()

    def _own_functions(self) -> Iterator[Event]:
        """Load the user's functions if that was not done yet, or the path has changed."""
        given = self.properties.get("kshell.functions")
        path = Path(given).expanduser() if given else config_home() / "functions.py"
        if path == self._loaded:
            return
        self._loaded = path
        from importlib.metadata import entry_points

        from kshell.sql.users import ENTRY_POINTS

        file = path if given or path.exists() else None
        if file is None and not entry_points(group=ENTRY_POINTS):
            self._functions = {}
            return
        from kshell.sql.udf import load

        self._functions, problems = load(file)
        for problem in problems:
            yield Remark(f"functions: {problem}")

    def names(self) -> Sequence[Named]:
        """The names that FROM takes, from the last `refresh`."""
        return self._names

    def refresh(self) -> None:
        """Get the names again; asks the cluster."""
        self._names = tuple(self.engine.names())

    def columns(self, name: str) -> Mapping[str, pa.DataType]:
        """Columns of a topic or source; asks the cluster, so do not call it on the UI's thread."""
        return self.engine.columns(name, self.properties)

    def listed(self, what: str) -> Sequence[str]:
        """The names of each "group", "broker", "principal" or "connector"; asks the cluster."""
        return self.engine.listed(what, self.properties)

    def types(self) -> tuple[str, ...]:
        """Names of the types that CREATE TYPE made."""
        return tuple(self._engine.types()) if self._engine else ()

    def functions(self) -> Mapping[str, Function]:
        """The functions that a person may call, by name, for completion."""
        from kshell.sql import functions
        from kshell.sql.users import with_users

        with with_users(self._functions):
            known = functions.library()
            return {name: known[name] for name in functions.names()}

    @property
    def held(self) -> Waiting | None:
        """What an open transaction or statement set holds; None without one."""
        return self._engine.held if self._engine else None

    def running(self) -> tuple[Running, ...]:
        """The queries in the background."""
        return tuple(self._engine.running()) if self._engine else ()

    def close(self) -> None:
        """Stop all queries and disconnect."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None


def _set(session: Session, statement: ast.SetProperty) -> Iterator[Event]:
    properties = session.properties
    names = [name for name, _ in statement.settings]
    check_settable(names, properties)
    for name, value in statement.settings:
        properties = properties.set(name, value)
    yield from map(Remark, session.change(names, properties))
    yield Message(f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} set.")


def _unset(session: Session, statement: ast.UnsetProperty) -> Iterator[Event]:
    check_settable([statement.name], session.properties)
    changed = session.properties.unset(statement.name)
    yield from map(Remark, session.change([statement.name], changed))
    yield Message(f"{statement.name} is back at its default.")


def _define(session: Session, statement: ast.Define) -> Iterator[Event]:
    session.variables[statement.name] = statement.value
    yield Message(f"{statement.name} is defined.")


def _undefine(session: Session, statement: ast.Undefine) -> Iterator[Event]:
    session.variables.pop(statement.name, None)
    yield Message(f"{statement.name} is undefined.")


def _script(session: Session, statement: ast.RunScript) -> Iterator[Event]:
    check_files(session.properties, "RUN SCRIPT")
    try:
        text = Path(statement.path).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{statement.path} cannot be read: {reason_of(error)}") from None
    try:
        for event in session.execute(text):
            if isinstance(event, Rows):
                event.batches = _named(event.batches, statement)
            yield event
    except KshellError as error:
        _name_script(error, statement)
        raise


def _named(batches: Iterator[pa.RecordBatch], script: ast.RunScript) -> Iterator[pa.RecordBatch]:
    """The batches; an error while they come names the script."""
    try:
        yield from batches
    except KshellError as error:
        _name_script(error, script)
        raise


def _name_script(error: KshellError, script: ast.RunScript) -> None:
    if error.place is not None:  # a place of the inner script, not of the outer text
        error.what = f"{script.path}, line {error.place.line}: {error.what}"
        error.args, error.place = (error.what,), script.place


def _spool(session: Session, statement: ast.Spool) -> Iterator[Event]:
    if statement.path:
        check_files(session.properties, "SPOOL")
    yield Spooling(str(Path(statement.path).expanduser()) if statement.path else "")


def _usage(text: str) -> str:
    from kshell.sql.help import usage

    return usage(text)


def _help(session: Session, statement: ast.Help) -> Iterator[Event]:
    from kshell.sql.help import help_on

    yield Message(help_on(statement.topic, session.commands()))


def _exit(session: Session, statement: ast.Exit) -> Iterator[Event]:
    yield Goodbye()


def _names_last(text: str) -> bool:
    """Whether a script names the last result.

    >>> _names_last("SELECT 1; SELECT * FROM _"), _names_last("SELECT a_b, '_' FROM t")
    (True, False)
    """
    return LAST in text and any(token.text == LAST for token in tokenize(text))


def _words(statement: ast.Statement) -> str:
    """The first words of a statement, in upper case."""
    return " ".join(statement.text.split()[:2]).upper()


def _files_of(statement: ast.Statement) -> list[str]:
    """The options of a statement's WITH that name local files, also of a statement within it."""
    named = [n for n in getattr(statement, "properties", ()) if n.endswith("SCHEMA_FILE")]
    for field in ("statement", "source"):
        inner = getattr(statement, field, None)
        named += _files_of(inner) if isinstance(inner, ast.Statement) else []
    return named


def _may_call(statement: ast.Statement) -> bool:
    """Whether the statement may call functions: the others do not wait for the user's functions."""
    if isinstance(statement, ast.Show):
        return statement.what is ast.ShowWhat.FUNCTIONS
    if isinstance(statement, ast.Print):
        return statement.where is not None
    return not isinstance(statement, ast.Describe | ast.History | Change)


_OWN: Mapping[type[ast.Statement], Callable[[Session, Any], Iterator[Event]]] = {
    ast.SetProperty: _set,
    ast.UnsetProperty: _unset,
    ast.Define: _define,
    ast.Undefine: _undefine,
    ast.RunScript: _script,
    ast.Spool: _spool,
    ast.Help: _help,
    ast.Exit: _exit,
}
