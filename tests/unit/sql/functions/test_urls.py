"""URLs as java.net.URI reads them, and form parameters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshell.sql.java.uri import decode_param, encode_param

# What java.net.URI of Java 17 gives: scheme, host, port, path, query, fragment.
URIS = [
    ("http://test.com:8080/path/to?a=1&b=c%20d#fr%20ag",
     ("http", "test.com", 8080, "/path/to", "a=1&b=c d", "fr ag")),
    ("https://user:pw@host.example.org/", ("https", "host.example.org", None, "/", None, None)),
    ("http://test.com", ("http", "test.com", None, "", None, None)),
    ("mailto:a@b.c", ("mailto", None, None, None, None, None)),
    ("/rel/path?x", (None, None, None, "/rel/path", "x", None)),
    ("//host/p", (None, "host", None, "/p", None, None)),
    ("http://[::1]:80/x", ("http", "[::1]", 80, "/x", None, None)),
    ("http://my_host:80/a", ("http", None, None, "/a", None, None)),
    ("http://1.2.3.4/", ("http", "1.2.3.4", None, "/", None, None)),
    ("http://localhost:/x", ("http", "localhost", None, "/x", None, None)),
    ("file:///etc/passwd", ("file", None, None, "/etc/passwd", None, None)),
    ("http://ü.com/ä?ö#ß", ("http", None, None, "/ä", "ö", "ß")),
    ("http://h?", ("http", "h", None, "", "", None)),
    ("http://h/%FF", ("http", "h", None, "/\ufffd", None, None)),
    ("#f", (None, None, None, "", None, "f")),
    ("http://h/a b", (None,) * 6),
    ("http://h/%zz", (None,) * 6),
    ("1http://h/", (None,) * 6),
    ("http://h/a[b]", (None,) * 6),
    ("http://", (None,) * 6),
    ("", (None,) * 6),
    (" ", (None,) * 6),
]  # fmt: skip
PARTS = ("PROTOCOL", "HOST", "PORT", "PATH", "QUERY", "FRAGMENT")


@pytest.mark.parametrize(("url", "parts"), URIS)
def test_the_parts_of_a_url(url, parts, value):
    assert tuple(value(f"URL_EXTRACT_{part}('{url}')") for part in PARTS) == parts


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a b", "c d"), ("x", "1=2"), ("none", None), ("bare", ""), ("empty", ""), ("A b", None)],
)
def test_a_parameter(name, expected, value):
    url = "http://test.com?a%20b=c%20d&x=1=2&bare&empty=&x=later"
    assert value(f"URL_EXTRACT_PARAMETER('{url}', '{name}')") == expected
    assert value(f"URL_EXTRACT_PARAMETER('http://test.com', '{name}')") is None


@pytest.mark.parametrize(
    ("text", "encoded"),
    [("?foo $bar", "%3Ffoo+%24bar"), ("a-b_c.d*e~", "a-b_c.d*e%7E"), ("ü+", "%C3%BC%2B")],
)
def test_parameters_are_encoded_as_forms_do(text, encoded):
    assert encode_param(text) == encoded


@given(st.text())
def test_a_parameter_comes_back(text):
    assert decode_param(encode_param(text)) == text


def test_a_broken_escape_is_an_error(evaluated):
    found = evaluated("URL_DECODE_PARAM('100%')")
    assert found.values == [None]
    assert ["Illegal hex characters" in message for _, message in found.errors] == [True]
