"""Files at the cursor: the entries of the folder that was typed so far."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from kshell.terminal.completion.ranking import Fit, fit

__all__ = ["files"]

_MOST = 2_000  # entries of a folder that are looked at


def files(typed: str) -> Iterator[tuple[str, str]]:
    """(path, what it is) of files and folders in the folder of the typed path.

    Hidden ones only after their dot; a folder ends with a slash.
    """
    folder, _, begun = typed.rpartition("/")
    lead = f"{folder}/" if "/" in typed else ""
    try:
        with os.scandir(Path(lead or ".").expanduser()) as entries:
            found = sorted((e.is_dir(), e.name) for e in islice(entries, _MOST))
    except (OSError, RuntimeError):
        return
    for is_folder, name in found:
        fits = fit(name, begun)
        hidden = name.startswith(".") and not begun.startswith(".")
        if fits is not None and fits < Fit.LETTERS and not hidden:
            yield (f"{lead}{name}/", "folder") if is_folder else (f"{lead}{name}", "file")
