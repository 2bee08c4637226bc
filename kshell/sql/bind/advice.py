"""A hint for each of ksqlDB's messages that has none.

`bind.select`, `bind.create`, `bind.insert` and `bind.declare` pass every refusal through `advised`.
"""

from __future__ import annotations

from kshell.errors import KshellError, Place

__all__ = ["advised"]

# Part of a message → the hint. The first part that is in the message counts.
_ADVICE = (
    ("is not a valid stream/table name", "a column is written with its source's alias before it"),
    ("Column name", "DESCRIBE shows the columns"),
    ("does not exist.", "SHOW STREAMS, SHOW TABLES and SHOW TOPICS list what there is"),
    ("an unknown stream/table", "CREATE STREAM … AS SELECT makes one"),
    ("Unknown column WINDOW", "window bounds belong to windowed sources and to SELECT"),
    ("Cannot compare", "CAST one side to the other's type"),
    ("Should evaluate to boolean", "compare it with something"),
    ("Unsupported arithmetic types", "CAST makes numbers of what is none"),
    ("Invalid Select: Cast", "there is no such CAST; DESCRIBE the source to see its types"),
    ("Can't infer a type of null", "CAST(NULL AS VARCHAR)"),
    ("Duplicate field names", "give each field its own name"),
    ("All case branches have NULL type", "CAST one of them: CAST(NULL AS VARCHAR)"),
    ("Could not find field", "DESCRIBE shows a STRUCT's fields"),
    ("Keys missing from projection", "add what is missing to SELECT"),
    ("Key missing from projection", "add what is missing to SELECT"),
    ("Primary key column", "add what is missing to SELECT"),
    ("more than once", "AS_VALUE(…) copies a key into the value"),
    ("contains no value columns", "select a column that is no key; AS_VALUE(…) copies a key"),
    ("Reserved column name in select", "name it: ROWTIME AS TS"),
    ("is a reserved column name", "choose another name"),
    ("produces a TABLE", "CREATE TABLE … AS SELECT"),
    ("produces a STREAM", "CREATE STREAM … AS SELECT; a table comes from GROUP BY or a table"),
    ("persistent queries on windowed tables", "SELECT … EMIT CHANGES shows it without a sink"),
    ("'WRAP_SINGLE_VALUE' is only valid", "leave WRAP_SINGLE_VALUE out"),
    ("TIMESTAMP column set in the WITH", "TIMESTAMP names a column of the result"),
    ("Schema is not compatible with", "AS gives the column a name of letters, digits and _"),
    ("format does not support schema", "choose another with KEY_FORMAT, VALUE_FORMAT or FORMAT"),
    ("Cannot PARTITION BY multiple", "PARTITION BY NULL stands alone and takes the key away"),
    ("constructor cannot be empty", "CAST(NULL AS ARRAY<INT>) is one without a value"),
    ("with all NULL", "CAST one of them: CAST(NULL AS VARCHAR)"),
    ("Cannot repartition a TABLE", "GROUP BY makes a table with another key"),
    ("Key format specified for stream", "leave KEY_FORMAT out: the result has no key"),
    ("Implicit repartitioning of windowed", "keep the windowed key, or aggregate anew"),
    ("Non-aggregate HAVING", "HAVING speaks of groups; WHERE filters rows"),
    ("Non-aggregate SELECT", "or take one value per group: LATEST_BY_OFFSET(…)"),
    ("Aggregate functions can not be nested", "aggregate the result of another query"),
    ("GROUP BY does not support aggregate", "HAVING filters by an aggregate"),
    ("Duplicate GROUP BY", "write it once"),
    ("GROUP BY requires at least one", "GROUP BY 1 makes all rows one group"),
    ("must be a literal constant", "write the number itself: TOPK(x, 3)"),
    ("must be 1 or greater", "ask for one value at the least"),
    ("does not accept parameters", "DESCRIBE FUNCTION shows its forms; CAST changes a type"),
    ("Table functions cannot be used with aggregations", "aggregate the result of another query"),
    ("Table functions can not be nested", "explode the result of another query"),
    ("WINDOW applies to streams", "window the stream that the table is made of"),
    ("cannot be applied to a table source", "COUNT, SUM, AVG and COLLECT_LIST can be"),
    ("intermediate type that the value format", "read the source in JSON or AVRO"),
    ("WINDOW clause requires", "add GROUP BY, or take the window away"),
    ("Window bounds column", "filter the result: a query over the windowed table"),
    ("A window definition was provided", "WITHIN belongs to joins of two streams"),
    ("outer join not supported", "LEFT JOIN keeps every row of the stream"),
    ("full-outer join", "LEFT JOIN keeps every row of the stream"),
    ("right-outer join", "LEFT JOIN keeps every row of the stream"),
    ("as part of n-way joins", "put the foreign-key join first, or make a table of it"),
    ("JOIN on a foreign key", "INNER and LEFT joins can be on a foreign key"),
    ("self joins", "copy it first: CREATE STREAM … AS SELECT * FROM …"),
    ("Invalid comparison expression", "ON a.x = b.y names a column of each side"),
    ("Each side of the join", "ON a.x = b.y names a column of each side"),
    ("A join criteria is expected", "ON a.x = b.y names the source that is joined"),
    ("equality join criteria", "ON a.x = b.y; the rest belongs to WHERE"),
    ("Can not join windowed source", "both sides are windowed alike, or neither is"),
    ("Incompatible windowed sources", "both sides are windowed alike, or neither is"),
    ("only be used to insert into a stream", "a table is written by CREATE TABLE … AS SELECT"),
    ("read-only", "it was declared with CREATE SOURCE"),
    ("not supported with table functions", "explode the stream that the table is made of"),
    ("Tables require a PRIMARY KEY", "(id INT PRIMARY KEY, …)"),
    ("please use 'KEY'", "(id INT KEY, …)"),
    ("please use 'PRIMARY KEY'", "(id INT PRIMARY KEY, …)"),
    ("Map keys", "key by a field of the map: PARTITION BY m['k']"),
    ("is missing the 'VALUE_FORMAT'", "WITH (…, VALUE_FORMAT='JSON')"),
    ('"KAFKA_TOPIC"', "WITH (KAFKA_TOPIC='…', …)"),
    ("Expected type", "CAST the value"),
    ("for each column", "INSERT INTO name (columns) VALUES … leaves columns out"),
)  # fmt: skip


def advised(error: KshellError, place: Place | None) -> KshellError:
    """The same error with a place and a hint, where it has none.

    >>> advised(KshellError("Only equality join criteria is supported."), None).hint
    'ON a.x = b.y; the rest belongs to WHERE'
    """
    if place is not None:
        error.with_place(place)
    if not error.hint:
        error.hint = next((hint for part, hint in _ADVICE if part in error.what), "")
    return error
