"""Imports go one way between modules too: no module imports itself by way of others."""

from __future__ import annotations

from graphlib import TopologicalSorter

import grimp


def test_no_module_imports_itself_by_way_of_others():
    """Imports for type checkers alone are counted; a circle fails with its path."""
    graph = grimp.build_graph("kshell", exclude_type_checking_imports=False, cache_dir=None)
    imports = {m: graph.find_modules_directly_imported_by(m) for m in graph.modules}
    assert "kshell.kafka.wire" in imports["kshell.kafka.client"]
    order = list(TopologicalSorter(imports).static_order())  # raises CycleError
    assert order.index("kshell.kafka.wire") < order.index("kshell.kafka.client")
