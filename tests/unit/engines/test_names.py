"""What a name means among fields, bounded and continuous: over Arrow tables, and over topics.

A bare name is the field that matches exactly, else the only one without case; one in backticks is
that field and no other.  Answers show the fields' own names.
"""

from __future__ import annotations

import io
import json
from itertools import combinations

import fastavro
import pyarrow as pa
import pytest

from kshell.config import Properties
from kshell.errors import BindError, UnknownName
from kshell.field_names import (
    alike,
    clashing,
    escaped,
    escaped_type,
    plain,
    plain_type,
    relabelled,
    same_to_duckdb,
)
from kshell.results import Live
from kshell.session import Session

from .answers import rows_of, rows_that_come

IDS = pa.table([[1, 5], [2, 6], [3, 7], [4, 8]], names=["id", "ID", "Id", "ID_1"])
ODD = ["", "a\0b", "a\nb", "#", "a.b", 'a"b', "{}", "a`b"]
TABLES = {
    "t": IDS,
    "k": pa.table({"id": [1, 5], "Key": ["x", "y"]}),
    "o": pa.table({"o": [{"x": 1, "X": 2}, {"x": 3, "X": 4}], "n": [1, 2]}),
    "l": pa.table({"l": [[{"x": 1, "X": 2}], [{"x": 3, "X": 4}]], "m": [[("K", {"y": 5, "Y": 6})], []]},
                  schema=pa.schema([("l", pa.list_(pa.struct([("x", pa.int64()), ("X", pa.int64())]))),
                                    ("m", pa.map_(pa.string(), pa.struct([("y", pa.int64()), ("Y", pa.int64())])))])),
    "s": pa.table({"ss": [1], "ß": [2], "Ä": [3]}),
    "odd": pa.table([[n] for n in range(len(ODD))], names=ODD),
    "times": pa.table({"rowtime": [7], "v": [1]}),
}  # fmt: skip


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


@pytest.fixture(scope="module")
def given():
    """(names, rows) of a statement over the given tables."""
    sessions = {d: Session(Properties({"kshell.dialect": d}), tables=TABLES) for d in ("ksql", "duckdb")}

    def ask(text, dialect="ksql"):
        *_, answer = sessions[dialect].execute(text)
        made = rows_that_come(answer) if isinstance(answer, Live) else rows_of(answer)
        return answer.schema.names, [tuple(row.values()) for row in made]

    yield ask
    for session in sessions.values():
        session.close()


@pytest.mark.parametrize("end", ["", " EMIT CHANGES"])
@pytest.mark.parametrize(
    ("items", "table", "names", "row"),
    [
        ("*", "t", ["id", "ID", "Id", "ID_1"], (1, 2, 3, 4)),
        ("ID, id, Id", "t", ["ID", "id", "Id"], (2, 1, 3)),
        ("`ID`, \"id\", `Id`", "t", ["ID", "id", "Id"], (2, 1, 3)),
        ("id_1", "t", ["ID_1"], (4,)),
        ("t.ID", "t", ["ID"], (2,)),
        ("ID + id AS both", "t", ["both"], (3,)),
        ("o", "o", ["o"], ({"x": 1, "X": 2},)),
        ("o->X, o->`x`", "o", ["X", "x"], (2, 1)),
        ("l[1]->X AS a, l[1]->x AS b", "l", ["a", "b"], (2, 1)),
        ("m['K']->Y AS a", "l", ["a"], (6,)),
        ("TRANSFORM(l, e => e->X) AS a", "l", ["a"], ([2],)),
        ("ss, ß, SS AS t, ä", "s", ["ss", "ß", "t", "Ä"], (1, 2, 1, 3)),
        ("*", "odd", ODD, tuple(range(len(ODD)))),
        (", ".join(map(quoted, ODD)), "odd", ODD, tuple(range(len(ODD)))),
        ("rowTime, `rowtime`", "times", ["ROWTIME", "rowtime"], (7, 7)),
    ],
)
def test_a_name_is_a_field(given, items, table, names, row, end):
    assert [given(f"SELECT {items} FROM {table}{end}")[0], given(f"SELECT {items} FROM {table}{end}")[1][0]] == [names, row]


