"""Cleans all text from records before it reaches a terminal.

It shows control characters, escape sequences, bidirectional and zero-width marks as their codes, so
that the terminal does not act on them, and what the terminal's encoding does not have.  Every
renderer calls `clean` for values, keys, headers, names and brokers' messages.
"""

from __future__ import annotations

import re

from kshell.terminal.encoding import IN_JSON, escaped, fitted

__all__ = ["clean", "clean_block", "clean_json"]

# Emoji, of which a joiner may make one.
_EMOJI = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2934\u2935\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_JOINED = f"(?<=[{_EMOJI}\ufe0f])\u200d(?=[{_EMOJI}])"
# These characters must not reach a terminal: C0, DEL, C1, soft hyphen, zero-width and bidirectional
# marks, line separators, byte-order mark, interlinear marks, variation tags, surrogates, private
# use.
_UNSAFE = re.compile(
    f"(?!{_JOINED})"
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\ue000-\uf8ff"
    "\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _shown(match: re.Match[str]) -> str:
    character = match[0]
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def clean(text: str) -> str:
    r"""The text on one line, without characters that control a terminal.

    >>> clean("a\x1b[31mb\u202e")
    'a\\x1b[31mb\\u202e'
    """
    if text.isascii() and text.isprintable():
        return text
    return fitted(_UNSAFE.sub(_shown, text))


def clean_json(text: str) -> str:
    r"""A line of JSON, which stays JSON: in the codes that its strings have.

    >>> clean_json('"\x9b\U000e0041"')
    '"\\u009b\\udb40\\udc41"'
    """
    if text.isascii() and text.isprintable():
        return text
    return fitted(_UNSAFE.sub(lambda match: escaped(match[0]), text), IN_JSON)


def clean_block(text: str) -> str:
    """The same for kshell's own messages, but line ends stay."""
    return "\n".join(clean(line) for line in text.split("\n"))
