"""The parts in C: each has a twin in Python that gives the same where it was not built.

`kafka` and `formats` ask once, when they are imported; KSHELL_PURE=1 chooses the twins.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

__all__ = ["compiled"]


def compiled(name: str) -> Any:
    """The compiled module of that name; None where it was not built, or is not wanted."""
    if os.environ.get("KSHELL_PURE"):
        return None
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
