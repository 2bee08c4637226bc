"""Python classes of .proto texts, by protoc."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from grpc_tools import protoc

__all__ = ["compiled"]


def compiled(folder: Path, name: str, text: str) -> Any:
    """The module of the text; `name` must be new in the process, for descriptors are global."""
    (folder / name).write_text(text)
    include = Path(protoc.__file__).parent / "_proto"
    assert protoc.main(["protoc", f"-I{folder}", f"-I{include}", f"--python_out={folder}", name]) == 0
    path = folder / f"{name.removesuffix('.proto')}_pb2.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
