"""Statements and the plans they are bound to, written from ksqlDB's semantics."""

from collections.abc import Callable

import pytest

Steps = Callable[[str], list[str]]


def test_the_key_passes_and_values_are_computed(steps: Steps) -> None:
    assert steps("CREATE STREAM O AS SELECT K, V + 1 AS V1 FROM S WHERE W = 'x';") == [
        "write stream O (K INTEGER KEY, V1 INTEGER) as KAFKA/JSON",
        "project key K; V1 = (V + 1)",
        "filter (W = 'x')",
        "scan stream S: K, V, W",
    ]


def test_star_is_the_key_and_then_the_values(steps: Steps) -> None:
    assert steps("CREATE TABLE O AS SELECT * FROM T;")[:2] == [
        "write table O (ID INTEGER KEY, NAME STRING, REF INTEGER) as KAFKA/JSON",
        "project key ID; NAME, REF",
    ]


def test_names_that_nobody_gave(steps: Steps) -> None:
    first = steps("CREATE STREAM O AS SELECT K, V + 1, ST->A, ST->B AS C, ST->A, 'x' FROM S;")[0]
    assert first == (
        "write stream O (K INTEGER KEY, KSQL_COL_0 INTEGER, A INTEGER, C INTEGER, A_1 INTEGER, "
        "KSQL_COL_1 STRING) as KAFKA/JSON"
    )


def test_struct_star(steps: Steps) -> None:
    assert steps("CREATE STREAM O AS SELECT K, ST->* FROM S;")[1] == (
        "project key K; A = ST->A, B = ST->B"
    )


def test_as_value_copies_the_key(steps: Steps) -> None:
    assert steps("CREATE STREAM O AS SELECT K, AS_VALUE(K) AS COPY FROM S;")[0] == (
        "write stream O (K INTEGER KEY, COPY INTEGER) as KAFKA/JSON"
    )


def test_partition_by_a_column_makes_the_old_key_a_value(steps: Steps) -> None:
    assert steps("CREATE STREAM O AS SELECT * FROM S2 PARTITION BY V;") == [
        "write stream O (V INTEGER KEY, X BIGINT, K INTEGER) as KAFKA/JSON",
        "project key V; X, K",
        "partition by V",
        "scan stream S2: K, V, X",
    ]


def test_partition_by_an_expression_is_named_by_the_projection(steps: Steps) -> None:
    plan = steps("CREATE STREAM O AS SELECT V + 1 AS KEY, K, V FROM S2 PARTITION BY V + 1;")
    assert plan[:3] == [
        "write stream O (KEY INTEGER KEY, K INTEGER, V INTEGER) as KAFKA/JSON",
        "project key KEY = KSQL_COL_0; K, V",
        "partition by KSQL_COL_0 = (V + 1)",
    ]


def test_partition_by_null_takes_the_key_away(steps: Steps) -> None:
    assert steps("CREATE STREAM O AS SELECT * FROM S2 PARTITION BY NULL;")[:3] == [
        "write stream O (V INTEGER, X BIGINT, K INTEGER) as NONE/JSON",
        "project V, X, K",
        "partition by nothing",
    ]


def test_partition_by_the_key_is_nothing_to_do(steps: Steps) -> None:
    assert steps("CREATE STREAM O AS SELECT * FROM S2 PARTITION BY K;")[1:] == [
        "project key K; V, X",
        "scan stream S2: K, V, X",
    ]


def test_group_by_in_windows_with_having(steps: Steps) -> None:
    text = """CREATE TABLE O AS SELECT W, COUNT(*) AS N, WINDOWSTART AS T FROM S
      WINDOW HOPPING (SIZE 10 SECONDS, ADVANCE BY 5 SECONDS, GRACE PERIOD 1 SECOND)
      GROUP BY W HAVING SUM(V) > 3;"""
    assert steps(text) == [
        "write table O (W STRING KEY, N BIGINT, T BIGINT) as KAFKA/JSON",
        "project key W; N = KSQL_AGG_VARIABLE_0, T = WINDOWSTART",
        "filter (KSQL_AGG_VARIABLE_1 > 3)",
        "group by W in hopping windows of 10000 ms by 5000 ms, grace 1000 ms: "
        "KSQL_AGG_VARIABLE_0 = COUNT(), KSQL_AGG_VARIABLE_1 = SUM(V)",
        "scan stream S: K, V, W",
    ]


