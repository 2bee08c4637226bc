"""The statements about queries that run, as people look them up; `reference` has them too."""

from __future__ import annotations

from kshell.sql.reference_entry import Entry

__all__ = ["QUERIES"]

QUERIES = (
    Entry(
        "DESCRIBE QUERY", "DESCRIBE QUERY id", "its statement, where it runs and stands",
        "DESCRIBE QUERY id;\nDESCRIBE QUERY application.query;\nSHOW QUERIES lists both.",
        "DESCRIBE QUERY pageviews.PAGE_COUNTS;",
    ),
    Entry(
        "BEGIN STATEMENT SET", "BEGIN STATEMENT SET … END", "queries that are one job of Flink",
        "BEGIN STATEMENT SET;\nCREATE … AS SELECT …; INSERT INTO … SELECT …; as often as you like\n"
        "END | ROLLBACK;\nThe queries start at END, together: all or none. In this process each"
        " starts\nat once.",
        "BEGIN STATEMENT SET;", ("END", "STATEMENT SET"),
    ),
    Entry(
        "DROP APPLICATION", "DROP APPLICATION name", "delete the state of `kshell run`'s queries",
        "DROP APPLICATION [IF EXISTS] name;\nWhat they wrote stays. The plan is shown first.",
        "DROP APPLICATION pageviews;",
    ),
    Entry(
        "SAVE QUERIES", "SAVE QUERIES TO 'file'", "what runs in this shell, as a script",
        "SAVE QUERIES TO 'file';\nThe file has their statements, the declarations that they"
        " need, and the\nproperties that were set; secrets are left out.",
        "SAVE QUERIES TO 'pageviews.sql';", ("SAVE",),
    ),
)  # fmt: skip
