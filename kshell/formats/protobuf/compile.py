""".proto texts as descriptors, by protoc (grpcio-tools), in a process of its own.

`pool` gives the texts that a registry serves, `schema_files` a file on disk.  The texts come from
strangers: protoc writes what is wrong with them to its own standard error, which must not reach the
terminal, and a text that ends it ends nothing else.  It takes some 40 ms a schema, and `pool` keeps
what came.  `known` has what schemas import and no registry serves.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from google.protobuf import descriptor_pb2 as pb
from google.protobuf.message import DecodeError

from kshell.errors import BindError

__all__ = ["compile_file", "compile_texts", "is_known"]

_KNOWN = Path(__file__).parent / "known"
_MAX_TEXT = 4 << 20  # characters
_TIMEOUT = 20.0  # seconds
_PLACED = re.compile(r"(?:.*/)?(?P<file>[^/:]+):(?P<line>\d+):(?P<column>\d+): (?P<what>.*)")


def compile_texts(texts: Mapping[str, str], described: Sequence[Any], main: str) -> Any:
    """The FileDescriptorSet of the file `main` of these and all that it imports, imports first.

    `described` are the files that came as descriptors.  BindError has protoc's message.
    """
    if sum(map(len, texts.values())) > _MAX_TEXT:
        raise BindError(f"a Protobuf schema of more than {_MAX_TEXT:,} characters")
    with tempfile.TemporaryDirectory(prefix="kshell-") as directory:
        root = Path(directory, "files")
        root.mkdir()
        for name, text in texts.items():
            path = root / _safe(name)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8", errors="replace")
            except OSError as error:  # a name that is another's folder, or longer than any may be
                raise BindError(f"the Protobuf schema imports {name[:200]}: {error}") from None
        ready = Path(directory, "described.pb")
        ready.write_bytes(pb.FileDescriptorSet(file=described).SerializeToString())
        options = [f"--descriptor_set_in={ready}"] if described else []
        main = str(root / main) if main in texts else main
        return _run(main, [root], Path(directory, "made.pb"), options)


def compile_file(path: Path, roots: Sequence[Path]) -> Any:
    """The same for a file on disk; what it imports is looked for below its folder and the roots."""
    path = path.absolute()
    with tempfile.TemporaryDirectory(prefix="kshell-") as directory:
        return _run(str(path), [path.parent, *roots], Path(directory, "made.pb"), [])


def is_known(name: str) -> bool:
    """Whether a file that a schema imports is in `known`."""
    return any(name == path.relative_to(_KNOWN).as_posix() for path in _KNOWN.rglob("*.proto"))


def _safe(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or not name.isprintable():
        raise BindError(f"{name[:200]!r} is no name of a Protobuf file")
    return path


def _run(main: str, roots: Sequence[Path], made: Path, options: Sequence[str]) -> Any:
    paths = [f"--proto_path={root}" for root in (*roots, _KNOWN)]
    options = [*paths, *options, "--include_imports", f"--descriptor_set_out={made}"]
    command = [sys.executable, "-m", "grpc_tools.protoc", *options, main]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise BindError(f"the Protobuf schema takes protoc more than {_TIMEOUT:.0f} s") from None
    if done.returncode:
        raise _error(done.stderr.decode(errors="replace"), done.returncode)
    try:
        return pb.FileDescriptorSet.FromString(made.read_bytes())
    except (OSError, DecodeError) as error:
        raise BindError(f"protoc gave no descriptors: {error}") from None


def _error(text: str, code: int) -> BindError:
    """The first thing that protoc complains of, warnings passed over."""
    lines = [line for line in text.splitlines() if line.strip() and "warning:" not in line.lower()]
    first = next((x for x in lines if _PLACED.fullmatch(x)), next(iter(lines), f"protoc: {code}"))
    hint = ""
    if "File not found" in text or "was not found or had errors" in text:
        hint = "register it with a reference, or give a .desc made with --include_imports"
    placed = _PLACED.fullmatch(first)
    if placed is not None:
        where = f"{placed['file']}, line {placed['line']}, column {placed['column']}"
        return BindError(f"the Protobuf schema is not valid: {where}: {placed['what']}", hint=hint)
    return BindError(f"the Protobuf schema is not valid: {first[:500]}", hint=hint)
