"""What operators' state is kept in: keys' slots, ids by time, a heap of times,
the rows of a join that wait.

Operators and `keys` use them: from `_containers` if it was built, else from `containers_py`, which
says what the methods mean.
"""

from __future__ import annotations

import importlib
from typing import Any

from kshell.compiled import compiled

__all__ = ["Heap", "KeyMap", "Times", "Waiting"]

_impl: Any = compiled("kshell.stream._containers") or importlib.import_module(
    "kshell.stream.containers_py"
)
Heap, KeyMap, Times, Waiting = _impl.Heap, _impl.KeyMap, _impl.Times, _impl.Waiting
