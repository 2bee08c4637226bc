"""kshell: psql for Kafka.

As a library: `kshell.connect` gives a `Session`, whose `sql` gives a `Result`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kshell.library import Result, Session, connect

__all__ = ["Result", "Session", "__version__", "connect"]
__version__ = "0.2.0"
_LIBRARY = ("Result", "Session", "connect")


def __getattr__(name: str) -> object:
    """The library, imported at first use: the command does not need it."""
    if name not in _LIBRARY:
        raise AttributeError(f"module kshell has no attribute {name}")
    return getattr(import_module("kshell.library"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LIBRARY})
