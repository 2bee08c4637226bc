"""Where properties are set, and which place wins.

From the strongest: the command line's own options, `-X`, the file of `--command-config`, the
environment, the profile, what stands outside of all profiles in config.toml, the defaults.
`terminal.settings` calls `gather` at the start, and `kshell config` shows what it found.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kshell.config.folders import config_home
from kshell.config.properties import PROPERTIES, canonical
from kshell.config.setting import Setting
from kshell.config.values import Properties
from kshell.errors import UnknownName, UsageError, nearest

if TYPE_CHECKING:
    from kshell.config.client_files import ClientFile

__all__ = ["COMMANDS_DEFAULTS", "PROFILE_KEYS", "Gathered", "config_file", "environment",
           "file_variable_of", "gather", "of_profile", "profiles", "read_config",
           "variable_of"]  # fmt: skip

# Short names that a profile has for what marks it.
PROFILE_KEYS: Mapping[str, str] = {"color": "kshell.prompt.color", "read_only": "kshell.read.only"}

# The command's defaults where they are not a program's: who types may use files.
_LEAD = "KSHELL_"  # of the environment's names
COMMANDS_DEFAULTS: Mapping[str, str] = {"kshell.files": "true"}


@dataclass(frozen=True, slots=True)
class Gathered:
    """The properties, the setting that each came from, and the names in the client's file that
    kshell has no use for."""

    properties: Properties
    settings: Mapping[str, Setting]
    ignored: tuple[str, ...] = ()


def config_file() -> Path:
    """config.toml in the folder of the configuration."""
    return config_home() / "config.toml"


def gather(
    *,
    flags: Iterable[Setting] = (),
    assignments: Iterable[str] = (),
    client_file: str = "",
    profile: str = "",
) -> Gathered:
    """Everything that is set at the start; `assignments` are `NAME=VALUE`, as for -X.

    Raises UsageError, with file and line where there are, and UnknownName for the profile.
    """
    shared, chosen = _of_profile(profile)
    client = _client(client_file) if client_file else None
    layers = (
        shared, chosen, environment(), client.settings if client else (),
        map(_assigned, assignments), flags,
    )  # fmt: skip
    properties = Properties(COMMANDS_DEFAULTS)
    settings: dict[str, Setting] = {}
    for setting in (setting for layer in layers for setting in layer):
        properties = setting.onto(properties)
        settings[canonical(setting.name)] = setting
    kept = {name: setting for name, setting in settings.items() if name in properties}
    return Gathered(properties, kept, client.ignored if client else ())


def profiles() -> tuple[str, ...]:
    """The names of the profiles in config.toml; raises UsageError if it cannot be read."""
    path = config_file()
    return tuple(sorted(filter(None, read_config(path)))) if path.exists() else ()


def of_profile(name: str) -> Properties:
    """What config.toml sets with a profile, and variables with its name: KSHELL_PROD_SASL_PASSWORD.

    Raises UsageError, UnknownName.
    """
    own = re.sub(r"\W", "_", name.upper())
    properties = Properties(COMMANDS_DEFAULTS)
    for layer in (*_of_profile(name), environment(f"KSHELL_{own}_")):
        for setting in layer:
            properties = setting.onto(properties)
    return properties


def _client(path: str) -> ClientFile:
    from kshell.config.client_files import read_client_file  # no start without -F waits for it

    return read_client_file(Path(path))


def _assigned(item: str) -> Setting:
    name, equals, value = item.partition("=")
    if not equals:  # it may be a secret: it is not repeated
        raise UsageError("-X takes name=value, and there is no = in what it was given")
    return Setting(name, value, "-X")


def environment(lead: str = _LEAD) -> Iterator[Setting]:
    """KSHELL_BOOTSTRAP_SERVERS and the like: dots are underscores, `kshell.` is left out.

    With _FILE after it, the variable of a secret names the file whose text is the secret.
    """
    for name, known in PROPERTIES.items():
        variable = variable_of(name, lead)
        if variable in os.environ:
            yield Setting(name, os.environ[variable], variable)
        named = f"{variable}_FILE" if known.secret else ""
        if named and named in os.environ:
            if variable in os.environ:
                raise UsageError(f"{variable} and {named} are both set", hint="unset one of them")
            yield Setting(name, _secret_in(named, os.environ[named]), named)


def _secret_in(variable: str, path: str) -> str:
    """The file's text, without a line's end."""
    try:
        return Path(path).expanduser().read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise UsageError(f"{variable}: {path} cannot be read: {why}") from None


def variable_of(name: str, lead: str = _LEAD) -> str:
    """The environment's name for a property.

    >>> variable_of("kshell.sample.records"), variable_of("sasl.password")
    ('KSHELL_SAMPLE_RECORDS', 'KSHELL_SASL_PASSWORD')
    """
    return lead + name.removeprefix("kshell.").replace(".", "_").upper()


def file_variable_of(name: str) -> str:
    """The environment's name for the file of a secret property.

    >>> file_variable_of("sasl.password")
    'KSHELL_SASL_PASSWORD_FILE'
    """
    return f"{variable_of(name)}_FILE"


def _of_profile(name: str) -> tuple[list[Setting], list[Setting]]:
    """What config.toml sets outside of profiles, and in [profile.NAME]; "" is `default`, if it is
    there."""
    path = config_file()
    found = read_config(path) if path.exists() else {}
    if name and name not in found:
        names = sorted(filter(None, found))
        error = UnknownName("profile", name, names)
        listed = f"has the profiles {', '.join(names)}"
        error.hint = error.hint or (
            f"{path} {listed if names else 'has no profile: kshell config init writes a sample'}"
        )
        raise error
    return found.get("", []), found.get(name or "default", [])


def read_config(path: Path) -> dict[str, list[Setting]]:
    """The settings of each profile in a file like config.toml; "" has those outside of profiles."""
    from kshell.config.toml_lines import read_toml  # no start without a config.toml waits for it

    profiles: dict[str, list[Setting]] = {}
    for entry in read_toml(path):
        inside = entry.path[0] == "profile" and len(entry.path) > 1
        of_one = profiles.setdefault(entry.path[1] if inside else "", [])
        if entry.value != {}:  # the heading of a table
            name = ".".join(entry.path[2:] if inside else entry.path)
            close = [] if name in PROFILE_KEYS else nearest(name, PROFILE_KEYS, 1)
            hint = f"did you mean {close[0]}?" if close else ""
            origin = f"{path}:{entry.line}"
            of_one.append(Setting(PROFILE_KEYS.get(name, name), _text(entry.value), origin, hint))
    return profiles


def _text(value: object) -> str | None:
    """A value as -X takes it: true and false are words, a list has commas.

    >>> _text(True), _text(["a:1", "b:2"]), _text(5)
    ('true', 'a:1,b:2', '5')
    """
    texts = []
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, str | int | float):
            return None
        texts.append(str(one).lower() if isinstance(one, bool) else str(one))
    return ",".join(texts)
