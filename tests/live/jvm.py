"""A JVM that a test starts, stops, and holds still; `realkafka` and `registry` are such.

It ends when the tests are killed, and keeps its classes in an archive for the next start.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

__all__ = ["Jvm"]

_PATIENCE = 60  # seconds for an orderly end


class Jvm:
    """What has a folder, the place of its class archive, and a process once it is started."""

    folder: Path
    process: subprocess.Popen[bytes] | None

    @property
    def archive(self) -> Path:
        """Where the classes are kept."""
        raise NotImplementedError

    @property
    def _making(self) -> Path:
        return Path(f"{self.archive}.{os.getpid()}.{id(self):x}")

    @property
    def sharing(self) -> str:
        """The option that uses the archive, or makes it where there is none yet."""
        if self.archive.exists():
            return f"-XX:SharedArchiveFile={self.archive}"
        return f"-XX:ArchiveClassesAtExit={self._making}"

    def launch(self, command: Sequence[str]) -> None:
        """Run it in a session of its own; what it prints goes to `out` in the folder."""
        # setpriv ends the JVM should the tests be killed; it execs, so the pid is the JVM's.
        tied = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        with open(self.folder / "out", "ab") as out:
            self.process = subprocess.Popen(
                [*tied, *command], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True, cwd=self.folder,
            )  # fmt: skip

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it and wait."""
        if self.process is None or self.process.poll() is not None:
            return
        self.resume()
        os.killpg(self.process.pid, how)
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self._making.exists():
            self._making.rename(self.archive)

    def pause(self) -> None:
        """Keep its sockets open and answer nothing."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after `pause`."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGCONT)
