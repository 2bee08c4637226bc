"""The colours of the prompt and the live view, for a dark and for a light background.

`kshell.theme` chooses, `kshell.prompt.color` marks a profile.  Colours 0 to 15 are the terminal's
own and fit its background; the others are given here twice.  Light: the prompt waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from kshell.config.values import Properties

if TYPE_CHECKING:
    from prompt_toolkit.styles import Style

__all__ = ["THEMES", "bar", "chart", "follow", "heading", "marks",
           "prompt_style"]  # fmt: skip

# prompt_toolkit's classes.
THEMES: Mapping[str, Mapping[str, str]] = {
    "dark": {
        "continuation": "ansibrightblack",
        "keyword": "bold ansicyan",
        "function": "ansiblue",
        "string": "ansigreen",
        "name": "ansiyellow",
        "number": "ansimagenta",
        "punct": "ansibrightblack",
        "comment": "italic ansibrightblack",
        "bracket.open": "bold ansiyellow",
        "bracket.alone": "bold #ffffff bg:#af0000",
        "bracket.pair": "bold underline",
        "auto-suggestion": "#6c6c6c",
        "bottom-toolbar": "noreverse bg:#262626 #a8a8a8",
        "bar.cluster": "bold #87d7ff",
        "bar.waiting": "#ffd75f",
        "bar.running": "#87d787",
        "bar.failed": "bold #ff8787",
        "bar.rule": "#4e4e4e",
        "completion-menu": "bg:#303030 #dadada",
        "completion-menu.completion.current": "noreverse bg:#005f87 #ffffff",
        "completion-menu.meta.completion": "bg:#262626 #8a8a8a",
        "completion-menu.meta.completion.current": "bg:#005f87 #d0d0d0",
        "scrollbar.background": "bg:#262626",
        "scrollbar.button": "bg:#4e4e4e",
    },
    "light": {
        "continuation": "ansibrightblack",
        "keyword": "bold #005f87",
        "function": "#0000af",
        "string": "#005f00",
        "name": "#875f00",
        "number": "#870087",
        "punct": "#585858",
        "comment": "italic #767676",
        "bracket.open": "bold #af5f00",
        "bracket.alone": "bold #ffffff bg:#af0000",
        "bracket.pair": "bold underline",
        "auto-suggestion": "#949494",
        "bottom-toolbar": "noreverse bg:#d0d0d0 #444444",
        "bar.cluster": "bold #005f87",
        "bar.waiting": "#875f00",
        "bar.running": "#005f00",
        "bar.failed": "bold #af0000",
        "bar.rule": "#9e9e9e",
        "completion-menu": "bg:#e4e4e4 #262626",
        "completion-menu.completion.current": "noreverse bg:#5fafd7 #000000",
        "completion-menu.meta.completion": "bg:#d0d0d0 #585858",
        "completion-menu.meta.completion.current": "bg:#5fafd7 #262626",
        "scrollbar.background": "bg:#d0d0d0",
        "scrollbar.button": "bg:#9e9e9e",
    },
}
# The codes of the live view's last line, and of its cursor's row.
_BARS = {"dark": "97;48;5;237", "light": "30;48;5;252"}
# The codes of columns' names.
_HEADINGS = {"dark": "1;36", "light": "1;34"}
# The codes of what a chart draws.
_CHARTS = {"dark": "36", "light": "34"}

# The codes of rows that say that something was added, removed or changed.
_MARKS = {
    "dark": {"added": "32", "removed": "31", "changed": "33"},
    "light": {"added": "32", "removed": "31", "changed": "35"},
}

_properties: Callable[[], Mapping[str, str]] = Properties


def follow(properties: Callable[[], Mapping[str, str]]) -> None:
    """Take the colours from these properties from now on, as they are at each look."""
    global _properties
    _properties = properties


def prompt_style() -> Style:
    """The prompt's style by the properties as they are now."""
    now = _properties()
    return _style(now["kshell.theme"], now["kshell.prompt.color"])


def bar() -> str:
    """The terminal's codes for the live view's last line, and for its cursor's row."""
    return _BARS[_properties()["kshell.theme"]]


def heading() -> str:
    """The terminal's codes for columns' names."""
    return _HEADINGS[_properties()["kshell.theme"]]


def marks() -> Mapping[str, str]:
    """The terminal's codes for rows, by what they say was done."""
    return _MARKS[_properties()["kshell.theme"]]


def chart() -> str:
    """The terminal's codes for what a chart draws."""
    return _CHARTS[_properties()["kshell.theme"]]


@cache
def _style(theme: str, color: str) -> Style:
    from prompt_toolkit.styles import Style

    return Style.from_dict({**THEMES[theme], "prompt": f"bold ansi{color}"})
