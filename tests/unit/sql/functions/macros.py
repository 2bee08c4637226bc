"""A bounded query's text with KSQL's functions as macros, as `batch.rewrite` notes them."""

import duckdb

from kshell.sql import syntax_reader
from kshell.sql.clauses import Query
from kshell.sql.macros import note_macros
from kshell.sql.spans import Draft
from kshell.sql.words import in_duckdb_words


def in_macros(query: Query, connection: duckdb.DuckDBPyConnection) -> str:
    draft = Draft(in_duckdb_words(query.text, query.tree, True).text())
    note_macros(draft, syntax_reader.read(connection, draft.source), connection, lambda _: "0")
    return draft.text()
