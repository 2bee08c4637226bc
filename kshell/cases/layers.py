"""Where a case meets the layers below: formats for bytes, the stream engine for changes.

`run` opens both here.  A layer that cannot do what a case needs is `Unsupported`, so that the case
is reported as an error and never as a failure of its statements.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from kshell.cases.drive import Codec, Graph
from kshell.cases.model import TopicSpec
from kshell.errors import Unsupported
from kshell.sql.expressions import Expression
from kshell.sql.plan import Sink

__all__ = ["evaluate", "layer", "open_codec", "open_graph"]


def layer(name: str) -> ModuleType:
    """The module, or Unsupported."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        raise Unsupported(f"cases need {missing.name}, which is not built") from None


def open_graph(sink: Sink, properties: Mapping[str, str]) -> Graph:
    """The plan as operators."""
    graph: Graph = layer("kshell.stream.graph").open_case(sink, properties)
    return graph


def open_codec(topics: Mapping[str, TopicSpec], properties: Mapping[str, str]) -> Codec:
    """The formats, with the schemas of these topics in a registry in memory."""
    module: Any = layer("kshell.formats.case_nodes")
    codec: Codec = module.open_codec(topics, properties)
    return codec


def evaluate(expressions: Sequence[Expression]) -> list[Any]:
    """The values of expressions without columns."""
    from kshell.sql import duck

    render: Any = layer("kshell.sql.render").render
    connection = duck.connect()
    duck.use(expressions)
    rows = connection.sql("SELECT " + ", ".join(render(e) for e in expressions)).fetchall()
    return list(rows[0])
