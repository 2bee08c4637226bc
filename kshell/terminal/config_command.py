"""`kshell config init | show | validate`: the configuration written, shown and checked.

    kshell config init [FILE]               a commented sample; - is standard output
    kshell config show [kshell's options]   each property, its value, and where that was set
    kshell config validate [FILE] [-F FILE] everything that is wrong, with file and line

Exit code 0, 2 if something is wrong.  `terminal.cli` calls `main`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from kshell.config.private import create_private
from kshell.config.properties import PROPERTIES
from kshell.config.sources import config_file
from kshell.errors import UsageError, nearest
from kshell.terminal.messages import draw_error, note
from kshell.terminal.options import Parser, parser
from kshell.terminal.settings import gathered, ignored_note

__all__ = ["ACTIONS", "main"]

def main(arguments: Sequence[str]) -> int:
    """Do what the first argument says."""
    action, *rest = arguments or ["--help"]
    if action in ("-h", "--help"):
        print(__doc__)
        return 0
    if action not in ACTIONS:
        close = nearest(action, ACTIONS)
        hint = f"did you mean {close[0]}?" if close else f"kshell config {' | '.join(ACTIONS)}"
        raise UsageError(f"kshell config has no {action}", hint=hint)
    return ACTIONS[action](rest)


def _init(arguments: Sequence[str]) -> int:
    from kshell.config.sample import sample

    options = _options(arguments, "init")
    if options.file == "-":
        sys.stdout.write(sample())
        return 0
    path = Path(options.file) if options.file else config_file()
    try:
        create_private(path, sample())
    except FileExistsError:
        raise UsageError(
            f"{path} exists, and was left as it is", hint="kshell config init - prints the sample"
        ) from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    note(f"{path} is written: a sample, all of it commented out.")
    return 0


def _show(arguments: Sequence[str]) -> int:
    options = parser().parse_args(list(arguments))
    found = gathered(options)
    if found.ignored:
        note(ignored_note(options.command_config, found.ignored))
    from kshell.results import Sections, titled
    from kshell.terminal.show import Shower

    names = [*PROPERTIES, *sorted(n for n in found.settings if n not in PROPERTIES)]
    names = [name for name in names if name in found.properties]
    columns = {
        "property": names,
        "value": [found.properties.masked(name) for name in names],
        "set by": [found.settings[n].origin if n in found.settings else "default" for n in names],
    }
    output = options.output or ("table" if sys.stdout.isatty() else "jsonl")
    Shower(output, options.csv_safe).show(Sections((titled("", columns, {}),)))
    sys.stdout.flush()
    return 0


def _validate(arguments: Sequence[str]) -> int:
    options = _options(arguments, "validate")
    count = 0
    for problem in _problems(options):
        draw_error(problem)
        count += 1
    if count:
        return UsageError.exit_code
    note("Nothing is wrong.")
    return 0


def _problems(options: argparse.Namespace) -> Iterator[UsageError]:
    from kshell.config.validate import (
        problems_of_client_file,
        problems_of_config,
        problems_of_environment,
    )

    path = Path(options.file) if options.file else config_file()
    if options.file or path.exists():
        yield from problems_of_config(path)
    else:
        note(f"There is no {path}: kshell config init writes a sample.")
    if options.command_config:
        yield from problems_of_client_file(Path(options.command_config))
    yield from problems_of_environment()


def _options(arguments: Sequence[str], action: str) -> argparse.Namespace:
    made = Parser(prog=f"kshell config {action}")
    made.add_argument("file", nargs="?", default="", metavar="FILE")
    if action == "validate":
        made.add_argument("-F", "--command-config", default="", metavar="FILE")
    return made.parse_args(list(arguments))


ACTIONS: dict[str, Callable[[Sequence[str]], int]] = {
    "init": _init, "show": _show, "validate": _validate,
}  # fmt: skip