def test_grouping_expressions_are_replaced_wherever_they_stand(steps: Steps) -> None:
    text = "CREATE TABLE O AS SELECT V + 1 AS G, (V + 1) * SUM(V) AS R FROM S GROUP BY V + 1;"
    assert steps(text)[1:3] == [
        "project key G; R = (G * KSQL_AGG_VARIABLE_0)",
        "group by G = (V + 1): KSQL_AGG_VARIABLE_0 = SUM(V)",
    ]


def test_an_aggregate_is_computed_once(steps: Steps) -> None:
    text = "CREATE TABLE O AS SELECT W, SUM(V) AS A, SUM(V) + 1 AS B FROM S GROUP BY W;"
    assert steps(text)[2] == "group by W: KSQL_AGG_VARIABLE_0 = SUM(V)"


def test_emit_final_holds_windows_back(steps: Steps) -> None:
    text = """CREATE TABLE O AS SELECT W, COUNT(*) AS N FROM S
      WINDOW TUMBLING (SIZE 1 SECOND) GROUP BY W HAVING COUNT(*) > 1 EMIT FINAL;"""
    made = steps(text)
    assert made[2] == "filter (KSQL_AGG_VARIABLE_0 > 1)"
    assert made[3] == "hold until each window is final"
    assert made[4].startswith("group by W")


def test_table_functions_are_exploded_before_the_projection(steps: Steps) -> None:
    assert steps("CREATE STREAM O AS SELECT K, EXPLODE(ARR) + 1 AS E FROM S;") == [
        "write stream O (K INTEGER KEY, E INTEGER) as KAFKA/JSON",
        "project key K; E = (KSQL_SYNTH_0 + 1)",
        "explode KSQL_SYNTH_0 = EXPLODE(ARR)",
        "scan stream S: K, ARR",
    ]


def test_streams_are_joined_on_their_keys(steps: Steps) -> None:
    text = """CREATE STREAM O AS SELECT S.K, S2.V FROM S
      LEFT JOIN S2 WITHIN (1 SECOND, 2 SECONDS) GRACE PERIOD 3 SECONDS ON S.K = S2.K;"""
    assert steps(text) == [
        "write stream O (S_K INTEGER KEY, S2_V INTEGER) as KAFKA/JSON",
        "project key S_K; S2_V",
        "left join of streams within 1000 ms before, 2000 ms after, grace 3000 ms: key S_K",
        "scan stream S: S_K = K",
        "scan stream S2: S2_K = K, S2_V = V",
    ]


def test_a_stream_is_repartitioned_to_join_a_table(steps: Steps) -> None:
    text = "CREATE STREAM O AS SELECT S.V AS V, NAME FROM S JOIN T ON S.V = T.ID;"
    assert steps(text) == [
        "write stream O (V INTEGER KEY, NAME STRING) as KAFKA/JSON",
        "project key V = S_V; NAME = T_NAME",
        "inner join with a table: key S_V",
        "partition by S_V",
        "scan stream S: S_K = K, S_V = V",
        "scan table T: T_ID = ID, T_NAME = NAME",
    ]


def test_a_join_is_keyed_by_the_side_that_is_selected(steps: Steps) -> None:
    text = "CREATE STREAM O AS SELECT T.ID, V FROM S JOIN T ON S.K = T.ID;"
    assert steps(text)[:3] == [
        "write stream O (ID INTEGER KEY, V INTEGER) as KAFKA/JSON",
        "project key ID = T_ID; V = S_V",
        "inner join with a table: key T_ID",
    ]


def test_a_join_on_expressions_has_a_key_of_its_own(steps: Steps) -> None:
    text = """CREATE STREAM O AS SELECT ROWKEY AS KEY, S.V AS V FROM S
      JOIN S2 WITHIN 1 SECOND ON S.V + 1 = S2.V + 1;"""
    assert steps(text)[:3] == [
        "write stream O (KEY INTEGER KEY, V INTEGER) as KAFKA/JSON",
        "project key KEY = ROWKEY; V = S_V",
        "inner join of streams within 1000 ms before, 1000 ms after: key ROWKEY",
    ]


def test_tables_are_joined_on_a_foreign_key(steps: Steps) -> None:
    text = "CREATE TABLE O AS SELECT T.ID, T2.NAME FROM T JOIN T2 ON T.REF = T2.ID;"
    assert steps(text) == [
        "write table O (T_ID INTEGER KEY, T2_NAME STRING) as KAFKA/JSON",
        "project key T_ID; T2_NAME",
        "inner join of tables on foreign key T_REF",
        "scan table T: T_ID = ID, T_REF = REF",
        "scan table T2: T2_ID = ID, T2_NAME = NAME",
    ]


