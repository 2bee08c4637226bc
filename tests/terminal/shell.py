"""`python -m tests.terminal.shell`: an interactive bash with a plain prompt."""

from __future__ import annotations

import os

if __name__ == "__main__":
    os.environ["PS1"] = "$ "
    os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
