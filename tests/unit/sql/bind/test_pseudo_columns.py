"""ROWKEY and ROWHEADERS in continuous queries: there for every source, and after all else."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from kshell.catalog.model import HEADERS
from kshell.errors import BindError
from kshell.sql import plan
from kshell.sql.moment_columns import answer_schema

Steps = Callable[[str], list[str]]
Bind = Callable[[str], plan.Node]


@pytest.fixture
def shown(bind: Bind) -> Callable[[str], dict[str, pa.DataType]]:
    """What a continuous query shows: headings and types."""

    def columns(text: str) -> dict[str, pa.DataType]:
        answer = bind(text)
        assert isinstance(answer, plan.Answer)
        return {f.name: f.type for f in answer_schema(answer)}

    return columns


@pytest.mark.parametrize(
    ("source", "key"),
    [
        ("S", pa.int32()),
        ("T", pa.int32()),
        ("WS", pa.int32()),
        ("WT", pa.int32()),
        ("MK", pa.struct([("A", pa.int32()), ("B", pa.string())])),
        ("KEYLESS", pa.binary()),
        ("orders", pa.string()),
    ],
)
def test_every_source_has_them(shown, source: str, key: pa.DataType) -> None:
    found = shown(f"SELECT ROWKEY, rowheaders, ROWTIME FROM {source} EMIT CHANGES;")
    assert found == {"ROWKEY": key, "ROWHEADERS": HEADERS, "ROWTIME": pa.int64()}


@pytest.mark.parametrize("source", ["S", "T", "WS", "MK", "KEYLESS", "orders"])
def test_a_star_never_has_them(shown, source: str) -> None:
    found = shown(f"SELECT * FROM {source} EMIT CHANGES;")
    assert not {"ROWKEY", "ROWHEADERS"} & set(found)


def test_a_star_over_a_join_or_after_a_partition_by_never_has_them(shown) -> None:
    join = "FROM S JOIN S2 WITHIN 1 HOUR ON S.K = S2.K"
    for text in (f"SELECT * {join}", f"SELECT S.*, S2.V AS V2 {join}",
                 "SELECT * FROM S2 PARTITION BY V", f"SELECT * {join} PARTITION BY S.V"):  # fmt: skip
        found = shown(f"{text} EMIT CHANGES;")
        assert not [n for n in found if "ROWKEY" in n or "ROWHEADERS" in n], text


def test_declared_columns_of_those_names_win(shown) -> None:
    found = shown("SELECT ROWKEY, ROWHEADERS, * FROM OWN EMIT CHANGES;")
    assert found == {"ROWKEY": pa.string(), "ROWHEADERS": pa.int32(), "ID": pa.int32()}


def test_a_declared_column_wins_over_the_other_sides_key(shown, steps: Steps) -> None:
    join = "FROM S JOIN OWN WITHIN 1 HOUR ON S.K = OWN.ID"
    found = shown(f"SELECT ROWKEY, OWN.ROWKEY AS O, S.ROWKEY, S.ROWHEADERS {join} EMIT CHANGES;")
    assert found == {"ROWKEY": pa.string(), "O": pa.string(), "S_ROWKEY": pa.int32(),
                     "S_ROWHEADERS": HEADERS}  # fmt: skip
    assert steps(f"CREATE STREAM O AS SELECT S.K, OWN.ROWKEY {join};")[0] == (
        "write stream O (K INTEGER KEY, ROWKEY STRING) as KAFKA/JSON"
    )


def test_aliases_of_those_names_are_not_reserved(steps: Steps) -> None:
    assert steps("CREATE STREAM O AS SELECT K, V AS ROWKEY, W AS ROWHEADERS FROM S;")[0] == (
        "write stream O (K INTEGER KEY, ROWKEY INTEGER, ROWHEADERS STRING) as KAFKA/JSON"
    )


def test_rowkey_is_the_key_by_another_name(steps: Steps) -> None:
    assert steps("CREATE STREAM O AS SELECT ROWKEY, V FROM S;") == [
        "write stream O (ROWKEY INTEGER KEY, V INTEGER) as KAFKA/JSON",
        "project key ROWKEY = K; V",
        "scan stream S: K, V",
    ]
    assert steps("CREATE TABLE O AS SELECT ROWKEY AS ID2, COUNT(*) AS N FROM S GROUP BY K;")[0] == (
        "write table O (ID2 INTEGER KEY, N BIGINT) as KAFKA/JSON"
    )


def test_several_key_columns_are_one_value(steps: Steps) -> None:
    assert steps("CREATE STREAM O AS SELECT A, B, ROWKEY FROM MK;")[0] == (
        "write stream O (A INTEGER KEY, B STRING KEY, ROWKEY STRUCT<`A` INTEGER, `B` STRING>)"
        " as JSON/JSON"
    )


def test_headers_are_scanned_only_where_they_are_named(steps: Steps) -> None:
    assert steps("SELECT V FROM S EMIT CHANGES;")[-1] == "scan stream S: K, V"
    assert steps("SELECT V, ROWKEY FROM S EMIT CHANGES;")[-1] == "scan stream S: K, V"
    assert steps("SELECT V, ROWHEADERS FROM S EMIT CHANGES;")[-1] == (
        "scan stream S: K, V, ROWHEADERS"
    )


def test_a_join_on_rowkey_is_a_join_on_the_key(steps: Steps) -> None:
    found = steps("SELECT T.NAME FROM T JOIN T2 ON T.ROWKEY = T2.ROWKEY EMIT CHANGES;")
    assert not [s for s in found if s.startswith("partition by")]
    assert found == steps("SELECT T.NAME FROM T JOIN T2 ON T.ID = T2.ID EMIT CHANGES;")


def test_over_a_join_a_bare_rowkey_is_the_synthetic_key(shown) -> None:
    join = "FROM S FULL OUTER JOIN S2 WITHIN 1 HOUR ON S.K = S2.K"
    found = shown(f"SELECT ROWKEY, S.ROWKEY, S2.ROWKEY {join} EMIT CHANGES;")
    assert found == dict.fromkeys(("ROWKEY", "S_ROWKEY", "S2_ROWKEY"), pa.int32())


@pytest.mark.parametrize("name", ["ROWKEY", "ROWHEADERS"])
def test_over_a_join_without_one_it_is_refused(bind: Bind, name: str) -> None:
    with pytest.raises(BindError, match=f"Column '{name}' is ambiguous. Could be S.{name} or S2"):
        bind(f"SELECT {name} FROM S JOIN S2 WITHIN 1 HOUR ON S.K = S2.K EMIT CHANGES;")


def test_a_field_of_a_key_of_several_columns(shown) -> None:
    # B_1 is KSQL's name for a field where a source has a column B.
    found = shown("SELECT ROWKEY->B FROM MK WHERE ROWKEY->A = 1 EMIT CHANGES;")
    assert found == {"B_1": pa.string()}


def test_a_quoted_name_of_other_case_is_another_name(bind: Bind) -> None:
    with pytest.raises(BindError):
        bind('SELECT "rowkey" FROM S EMIT CHANGES;')
