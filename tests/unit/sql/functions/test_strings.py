"""Strings and patterns as Java has them."""

import pyarrow as pa
import pytest

CLEF = "\U0001d11e"  # two UTF-16 units


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CHR(10)", "\n"),
        ("CHR(-1)", None),
        ("CHR(1114112)", None),
        (r"CHR('\u597d')", "好"),
        (r"CHR('\ud834\udd1e')", CLEF),
        ("CHR('75')", None),
        ("CHR('')", None),
        ("CONCAT(CAST(NULL AS STRING), NULL)", ""),
        ("CONCAT_WS(NULL, 'a')", None),
        ("CONCAT_WS('-', NULL, NULL)", ""),
        ("ELT(0, 'a')", None),
        ("ELT(3, 'a', 'b')", None),
        ("FIELD(NULL, 'a')", 0),
        ("FIELD('z', 'a', NULL)", 0),
        ("INITCAP('ßa ÄB  c-d')", "ßa Äb  C-d"),
        ("INITCAP('')", ""),
        ("INSTR('short', 'or', -4)", 0),
        ("INSTR('corporate floor', 'or', -2)", 14),
        ("INSTR('corporate floor', 'or', 1, 3)", 14),
        ("INSTR('corporate floor', 'or', 1, 4)", 0),
        ("INSTR('abc', 'c', 0)", 0),
        (f"INSTR('{CLEF}a', 'a')", 3),
        (f"LEN('{CLEF}')", 2),
        ("LEN('好')", 1),
        ("LCASE('ÄÖ')", "äö"),
        ("LPAD('foo', 5, '')", None),
        ("LPAD('foo', 0, 'x')", ""),
        ("RPAD('foo', NULL, 'x')", None),
        (f"RPAD('a', 3, '{CLEF}')", f"a{CLEF}"),
        (f"SUBSTRING('a{CLEF}b', 4)", "b"),
        (f"SUBSTRING('{CLEF}', 1, 1)", "?"),
        ("SUBSTRING('hello', 2, 3)", "ell"),
        ("SUBSTRING('hello', -3, 2)", "ll"),
        ("SUBSTRING('hello', 9)", ""),
        ("SUBSTRING('hello', -9)", "hello"),
        ("SUBSTRING('hello', 2, -1)", ""),
        ("SUBSTRING('hello', NULL)", None),
        ("MASK('Ab1!')", "Xxn-"),
        ("MASK('Ab1!', 'U', NULL, 'd', NULL)", "Ubd!"),
        ("MASK_LEFT('Ab1!', 2)", "Xx1!"),
        ("MASK_RIGHT('Ab1!', 9)", "Xxn-"),
        ("MASK_KEEP_LEFT('Ab1!', 1, 'U', 'l', 'd', 'o')", "Aldo"),
        ("MASK_KEEP_RIGHT('Ab1!', 1)", "Xxn!"),
        ("REPLACE('ab', '', '-')", "-a-b-"),
        ("REPLACE('ab', 'x', NULL)", None),
        ("SPLIT('a,b,', ',')", ["a", "b", ""]),
        ("SPLIT('', '')", [""]),
        ("SPLIT('abc', '')", ["a", "b", "c"]),
        ("SPLIT('a', NULL)", None),
        ("SPLIT_TO_MAP('a=1;b;c=2=3;a=9', ';', '=')", {"a": "9", "c": "2"}),
        ("SPLIT_TO_MAP('a=1', '', '=')", None),
        ("TRIM('\t a b \n')", "a b"),
        ("UCASE('straße')", "STRASSE"),
    ],
)
def test_strings(value, text, expected):
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("REGEXP_EXTRACT('b+', 'aabbb')", "bbb"),
        ("REGEXP_EXTRACT('z', 'a')", None),
        ("REGEXP_EXTRACT('(a)|(b)', 'b', 1)", None),
        ("REGEXP_EXTRACT('a', 'a', 1)", None),
        ("REGEXP_EXTRACT('(?i)AB', 'xab')", "ab"),
        (r"REGEXP_EXTRACT('\d+', '٣4')", "4"),
        (r"REGEXP_EXTRACT('\p{L}+', '12Äb')", "Äb"),
        (r"REGEXP_EXTRACT('\p{Alpha}+', '12Äb')", "b"),
        (r"REGEXP_EXTRACT('\p{IsGreek}+', 'aβγ')", "βγ"),
        (r"REGEXP_EXTRACT('\Qa.b\E.', 'a.bc')", "a.bc"),
        ("REGEXP_EXTRACT('[a-z&&[^aeiou]]+', 'aebcd')", "bcd"),
        (r"REGEXP_EXTRACT('(?<y>\d\d)-\k<y>', '20-21-21')", "21-21"),
        (r"REGEXP_EXTRACT('a$', 'a' + CHR(10))", "a"),
        (r"REGEXP_EXTRACT('a\z', 'a' + CHR(10))", None),
        (r"REGEXP_EXTRACT('a++a', 'aaa')", None),
        (r"REGEXP_EXTRACT('\x{1F600}|\x41', 'A')", "A"),
        ("REGEXP_EXTRACT_ALL('a*', 'aab')", ["aa", "", ""]),
        ("REGEXP_EXTRACT_ALL('(a)(b)?', 'aab', 2)", [None, "b"]),
        ("REGEXP_EXTRACT_ALL('z', 'a')", []),
        ("REGEXP_REPLACE('a.b', '.', 'x')", "xxx"),
        ("REGEXP_REPLACE('ab', '(?<f>a)', '${f}$1\\$')", "aa$b"),
        ("REGEXP_REPLACE('abc', '(b)', '$10')", "ab0c"),
        ("REGEXP_REPLACE('abc', '', '-')", "-a-b-c-"),
        ("REGEXP_SPLIT_TO_ARRAY('a1b22c', '[0-9]+')", ["a", "b", "c"]),
        ("REGEXP_SPLIT_TO_ARRAY('xax', 'x')", ["", "a", ""]),
        ("REGEXP_SPLIT_TO_ARRAY('abc', 'z')", ["abc"]),
        ("REGEXP_SPLIT_TO_ARRAY('', '')", [""]),
    ],
)
def test_patterns(value, text, expected):
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("REGEXP_EXTRACT('(', 'a')", "Invalid regular expression pattern: ("),
        ("REGEXP_REPLACE('a', 'a', '$2')", "No group 2"),
        ("REGEXP_REPLACE('a', 'a', '$x')", "Illegal group reference"),
        (r"CHR('\u00zz')", "invalid literal"),
        ("MASK_LEFT('a', -1)", "requires a non-negative number"),
    ],
)
def test_what_fails(evaluated, text, message):
    found = evaluated(text)
    assert found.values == [None]
    assert message in found.errors[0][1]


def test_bytes(evaluated):
    column = pa.array([b"yes", None])
    assert evaluated("LEN(B)", B=column).values == [3, None]
    assert evaluated("SUBSTRING(B, -2)", B=column).values == [b"es", None]
    assert evaluated("SUBSTRING(B, 1, 2)", B=column).values == [b"ye", None]
    assert evaluated("CONCAT(B, NULL, B)", B=column).values == [b"yesyes", b""]
    assert evaluated("CONCAT_WS(B, B, NULL, B)", B=column).values == [b"yesyesyes", None]
    assert evaluated("LPAD(B, 5, B)", B=column).values == [b"yeyes", None]
    assert evaluated("RPAD(B, 2, B)", B=column).values == [b"ye", None]
    assert evaluated("SPLIT(B, SUBSTRING(B, 2, 1))", B=column).values == [[b"y", b"s"], None]


def test_ascii_and_other_texts_in_one_column(evaluated):
    column = pa.array(["ab", "ä", CLEF, None])
    assert evaluated("LEN(A)", A=column).values == [2, 1, 2, None]
    assert evaluated("UCASE(A)", A=column).values == ["AB", "Ä", CLEF, None]
