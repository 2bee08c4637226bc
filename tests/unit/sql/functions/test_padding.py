"""LPAD and RPAD make no value that would take all memory."""

import pytest

from kshell.sql.java import text


@pytest.mark.parametrize("pad", [text.lpad_bytes, text.rpad_bytes])
def test_a_size_that_no_record_has_is_an_error_of_the_row(pad):
    with pytest.raises(ValueError, match="2,147,483,647 bytes are more than a record can have"):
        pad(b"abc", 2**31 - 1, b"x")
    assert len(pad(b"abc", 1_000_000, b"x")) == 1_000_000