def test_three_sources_are_joined_left_to_right(steps: Steps) -> None:
    text = """CREATE STREAM O AS SELECT S.K, T.NAME AS A, T2.NAME AS B FROM S
      JOIN T ON S.K = T.ID JOIN T2 ON S.K = T2.ID;"""
    assert steps(text) == [
        "write stream O (K INTEGER KEY, A STRING, B STRING) as KAFKA/JSON",
        "project key K = S_K; A = T_NAME, B = T2_NAME",
        "inner join with a table: key S_K",
        "inner join with a table: key S_K",
        "scan stream S: S_K = K",
        "scan table T: T_ID = ID, T_NAME = NAME",
        "scan table T2: T2_ID = ID, T2_NAME = NAME",
    ]


def test_each_side_of_a_join_has_its_own_time(steps: Steps) -> None:
    text = "CREATE STREAM O AS SELECT S.K, S.ROWTIME, T.ROWTIME FROM S JOIN T ON S.K = T.ID;"
    assert steps(text)[0] == (
        "write stream O (K INTEGER KEY, S_ROWTIME BIGINT, T_ROWTIME BIGINT) as KAFKA/JSON"
    )


def test_a_query_without_a_sink_need_not_select_the_key(steps: Steps) -> None:
    assert steps("SELECT V FROM S EMIT CHANGES LIMIT 3;") == [
        "show V, 3 rows",
        "project key K; V",
        "scan stream S: K, V",
    ]


def test_undeclared_topics_match_in_any_case_and_keep_their_spelling(steps: Steps) -> None:
    assert steps("SELECT USERID, user->CITY FROM Orders EMIT CHANGES;") == [
        "show userId, city",
        "project key ROWKEY; userId, city = user->city",
        "scan stream orders: ROWKEY, userId, user",
    ]


def test_moments_are_compared_with_rowtime(steps: Steps) -> None:
    text = "SELECT V FROM S WHERE ROWTIME >= '1970-01-01T00:00:01' EMIT CHANGES;"
    assert steps(text)[2] == "filter (ROWTIME >= 1000)"


def test_windowed_sources_show_their_bounds(steps: Steps) -> None:
    assert steps("SELECT * FROM WS EMIT CHANGES;")[0] == "show K, WINDOWSTART, WINDOWEND, V"


def test_a_field_named_as_a_window_bound_goes_into_the_sink(steps: Steps) -> None:
    # No window, so nothing else would have it: as with fields called ROWTIME.
    assert steps("SELECT * FROM tallies EMIT CHANGES;")[0] == "show WINDOWSTART, n"
    assert steps("CREATE STREAM O AS SELECT * FROM tallies;")[0] == (
        "write stream O (ROWKEY STRING KEY, WINDOWSTART BIGINT, n BIGINT) as KAFKA/JSON"
    )


def test_insert_into_widens_to_the_sink(steps: Steps) -> None:
    assert steps("INSERT INTO S2 SELECT K, V, V AS X FROM S;")[:2] == [
        "write stream S2 (K INTEGER KEY, V INTEGER, X BIGINT) as KAFKA/JSON",
        "project key K; V, X = CAST(V AS BIGINT)",
    ]


def test_the_key_that_nobody_declared_stays_without_being_selected(steps: Steps) -> None:
    assert steps("CREATE STREAM BIG AS SELECT userId FROM orders WHERE amount > 100;")[0] == (
        "write stream BIG (ROWKEY STRING KEY, userId BIGINT) as KAFKA/JSON"
    )


@pytest.mark.parametrize(
    ("window", "emit", "grace"),
    [
        ("TUMBLING (SIZE 1 HOUR)", "CHANGES", 23 * 3_600_000),
        ("TUMBLING (SIZE 1 HOUR)", "FINAL", 0),
        ("SESSION (1 HOUR)", "FINAL", 0),
        ("TUMBLING (SIZE 1 HOUR, GRACE PERIOD 5 MILLISECONDS)", "FINAL", 5),
    ],
)
def test_the_grace_that_holds_is_shown(steps: Steps, window: str, emit: str, grace: int) -> None:
    lines = steps(f"SELECT W, COUNT(*) FROM S WINDOW {window} GROUP BY W EMIT {emit};")
    assert any(f"windows of 3600000 ms, grace {grace} ms: " in line for line in lines)