@pytest.mark.parametrize("end", ["", " EMIT CHANGES"])
@pytest.mark.parametrize(
    ("query", "error", "says"),
    [
        ("SELECT iD FROM t", BindError, "iD could be ID or Id or id"),
        ("SELECT id FROM t WHERE iD = 1", BindError, "iD could be"),
        ("SELECT `iD` FROM t", UnknownName, "iD"),
        ("SELECT `id_1` FROM t", UnknownName, "id_1"),
        ("SELECT o->`Xx` FROM o", UnknownName, "Xx"),
        ("SELECT o.`N` FROM o", UnknownName, "N"),
        ("SELECT `ä` FROM s", UnknownName, "ä"),
    ],
)
def test_a_name_that_is_none_or_could_be_several(given, query, error, says, end):
    with pytest.raises(error) as raised:
        given(query + end)
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("query", "names", "rows"),
    [
        ("SELECT * EXCLUDE (ID) FROM t", ["id", "Id", "ID_1"], [(1, 3, 4), (5, 7, 8)]),
        ("SELECT * EXCLUDE ID FROM t", ["id", "Id", "ID_1"], [(1, 3, 4), (5, 7, 8)]),
        ("SELECT * EXCLUDE (ID, Id) FROM t", ["id", "ID_1"], [(1, 4), (5, 8)]),
        ("SELECT ROWOFFSET, * EXCLUDE (ID, id) FROM t", ["ROWOFFSET", "Id", "ID_1"], [(0, 3, 4), (1, 7, 8)]),
        ("SELECT t.* EXCLUDE (`ID`) FROM t", ["id", "Id", "ID_1"], [(1, 3, 4), (5, 7, 8)]),
        ("SELECT * REPLACE (id + 10 AS ID) FROM t", ["id", "ID", "Id", "ID_1"], [(1, 11, 3, 4), (5, 15, 7, 8)]),
        ("SELECT * RENAME (ID AS a) FROM t", ["id", "a", "Id", "ID_1"], [(1, 2, 3, 4), (5, 6, 7, 8)]),
        ("SELECT * EXCLUDE (ä) FROM s", ["ss", "ß"], [(1, 2)]),
        ("SELECT COLUMNS('^ID') FROM t", ["ID", "ID_1"], [(2, 4), (6, 8)]),
        ("SELECT COLUMNS(lambda c: c = 'ID') FROM t", ["ID"], [(2,), (6,)]),
        ("SELECT COLUMNS(['ID', 'id']) FROM t", ["id", "ID"], [(1, 2), (5, 6)]),
        ("SELECT COLUMNS(* EXCLUDE (ID)) FROM t", ["id", "Id", "ID_1"], [(1, 3, 4), (5, 7, 8)]),
        ("SELECT MAX(COLUMNS('^Id')) FROM t", ["Id"], [(7,)]),
        ("SELECT t FROM t LIMIT 1", ["t"], [({"id": 1, "ID": 2, "Id": 3, "ID_1": 4},)]),
        ("SELECT r.ID, r.id FROM (SELECT t AS r FROM t)", ["ID", "id"], [(2, 1), (6, 5)]),
        ("SELECT x.ID FROM t x WHERE x.id > 1", ["ID"], [(6,)]),
        ("SELECT SUM(ID) AS n FROM t GROUP BY id HAVING MAX(Id) > 3", ["n"], [(6,)]),
        ("SELECT id FROM t ORDER BY ID DESC, `Id`", ["id"], [(5,), (1,)]),
        ("SELECT -id AS ID FROM t ORDER BY ID", ["ID"], [(-5,), (-1,)]),
        ("WITH c AS (SELECT * FROM t) SELECT ID, id FROM c", ["ID", "id"], [(2, 1), (6, 5)]),
        ("WITH c AS (SELECT * EXCLUDE (ID, Id) FROM t) SELECT iD FROM c", ["id"], [(1,), (5,)]),
        ("SELECT q.ID FROM (SELECT id, ID FROM t) q", ["ID"], [(2,), (6,)]),
        ("SELECT ID FROM (SELECT id AS ID FROM t)", ["ID"], [(1,), (5,)]),
        ("SELECT (SELECT MAX(ID) FROM t u WHERE u.id = t.id) AS m FROM t", ["m"], [(2,), (6,)]),
        ("SELECT ID FROM t WHERE id IN (SELECT id FROM k WHERE key = 'y')", ["ID"], [(6,)]),
        ("SELECT t.ID, key FROM t JOIN k USING (id)", ["ID", "Key"], [(2, "x"), (6, "y")]),
        ("SELECT * EXCLUDE (`Id`, `ID_1`) FROM t JOIN k USING (`id`)", ["id", "ID", "Key"], [(1, 2, "x"), (5, 6, "y")]),
        ("SELECT id, ID, key FROM t NATURAL JOIN k", ["id", "ID", "Key"], [(1, 2, "x"), (5, 6, "y")]),
        ("SELECT a.ID, b.id FROM t a JOIN t b ON a.ID = b.`id` + 1", ["ID", "id"], [(2, 1), (6, 5)]),
        ("SELECT id FROM t UNION ALL BY NAME SELECT id FROM k", ["id"], [(1,), (1,), (5,), (5,)]),
        ("PIVOT (SELECT id, ID FROM t) ON id USING SUM(ID)", ["1", "5"], [(2, 6)]),
        ("SELECT * FROM (PIVOT t ON id IN (1, 5) USING SUM(ID) GROUP BY Id)", ["Id", "1", "5"], [(3, 2, None), (7, None, 6)]),
        ("FROM t UNPIVOT (v FOR n IN (id, ID)) SELECT n, v", ["n", "v"], [("ID", 2), ("ID", 6), ("id", 1), ("id", 5)]),
        ("SELECT column_name AS c FROM (SUMMARIZE t)", ["c"], [("ID",), ("ID_1",), ("Id",), ("id",)]),
        ("SELECT ID AS a, a + id AS b FROM t", ["a", "b"], [(2, 3), (6, 11)]),
        ("SELECT o.x, o.X FROM o", ["x", "X"], [(1, 2), (3, 4)]),
        ("SELECT o['x'] AS a, o['X'] AS b, o.o.X FROM o", ["a", "b", "X"], [(1, 2, 2), (3, 4, 4)]),
        ("SELECT o.* FROM (SELECT o FROM o) o", ["o"], [({"x": 1, "X": 2},), ({"x": 3, "X": 4},)]),
        ("SELECT UNNEST(o) FROM o", ["x", "X"], [(1, 2), (3, 4)]),
        ("SELECT u.X FROM (SELECT UNNEST(l) AS u FROM l)", ["X"], [(2,), (4,)]),
        ("SELECT struct_extract(o, 'X') AS a FROM o", ["a"], [(2,), (4,)]),
        ("SELECT list_transform(l, lambda e: e.X)[1] AS a FROM l", ["a"], [(2,), (4,)]),
        ("SELECT CAST(to_json(o) AS VARCHAR) AS a FROM o", ["a"], [('{"x":1,"X":2}',), ('{"x":3,"X":4}',)]),
        ("SELECT SUM(o.X) AS n FROM o WHERE o->x > 1", ["n"], [(4,)]),
        ("SELECT n FROM o WHERE o.X = 4", ["n"], [(2,)]),
        ("SELECT odd.``, `a.b` + 1 AS c FROM odd", ["", "c"], [(0, 5)]),
        ("SELECT * EXCLUDE (``, `{}`) FROM odd", [n for n in ODD if n not in ("", "{}")], [(1, 2, 3, 4, 5, 7)]),
    ],
)  # fmt: skip
def test_a_bounded_query_over_names_that_duckdb_takes_for_one(given, query, names, rows):
    found, made = given(query)
    assert (found, sorted(made, key=repr)) == (names, sorted(rows, key=repr))


