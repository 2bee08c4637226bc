"""Java's treatment of numbers and texts, as DuckDB macros that every connection has.

`duck.connect` makes them; `sql.casts`, `sql.arithmetic`, `sql.render` and the rows of the library
use them.  `java_fail(message)` raises an error by an impossible cast, because DuckDB's own error()
must not be used in TRY.  A wrapped number keeps its low bits, a double that is out of range becomes
the nearest number.
"""

from __future__ import annotations

from kshell.sql.complaints import MARK

__all__ = ["JAVA_MACROS"]

_MOMENT = (
    r"^(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?"
    r"(?:[T ](?:([01]?\d|2[0-3])(?::(\d{1,2})(?::([0-5]?\d(?:\.\d{1,9})?))?)?)?)?"
    r"(Z|[+-]\d{2}(?::?\d{2})?)?$"
)
_CLOCK = r"^([01]\d|2[0-3]):(\d{2})(?::(\d{2}(?:\.\d{1,9})?))?$"
_DECIMAL = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_DOUBLE = f"{_DECIMAL}[dDfF]?"

JAVA_MACROS = (
    f"java_fail(m) AS CAST('{MARK}' || m AS INTEGER)",
    "java_int(x) AS CAST(xor(x & 4294967295, 2147483648) - 2147483648 AS INTEGER)",
    "java_long(x) AS CAST(xor(x & 18446744073709551615, 9223372036854775808)"
    " - 9223372036854775808 AS BIGINT)",
    "java_double_to_int(x) AS CASE WHEN isnan(x) THEN 0"
    " WHEN x >= 2147483647 THEN 2147483647 WHEN x <= -2147483648 THEN -2147483648"
    " ELSE CAST(trunc(x) AS INTEGER) END",
    "java_double_to_long(x) AS CASE WHEN isnan(x) THEN 0"
    " WHEN x >= 9223372036854775807 THEN 9223372036854775807"
    " WHEN x <= -9223372036854775808 THEN -9223372036854775808"
    " ELSE CAST(trunc(x) AS BIGINT) END",
    # Only a whole number: DuckDB would round '1.5' and read '0x1F'.
    "java_text_to_int(x) AS CASE WHEN x IS NULL THEN NULL"
    " WHEN regexp_full_match(trim(x), '[+-]?[0-9]+') THEN CAST(trim(x) AS INTEGER)"
    " ELSE java_fail('For input string: \"' || x || '\"') END",
    "java_text_to_long(x) AS CASE WHEN x IS NULL THEN NULL"
    " WHEN regexp_full_match(trim(x), '[+-]?[0-9]+') THEN CAST(trim(x) AS BIGINT)"
    " ELSE java_fail('For input string: \"' || x || '\"') END",
    "java_text_to_double(x) AS CASE WHEN x IS NULL THEN NULL"
    f" WHEN regexp_full_match(trim(x), '{_DOUBLE}')"
    " THEN CAST(rtrim(trim(x), 'dDfF') AS DOUBLE)"
    " WHEN regexp_full_match(lower(trim(x)), '[+-]?(infinity|nan)')"
    " THEN CAST(trim(x) AS DOUBLE)"
    " ELSE java_fail('For input string: \"' || x || '\"') END",
    "java_decimal_text(x) AS CASE WHEN x IS NULL THEN NULL"
    f" WHEN regexp_full_match(trim(x), '{_DECIMAL}') THEN trim(x)"
    " ELSE CAST(java_fail('For input string: \"' || x || '\"') AS VARCHAR) END",
    "java_text_to_boolean(x) AS CASE WHEN x IS NULL THEN NULL"
    " ELSE lower(trim(x)) IN ('true', 'yes', 't', 'y') END",
    # Double.toString: plain digits between 1e-3 and 1e7, else one digit, the rest, and E.
    "java_scientific(digits, exponent) AS digits[1] || '.' ||"
    " CASE WHEN rtrim(digits[2:], '0') = '' THEN '0' ELSE rtrim(digits[2:], '0') END"
    " || 'E' || exponent",
    "java_digits(x, t) AS CASE WHEN contains(t, 'e') THEN"
    " java_scientific(replace(split_part(t, 'e', 1), '.', ''),"
    " CAST(split_part(t, 'e', 2) AS INTEGER))"
    " WHEN x >= 1 THEN java_scientific(replace(t, '.', ''), length(split_part(t, '.', 1)) - 1)"
    " ELSE java_scientific(ltrim(t, '0.'),"
    " length(ltrim(t, '0.')) - length(t) + 1) END",
    # At least two digits, the nearest two: where one would do (4.9E-324), that is not the same.
    "java_shortest(x) AS CASE WHEN x < 1e-320 AND CAST(x AS VARCHAR) NOT LIKE '%.%'"
    " THEN format('{:.1e}', x) ELSE CAST(x AS VARCHAR) END",
    "java_double_text(x) AS CASE WHEN x = 0 OR (abs(x) >= 1e-3 AND abs(x) < 1e7)"
    " THEN CAST(x AS VARCHAR) WHEN isnan(x) THEN 'NaN'"
    " WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'Infinity' ELSE '-Infinity' END"
    " WHEN x < 0 THEN '-' || java_digits(-x, java_shortest(-x))"
    " ELSE java_digits(x, java_shortest(x)) END",
    # LocalTime.toString leaves out seconds that are zero, and writes thousandths in threes.
    "java_time_text(x) AS regexp_replace(regexp_replace("
    "strftime(DATE '1970-01-01' + x, '%H:%M:%S.%g'), '\\.000$', ''), '^(.....):00$', '\\1')",
    # Casts of values whose type only DuckDB knows: bounded queries, elements of any array.
    "java_any_text(x) AS CASE typeof(x)"
    " WHEN 'DOUBLE' THEN java_double_text(TRY_CAST(CAST(x AS VARCHAR) AS DOUBLE))"
    " WHEN 'TIME' THEN java_time_text(TRY_CAST(CAST(x AS VARCHAR) AS TIME))"
    " WHEN 'TIMESTAMP_MS' THEN"
    " strftime(TRY_CAST(CAST(x AS VARCHAR) AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%g')"
    " ELSE CAST(x AS VARCHAR) END",
    "java_any_int(x) AS CASE WHEN typeof(x) IN ('DOUBLE', 'FLOAT')"
    " THEN java_double_to_int(CAST(x AS DOUBLE))"
    " WHEN typeof(x) IN ('BIGINT', 'HUGEINT') THEN java_int(CAST(x AS HUGEINT))"
    " WHEN starts_with(typeof(x), 'DECIMAL') THEN"
    " java_int(CAST(split_part(CAST(x AS VARCHAR), '.', 1) AS HUGEINT))"
    " WHEN typeof(x) = 'VARCHAR' THEN java_text_to_int(CAST(x AS VARCHAR))"
    " ELSE CAST(x AS INTEGER) END",
    "java_any_long(x) AS CASE WHEN typeof(x) IN ('DOUBLE', 'FLOAT')"
    " THEN java_double_to_long(CAST(x AS DOUBLE))"
    " WHEN typeof(x) = 'HUGEINT' THEN java_long(CAST(x AS HUGEINT))"
    " WHEN starts_with(typeof(x), 'DECIMAL') THEN"
    " java_long(CAST(split_part(CAST(x AS VARCHAR), '.', 1) AS HUGEINT))"
    " WHEN typeof(x) = 'VARCHAR' THEN java_text_to_long(CAST(x AS VARCHAR))"
    " ELSE CAST(x AS BIGINT) END",
    "java_moment(m, text) AS CASE WHEN text IS NULL THEN NULL"
    " WHEN m.y = '' THEN CAST(CAST(java_fail('no time: ' || text) AS VARCHAR) AS TIMESTAMP)"
    " ELSE make_timestamp(CAST(m.y AS BIGINT), CAST(if(m.mo = '', '1', m.mo) AS BIGINT),"
    " CAST(if(m.d = '', '1', m.d) AS BIGINT), CAST(if(m.h = '', '0', m.h) AS BIGINT),"
    " CAST(if(m.mi = '', '0', m.mi) AS BIGINT), CAST(if(m.s = '', '0', m.s) AS DOUBLE))"
    " - if(m.z IN ('', 'Z'), INTERVAL 0 MINUTE, to_minutes(CAST(m.z[1] || '1' AS BIGINT) *"
    " (60 * CAST(m.z[2:3] AS BIGINT) + CAST('0' || right(replace(m.z[4:], ':', ''), 2)"
    " AS BIGINT)))) END",
    f"java_timestamp(x) AS CAST(java_moment(regexp_extract(trim(x), '{_MOMENT}',"
    " ['y', 'mo', 'd', 'h', 'mi', 's', 'z']), x) AS TIMESTAMP_MS)",
    "java_date(x) AS CAST(java_timestamp(x) AS DATE)",
    f"java_time(x) AS CASE WHEN x IS NULL THEN NULL WHEN regexp_matches(trim(x), '{_CLOCK}')"
    " THEN CAST(trim(x) || if(length(trim(x)) = 5, ':00', '') AS TIME)"
    " ELSE CAST(CAST(java_fail('no time of day: ' || x) AS VARCHAR) AS TIME) END",
    # Math.round: halves go up, and the number next to a half is not a half.
    "java_round(x) AS floor(x) + CASE WHEN x - floor(x) >= 0.5 THEN 1 ELSE 0 END",
    "java_power(x, y) AS CASE WHEN isnan(y) OR (abs(x) = 1 AND isinf(y))"
    " THEN CAST('nan' AS DOUBLE) ELSE pow(x, y) END",
    "java_log(base, x) AS CASE WHEN base IS NULL OR x IS NULL THEN NULL"
    " WHEN x = 0 THEN CAST('-inf' AS DOUBLE)"
    " WHEN x < 0 OR base <= 0 OR base = 1 THEN CAST('nan' AS DOUBLE) ELSE ln(x) / ln(base) END",
    "java_series(a, b, step) AS CASE"
    " WHEN step = 0 THEN [CAST(java_fail('GENERATE_SERIES step cannot be zero') AS BIGINT)]"
    " WHEN (b > a AND step < 0) OR (b < a AND step > 0)"
    " THEN [CAST(java_fail('GENERATE_SERIES step has wrong sign') AS BIGINT)]"
    " ELSE generate_series(CAST(a AS BIGINT), CAST(b AS BIGINT), CAST(step AS BIGINT)) END",
    # The haversine formula.
    "java_radius(unit) AS CASE"
    " WHEN lower(unit) IN ('km', 'kilometer', 'kilometers', 'kilometre', 'kilometres') THEN 6371.0"
    " WHEN lower(unit) IN ('mi', 'mile', 'miles') THEN 3959.0"
    " ELSE java_fail('no unit of distance: ' || unit) END",
    "java_degrees(x, most, what) AS CASE WHEN abs(x) <= most THEN x"
    " * CAST('0.017453292519943295' AS DOUBLE) WHEN x IS NOT NULL"
    " THEN java_fail(what || ' out of range: ' || x) END",
    "java_haversine(x) AS sin(x / 2) * sin(x / 2)",
    "java_distance(lat1, lon1, lat2, lon2, unit) AS CASE WHEN unit IS NOT NULL THEN 2 * asin(sqrt("
    "java_haversine((lat2 - lat1) * CAST('0.017453292519943295' AS DOUBLE)) +"
    " java_haversine((lon2 - lon1) * CAST('0.017453292519943295' AS DOUBLE))"
    " * cos(java_degrees(lat1, 90, 'latitude')) * cos(java_degrees(lat2, 90, 'latitude'))"
    " + 0 * java_degrees(lon1, 180, 'longitude') * java_degrees(lon2, 180, 'longitude')))"
    " * CAST(java_radius(unit) AS DOUBLE) END",
    # java.util.concurrent.TimeUnit: a number of units as milliseconds.
    "java_span(unit, n) AS CAST(n AS BIGINT) * CASE"
    " WHEN unit IN ('MILLISECONDS', 'MILLISECOND') THEN 1"
    " WHEN unit IN ('SECONDS', 'SECOND') THEN 1000 WHEN unit IN ('MINUTES', 'MINUTE') THEN 60000"
    " WHEN unit IN ('HOURS', 'HOUR') THEN 3600000 WHEN unit IN ('DAYS', 'DAY') THEN 86400000"
    " WHEN unit IN ('WEEKS', 'WEEK') THEN 604800000"
    " ELSE java_fail('no unit with a length of its own: ' || unit) END",
    "java_add_millis(t, ms) AS CAST(make_timestamp_ms("
    "epoch_ms(CAST(t AS TIMESTAMP)) + ms) AS TIMESTAMP_MS)",
    "java_add_days(d, ms) AS DATE '1970-01-01' + CAST("
    "((d - DATE '1970-01-01') * 86400000 + ms) // 86400000 AS INTEGER)",
    # Java counts nanoseconds, so a span has a limit: they must fit a long.
    "java_add_time(t, ms) AS TIME '00:00' + to_milliseconds("
    "((date_diff('millisecond', TIME '00:00', t) + CASE WHEN ms > 9223372036854"
    " THEN 9223372036854 WHEN ms < -9223372036855 THEN -9223372036855 ELSE ms END)"
    " % 86400000 + 86400000) % 86400000)",
    # Of equal keys, the last one counts, as with HashMap.put.
    "java_map(k, v) AS map("
    "list_filter(k, lambda key, n: NOT list_contains(k[n + 1:], key)),"
    " list_filter(v, lambda value, n: NOT list_contains(k[n + 1:], k[n])))",
    # The order of a HashMap of strings that is made for its size: by bucket, then by age.
    "java_hash(s) AS list_reduce(list_transform(string_split(s, ''),"
    " lambda c: CAST(unicode(c) AS BIGINT)), lambda h, c: (h * 31 + c) & 4294967295, 0::BIGINT)",
    "java_bucket(h, n) AS xor(h, h >> 16) &"
    " (greatest(2, 1 << CAST(ceil(log2(n::DOUBLE / 0.75)) AS INTEGER)) - 1)",
    "java_entries(m) AS list_transform(list_sort(list_transform(map_entries(m), lambda e, n:"
    " {'b': java_bucket(java_hash(CAST(e.key AS VARCHAR)), cardinality(m)), 'n': n, 'e': e})),"
    " lambda s: s.e)",
    # A NULL key is the text null, as JSON writes it: neither DuckDB nor Arrow has NULL keys.
    "java_text_map(k, v) AS java_map(list_transform(k, lambda key: coalesce(key, 'null')), v)",
)
