"""Files of the package are UTF-8, whatever the locale is."""

from __future__ import annotations

import subprocess
import sys


def test_an_ascii_locale_reads_the_functions() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-c",
         "from kshell.sql.functions import names; assert 'COUNT' in names()"],
        env={"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
