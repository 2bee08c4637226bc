"""`python -m tests.terminal.fake_live`: the live view of a stream by itself, as `kshell -e` shows it."""

from __future__ import annotations

from kshell.terminal.live import watch
from tests.terminal.fake_shell import live

if __name__ == "__main__":
    watch(live("stream"))
