"""What the command line sets, put together with what files and the environment set."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from kshell.config.exposed import exposed
from kshell.config.properties import alike
from kshell.config.setting import Setting
from kshell.config.sources import Gathered, config_file, gather
from kshell.errors import StatementError, UsageError

__all__ = ["gathered", "ignored_note", "remarks"]


def gathered(options: argparse.Namespace) -> Gathered:
    """Everything that is set at the start; raises UsageError."""
    try:
        return gather(
            flags=_flags(options),
            assignments=options.property,
            client_file=options.command_config,
            profile=options.profile,
        )
    except StatementError as error:  # here an unknown name is not an error of a statement
        raise UsageError(error.what, hint=error.hint) from None


def remarks(options: argparse.Namespace, found: Gathered) -> Iterator[str]:
    """What is said of the settings before anything is done."""
    file = options.command_config
    if found.ignored:
        yield ignored_note(file, found.ignored)
    files = [config_file(), *([Path(file)] if file else [])]
    yield from exposed(found.properties, found.settings.values(), files)


def ignored_note(path: str, names: Sequence[str]) -> str:
    """What is said of a client's file in which kshell has no use for these names.

    >>> ignored_note("f", ["linger.ms", "sasl.pasword"])
    'f sets 2 names that kshell has no use for: linger.ms, sasl.pasword (sasl.password?)'
    """
    shown = (f"{name} ({near}?)" if (near := alike(name)) else name for name in names)
    count = f"{len(names)} name{'s' * (len(names) > 1)}"
    return f"{path} sets {count} that kshell has no use for: {', '.join(shown)}"


def _flags(options: argparse.Namespace) -> Iterator[Setting]:
    if options.bootstrap:
        yield Setting("bootstrap.servers", options.bootstrap, "--bootstrap")
    if options.registry:
        yield Setting("schema.registry.url", options.registry, "--registry")
    if options.connect:
        yield Setting("connect.url", options.connect, "--connect")
    for option, name in (("engine", "kshell.engine"), ("gateway", "kshell.flink.gateway")):
        if value := getattr(options, option, None):  # `kshell run` has neither
            yield Setting(name, value, f"--{option}")
    for option, half, given in (
        ("--schema", "value", options.schema), ("--key-schema", "key", options.key_schema)
    ):  # fmt: skip
        for item in given:
            topic, equals, file = item.partition("=")
            if not equals:
                raise UsageError(f"{option} takes topic=file, not {item}")
            path, _, message = file.partition("#")
            yield Setting(f"topic.{topic}.{half}.schema.file", path, option)
            if message:
                yield Setting(f"topic.{topic}.{half}.schema.name", message, option)
