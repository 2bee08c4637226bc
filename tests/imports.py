"""A contract of import-linter: no module imports itself by way of others.

`pyproject.toml` names it, and `lint-imports` checks it.  What a table names to be imported when first
needed is an import: a string "module:name", where the module is written whole or from a package
beside or below the one that has the table; and a string that is the whole name of a module (not of a
package, which names the place of its data files too).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Set
from graphlib import CycleError, TopologicalSorter
from importlib.util import find_spec
from pathlib import Path

import grimp
from importlinter import Contract, ContractCheck, output

__all__ = ["NoCircles", "named_in_strings"]


class NoCircles(Contract):
    """Kept where the modules can be put in an order of which each imports earlier ones alone."""

    type_name = "no_circles"

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:
        """Look at every module of the root packages."""
        own = {
            module
            for root in self.session_options["root_packages"]
            for module in (root, *graph.find_descendants(root))
        }
        imports: Mapping[str, Set[str]] = {
            module: graph.find_modules_directly_imported_by(module) | named_in_strings(module, own)
            for module in sorted(own)
        }
        try:
            TopologicalSorter(imports).prepare()
        except CycleError as error:
            return ContractCheck(kept=False, metadata={"circle": error.args[1][::-1]})
        return ContractCheck(kept=True)

    def render_broken_contract(self, check: ContractCheck) -> None:
        """The circle, each module before the one that it imports."""
        output.print_error(" -> ".join(check.metadata["circle"]))


def named_in_strings(module: str, own: Set[str]) -> set[str]:
    """Those of the modules `own` that strings of a module's code name."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return set()
    tree = ast.parse(Path(spec.origin).read_bytes())
    package = module if spec.submodule_search_locations is not None else module.rpartition(".")[0]
    found = {named for text in _strings(tree) for named in _meant(text, package, own)}
    return found - {module}


def _strings(tree: ast.AST) -> Iterator[str]:
    return (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _meant(text: str, package: str, own: Set[str]) -> set[str]:
    """The modules that one string may name."""
    name, colon, attribute = text.partition(":")
    if name in own and "." not in name:
        return set()  # the root package's name is many things' prefix
    if not colon:
        package_too = any(m.startswith(f"{name}.") for m in own)
        return {name} if name in own and not package_too else set()
    if not attribute.isidentifier():
        return set()
    if name in own:
        return {name}
    return {m for m in own if m.startswith(f"{package}.") and m.endswith(f".{name}")}
