"""The statements that write records, as people look them up; `reference` has them among others."""

from __future__ import annotations

from kshell.sql.reference_entry import Entry

__all__ = ["PRODUCING"]

PRODUCING = (
    Entry(
        "INSERT INTO", "INSERT INTO topic VALUES (…)", "write records",
        "INSERT INTO name [(column, …)] VALUES (value, …), …;\n"
        "INSERT INTO name [WITH (QUERY_ID='id')] SELECT … [EMIT CHANGES];\n"
        "The second goes on in the background.\n"
        "Columns besides a record's own: ROWKEY (of a topic that nobody declared),\n"
        "ROWTIME, ROWPARTITION, ROWHEADERS, and ROWVALUE, the whole value as text or\n"
        "bytes; its NULL is a tombstone.",
        "INSERT INTO orders (orderid, total) VALUES (99999, 12.5);",
        ("INSERT", "VALUES", "ROWVALUE", "TOMBSTONE"),
    ),
    Entry(
        "BEGIN", "BEGIN … COMMIT | ROLLBACK", "INSERTs written in one transaction",
        "BEGIN;\n"
        "INSERT INTO name … VALUES …; as often as you like\n"
        "COMMIT | ROLLBACK;\n"
        "Records are held by the shell until COMMIT, which writes all or none of them.",
        "BEGIN;",
        ("COMMIT", "ROLLBACK", "TRANSACTION"),
    ),
    Entry(
        "COPY FROM", "COPY name FROM 'file' | STDIN", "write the rows of a file as records",
        "COPY name FROM 'file' | STDIN [WITH (option = value, …)];\n"
        "The file is jsonl, csv, parquet or avro. Options: KEY='column',\n"
        "TIMESTAMP='column', FORMAT='csv', ON_ERROR='skip' (bad rows are left out, and\n"
        "said with their lines), ENVELOPE=true (a dump of COPY TO).\n"
        "A topic that is missing is created, if you agree.",
        "COPY orders FROM 'orders.csv' WITH (KEY='orderid');",
        ("COPY", "STDIN"),
    ),
    Entry(
        "COPY TO", "COPY name | (SELECT …) TO 'file'", "write rows or records to a file",
        "COPY name | (SELECT …) TO 'file' | STDOUT [WITH (option = value, …)];\n"
        "The file is jsonl, csv, parquet or avro. Options: FORMAT='csv', ENVELOPE=true\n"
        "(the records of a topic as they are: partition, timestamp, key, headers, value).\n"
        "A file that is there is replaced if you agree.",
        "COPY (SELECT * FROM orders WHERE total > 100) TO 'large.parquet';",
        ("COPY", "STDOUT", "ENVELOPE"),
    ),
)
