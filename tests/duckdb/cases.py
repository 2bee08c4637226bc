"""DuckDB's own test files, asked of kshell beside plain DuckDB: `python -m tests.duckdb.cases FOLDER`.

Each file of the folder is a list of {"name", "steps"}; a step is ["do", sql] for plain DuckDB, whose
tables and views are handed over as Arrow, or ["ask", sql], asked of both.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from tests.duckdb.beside import Outcome, Verdict, ask, plain_connection

__all__ = ["Asked", "run_file"]

# What a question over handed tables cannot mean: what reads the database that made them.
_OF_THE_DATABASE = re.compile(
    r"\b(rowid|nextval|currval|duckdb_\w+\s*\(|pragma_\w+\s*\(|information_schema|pg_catalog|sqlite_master"
    r"|sqlite_schema|read_(csv|parquet|json|text|blob|ndjson)\w*|parquet_\w+\s*\(|glob\s*\(|current_schemas?"
    r"|current_(catalog|database|setting|query)|getvariable|show_tables\w*|sniff_csv|query(_table)?\s*\("
    r"|test_all_types|pg_typeof|set_bit_sequence|txid_current|in_search_path|summary\s*\()",
    re.IGNORECASE,
)
_SETTING = re.compile(r"\s*(SET|RESET|PRAGMA)\b", re.IGNORECASE)
_NEUTRAL = re.compile(
    r"verif|profil|progress|thread|memory|optimizer|explain|force_|debug|temp_dir|max_expression|join_"
    r"|pivot_(filter|limit)|nested_loop|merge_join|perfect_ht|preserve|scheduler|late_mat|sqllogic"
    r"|custom|dynamic_or|checkpoint|wal|object_cache|catalog_error|storage|external|seed|variable"
    r"|TimeZone\s*=\s*'UTC'|streaming|arrow|order_by_non_integer|ordered_agg|partitioned|integer_division",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Asked:
    """One question and how it went."""

    case: str
    sql: str
    verdict: Verdict


class _World:
    """Plain DuckDB with what a case's `do` steps made."""

    def __init__(self) -> None:
        self._connection = duckdb.connect(":memory:")
        self._connection.execute("SET TimeZone = 'UTC'")
        self._connection.execute("SET python_enable_replacements = false")
        self._kept: dict[str, pa.Table] = {}
        self.settings: list[str] = []

    def do(self, sql: str) -> None:
        self._kept.clear()
        if _SETTING.match(sql) and not _NEUTRAL.search(sql):
            self.settings.append(sql)
        try:
            self._connection.execute(sql)
        except (duckdb.Error, RuntimeError):
            return  # some fail on purpose

    def _all(self) -> set[str]:
        rows = self._connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main'"
        ).fetchall()
        return {name for (name,) in rows}

    def tables(self, sql: str) -> Mapping[str, pa.Table]:
        """The tables that a question reads, as Arrow; raises what reading them raises."""
        words = set(re.findall(r"\w+", sql.casefold()))
        found: dict[str, pa.Table] = {}
        for name in self._all():
            if not words.issuperset(re.findall(r"\w+", name.casefold())):
                continue
            if name not in self._kept:
                quoted = '"' + name.replace('"', '""') + '"'
                self._kept[name] = self._connection.sql(f"FROM {quoted}").to_arrow_table()
            found[name] = self._kept[name]
        return found


def run_file(path: Path, properties: Mapping[str, str], only: str = "") -> Iterator[Asked]:
    """Every question of a file."""
    plain = plain_connection()
    for case in json.loads(path.read_text()):
        if only not in case["name"]:
            continue
        world = _World()
        for kind, sql in case["steps"]:
            if kind == "do":
                world.do(sql)
            else:
                yield Asked(case["name"], sql, _asked(world, plain, sql, properties))


def _asked(
    world: _World, plain: duckdb.DuckDBPyConnection, sql: str, properties: Mapping[str, str]
) -> Verdict:
    if found := _OF_THE_DATABASE.search(sql):
        return Verdict(Outcome.APART, f"reads the database: {found[0]}")
    if world.settings:
        return Verdict(Outcome.APART, f"under {world.settings[-1]}")
    try:
        tables = world.tables(sql)
    except (duckdb.Error, pa.ArrowException, RuntimeError) as error:
        return Verdict(Outcome.APART, f"its tables are not Arrow's: {str(error).splitlines()[0]}")
    return ask(plain, tables, sql, properties)


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dialect", default="duckdb")
    parser.add_argument("--file", default="", help="only files whose name has this")
    parser.add_argument("--case", default="", help="only cases whose name has this")
    parser.add_argument("--list", type=Path, help="where to write what is not the same")
    given = parser.parse_args()
    properties = {"kshell.dialect": given.dialect} if given.dialect else {}
    total: Counter[Outcome] = Counter()
    listed: list[str] = []
    print(f"{'file':20}" + "".join(f"{o.value:>11}" for o in Outcome))
    for path in sorted(given.folder.glob("*.json")):
        if given.file not in path.stem:
            continue
        counts: Counter[Outcome] = Counter()
        for asked in run_file(path, properties, given.case):
            counts[asked.verdict.outcome] += 1
            if asked.verdict.outcome is not Outcome.SAME:
                listed.append(f"{asked.verdict.outcome.value} {asked.case}\n    {asked.sql}\n    {asked.verdict.why}\n")
        total += counts
        print(f"{path.stem:20}" + "".join(f"{counts[o]:>11,}" for o in Outcome), flush=True)
    print(f"{'all':20}" + "".join(f"{total[o]:>11,}" for o in Outcome))
    asked_of_both = sum(total[o] for o in Outcome if o is not Outcome.APART)
    of_them = (o for o in Outcome if o is not Outcome.APART)
    print(f"{'':20}" + "".join(f"{total[o] / max(asked_of_both, 1):>11.2%}" for o in of_them))
    if given.list:
        given.list.write_text("\n".join(listed))


if __name__ == "__main__":
    _main()
