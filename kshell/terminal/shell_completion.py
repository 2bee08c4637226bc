"""`kshell completion bash | zsh | fish`: a script that completes kshell's options in that shell.

It is made from the argument parser's table and from `PROPERTIES`.  `terminal.cli` calls `main`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kshell.config.properties import PROPERTIES
from kshell.errors import UsageError
from kshell.terminal import config_command, datagen_command
from kshell.terminal.options import parser

__all__ = ["SHELLS", "main", "script"]

_HELP = """\
kshell completion bash | zsh | fish

  bash   kshell completion bash > ~/.local/share/bash-completion/completions/kshell
  zsh    kshell completion zsh > a folder of $fpath/_kshell
  fish   kshell completion fish > ~/.config/fish/completions/kshell.fish"""
# The words that may stand first, with what may follow them.
_COMMANDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "config": ("write, show or check the configuration", tuple(config_command.ACTIONS)),
    "completion": ("print this for another shell", ("bash", "zsh", "fish")),
    "datagen": ("write sample records", datagen_command.KINDS),
    "test": ("run test cases of statements", ()),
}
_PROFILES = (
    r"""sed -n 's/^\[profile\.\([A-Za-z0-9_-]*\).*/\1/p' "${XDG_CONFIG_HOME:-$HOME/.config}"""
    r"""/kshell/config.toml" 2>/dev/null"""
)


@dataclass(frozen=True, slots=True)
class _Option:
    """A row of the parser: its names, its help, and what its value is: "" for none, `file`,
    `profile`, `property`, `text`, or one of `choices`."""

    names: tuple[str, ...]
    help: str
    value: str
    choices: tuple[str, ...] = ()


def _options() -> Iterator[_Option]:
    kinds = {"profile": "profile", "property": "property"}
    for action in parser()._actions:
        names = tuple(action.option_strings)
        value = "" if action.nargs == 0 else "file" if "FILE" in str(action.metavar) else "text"
        value = kinds.get(action.dest, value)
        choices = tuple(str(c) for c in action.choices or ())
        if names:
            yield _Option(names, action.help or "", "choice" if choices else value, choices)


def main(arguments: Sequence[str]) -> int:
    """Print the script of the shell that is named."""
    if arguments and arguments[0] in ("-h", "--help"):
        print(_HELP)
        return 0
    if len(arguments) != 1 or arguments[0] not in SHELLS:
        raise UsageError("completion takes the name of a shell", hint=" or ".join(SHELLS))
    sys.stdout.write(script(arguments[0]))
    return 0


def script(shell: str) -> str:
    """The script for a shell."""
    return SHELLS[shell](list(_options()))


def _bash(options: Sequence[_Option]) -> str:
    cases = []
    for option in options:
        names = "|".join(option.names)
        if option.value == "file":
            cases.append(f'    {names}) COMPREPLY=($(compgen -f -- "$word")); return ;;')
        elif option.value:
            words = {
                "choice": " ".join(option.choices), "text": "",
                "property": " ".join(f"{n}=" for n in PROPERTIES), "profile": f"$({_PROFILES})",
            }[option.value]  # fmt: skip
            nospace = "compopt -o nospace; " if option.value == "property" else ""
            reply = f'COMPREPLY=($(compgen -W "{words}" -- "$word"))' if words else "COMPREPLY=()"
            cases.append(f"    {names}) {nospace}{reply}; return ;;")
    after = [
        f'    {name}) COMPREPLY=($(compgen -W "{" ".join(words)}" -- "$word")); return ;;'
        for name, (_, words) in _COMMANDS.items() if words
    ]  # fmt: skip
    first = " ".join(_COMMANDS)
    every = " ".join(name for option in options for name in option.names)
    body = "\n".join([*cases, *after])
    return f"""\
# bash completion of kshell; made by `kshell completion bash`.
_kshell() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}"
  COMPREPLY=()
  case "$before" in
{body}
  esac
  if [[ "$word" == -* ]]; then
    COMPREPLY=($(compgen -W "{every}" -- "$word"))
  elif [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W "{first}" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}}
complete -F _kshell kshell
"""


