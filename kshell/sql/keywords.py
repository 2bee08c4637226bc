"""The words of the language: for completion, highlighting and did-you-mean.  Light to import."""

from __future__ import annotations

__all__ = ["KEYWORDS", "STATEMENTS"]

# The words that begin a statement.
STATEMENTS = (
    "ALTER", "ASSERT", "CREATE", "DEFINE", "DESCRIBE", "DROP", "EXIT", "EXPLAIN", "HELP", "INSERT",
    "LIST", "PAUSE", "PRINT", "QUIT", "RESUME", "RUN", "SELECT", "SET", "SHOW", "SPOOL",
    "TERMINATE", "UNDEFINE", "UNSET", "WITH",
)  # fmt: skip

KEYWORDS = tuple(
    sorted(
        {
            *STATEMENTS,
            "ADD", "ADVANCE", "ALL", "AND", "ARRAY", "AS", "ASC", "BEGINNING", "BETWEEN", "BIGINT",
            "BOOLEAN", "BY", "BYTES", "CASE", "CAST", "CHANGES", "COLUMN", "CROSS", "DATE", "DAY",
            "DAYS", "DECIMAL", "DELETE", "DESC", "DISTINCT", "DOUBLE", "ELSE", "EMIT", "END",
            "ERRORS", "ESCAPE", "EXCEPT", "EXISTS", "EXTENDED", "FALSE", "FINAL", "FROM", "FULL",
            "FUNCTION", "FUNCTIONS", "GRACE", "GROUP", "HAVING", "HEADER", "HEADERS", "HOPPING",
            "HOUR", "HOURS", "IF", "IN", "INNER", "INT", "INTEGER", "INTERSECT", "INTERVAL", "INTO",
            "IS", "JOIN", "KEY", "LEFT", "LIKE", "LIMIT", "MAP", "MILLISECONDS", "MINUTE",
            "MINUTES", "NOT", "NULL", "OFFSET", "ON", "OR", "ORDER", "OUTER", "OVER", "PARTITION",
            "PARTITIONS", "PERIOD", "PRIMARY", "PROPERTIES", "QUALIFY", "QUERIES", "REPLACE",
            "RETENTION", "RIGHT", "ROWHEADERS", "ROWKEY", "ROWOFFSET", "ROWPARTITION", "ROWTIME",
            "SCHEMA", "SCRIPT", "SECOND", "SECONDS", "SESSION", "SIZE", "SLIDING", "SOURCE",
            "STREAM", "STREAMS", "STRING", "STRUCT", "TABLE", "TABLES", "THEN", "TIME", "TIMEOUT",
            "TIMESTAMP", "TOPIC", "TOPICS", "TRUE", "TUMBLING", "TYPE", "TYPES", "UNION", "USING",
            "VALUES", "VARCHAR", "VARIABLES", "WHEN", "WHERE", "WINDOW", "WINDOWEND",
            "WINDOWSTART", "WITHIN",
        }
    )
)  # fmt: skip
