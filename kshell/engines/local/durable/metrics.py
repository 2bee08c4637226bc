"""An application's figures as Prometheus reads them, and whether it is well.

`terminal.metrics_server` serves both.  Labels are names of applications and queries: no text of a
statement, no key and no value of a record is among them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kshell.engines.local.continuous.background import State
from kshell.engines.local.durable.application import Application
from kshell.engines.local.durable.query import Durable

__all__ = ["health", "metrics"]

_QUANTILES = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class _Metric:
    """A row: its name, its kind, its help, and its value of a query; None where it has none."""

    name: str
    kind: str
    help: str
    value: Callable[[Durable], float | None]


_METRICS = (
    _Metric("kshell_query_up", "gauge", "1 while the query runs, 0 after an error",
            lambda q: float(q.state is not State.ERROR)),
    _Metric("kshell_records_read_total", "counter", "Records read since the last restart",
            lambda q: q.held.feed.scanned if q.held.feed is not None else None),
    _Metric("kshell_records_left_out_total", "counter", "Records that could not be decoded",
            lambda q: q.held.feed.bad.count if q.held.feed is not None else None),
    _Metric("kshell_records_written_total", "counter", "Records sent to the sink's topic",
            lambda q: q.held.written),
    _Metric("kshell_lag_records", "gauge", "Records between the query and the end of its topics",
            lambda q: _lag(q)),
    _Metric("kshell_commits_total", "counter", "Commits of the query since it first ran",
            lambda q: q.held.standing.seq if q.held.standing is not None else None),
    _Metric("kshell_last_commit_timestamp_seconds", "gauge", "When the query committed last",
            lambda q: q.held.standing.time / 1000 if q.held.standing is not None else None),
    _Metric("kshell_state_keys", "gauge", "Keys and rows in the state at the last commit",
            lambda q: q.held.standing.keys if q.held.standing is not None else None),
    _Metric("kshell_state_bytes", "gauge", "Bytes of the last snapshot and of what changed since",
            lambda q: q.held.standing.snapshot + q.held.standing.deltas
            if q.held.standing is not None else None),
)  # fmt: skip


def metrics(application: Application) -> str:
    """The figures in Prometheus' text format."""
    return "\n".join(_lines(application)) + "\n"


def _lines(application: Application) -> Iterator[str]:
    yield "# HELP kshell_info The version that runs"
    yield "# TYPE kshell_info gauge"
    yield f'kshell_info{{application="{application.name}",version="{application.version}"}} 1'
    for metric in _METRICS:
        yield f"# HELP {metric.name} {metric.help}"
        yield f"# TYPE {metric.name} {metric.kind}"
        for query in application.queries:
            value = metric.value(query)
            if value is not None:
                yield f"{metric.name}{{{_labels(application, query)}}} {_number(value)}"
    yield "# HELP kshell_commit_seconds How long the last commits took, at most 1,000 of them"
    yield "# TYPE kshell_commit_seconds summary"
    for query in application.queries:
        times, labels = sorted(query.held.commits), _labels(application, query)
        for quantile in _QUANTILES if times else ():
            at = times[min(int(quantile * len(times)), len(times) - 1)]
            yield f'kshell_commit_seconds{{{labels},quantile="{quantile}"}} {at:.6f}'
        yield f"kshell_commit_seconds_sum{{{labels}}} {sum(times):.6f}"
        yield f"kshell_commit_seconds_count{{{labels}}} {len(times)}"


def _lag(query: Durable) -> int | None:
    """How far it is behind; None where it does not read."""
    feed = query.held.feed
    return None if feed is None or query.state is State.ERROR else feed.lag


def _labels(application: Application, query: Durable) -> str:
    return f'application="{application.name}",query="{query.id}"'


def _number(value: float) -> str:
    return f"{value:.3f}" if isinstance(value, float) and value % 1 else f"{int(value)}"


def health(application: Application) -> tuple[bool, str]:
    """Whether all queries run, and a JSON object that says how each is; errors are left out."""
    now = time.time()
    queries = {}
    for query in application.queries:
        standing = query.held.standing
        state = "waiting" if query.state is State.RUNNING and query.note else query.state.value
        queries[query.id] = {
            "state": state.lower(),
            "ready": query.ready.is_set(),
            "lag": _lag(query),
            "seconds_since_commit": None
            if standing is None
            else round(max(now - standing.time / 1000, 0.0), 3),
        }
    well = all(query.state is not State.ERROR for query in application.queries)
    well = well and not application.taken_over and bool(queries)
    return well, json.dumps({"application": application.name, "well": well, "queries": queries})