def test_sides_that_call_it_otherwise_cannot_use_it(given):
    with pytest.raises(BindError, match="the sides call it ID and id"):
        given("SELECT * FROM t JOIN (SELECT id AS x, ID FROM t) u USING (ID) JOIN (SELECT id FROM t) v USING (ID)")


def test_the_dialect_of_duckdb_has_quoted_names_in_any_case(given):
    assert given('SELECT "KEY", "iD" FROM k', "duckdb") == (["Key", "id"], [("x", 1), ("y", 5)])
    assert given('SELECT "ID", "Id" FROM t', "duckdb") == (["ID", "Id"], [(2, 3), (6, 7)])
    with pytest.raises(BindError, match="iD could be ID or Id or id"):
        given('SELECT "iD" FROM t', "duckdb")


# Topics


@pytest.mark.parametrize(
    ("value", "named", "answer"),
    [
        ('{"id":1,"ID":2,"Id":3,"ID_1":4}', "ID, id, Id, id_1", {"ID": 2, "id": 1, "Id": 3, "ID_1": 4}),
        ('{"o":{"x":1,"X":2}}', "o, o->X AS a", {"o": {"x": 1, "X": 2}, "a": 2}),
        ('{"l":[{"x":1,"X":"2"}],"n":{"m":{"a":1,"A":[2]}}}', "l, n->m->A AS a", {"l": [{"x": 1, "X": "2"}], "a": [2]}),
        ('{"":1,"a\\u0000b":2,"a\\nb":3}', "``, `a\0b`, `a\nb`", {"": 1, "a\0b": 2, "a\nb": 3}),
        ('{"#":1,"a.b":2,"q\\"":3,"{}":4}', '`#`, `a.b`, `q"`, `{}`', {"#": 1, "a.b": 2, 'q"': 3, "{}": 4}),
        ('{"n":{"":1,"{}":2,"a.b":3,"x\\u0000":4}}', "n", {"n": {"": 1, "{}": 2, "a.b": 3, "x\0": 4}}),
        ('{"ss":1,"ß":2}', "ß, ss", {"ß": 2, "ss": 1}),
        ('{"rowtime":5,"ROWTIME":6}', "`rowtime`, `ROWTIME`, rowtime > 6 AS now", {"rowtime": 5, "ROWTIME": 6, "now": True}),
        ('{"RowOffset":"a"}', "`RowOffset`, rowoffset, `ROWOFFSET` AS p", {"RowOffset": "a", "ROWOFFSET": 0, "p": 0}),
        ('{"ROWKEY":"f","rowheaders":1}', "ROWKEY, ROWKEY_1, rowheaders", {"ROWKEY": "f", "ROWKEY_1": None, "rowheaders": 1}),
    ],
)  # fmt: skip
def test_a_topic_is_called_alike_by_every_statement(session, execute, ask, topic_of, value, named, answer):
    name = topic_of(value)
    assert ask(f"SELECT {named} FROM {name}") == [answer]
    assert rows_that_come(execute(f"SELECT {named} FROM {name} EMIT CHANGES LIMIT 1")) == [answer]
    (whole,) = ask(f"SELECT * FROM {name}")
    assert rows_that_come(execute(f"SELECT * FROM {name} EMIT CHANGES LIMIT 1")) == [whole]
    columns = [r["column"] for r in rows_of(execute(f"DESCRIBE {name}").parts[1]) if r["from"] == "value"]
    assert columns == list(whole) == list(session.columns(name))
    assert [r["column"] for r in rows_of(execute(f"DESCRIBE {name} FULL").parts[1])] == columns
    (printed,) = rows_that_come(execute(f"PRINT {name} FROM BEGINNING LIMIT 1"))
    assert printed["value"] == value


