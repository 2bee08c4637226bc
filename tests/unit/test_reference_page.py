"""docs/reference.md says what the tables say."""

from kshell.config import PROPERTIES
from tests.reference_page import PAGE, page


def test_the_page_is_made_from_the_tables():
    assert PAGE.read_text() == page(), "python -m tests.reference_page writes it"


def test_every_property_has_a_row():
    rows = PAGE.read_text().splitlines()
    assert [name for name in PROPERTIES if not any(row.startswith(f"| `{name}` |") for row in rows)] == []
