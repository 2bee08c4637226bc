"""Every function: its example is run, and every name of ksqlDB's reference is there."""

import pytest

from kshell.sql import duck, functions
from kshell.sql.render import render, tolerant

SCALARS = [name for name, f in functions.library().items() if f.kind == functions.SCALAR]

# ksqlDB's function reference: scalar functions.
_SCALARS = (
    "ABS ACOS ASIN AS_VALUE ATAN ATAN2 CBRT CEIL COS COSH COT DEGREES ENTRIES EXP FLOOR GENERATE_SERIES "
    "GEO_DISTANCE GREATEST LEAST LN LOG PI POWER RADIANS RANDOM ROUND SIGN SIN SINH SQRT TAN TANH TRUNC "
    "ARRAY_CONCAT ARRAY_CONTAINS ARRAY_DISTINCT ARRAY_EXCEPT ARRAY_INTERSECT ARRAY_JOIN ARRAY_LENGTH "
    "ARRAY_MAX ARRAY_MIN ARRAY_REMOVE ARRAY_SORT ARRAY_UNION AS_MAP ELT FIELD JSON_ARRAY_CONTAINS "
    "MAP_KEYS MAP_VALUES MAP_UNION SLICE FILTER REDUCE TRANSFORM CHR CONCAT CONCAT_WS ENCODE "
    "EXTRACTJSONFIELD FROM_BYTES INITCAP INSTR LCASE LEN LPAD MASK MASK_KEEP_LEFT MASK_KEEP_RIGHT "
    "MASK_LEFT MASK_RIGHT MD5 REPLACE REGEXP_EXTRACT REGEXP_EXTRACT_ALL REGEXP_REPLACE "
    "REGEXP_SPLIT_TO_ARRAY RPAD SPLIT SPLIT_TO_MAP SUBSTRING TO_BYTES TRIM UCASE UUID BIGINT_FROM_BYTES "
    "DOUBLE_FROM_BYTES INT_FROM_BYTES COALESCE IFNULL NULLIF CONVERT_TZ DATEADD DATESUB FORMAT_DATE "
    "FORMAT_TIME FORMAT_TIMESTAMP FROM_DAYS FROM_UNIXTIME PARSE_DATE PARSE_TIME PARSE_TIMESTAMP TIMEADD "
    "TIMESUB TIMESTAMPADD TIMESTAMPSUB UNIX_DATE UNIX_TIMESTAMP URL_DECODE_PARAM URL_ENCODE_PARAM "
    "URL_EXTRACT_FRAGMENT URL_EXTRACT_HOST URL_EXTRACT_PARAMETER URL_EXTRACT_PATH URL_EXTRACT_PORT "
    "URL_EXTRACT_PROTOCOL URL_EXTRACT_QUERY "
)
REFERENCE = _SCALARS.split()
TABLE_FUNCTIONS = ["CUBE_EXPLODE", "EXPLODE"]
_AGGREGATES = (
    "AVG COLLECT_LIST COLLECT_SET CORRELATION COUNT COUNT_DISTINCT EARLIEST_BY_OFFSET HISTOGRAM "
    "LATEST_BY_OFFSET MAX MIN STDDEV_SAMP STDDEV_SAMPLE SUM TOPK TOPKDISTINCT "
)
AGGREGATES = _AGGREGATES.split()


@pytest.mark.parametrize("name", REFERENCE)
def test_every_scalar_of_the_reference_binds_and_renders(name, bound):
    function = functions.describe(name)
    assert function.kind == functions.SCALAR
    assert function.help.endswith(".")
    assert function.example is not None, "an example is run as a test and shown as help"
    made = bound(function.example[0])
    assert name in function.example[0].upper()
    with duck.connect() as connection:
        duck.use([made])
        connection.execute(f"EXPLAIN SELECT {render(made)}")
    assert tolerant(made).startswith("TRY(")


@pytest.mark.parametrize("name", SCALARS)
def test_every_example_gives_what_it_says(name, value):
    example = functions.library()[name].example
    assert example is not None
    expression, expected = example
    found = value(expression)
    assert found == (pytest.approx(expected) if isinstance(expected, float) else expected)


@pytest.mark.parametrize("name", AGGREGATES)
def test_every_aggregate_of_the_reference_is_one(name):
    assert functions.is_aggregate(name)
    assert functions.describe(name).help.endswith(".")


@pytest.mark.parametrize("name", TABLE_FUNCTIONS)
def test_every_table_function_of_the_reference_is_one(name):
    assert functions.is_table_function(name)


def test_each_template_names_a_python_function_that_is_there():
    """A misspelt `py:` would be found at the first call only."""
    import importlib
    import re

    for name, function in functions.library().items():
        for form in function.forms:
            for module, attribute in re.findall(r"py:([\w.]+):(\w+)", form.template):
                found = getattr(importlib.import_module(module), attribute, None)
                assert callable(found), f"{name}: {module}:{attribute}"