def test_of_declared_columns_the_upper_cased_name_comes_first(execute, ask, topic_of):
    name = topic_of('{"id":1,"ID":2,"x":3,"s":{"A":4,"a":5}}')
    execute(f"CREATE STREAM d (`id` INT, ID INT, `x` INT, s STRUCT<A INT, `a` INT>)"
            f" WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='JSON')")  # fmt: skip
    for end, answer in (("", ask), (" EMIT CHANGES LIMIT 1", lambda q: rows_that_come(execute(q)))):
        assert answer(f"SELECT id, `id`, x, s->a AS F, s->`a` AS G FROM d{end}") == [
            {"ID": 2, "id": 1, "x": 3, "F": 4, "G": 5}]  # fmt: skip
        assert answer(f"SELECT iD AS I, X FROM d{end}") == [{"I": 2, "x": 3}]
        with pytest.raises(UnknownName):
            answer(f"SELECT `X` FROM d{end}")


def test_a_statement_writes_the_field_that_it_names(execute, ask, topic_of):
    name = topic_of('{"id":1,"ID":2}')
    execute(f"INSERT INTO {name} (ID, `Id`, `rowtime`) VALUES (7, 8, 9)")
    assert ask(f"SELECT id, ID, `Id`, `rowtime` FROM {name} WHERE ID = 7") == [
        {"id": None, "ID": 7, "Id": 8, "rowtime": 9}]  # fmt: skip
    with pytest.raises(BindError, match="iD could be ID or Id or id"):
        execute(f"INSERT INTO {name} (iD) VALUES (1)")


