"""The line below the prompt: the cluster, the profile, the queries that run, the format.

`repl` asks for it each time that the prompt is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.utils import get_cwidth

from kshell.terminal.sanitize import clean

if TYPE_CHECKING:
    from kshell.results import Running  # imports pyarrow: the prompt does not wait for that

__all__ = ["queries_text", "toolbar"]

_TOLD = 60  # characters of one query's state
_RULE = ("class:bar.rule", " │ ")
_KEYS = "; and Enter runs · Tab completes · \\? help · Ctrl-D leaves"


def queries_text(queries: Sequence[Running]) -> str:
    """One query's id and state; of more, how many they are and how many fail.

    >>> from kshell.results import Running
    >>> queries_text([Running("A", "5/s"), Running("B", "failed: x", failed=True)])
    '2 queries, 1 failing'
    """
    if len(queries) == 1:
        told = clean(f"{queries[0].id} {queries[0].state}")
        return told[:_TOLD] + ("…" if len(told) > _TOLD else "")
    failing = sum(query.failed for query in queries)
    return f"{len(queries)} queries" + (f", {failing} failing" if failing else "")


def toolbar(
    cluster: str, profile: str, queries: Sequence[Running], marks: Sequence[str], width: int
) -> StyleAndTextTuples:
    """The parts from the left; help comes last, where it fits."""
    bar: StyleAndTextTuples = [("", " "), ("class:bar.cluster", clean(cluster))]
    if profile:
        bar += [_RULE, ("", clean(profile))]
    if queries:
        failed = any(query.failed for query in queries)
        style, sign = ("class:bar.failed", "✗") if failed else ("class:bar.running", "▶")
        bar += [_RULE, (style, f"{sign} {queries_text(queries)}")]
    for mark in marks:
        bar += [_RULE, ("", clean(mark))]
    used = sum(get_cwidth(part[1]) for part in bar)
    if used + get_cwidth(_RULE[1] + _KEYS) <= width:
        bar += [_RULE, ("", _KEYS)]
    return bar
