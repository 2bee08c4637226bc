"""The parts in C: each has a twin in Python that gives the same results.

`kafka` and `formats` ask once, when they are imported.  They use the twins if the C parts were not
built, or with KSHELL_PURE=1.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

__all__ = ["compiled"]


def compiled(name: str) -> Any:
    """The compiled module of that name; None if it was not built, or with KSHELL_PURE=1."""
    if os.environ.get("KSHELL_PURE"):
        return None
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
