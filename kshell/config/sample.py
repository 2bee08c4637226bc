"""The config.toml that `kshell config init` writes: every property, commented out."""

from __future__ import annotations

from kshell.config.properties import PROPERTIES
from kshell.config.property_row import Property, Scope
from kshell.config.sources import COMMANDS_DEFAULTS, variable_of

__all__ = ["sample"]

_SECRET = "sasl.password"  # better not in a file
_HEAD = """\
# kshell's configuration. All of it is commented out; what stands behind = is the default, or an
# example where there is none.
#
# Where several places set a property, the first of these wins: options such as --bootstrap, -X,
# the file of --command-config, the environment ({variable} for {name}),
# a profile, what stands outside of profiles, the default. `kshell config show` says where each
# value was set, `kshell config validate` checks this file.
#
# This file may hold secrets: only you may read it (chmod 600).
"""
_PROFILES = """
# A profile is chosen by --profile NAME; [profile.default] holds where none is chosen.
# [profile.prod]
# bootstrap.servers = "broker-1:9093,broker-2:9093"
# color = "red"                      # of the prompt
# read_only = true                   # nothing is written to the cluster
# [profile.prod.topic.payments]      # what is set of one topic
# value.format = "AVRO"
"""
_SCOPES = {
    Scope.CONNECTION: "The connection to the cluster.",
    Scope.SESSION: "The session; SET changes it for one.",
}


def sample() -> str:
    """The file's text."""
    parts = [_HEAD.format(variable=variable_of(_SECRET), name=_SECRET)]
    for scope, title in _SCOPES.items():
        parts.append(f"\n# {title}\n")
        parts += [_lines(p) for p in PROPERTIES.values() if p.scope is scope]
    return "".join([*parts, _PROFILES])


def _lines(known: Property) -> str:
    values = f" ({', '.join(known.values)})" if known.values else ""
    return f"#\n# {known.help}{values}\n# {_key(known.name)} = {_example(known)}\n"


def _key(name: str) -> str:
    """The name as TOML has it: in quotes where a shorter name is a property too."""
    longer = any(name.startswith(f"{other}.") for other in PROPERTIES)
    return f'"{name}"' if longer else name


def _example(known: Property) -> str:
    default = COMMANDS_DEFAULTS.get(known.name, known.default)
    if known.least is not None:
        return default or str(known.least)
    if set(known.values) == {"true", "false"}:
        return default or "false"
    value = default or (known.values[0] if known.values else "")
    return f'"{value}"'
