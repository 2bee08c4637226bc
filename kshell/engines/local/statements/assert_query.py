"""ASSERT (SELECT …) [WITHIN n unit]: a query whose answer must be one TRUE, to test a pipeline.

`engine` dispatches here.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pyarrow as pa

from kshell.config import Properties
from kshell.engines.local.statements.select import select
from kshell.errors import ConnectionFailed, EvaluationError, KshellError, UsageError
from kshell.results import Answer, Message, Rows, notices_of
from kshell.sql import statements as ast
from kshell.types import duckdb_name
from kshell.value_texts import raw_texts

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["assert_query"]

_FIRST, _LONGEST = 0.1, 1.0  # seconds between two questions: each time twice as long


def assert_query(context: Context, statement: ast.AssertQuery, properties: Properties) -> Answer:
    """Ask until it holds, or until the time is over; then raises what was wrong at last.

    What it reads may not be there yet, so errors are asked again too.
    """
    deadline = time.monotonic() + statement.within_ms / 1000
    pause = _FIRST
    question = ast.Select(query=statement.query, text=statement.text, place=statement.place)
    while True:
        try:
            answer = select(context, question, properties)
            assert isinstance(answer, Rows)
            wrong = _wrong(answer)
            if not wrong:
                return Message("The assertion holds.", notices_of(answer))
            error: KshellError = EvaluationError(f"the assertion does not hold: {wrong}")
        except (ConnectionFailed, UsageError):
            raise
        except KshellError as raised:
            error = raised
        left = deadline - time.monotonic()
        if left <= 0:
            if statement.within_ms:
                error.what += f"; asked for {statement.within_ms / 1000:g} s"
            raise error
        time.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST)


def _wrong(answer: Rows) -> str:
    """What the answer is instead of one TRUE; empty if it is."""
    rows: list[pa.RecordBatch] = []
    for batch in answer.batches:
        rows += [batch] if batch.num_rows else []
        if sum(part.num_rows for part in rows) > 1:
            answer.cancel()
            return "the query gives more than one row"
    if len(answer.schema) != 1:
        return f"the query gives {len(answer.schema)} columns, and not one BOOLEAN"
    if not rows:
        return "the query gives no row"
    column = rows[0].column(0)
    value = raw_texts(column)[0]
    if not pa.types.is_boolean(column.type):
        shown = f"'{value}'" if pa.types.is_string(column.type) else value
        return f"the query gives {shown or 'NULL'}, which is {duckdb_name(column.type)}"
    return "" if value == "true" else f"the query gives {(value or 'NULL').upper()}"
