"""Statements about the queries that run, in this shell or as applications: `engines` serve them."""

from __future__ import annotations

from kshell.sql.clauses import Name
from kshell.sql.statements import Statement, statement

__all__ = ["DescribeQuery", "SaveQueries"]


@statement
class DescribeQuery(Statement):
    """DESCRIBE QUERY id, or application.query."""

    name: Name


@statement
class SaveQueries(Statement):
    """SAVE QUERIES TO 'file'."""

    path: str
