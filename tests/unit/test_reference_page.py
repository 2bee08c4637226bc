"""docs/reference.md says what the tables say."""

from kshell.config import PROPERTIES
from kshell.terminal.commands import COMMANDS
from tests.reference_page import PAGE, page


def test_the_page_is_made_from_the_tables():
    assert PAGE.read_text() == page(), "python -m tests.reference_page writes it"


def test_every_property_and_command_has_a_row():
    rows = PAGE.read_text().splitlines()
    for name in (*PROPERTIES, *(c.word for c in COMMANDS)):
        assert any(row.startswith((f"| `{name}`", f"| `{name} ")) for row in rows), name
