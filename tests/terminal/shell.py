"""`python -m tests.terminal.shell [dash]`: an interactive shell with a plain prompt."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    os.environ["PS1"] = "$ "
    if "dash" in sys.argv:
        os.execvp("dash", ["dash", "-i"])
    os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
