"""What the command line sets, put together with what files and the environment set."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from kshell.config.setting import Setting
from kshell.config.sources import Gathered, gather
from kshell.errors import StatementError, UsageError

__all__ = ["gathered"]


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


def _flags(options: argparse.Namespace) -> Iterator[Setting]:
    if options.bootstrap:
        yield Setting("bootstrap.servers", options.bootstrap, "--bootstrap")
    if options.registry:
        yield Setting("schema.registry.url", options.registry, "--registry")
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
