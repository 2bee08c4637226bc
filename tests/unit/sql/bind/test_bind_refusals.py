"""What ksqlDB refuses, in its words, at the place where it is wrong."""

from collections.abc import Callable

import pytest

from kshell.errors import BindError, Place, UnknownName, Unsupported
from kshell.sql import plan

Bind = Callable[[str], plan.Node]

REFUSED = [
    # aggregates
    ("CREATE TABLE O AS SELECT V, V + 1 AS X FROM S GROUP BY V",
     "GROUP BY requires aggregate functions in either the SELECT or HAVING clause."),
    ("CREATE TABLE O AS SELECT COUNT(*) AS N FROM S GROUP BY ()",
     "GROUP BY requires at least one expression"),
    ("SELECT V, LATEST_BY_OFFSET(W, V) FROM S GROUP BY V EMIT CHANGES",
     "Parameter 2 passed to function LATEST_BY_OFFSET must be a literal constant, but was "
     "expression: 'V'"),
    ("SELECT V, TOPK(V, W, V) FROM S GROUP BY V EMIT CHANGES",
     "Parameter 3 passed to function TOPK must be a literal constant"),
    ("SELECT V, TOPK(V, 0) FROM S GROUP BY V EMIT CHANGES", "k must be 1 or greater"),
    ("SELECT V, EARLIEST_BY_OFFSET(W, -1) FROM S GROUP BY V EMIT CHANGES",
     "earliestN must be 1 or greater"),
    ("SELECT V, TOPK(V > 1, 2) FROM S GROUP BY V EMIT CHANGES",
     "Function 'TOPK' does not accept parameters (BOOLEAN, INTEGER)."),
    ("SELECT V, TOPKDISTINCT(ARR, 2) FROM S GROUP BY V EMIT CHANGES",
     "Function 'TOPKDISTINCT' does not accept parameters (ARRAY<INTEGER>, INTEGER)."),
    ("SELECT V, SUM(W) FROM S GROUP BY V EMIT CHANGES",
     "Function 'SUM' does not accept parameters (STRING)."),
    ("SELECT NAME, MAX(REF), COUNT_DISTINCT(REF) FROM T GROUP BY NAME EMIT CHANGES",
     "The aggregation functions MAX and COUNT_DISTINCT cannot be applied to a table source, "
     "only to a stream source."),
    ("CREATE TABLE O AS SELECT K, AVG(V) AS A FROM FLAT GROUP BY K",
     "One of the functions used in the statement has an intermediate type"),
    # table functions
    ("SELECT V FROM S WHERE EXPLODE(ARR) > 1 EMIT CHANGES",
     "Can't find any functions with the name 'EXPLODE' for WHERE"),
    # names
    ("SELECT VV FROM S EMIT CHANGES", "SELECT column 'VV' cannot be resolved."),
    ("SELECT S.VV FROM S EMIT CHANGES", "SELECT column 'S.VV' cannot be resolved."),
    ("SELECT X.V FROM S EMIT CHANGES", "'X' is not a valid stream/table name or alias."),
    ("SELECT V FROM S WHERE Z = 1 EMIT CHANGES", "WHERE column 'Z' cannot be resolved."),
    ("SELECT V FROM S PARTITION BY Z EMIT CHANGES", "PARTITION BY column 'Z' cannot be"),
    ("SELECT V FROM NOWHERE EMIT CHANGES", "NOWHERE does not exist."),
    (
        "SELECT V FROM S JOIN S2 WITHIN 1 DAY ON S.K = S2.K EMIT CHANGES",
        "Column 'V' is ambiguous. Could be S.V or S2.V.",
    ),
    ("SELECT V FROM S WHERE WINDOWSTART = 1 EMIT CHANGES", "Unknown column WINDOWSTART."),
    # types
    ("SELECT V FROM S WHERE V > 'a' EMIT CHANGES",
     "Error in WHERE expression: Cannot compare V (INTEGER) to 'a' (STRING) with GREATER_THAN."),
    ("SELECT V FROM S WHERE 'a' EMIT CHANGES",
     "Type error in WHERE expression: Should evaluate to boolean but is 'a' (STRING) instead."),
    ("SELECT V FROM S WHERE V = NULL EMIT CHANGES", "Comparison with NULL not supported: V = NULL"),
    ("SELECT TRUE + 1 FROM S EMIT CHANGES", "Unsupported arithmetic types. BOOLEAN INTEGER"),
    ("SELECT CAST(W AS ARRAY<INT>) FROM S EMIT CHANGES",
     "Invalid Select: Cast of STRING to ARRAY<INTEGER> is not supported"),
    ("SELECT NULL FROM S EMIT CHANGES", "Can't infer a type of null."),
    ("SELECT STRUCT(A := 1, A := 2) FROM S EMIT CHANGES", "Duplicate field names found in STRUCT"),
    ("SELECT ARRAY[] FROM S EMIT CHANGES", "Array constructor cannot be empty."),
    ("SELECT MAP() FROM S EMIT CHANGES", "Map constructor cannot be empty."),
    ("SELECT ARRAY[NULL] FROM S EMIT CHANGES", "Cannot construct an array with all NULL elements"),
    ("SELECT MAP('a' := NULL) FROM S EMIT CHANGES", "Cannot construct a map with all NULL values"),
    ("SELECT CASE WHEN TRUE THEN NULL END FROM S EMIT CHANGES", "All case branches have NULL type"),
    ("SELECT ST->C FROM S EMIT CHANGES", "Could not find field 'C' in STRUCT"),
    # the projection of a sink
    ("CREATE STREAM O AS SELECT V FROM S",
     "must include the key column K in its projection (eg, SELECT K...)."),
    ("CREATE STREAM O AS SELECT K, K AS K2, V FROM S",
     "The projection contains a key column (`K`) more than once, aliased as: K and K2."),
    ("CREATE STREAM O AS SELECT K FROM S", "The projection contains no value columns."),
    ("CREATE STREAM O AS SELECT K, ROWTIME FROM S", "Reserved column name in select: `ROWTIME`."),
    ("CREATE STREAM O AS SELECT K, V AS ROWTIME FROM S",
     "`ROWTIME` is a reserved column name. You cannot use it as an alias for a column."),
    ("CREATE STREAM O AS SELECT K, V, W AS V FROM S",
     "Duplicate value columns found in schema: `V` STRING"),
    ("CREATE STREAM O AS SELECT K, V AS K FROM S", "Duplicate column names: `K` is the key's"),
    ("CREATE STREAM O AS SELECT K AS V, V FROM S", "Duplicate column names: `V` is the key's"),
    ("CREATE TABLE O AS SELECT W, SUM(V) AS W FROM S GROUP BY W",
     "Duplicate column names: `W` is the key's"),
    ("CREATE STREAM O AS SELECT V AS K, K FROM S PARTITION BY V",
     "Duplicate column names: `K` is the key's"),
    ("CREATE STREAM O AS SELECT ID, NAME FROM T",
     "Your SELECT query produces a TABLE. Please use CREATE TABLE AS SELECT statement instead."),
    ("CREATE TABLE O AS SELECT K, V FROM S",
     "Your SELECT query produces a STREAM. Please use CREATE STREAM AS SELECT"),
    ("CREATE TABLE O AS SELECT * FROM WT",
     "KSQL does not support persistent queries on windowed tables."),
    ("CREATE STREAM O WITH (WRAP_SINGLE_VALUE=true) AS SELECT * FROM S",
     "'WRAP_SINGLE_VALUE' is only valid for single-field value schemas"),
    ("CREATE STREAM O WITH (TIMESTAMP='Z') AS SELECT * FROM S",
     "The TIMESTAMP column set in the WITH clause does not exist in the schema: 'Z'"),
    ("CREATE STREAM O WITH (VALUE_FORMAT='KAFKA') AS SELECT * FROM S2",
     "The 'KAFKA' format only supports a single field. Got: [`V` INTEGER, `X` BIGINT]"),
    # PARTITION BY
    ("CREATE STREAM O AS SELECT K, V FROM S PARTITION BY V, NULL",
     "Cannot PARTITION BY multiple columns including NULL"),
    ("CREATE STREAM O AS SELECT V, K FROM S PARTITION BY V + 1",
     "must include the partitioning expression (S.V + 1) in its projection"),
    ("CREATE STREAM O AS SELECT * FROM S PARTITION BY V, W",
     "The 'KAFKA' format only supports a single field. Got: [`V` INTEGER KEY, `W` STRING KEY]"),
    ("CREATE STREAM O WITH (KEY_FORMAT='JSON') AS SELECT * FROM S PARTITION BY NULL",
     "Key format specified for stream without key columns."),
    ("CREATE STREAM O AS SELECT * FROM WS PARTITION BY V",
     "Implicit repartitioning of windowed sources is not supported."),
    ("SELECT * FROM S PARTITION BY V, V EMIT CHANGES", "Duplicate PARTITION BY expression: S.V"),
    ("SELECT NAME FROM T PARTITION BY REF EMIT CHANGES", "Cannot repartition a TABLE source."),
    # GROUP BY
    ("SELECT COUNT(*) FROM S EMIT CHANGES", "[COUNT(ROWTIME)] without a GROUP BY clause."),
    ("CREATE TABLE O AS SELECT COUNT(*) FROM S",
     "CREATE TABLE AS SELECT statement does not support aggregate function [COUNT(ROWTIME)]"),
    ("SELECT V, W, COUNT(*) FROM S GROUP BY W EMIT CHANGES",
     "Non-aggregate SELECT expression(s) not part of GROUP BY: V\nEither add the column(s)"),
    ("SELECT W, V * SUM(V) FROM S GROUP BY W EMIT CHANGES",
     "Non-aggregate SELECT expression(s) not part of GROUP BY: (V * SUM(V))"),
    ("SELECT W, COUNT(*) FROM S GROUP BY W HAVING V > 1 EMIT CHANGES",
     "Non-aggregate HAVING expression not part of GROUP BY: V"),
    ("SELECT W, SUM(COUNT(*)) FROM S GROUP BY W EMIT CHANGES",
     "Aggregate functions can not be nested: SUM(COUNT())"),
    ("SELECT W, COUNT(*) FROM S GROUP BY SUM(V) EMIT CHANGES",
     "GROUP BY does not support aggregate functions: SUM is an aggregate function."),
    ("SELECT W, COUNT(*) FROM S GROUP BY W, W EMIT CHANGES", "Duplicate GROUP BY expression: S.W"),
    ("CREATE TABLE O AS SELECT V, COUNT(*) FROM S GROUP BY V, W",
     "must include the grouping expression W in its projection (eg, SELECT W...)."),
    ("CREATE TABLE O AS SELECT W, W AS X, COUNT(*) FROM S GROUP BY W",
     "The projection contains a key column more than once: `W` and `X`."),
    ("SELECT NAME, MIN(REF) FROM T GROUP BY NAME EMIT CHANGES",
     "The aggregation function MIN cannot be applied to a table source"),
    ("CREATE TABLE O AS SELECT V, AVG(V) FROM FLAT GROUP BY V",
     "has an intermediate type that the value format can not handle."),
    ("SELECT * FROM S WINDOW TUMBLING (SIZE 1 DAY) EMIT CHANGES",
     "WINDOW clause requires a GROUP BY clause."),
    ("SELECT W, COUNT(*) FROM S GROUP BY W EMIT FINAL",
     "EMIT FINAL is only supported for windowed aggregations."),
    ("SELECT COUNT(*) FROM S WINDOW TUMBLING (SIZE 1 DAY) GROUP BY WINDOWSTART EMIT CHANGES",
     "Window bounds column WINDOWSTART can only be used in the SELECT clause"),
    ("SELECT COUNT(*) FROM S WINDOW HOPPING (SIZE 1 DAY, ADVANCE BY 2 DAYS) GROUP BY W EMIT CHANGES",
     "Window advancement interval should be more than zero and less than window duration"),
    # joins
    ("SELECT * FROM S JOIN S2 ON S.K = S2.K EMIT CHANGES",
     "stream-stream joins must have a WITHIN clause specified. None was provided."),
    ("SELECT * FROM S JOIN T WITHIN 1 DAY ON S.K = T.ID EMIT CHANGES",
     "A window definition was provided for a Stream-Table join."),
    ("SELECT * FROM S JOIN T ON S.K = T.REF EMIT CHANGES",
     "stream-table joins require to join on the table's primary key. Got S.K = T.REF."),
    ("SELECT * FROM T JOIN S ON T.ID = S.K EMIT CHANGES",
     "table-stream joins are not supported; only stream-table joins. Got T [INNER] JOIN S."),
    ("SELECT * FROM S FULL OUTER JOIN T ON S.K = T.ID EMIT CHANGES",
     "full-outer join not supported for stream-table join. Got S [FULL] OUTER JOIN T."),
    ("SELECT * FROM T RIGHT JOIN T2 ON T.REF = T2.ID EMIT CHANGES",
     "RIGHT OUTER JOIN on a foreign key is not supported"),
    ("SELECT * FROM S JOIN S2 WITHIN 1 DAY ON S.K = S2.X EMIT CHANGES",
     "Invalid join condition: types don't match. Got S.K{INTEGER} = S2.X{BIGINT}."),
    ("SELECT * FROM S JOIN S AS B WITHIN 1 DAY ON S.K = B.K EMIT CHANGES",
     "Can not join 'S' to 'S': self joins are not yet supported."),
    ("SELECT * FROM S JOIN T ON S.K = 1 EMIT CHANGES",
     "Invalid comparison expression '1' in join '(S.K = 1)'."),
    ("SELECT * FROM S JOIN T ON S.K = S.V EMIT CHANGES",
     "Left side references `S` and right references `S`"),
    ("SELECT * FROM S JOIN T ON S.K > T.ID EMIT CHANGES", "Only equality join criteria"),
    ("SELECT * FROM S JOIN WS WITHIN 1 DAY ON S.K = WS.K EMIT CHANGES",
     "`S` is not windowed\n`WS` is TUMBLING windowed"),
    ("SELECT * FROM WT JOIN T2 ON WT.V = T2.ID EMIT CHANGES",
     "Can not join windowed source to non-windowed source.\n`WT` is SESSION windowed\n`T2` is not"),
    ("SELECT * FROM T JOIN WT ON T.REF = WT.ID EMIT CHANGES",
     "Can not join windowed source to non-windowed source.\n`T` is not windowed\n`WT` is SESSION"),
    ("SELECT * FROM T JOIN T2 ON T.ID = T2.ID JOIN T3 ON T.REF = T3.ID EMIT CHANGES",
     "foreign-key table-table joins are not supported as part of n-way joins. Got T.REF = T3.ID."),
    ("SELECT * FROM T JOIN T2 ON T.REF = T2.ID JOIN T3 ON T2.ID = T3.ID EMIT CHANGES",
     "foreign-key table-table joins are not supported as part of n-way joins. Got T2.ID = T3.ID."),
    ("SELECT * FROM S JOIN T ON S.K = T.ID AND S.V = T.REF EMIT CHANGES",
     "stream-table joins require to join on the table's primary key."),
    ("SELECT * FROM S JOIN S2 WITHIN 1 DAY ON S.K = S2.K AND S.W = S2.V EMIT CHANGES",
     "Invalid join condition: types don't match. Got S.W{STRING} = S2.V{INTEGER}."),
    ("SELECT * FROM S JOIN S2 WITHIN 1 DAY ON S.K = S2.K AND S.V > S2.V EMIT CHANGES",
     "Only equality join criteria is supported."),
    ("SELECT * FROM S JOIN S2 WITHIN 1 DAY ON S.K = S2.K JOIN S2 WITHIN 1 DAY ON S.K = S2.K "
     "EMIT CHANGES", "Can not join 'S2' to 'S2': self joins are not yet supported."),
    ("CREATE STREAM O AS SELECT S.K, S2.X FROM S JOIN S2 WITHIN 1 DAY ON S.K = S2.K AND S.V = S2.V",
     "ROWKEY was added as a synthetic key column"),
    ("CREATE STREAM O AS SELECT S.W, NAME FROM S JOIN T ON S.K = T.ID",
     "must include the join expressions S.K or T.ID in its projection (eg, SELECT S.K...)."),
    ("CREATE TABLE O AS SELECT T2.NAME FROM T JOIN T2 ON T.REF = T2.ID",
     "must include all primary key columns from the left input table (`T`). "
     "Missing column: `ID`."),
    # sinks that exist
    ("INSERT INTO T SELECT ID, NAME, REF FROM T", "T is a table."),
    ("INSERT INTO NONE SELECT * FROM S", "Cannot insert into an unknown stream/table: `NONE`"),
    ("INSERT INTO S2 SELECT K, V FROM S",
     "Result schema is `K` INTEGER KEY, `V` INTEGER\n"
     "Sink schema is `K` INTEGER KEY, `V` INTEGER, `X` BIGINT"),
    # table functions
    ("SELECT EXPLODE(ARRAY[ID]) FROM T EMIT CHANGES",
     "Table source is not supported with table functions"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "message"), REFUSED)
