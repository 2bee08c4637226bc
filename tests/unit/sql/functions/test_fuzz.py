"""Random calls of every function: refused with a KshellError, or evaluated, with errors as rows."""

import contextlib

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kshell.errors import KshellError
from kshell.sql import functions

LITERALS = {
    "BOOLEAN": ["TRUE", "FALSE"],
    "INTEGER": ["0", "1", "-1", "3", "2147483647", "-2147483648", "100"],
    "BIGINT": ["3000000000", "-9223372036854775808", "9223372036854775807", "CAST(0 AS BIGINT)"],
    "DOUBLE": ["0.0E0", "1.5E0", "-2.5E300", "CAST('NaN' AS DOUBLE)", "CAST('-Infinity' AS DOUBLE)"],
    "DECIMAL": ["1.5", "-0.001", "99999999999999999999.99", "CAST(1 AS DECIMAL(38, 37))"],
    "STRING": ["''", "'abc'", "'a,b=c;d'", "'ä𝄞'", "'%Y (['", "'yyyy-MM-dd'", "'2020-01-02'", "'{\"a\":[1]}'",
               "'http://u@h:8/p?q=1#f'", "'UTC'", "'hex'", "'$1\\'", "'MINUTES'"],
    "BYTES": ["TO_BYTES('abc', 'utf8')", "TO_BYTES('', 'utf8')", "CAST(NULL AS BYTES)"],
    "TIME": ["CAST('10:20' AS TIME)"],
    "DATE": ["CAST('2020-02-29' AS DATE)", "CAST('0001-01-01' AS DATE)"],
    "TIMESTAMP": ["CAST('2020-02-29T23:59' AS TIMESTAMP)", "CAST('9999-12-31' AS TIMESTAMP)"],
    "STRUCT": ["STRUCT(A := 1, `b` := 'x')"],
}  # fmt: skip
PRIMITIVES = [text for texts in LITERALS.values() for text in texts]
CALLABLE = [f for f in functions.library().values() if f.kind == functions.SCALAR and f.forms]
LAMBDAS = ["x => x", "x => x + 1", "x => x > 1", "(x, y) => x", "(x, y) => y = 1", "(x, y) => x + y",
           "(x, y, z) => x", "(x, y, z) => x + z", "x => UCASE(x)", "x => 1 / x"]  # fmt: skip


def argument(draw, pattern, depth):
    if draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from(["NULL", *PRIMITIVES, *LAMBDAS]))
    if pattern.kind == "LAMBDA":
        count = len(pattern.parts) - 1
        return draw(st.sampled_from([text for text in LAMBDAS if text.count(",") == count - 1]))
    if pattern.kind == "ARRAY":
        items = [argument(draw, pattern.parts[0], depth) for _ in range(draw(st.integers(1, 3)))]
        return f"ARRAY[{', '.join(items)}]"
    if pattern.kind == "MAP":
        pairs = [
            " := ".join(argument(draw, part, depth) for part in pattern.parts)
            for _ in range(draw(st.integers(1, 3)))
        ]
        return f"MAP({', '.join(pairs)})"
    if depth and draw(st.booleans()):
        return call(draw, depth - 1)
    return draw(st.sampled_from(LITERALS.get(pattern.kind, PRIMITIVES)))


def call(draw, depth):
    function = draw(st.sampled_from(CALLABLE))
    signature = draw(st.sampled_from(function.forms)).signature
    more = draw(st.integers(0, 2)) if signature.variadic else 0
    params = signature.expanded(len(signature.params) - signature.variadic + more)
    return f"{function.name}({', '.join(argument(draw, p, depth) for p in params)})"


@st.composite
def expressions(draw):
    text = call(draw, 1)
    wrapped = st.sampled_from(["{}", "{}", "CAST({} AS STRING)", "ARRAY[{}]", "{} IS NULL",
                               "COALESCE({}, NULL)", "STRUCT(F := {})", "CASE WHEN {} = 1 THEN 1 END"])  # fmt: skip
    return draw(wrapped).format(text)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(expressions())
def test_nothing_but_declared_errors(evaluated, text):
    with contextlib.suppress(KshellError):
        for _, message in evaluated(text).errors:
            assert message
            assert "INTERNAL" not in message
