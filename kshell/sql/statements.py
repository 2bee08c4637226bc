"""Every statement as data: what `parse` makes and `session` dispatches on.

Frozen dataclasses, one per kind of statement.  Names keep how they were written (`Name`), because
KSQL folds unquoted names to upper case for declared things while undeclared topics keep theirs;
binding decides.  Queries and expressions are sqlglot trees of the KSQL dialect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar, cast, dataclass_transform

from kshell.errors import Place
from kshell.sql.clauses import ColumnSpec, Name, Position, Query

if TYPE_CHECKING:  # SHOW TOPICS answers in 150 ms: it cannot wait for Arrow and sqlglot
    import pyarrow as pa
    from sqlglot import exp

    from kshell.catalog.model import Kind

__all__ = [
    "AlterSource", "AssertQuery", "AssertSchema", "AssertSource", "AssertTopic", "AssertValues",
    "CreateAsSelect", "CreateFromFile", "CreateSource", "CreateType",
    "Define", "Describe", "DescribeFunction", "DescribeGroup", "DropSource", "DropType", "Exit",
    "Explain", "Help", "History", "InsertSelect", "InsertValues", "Print",
    "RunScript", "Select", "SetProperty", "Show", "ShowWhat",
    "Spool", "Statement", "Undefine", "UnsetProperty", "statement", ]  # fmt: skip


S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Statement:
    """What all have: the text it was parsed from, and where that began in the script."""

    text: str = ""
    place: Place = field(default=Place(1, 1))

    @property
    def writes(self) -> bool:
        """Whether it writes to the cluster or the registry, whatever is there already."""
        return False

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and _values(other) == _values(self)

    def __hash__(self) -> int:
        return hash((type(self), self.text, self.place))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{n}={v!r}' for n, v in _values(self))})"


def _values(statement: object) -> list[tuple[str, object]]:
    return [(f.name, getattr(statement, f.name)) for f in fields(cast(Any, statement))]


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def statement(made: type[S]) -> type[S]:
    """A dataclass that compares and shows itself as `Statement` does.

    Every start makes all of these classes: with methods of its own each takes twice as long.
    """
    return dataclass(frozen=True, slots=True, eq=False, repr=False)(made)


@statement
class Select(Statement):
    """A query on its own."""

    query: Query


@statement
class CreateSource(Statement):
    """CREATE [OR REPLACE] [SOURCE] STREAM|TABLE [IF NOT EXISTS] name (columns) WITH (…)."""

    kind: Kind
    name: Name
    columns: tuple[ColumnSpec, ...]
    properties: Mapping[str, object]  # names in upper case; values str | int | bool | None
    or_replace: bool = False
    if_not_exists: bool = False
    read_only: bool = False


@statement
class CreateAsSelect(Statement):
    """CREATE [OR REPLACE] STREAM|TABLE [IF NOT EXISTS] name WITH (…) AS SELECT …."""

    kind: Kind
    name: Name
    query: Query
    properties: Mapping[str, object]
    or_replace: bool = False
    if_not_exists: bool = False

    @property
    def writes(self) -> bool:
        """Always."""
        return True


@statement
class CreateFromFile(Statement):
    """CREATE [OR REPLACE] TABLE [IF NOT EXISTS] name [(columns)] FROM FILE 'path'.

    `file` is the path as written, with its place.
    """

    kind: Kind
    name: Name
    columns: tuple[ColumnSpec, ...]
    file: Name
    or_replace: bool = False
    if_not_exists: bool = False


@statement
class InsertSelect(Statement):
    """INSERT INTO name [WITH (QUERY_ID=…)] SELECT …."""

    name: Name
    query: Query
    properties: Mapping[str, object]

    @property
    def writes(self) -> bool:
        """Always."""
        return True


@statement
class InsertValues(Statement):
    """INSERT INTO name [(columns)] VALUES (…), …."""

    name: Name
    columns: tuple[Name, ...]
    rows: tuple[tuple[exp.Expr, ...], ...]

    @property
    def writes(self) -> bool:
        """Always."""
        return True


@statement
class DropSource(Statement):
    """DROP STREAM|TABLE [IF EXISTS] name [DELETE TOPIC]."""

    kind: Kind
    name: Name
    if_exists: bool = False
    delete_topic: bool = False

    @property
    def writes(self) -> bool:
        """If it deletes the topic."""
        return self.delete_topic


@statement
class AlterSource(Statement):
    """ALTER STREAM|TABLE name ADD [COLUMN] …."""

    kind: Kind
    name: Name
    columns: tuple[ColumnSpec, ...]


@statement
class CreateType(Statement):
    """CREATE TYPE [IF NOT EXISTS] name AS type."""

    name: Name
    type: pa.DataType
    if_not_exists: bool = False


@statement
class DropType(Statement):
    """DROP TYPE [IF EXISTS] name."""

    name: Name
    if_exists: bool = False


class ShowWhat(Enum):
    """What SHOW or LIST lists."""

    TOPICS = "TOPICS"
    STREAMS = "STREAMS"
    TABLES = "TABLES"
    QUERIES = "QUERIES"
    FUNCTIONS = "FUNCTIONS"
    TYPES = "TYPES"
    VARIABLES = "VARIABLES"
    PROPERTIES = "PROPERTIES"
    ERRORS = "ERRORS"
    PARTITIONS = "PARTITIONS"
    BROKERS = "BROKERS"
    GROUPS = "GROUPS"
    CONFIGS = "CONFIGS"
    ACLS = "ACLS"
    TRANSACTIONS = "TRANSACTIONS"
    PRODUCERS = "PRODUCERS"
    QUOTAS = "QUOTAS"
    SYSTEM_TABLES = "SYSTEM TABLES"
    CONNECTORS = "CONNECTORS"
    PLUGINS = "PLUGINS"
    SUBJECTS = "SUBJECTS"
    SCHEMAS = "SCHEMAS"
    COMPATIBILITY = "COMPATIBILITY"


@statement
class Show(Statement):
    """SHOW|LIST what [EXTENDED]; SHOW ALL TOPICS has `all`.

    `topic` or `broker` is whose partitions, configs or producers it shows, `subject` whose schemas
    or compatibility; `type` is that of connectors.
    """

    what: ShowWhat
    extended: bool = False
    all: bool = False
    topic: Name | None = None
    broker: int | None = None
    subject: Name | None = None
    type: str = ""


@statement
class Describe(Statement):
    """DESCRIBE [EXTENDED] name [EXTENDED | FULL]; no name: DESCRIBE STREAMS|TABLES."""

    name: Name | None
    extended: bool = False
    full: bool = False
    kind: Kind | None = None


@statement
class DescribeGroup(Statement):
    """DESCRIBE GROUP name."""

    name: Name


@statement
class DescribeFunction(Statement):
    """DESCRIBE FUNCTION name."""

    name: Name


@statement
class Explain(Statement):
    """EXPLAIN of a statement, or of a running query by id."""

    statement: Statement | None = None
    query_id: str = ""


@statement
class Print(Statement):
    """PRINT topic [PARTITION n] [FROM position] [TO position] | LAST n, [WHERE …] and more.

    `where` is the condition as a query of the topic; `partition_place` is where n stands.
    """

    topic: Name
    partition: int | None = None
    partition_place: Place | None = None
    start: Position | None = None
    stop: Position | None = None
    last: int | None = None
    where: Query | None = None
    interval: int = 1
    limit: int | None = None


@statement
class History(Statement):
    """HISTORY OF key IN topic: the key as written, without its quotes."""

    key: Name
    topic: Name


@statement
class SetProperty(Statement):
    """SET 'name'='value'[, …] (ALTER SYSTEM too): all of them, or none."""

    settings: tuple[tuple[str, str], ...]


@statement
class UnsetProperty(Statement):
    """UNSET 'name'."""

    name: str


@statement
class Define(Statement):
    """DEFINE name = 'value', for ${name}."""

    name: str
    value: str


@statement
class Undefine(Statement):
    """UNDEFINE name."""

    name: str


@statement
class RunScript(Statement):
    """RUN SCRIPT 'file'."""

    path: str


@statement
class Spool(Statement):
    """SPOOL 'file', or SPOOL OFF (an empty path)."""

    path: str


@statement
class AssertTopic(Statement):
    """ASSERT [NOT EXISTS] TOPIC name [WITH (…)] [TIMEOUT n unit]."""

    name: Name
    properties: Mapping[str, object]
    exists: bool = True
    timeout_ms: int = 0


@statement
class AssertSchema(Statement):
    """ASSERT [NOT EXISTS] SCHEMA [SUBJECT name] [ID n] [TIMEOUT n unit]."""

    subject: str
    id: int | None
    exists: bool = True
    timeout_ms: int = 0


@statement
class AssertSource(Statement):
    """ASSERT STREAM|TABLE name (columns) [WITH (…)]."""

    source: CreateSource


@statement
class AssertValues(Statement):
    """ASSERT VALUES | NULL VALUES name (columns) VALUES|KEY (…)."""

    insert: InsertValues
    null_values: bool = False


@statement
class AssertQuery(Statement):
    """ASSERT (SELECT …) [WITHIN n unit]: its answer is one TRUE, at the latest after that time."""

    query: Query
    within_ms: int = 0


@statement
class Help(Statement):
    """HELP [topic], as it was written."""

    topic: str = ""


@statement
class Exit(Statement):
    """EXIT or QUIT."""