def test_refused(bind: Bind, statement: str, message: str) -> None:
    with pytest.raises(BindError) as caught:
        bind(statement + ";")
    assert message in caught.value.what
    assert caught.value.place is not None
    assert caught.value.hint


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("SELECT DISTINCT V FROM S EMIT CHANGES;", "DISTINCT"),
        ("SELECT V FROM S ORDER BY V EMIT CHANGES;", "ORDER BY"),
        ("SELECT V FROM (SELECT * FROM S) EMIT CHANGES;", "by name"),
        ("SELECT V FROM S WHERE V IN (SELECT ID FROM T) EMIT CHANGES;", "subquery"),
        ("SELECT SUM(V) OVER () FROM S EMIT CHANGES;", "WINDOW"),
        ("CREATE STREAM O AS SELECT K, V FROM S LIMIT 3;", "LIMIT"),
    ],
)
def test_bounded_sql_says_where_it_works(bind: Bind, statement: str, word: str) -> None:
    with pytest.raises(Unsupported) as caught:
        bind(statement)
    assert word in caught.value.what


def test_unknown_names_have_a_place_and_the_nearest_ones(bind: Bind) -> None:
    with pytest.raises(UnknownName) as caught:
        bind("SELECT V,\n  AMONT FROM orders EMIT CHANGES;")
    assert caught.value.place == Place(1, 8, 1)
    with pytest.raises(UnknownName) as caught:
        bind("SELECT amount,\n  AMONT FROM orders EMIT CHANGES;")
    assert caught.value.place == Place(2, 3, 5)
    assert caught.value.hint == "did you mean amount?"


def test_a_name_that_differs_in_case_only(bind: Bind) -> None:
    with pytest.raises(UnknownName) as caught:
        bind("SELECT * FROM `s` EMIT CHANGES;")
    assert caught.value.hint == "did you mean S? Try removing the quotes from the name"


def test_endless_expressions_are_refused_and_do_not_crash(bind: Bind) -> None:
    with pytest.raises(BindError, match="nests too deeply"):
        bind(f"SELECT {' + '.join(['V'] * 500)} FROM S EMIT CHANGES;")
