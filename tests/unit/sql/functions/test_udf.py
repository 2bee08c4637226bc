"""The user's own functions: declared, loaded from a file, called, described, and refused."""

import pyarrow as pa
import pytest

from kshell.config import Properties
from kshell.errors import BindError, UnknownName
from kshell.results import Message
from kshell.session import Session
from kshell.sql import duck, functions, udf, users
from kshell.sql.parse import parse
from kshell.stream.evaluate import Evaluator, ignore_errors
from tests.unit.sql.functions.macros import in_macros

FILE = '''
from kshell.sql.udf import columnar, scalar
import pyarrow.compute as pc

@scalar("(STRING, INTEGER) -> STRING", help="The text so many times.")
def repeat(text, times):
    if times < 0:
        raise ValueError("times is negative")
    return text * times

@scalar("(DOUBLE) -> DOUBLE", name="REPEAT")
def twice(number):
    """Twice the number.

    More."""
    return number * 2

@columnar("(BIGINT) -> BIGINT", name="PLUS_ONE")
def plus(numbers):
    return pc.add(numbers, 1)

@scalar("(ARRAY<T>) -> T")
def second(values):
    return values[1]

@scalar("(STRING...) -> INTEGER")
def how_many(*texts):
    return len(texts)
'''


@pytest.fixture
def loaded(tmp_path):
    path = tmp_path / "functions.py"
    path.write_text(FILE)
    known, problems = udf.load(path)
    assert problems == []
    with users.with_users(known):
        yield path


@pytest.mark.usefixtures("loaded")
def test_in_a_continuous_query(evaluated):
    found = evaluated("REPEAT(A, B)", A=pa.array(["x", None, "y"]), B=pa.array([2, 1, -1], pa.int32()))
    assert found.values == ["xx", None, None]
    assert found.errors == [("R", "times is negative")]
    assert evaluated("repeat(2)").values == [4.0]  # the overload, its argument widened
    assert evaluated("PLUS_ONE(A)", A=pa.array([1, None], pa.int32())).values == [2, None]
    assert evaluated("SECOND(ARRAY['a', 'b'])").values == ["b"]
    assert evaluated("HOW_MANY('a', 'b', 'c')").values == [3]
    assert evaluated("TRANSFORM(ARRAY['a'], x => REPEAT(x, 3))").values == [["aaa"]]


@pytest.mark.usefixtures("loaded")
def test_in_a_bounded_query():
    (statement,) = parse("SELECT REPEAT('ab', 2) AS A, PLUS_ONE(41) AS B;")
    with duck.connect() as connection:
        sql = in_macros(statement.query, connection)
        assert connection.sql(sql).fetchall() == [("abab", 42)]


@pytest.mark.parametrize("dialect", ["ksql", "duckdb"])
def test_one_without_parameters_gives_each_row_a_value(tmp_path, dialect):
    path = tmp_path / "functions.py"
    path.write_text("from kshell.sql.udf import scalar\n@scalar('() -> BIGINT')\ndef seven():\n    return 7\n")
    properties = Properties({"kshell.functions": str(path), "kshell.dialect": dialect})
    session = Session(properties, tables={"t": pa.table({"x": [1, 2, 3]})})
    try:
        for text, rows in (("SELECT seven() + x AS y FROM t", [8, 9, 10]), ("SELECT SEVEN() AS y", [7]),
                           ("SELECT sum(seven()) AS y FROM t", [21])):  # fmt: skip
            *_, answer = session.execute(text)
            assert pa.Table.from_batches(list(answer.batches), answer.schema)["y"].to_pylist() == rows
    finally:
        session.close()


def test_one_without_parameters_in_a_continuous_query(evaluated, tmp_path):
    path = tmp_path / "functions.py"
    path.write_text("from kshell.sql.udf import scalar\n@scalar('() -> BIGINT')\ndef seven():\n    return 7\n")
    known, problems = udf.load(path)
    assert not problems
    with users.with_users(known):
        assert evaluated("SEVEN() + 1").values == [8]


@pytest.mark.usefixtures("loaded")
def test_it_is_described_and_listed():
    row = functions.describe("repeat")
    assert [str(f.signature) for f in row.forms] == [
        "(STRING, INTEGER) -> STRING", "(DOUBLE) -> DOUBLE",
    ]  # fmt: skip
    assert (row.help, row.category) == ("The text so many times.", "user")
    assert {"REPEAT", "PLUS_ONE", "SECOND"} <= set(functions.names())


@pytest.mark.usefixtures("loaded")
def test_arguments_are_checked_as_those_of_any_function(bound):
    with pytest.raises(BindError, match="'REPEAT' does not accept parameters"):
        bound("REPEAT('a', 'b')")


