"""Text for terminals and pipes that are not UTF-8.

`cli` calls `speak` first.  A pipe gets UTF-8 in any locale; a terminal gets what its encoding has,
ASCII signs in the place of lines and dots, and the code of any other character.  `sanitize` puts
these into the text of records with `fitted`, before widths are measured.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import IO

__all__ = ["IN_JSON", "SIGNS", "Unbuffered", "as_utf8", "escaped", "fitted", "speak",
           "speaks_utf8"]  # fmt: skip

# What is put for a character that an encoding does not have: names of error handlers of codecs.
SIGNS, IN_JSON = "kshell.signs", "kshell.json"
_LOCALE = ("LC_ALL", "LC_CTYPE", "LANG")  # the first that is set decides
# One sign for one sign, so that columns stay where they are.
_ASCII = str.maketrans("│┃─━┼·…▶●✗✓⏸█░↑↓→←×–—’“”", "||--+-~>*xv=#.^v><x--'\"\"")
# Of charts: axes, columns, bars, quarters of a character.
_ASCII |= str.maketrans("└┤▁▂▃▄▅▆▇▏▎▍▌▋▊▉▐▀▘▝▖▗▞▚▛▜▙▟", "+|_.:-=+*||||###|'''../\\####")


def _signs(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end].translate(_ASCII)
    return signs.encode("ascii", "backslashreplace").decode(), error.end


def _in_json(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return escaped(error.object[error.start : error.end]), error.end


codecs.register_error(SIGNS, _signs)
codecs.register_error(IN_JSON, _in_json)


def escaped(text: str) -> str:
    r"""The codes of all its characters, as JSON's strings have them.

    >>> escaped("ü😀")
    '\\u00fc\\ud83d\\ude00'
    """
    units = text.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[n : n + 2].hex()}" for n in range(0, len(units), 2))


def fitted(text: str, lacking: str = SIGNS) -> str:
    """The text with SIGNS or codes (IN_JSON) for what standard output cannot write."""
    if text.isascii() or speaks_utf8():
        return text
    return text.encode(sys.stdout.encoding, lacking).decode(sys.stdout.encoding)


def speak() -> None:
    """Set what standard output and error do with characters that they cannot write, and read what
    is typed as UTF-8 where the locale says ASCII."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            encoding = _of_terminal() if stream.isatty() else "utf-8"
            stream.reconfigure(encoding=encoding, errors=SIGNS)
    if isinstance(sys.stdin, io.TextIOWrapper) and _name(sys.stdin.encoding) == "ascii":
        sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")


def _of_terminal() -> str | None:
    """ASCII if the user has asked for the C locale, for which Python takes UTF-8; None is Python's.

    Without any locale, as in a container, the terminal is most often UTF-8.
    """
    if "PYTHONIOENCODING" in os.environ or "PYTHONUTF8" in os.environ:
        return None
    locale = next((v for n in _LOCALE if (v := os.environ.get(n))), "")
    return "ascii" if locale in ("C", "POSIX") else None


def speaks_utf8() -> bool:
    """Whether standard output has every character."""
    return _name(sys.stdout.encoding) == "utf-8"


def _name(encoding: str | None) -> str:
    return codecs.lookup(encoding or "utf-8").name


def as_utf8(text: str) -> str:
    r"""The text of bytes that Python has read in another encoding, if they are UTF-8.

    >>> as_utf8(b"\xc3\xbc".decode("ascii", "surrogateescape")), as_utf8("\udcff") == "\udcff"
    ('\xfc', True)
    """
    if text.isascii():
        return text
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeError:
        return text


class Unbuffered:
    """Standard output for prompt_toolkit, which else puts `?` for what the encoding has not."""

    encoding = "utf-8"  # the characters are replaced where they are written

    def __init__(self, stream: IO[str]) -> None:
        self.write, self.flush = stream.write, stream.flush
        self.fileno, self.isatty = stream.fileno, stream.isatty