def _zsh(options: Sequence[_Option]) -> str:
    lines = []
    for option in options:
        value = {
            "": "", "file": ":file:_files", "text": ":value: ",
            "profile": ":profile:_kshell_profiles",
            "choice": f":value:({' '.join(option.choices)})",
            "property": ":property:_kshell_properties",
        }[option.value]  # fmt: skip
        help = _zsh_quoted(option.help)
        lines += [f"    '*{name}[{help}]{value}'" for name in option.names]
    commands = " ".join(f"'{name}:{_zsh_quoted(help)}'" for name, (help, _) in _COMMANDS.items())
    after = "\n".join(
        f"      {name}) _values {name} {' '.join(words)} ;;"
        for name, (_, words) in _COMMANDS.items() if words
    )  # fmt: skip
    properties = "\n".join(
        f"    '{p.name}[{_zsh_quoted(p.help)}]:value:({' '.join(p.values)})'"
        for p in PROPERTIES.values()
    )
    return f"""\
#compdef kshell
# zsh completion of kshell; made by `kshell completion zsh`.
_kshell_profiles() {{
  compadd -- ${{(f)"$({_PROFILES})"}}
}}
_kshell_properties() {{
  _values property \\
{properties.replace(chr(10), " " + chr(92) + chr(10))}
}}
_kshell_first() {{
  local -a commands
  commands=({commands})
  _describe command commands
}}
_kshell() {{
  local line state
  _arguments -C \\
{(" " + chr(92) + chr(10)).join(lines)} \\
    '1: :_kshell_first' \\
    '*::file:->rest'
  if [[ $state == rest ]]; then
    case $line[1] in
{after}
      *) _files ;;
    esac
  fi
}}
_kshell "$@"
"""


def _zsh_quoted(text: str) -> str:
    r"""Text inside '…[…]' of _arguments.

    >>> _zsh_quoted("a topic's [x]: y")
    "a topic'\\''s \\[x\\]\\: y"
    """
    for sign in "[]:":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("'", "'\\''")


def _fish(options: Sequence[_Option]) -> str:
    lines = ["# fish completion of kshell; made by `kshell completion fish`."]
    lines += [
        f"complete -c kshell -n __fish_use_subcommand -f -a {name} -d {_fish_quoted(help)}"
        for name, (help, _) in _COMMANDS.items()
    ]
    for name, (_, words) in _COMMANDS.items():
        if words:
            seen = f"'__fish_seen_subcommand_from {name}'"
            lines.append(f"complete -c kshell -n {seen} -f -a '{' '.join(words)}'")
    for option in options:
        names = " ".join(
            f"-l {n[2:]}" if n.startswith("--") else f"-s {n[1:]}" for n in option.names
        )
        value = {
            "": "", "file": " -r -F", "text": " -x",
            "choice": f" -x -a '{' '.join(option.choices)}'",
            "property": f" -x -a '{' '.join(f'{n}=' for n in PROPERTIES)}'",
            "profile": f" -x -a {_fish_quoted('(' + _PROFILES_FISH + ')')}",
        }[option.value]  # fmt: skip
        lines.append(f"complete -c kshell {names}{value} -d {_fish_quoted(option.help)}")
    return "\n".join(lines) + "\n"


_PROFILES_FISH = (
    r"""sed -n 's/^\[profile\.\([A-Za-z0-9_-]*\).*/\1/p' ~/.config/kshell/config.toml 2>/dev/null"""
)


def _fish_quoted(text: str) -> str:
    """
    >>> _fish_quoted("a topic's")
    "'a topic\\\\'s'"
    """
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


SHELLS: Mapping[str, Callable[[Sequence[_Option]], str]] = {
    "bash": _bash, "zsh": _zsh, "fish": _fish,
}  # fmt: skip