def test_a_changed_file_takes_the_place_of_the_old_one(loaded, evaluated):
    assert evaluated("REPEAT('a', 1)").values == ["a"]
    loaded.write_text(FILE.replace("text * times", "'new'"))
    known, problems = udf.load(loaded)
    assert problems == []
    with users.with_users(known):
        assert evaluated("REPEAT('a', 1)").values == ["new"]
    assert udf.load(None) == ({}, [])
    with users.with_users({}), pytest.raises(UnknownName):
        functions.describe("REPEAT")


def test_what_was_bound_needs_no_name_any_more(loaded, bound):
    expression = bound("REPEAT('a', 2)")
    with users.with_users({}):
        (made,) = Evaluator([("R", expression)], ignore_errors)(pa.record_batch({"x": [1]}))
    assert made.to_pylist() == ["aa"]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("x = 1\ny = = 2\n", 2, "SyntaxError: invalid syntax"),
        ("\n\n1 / 0\n", 3, "ZeroDivisionError: division by zero"),
        ("import nothing_like_it\n", 1, "ModuleNotFoundError: No module named 'nothing_like_it'"),
        ("raise SystemExit(3)\n", 1, "SystemExit: 3"),
        ("from kshell.sql.udf import scalar\n@scalar('(TEXT) -> STRING')\ndef f(a): ...\n", 2,
         "ValueError: TEXT is no type of a signature"),
        ("from kshell.sql.udf import scalar\n@scalar('(ARRAY) -> STRING')\ndef f(a): ...\n", 2,
         "ValueError: ARRAY of what?"),
        ("from kshell.sql.udf import scalar\n@scalar('(STRING) -> STRING')\ndef f(a, b): ...\n", 2,
         "ValueError: F: (STRING) -> STRING does not fit the function"),
        ("from kshell.sql.udf import scalar\n@scalar('(ARRAY<T>, (T) => T) -> T')\ndef f(a, b): ...\n",
         2, "ValueError: F: a lambda cannot be given to Python"),
        ("from kshell.sql.udf import columnar\n@columnar('() -> STRING')\ndef f(): ...\n",
         2, "ValueError: F: without a column it cannot know how many rows there are"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_told_with_its_line(tmp_path, text, line, message):
    path = tmp_path / "functions.py"
    path.write_text(text)
    _, (problem,) = udf.load(path)
    assert problem.startswith(f"{path}, line {line}: {message}")


def test_what_came_before_the_fault_is_known_all_the_same(tmp_path, evaluated):
    path = tmp_path / "functions.py"
    path.write_text(FILE + "\nnonsense\n")
    known, (problem,) = udf.load(path)
    assert problem.endswith("NameError: name 'nonsense' is not defined")
    with users.with_users(known):
        assert evaluated("REPEAT('a', 2)").values == ["aa"]


def test_ksqls_names_are_not_to_be_had(tmp_path):
    path = tmp_path / "functions.py"
    path.write_text(
        "from kshell.sql.udf import scalar\n@scalar('(STRING) -> STRING')\ndef ucase(a): return ''\n"
    )
    assert udf.load(path) == ({}, ["UCASE is a function of KSQL: give yours another name"])


def test_a_file_that_is_not_there(tmp_path):
    _, (problem,) = udf.load(tmp_path / "none.py")
    assert "FileNotFoundError" in problem


class _Engine:
    """Answers every statement."""

    @classmethod
    def connect(cls, properties, given, opens_records):
        return cls()

    def types(self):
        return {}

    def run(self, statement, properties):
        return Message("done")


def test_a_session_loads_the_file_once_and_again_when_it_is_set(tmp_path, monkeypatch):
    monkeypatch.setattr("kshell.engines.chosen.ChosenEngine", _Engine)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    bad, good = tmp_path / "bad.py", tmp_path / "good.py"
    bad.write_text("1 / 0\n")
    good.write_text(FILE)
    session = Session.open({"bootstrap.servers": "x:1", "kshell.files": "true"})

    def said(text):
        return [result.text for result in session.execute(text)]

    assert said("SHOW TOPICS;") == ["done"]
    topics, told, *rest = said(f"SET 'kshell.functions'='{bad}'; SHOW TOPICS; SHOW FUNCTIONS; SHOW FUNCTIONS;")[1:]
    assert topics == "done"  # what can call no function does not wait for them
    assert told == f"functions: {bad}, line 1: ZeroDivisionError: division by zero"
    assert rest == ["done", "done"]
    said(f"SET 'kshell.functions'='{good}'; SHOW FUNCTIONS;")
    assert "REPEAT" in session.functions()
    said("UNSET 'kshell.functions'; SHOW FUNCTIONS;")
    assert "REPEAT" not in session.functions()