AVRO = """{"type": "record", "name": "R", "fields": [
    {"name": "id", "type": "int"}, {"name": "ID", "type": "string"},
    {"name": "n", "type": {"type": "record", "name": "N", "fields": [
        {"name": "x", "type": "int"}, {"name": "X", "type": "int"}]}}]}"""
PROTO = 'syntax = "proto3"; message R { int32 id = 1; string ID = 2; N n = 3; } message N { int32 x = 1; int32 X = 2; }'


def written(format: str) -> bytes:
    """{"id": 1, "ID": "a", "n": {"x": 2, "X": 3}}"""
    if format == "PROTOBUF":
        return bytes([8, 1, 18, 1]) + b"a" + bytes([26, 4, 8, 2, 16, 3])
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(AVRO)), {"id": 1, "ID": "a", "n": {"x": 2, "X": 3}})
    return out.getvalue()


@pytest.mark.parametrize(("format", "schema", "end"), [("AVRO", AVRO, "avsc"), ("PROTOBUF", PROTO, "proto")])
def test_fields_of_avro_and_protobuf(execute, ask, topic_of, tmp_path, format, schema, end):
    file = tmp_path / f"r.{end}"
    file.write_text(schema)
    name = topic_of(written(format))
    execute(f"SET 'topic.{name}.value.schema.file'='{file}'")
    wanted = {"id": 1, "ID": "a", "n": {"x": 2, "X": 3}}
    assert ask(f"SELECT * FROM {name}") == [wanted]
    named = {"ID": "a", "id": 1, "X": 3, "x": 2}
    assert ask(f"SELECT ID, id, n.X, n.`x` FROM {name}") == [named]
    assert rows_that_come(execute(f"SELECT ID, id, n->X, n->x FROM {name} EMIT CHANGES LIMIT 1")) == [named]
    assert [r["column"] for r in rows_of(execute(f"DESCRIBE {name}").parts[1])][1:] == list(wanted)
    (printed,) = rows_that_come(execute(f"PRINT {name} FROM BEGINNING LIMIT 1"))
    assert printed["value"] == wanted


# Names that get through DuckDB


NAMES = ["id", "ID", "iD", "", "\0", "a\0", "A", "\U000f5e1f", "\U000f5e1f1", "\U000f5e1fM", "m", "M", "ß", "Ä", "ä"]


def test_escaped_names_are_unlike_each_other_to_duckdb_and_read_back():
    made = [escaped(name, hidden=hidden) for name in NAMES for hidden in (False, True)]
    assert not any(same_to_duckdb(a, b) for a, b in combinations(made, 2))
    assert [plain(name) for name in made] == [name for name in NAMES for _ in range(2)]
    assert not any("\0" in name or not name for name in made)


def test_what_clashes_and_what_does_not():
    assert clashing(["id", "x", "ss", "ß"]) == frozenset()
    assert clashing(["id", "ID", "x", "", "a\0"]) == {"id", "", "a\0"}
    assert alike("Ä") == alike("ä")


@pytest.mark.parametrize(
    "type",
    [
        pa.struct([("x", pa.int64()), ("X", pa.string()), ("b", pa.int32())]),
        pa.list_(pa.struct([("x", pa.int64()), ("X", pa.int64())])),
        pa.large_list(pa.struct([("", pa.int64())])),
        pa.list_(pa.struct([("x", pa.int64()), ("X", pa.int64())]), 2),
        pa.map_(pa.string(), pa.struct([("a\0", pa.int64()), ("a", pa.int64())])),
        pa.struct([("o", pa.struct([("x", pa.int64()), ("X", pa.int64())]))]),
    ],
)
def test_types_are_escaped_at_every_depth_and_read_back(type):
    made = escaped_type(type)
    assert made != type
    assert plain_type(made) == type
    empty = pa.array([None], type)
    assert relabelled(relabelled(empty, made), type) == empty
