"""The folders of kshell's files: XDG's."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_home", "config_home", "state_home"]


def config_home() -> Path:
    """The folder of config.toml and functions.py: XDG's config folder."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "kshell"


def state_home() -> Path:
    """The folder of the history: XDG's state folder."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "kshell"


def cache_home() -> Path:
    """The folder of cached schemas: XDG's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kshell"
