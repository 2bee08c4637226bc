"""Statements about the queries that run, in this shell or as applications: `engines` serve them."""

from __future__ import annotations

from enum import Enum

from kshell.sql.clauses import Name
from kshell.sql.statements import Statement, statement

__all__ = ["BeginSet", "DescribeQuery", "EndSet", "QueryAction", "QueryControl", "SaveQueries"]


class QueryAction(Enum):
    """What can be done to running queries."""

    TERMINATE = "TERMINATE"
    PAUSE = "PAUSE"
    RESUME = "RESUME"


@statement
class QueryControl(Statement):
    """TERMINATE|PAUSE|RESUME id|ALL; an empty id is ALL."""

    action: QueryAction
    query_id: str


@statement
class BeginSet(Statement):
    """BEGIN STATEMENT SET: the queries that follow start together, as one job."""


@statement
class EndSet(Statement):
    """END: the queries of the set start."""


@statement
class DescribeQuery(Statement):
    """DESCRIBE QUERY id, or application.query."""

    name: Name


@statement
class SaveQueries(Statement):
    """SAVE QUERIES TO 'file'."""

    path: str
