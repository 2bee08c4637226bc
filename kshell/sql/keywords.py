"""KSQL's words, as data: completion and highlighting use them, the parser's errors suggest them.

Source: ksqlDB's reference (reserved and non-reserved words) and its grammar.  Light to import.
"""

from __future__ import annotations

from kshell.durations import UNITS

__all__ = ["CLAUSES", "KEYWORDS", "QUOTED", "RESERVED", "STATEMENTS", "TRANSFERS", "TYPES"]

# The words that begin a statement.
STATEMENTS = (
    "ALTER", "ASSERT", "BEGIN", "COMMIT", "CONSUME", "COPY", "CREATE", "DEFINE", "DELETE",
    "DESCRIBE", "DIFF", "DROP", "ELECT", "END", "EXIT", "EXPLAIN", "HELP", "HISTORY", "INSERT",
    "LIST", "MIRROR", "PAUSE", "PRINT", "QUIT", "REDRIVE", "RESET", "RESTART", "RESUME",
    "ROLLBACK", "RUN", "SAVE", "SELECT", "SET", "SHOW", "SPOOL", "TERMINATE", "UNDEFINE", "UNSET",
    "WITH",
)  # fmt: skip
# Those of them that carry records from topic to topic.
TRANSFERS = frozenset({"MIRROR", "REDRIVE"})

# The keywords of a query: people misspell these most.
CLAUSES = (
    "AS", "BY", "CHANGES", "EMIT", "FINAL", "FROM", "FULL", "GROUP", "HAVING", "INNER", "INTO",
    "JOIN", "LEFT", "LIMIT", "ON", "ORDER", "OUTER", "PARTITION", "QUALIFY", "RIGHT", "SELECT",
    "UNION", "VALUES", "WHERE", "WINDOW", "WITHIN",
)  # fmt: skip

# The types, most used first.
TYPES = (
    "STRING", "INT", "BIGINT", "DOUBLE", "BOOLEAN", "DECIMAL", "TIMESTAMP", "DATE", "TIME", "BYTES",
    "ARRAY", "MAP", "STRUCT", "INTEGER", "VARCHAR",
)  # fmt: skip

KEYWORDS = tuple(
    sorted(
        {
            *STATEMENTS, *CLAUSES, *TYPES, *UNITS, *(f"{u}S" for u in UNITS),
            "ADD", "ADVANCE", "ALL", "AND", "ASC", "BEGINNING", "BETWEEN", "CASE", "CAST", "COLUMN",
            "CROSS", "DELETE", "DESC", "DISTINCT", "ELSE", "END", "ERRORS", "ESCAPE", "EXCEPT",
            "EXISTS", "EXTENDED", "FALSE", "FULL", "FUNCTION", "FUNCTIONS", "GRACE", "HEADER",
            "HEADERS", "HOPPING", "IF", "IN", "INTERSECT", "INTERVAL", "IS", "KEY", "LIKE", "NOT",
            "NULL", "OFFSET", "OR", "OVER", "PARTITIONS", "PERIOD", "PRIMARY", "PROPERTIES",
            "QUERIES", "REPLACE", "RETENTION", "ROWHEADERS", "ROWKEY", "ROWOFFSET", "ROWPARTITION",
            "ROWTIME", "SCHEMA", "SCRIPT", "SESSION", "SIZE", "SLIDING", "SOURCE", "STREAM",
            "STREAMS", "SUBJECT", "TABLE", "TABLES", "THEN", "TIMEOUT", "TOPIC", "TOPICS", "TRUE",
            "TUMBLING", "TYPE", "TYPES", "USING", "VARIABLES", "WHEN", "WINDOWEND", "WINDOWSTART",
            "FILE", "LAST", "TO",
        }
    )
)  # fmt: skip

# Words that are never names unless they are quoted: else a clause would be an alias.
RESERVED = frozenset({
    "AND", "AS", "BETWEEN", "BY", "CASE", "CREATE", "DELETE", "DESCRIBE", "DISTINCT", "DROP",
    "ELSE", "EXISTS", "FALSE", "FROM", "FULL", "GROUP", "HAVING", "IN", "INNER", "INSERT", "INTO",
    "IS", "JOIN", "LEFT", "LIKE", "LIMIT", "NOT", "NULL", "ON", "OR", "OUTER", "RIGHT", "SELECT",
    "THEN", "TRUE", "VALUES", "WHEN", "WHERE", "WINDOW", "WITH", "WITHIN",
})  # fmt: skip

# Words that are read as a name only in quotes: the reserved ones, and DuckDB's.
QUOTED = RESERVED | {
    "ALL", "ALTER", "ANY", "CROSS", "CURRENT_DATE", "EMIT", "EXCEPT", "FETCH", "FOR", "GLOB",
    "ILIKE", "INTERSECT", "LATERAL", "NOTNULL", "OFFSET", "ONLY", "POSITIONAL", "QUALIFY",
    "RETURNING", "ROLLBACK", "SUMMARIZE", "TABLESAMPLE", "UNION", "USING",
}  # fmt: skip
