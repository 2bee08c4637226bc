"""Which of the places where a property is set wins, and what an error says of the place."""

from __future__ import annotations

import itertools

import pytest

from kshell.config.sources import gather
from kshell.errors import KshellError, UsageError
from kshell.terminal.options import parser
from kshell.terminal.settings import gathered, remarks

# From the strongest; each sets the registry's address to its own name.
ORDER = ["flags", "-X", "--command-config", "environment", "profile", "config.toml", "default"]
PAIRS = list(itertools.pairwise(ORDER))


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Writes config.toml; gives its path."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "kshell" / "config.toml"
    path.parent.mkdir()

    def write(text: str):
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(("stronger", "weaker"), PAIRS)
def test_the_stronger_of_two_neighbours_wins(stronger, weaker, config, tmp_path, monkeypatch):
    both = {stronger, weaker}
    arguments: list[str] = []
    if "flags" in both:
        arguments += ["--registry", "http://flags"]
    if "-X" in both:
        arguments += ["-X", "schema.registry.url=http://-X"]
    if "--command-config" in both:
        (tmp_path / "c.properties").write_text("schema.registry.url=http://--command-config\n")
        arguments += ["-F", str(tmp_path / "c.properties")]
    if "environment" in both:
        monkeypatch.setenv("KSHELL_SCHEMA_REGISTRY_URL", "http://environment")
    toml = ""
    if "config.toml" in both:
        toml += 'schema.registry.url = "http://config.toml"\n'
    if "profile" in both:
        toml += '[profile.p]\nschema.registry.url = "http://profile"\n'
        arguments += ["--profile", "p"]
    config(toml)
    found = gathered(parser().parse_args(arguments))
    assert found.properties["schema.registry.url"] == f"http://{stronger}"


def test_the_origin_of_a_value_is_its_place(config, tmp_path, monkeypatch):
    path = config('client.id = "a"\n\n[profile.default]\n"sasl.username" = "al"\n')
    client = tmp_path / "c.properties"
    client.write_text("# mine\nsecurity.protocol=SASL_SSL\n")
    monkeypatch.setenv("KSHELL_SAMPLE_RECORDS", "7")
    options = ["-F", str(client), "-X", "isolation.level=read_uncommitted", "-b", "h:1"]
    found = gathered(parser().parse_args(options))
    assert {name: setting.origin for name, setting in found.settings.items()} == {
        "client.id": f"{path}:1",
        "sasl.username": f"{path}:4",
        "kshell.sample.records": "KSHELL_SAMPLE_RECORDS",
        "security.protocol": f"{client}:2",
        "isolation.level": "-X",
        "bootstrap.servers": "--bootstrap",
    }


@pytest.mark.parametrize(
    ("toml", "line", "said"),
    [
        ('a = "x"\n', 1, "no property named a"),
        ('client.id = "x"\n[profile.default]\nsasl.usernme = "x"\n', 3, "no property named sasl.usernme"),
        ('[profile.default]\n\n# how\nsecurity.protocol = "TLS"\n', 4, "security.protocol cannot be 'TLS'"),
        ("[profile.default]\nclient.id = 2026-01-01\n", 2, "client.id is a text, a number, true or false"),
        ('client.id = "x\n', 1, "Illegal character"),
        ('profile = "prod"\n', 1, "no property named profile"),
    ],
)
def test_an_error_in_config_toml_names_file_and_line(toml, line, said, config):
    path = config(toml)
    with pytest.raises(UsageError) as caught:
        gather()
    assert caught.value.what.startswith(f"{path}:{line}: ")
    assert said in caught.value.what


def test_an_error_of_a_variable_names_it(config, monkeypatch):
    config("")
    monkeypatch.setenv("KSHELL_SAMPLE_RECORDS", "many")
    with pytest.raises(UsageError, match="^KSHELL_SAMPLE_RECORDS: .*whole number"):
        gather()


def test_another_profile_may_be_wrong(config):
    config('[profile.old]\nsasl.usernme = "x"\n[profile.new]\nclient.id = "n"\n')
    assert gather(profile="new").properties["client.id"] == "n"
    with pytest.raises(UsageError, match=r"config.toml:2: "):
        gather(profile="old")


def test_an_empty_profile_is_there_and_an_unknown_one_is_not(config):
    config('[profile.plain]\n[profile."eu.prod"]\nclient.id = "e"\n')
    assert "client.id" not in gather(profile="plain").settings
    assert gather(profile="eu.prod").properties["client.id"] == "e"
    with pytest.raises(KshellError, match="no profile named plan") as caught:
        gather(profile="plan")
    assert caught.value.hint == "did you mean plain?"


def test_an_unknown_profile_says_where_profiles_stand(config):
    with pytest.raises(KshellError) as caught:
        gather(profile="nope")
    assert caught.value.hint.endswith("config.toml has no profile: kshell config init writes a sample")
    config('client.id = "x"\n[profile.plain]\n[profile."eu.prod"]\n')
    with pytest.raises(KshellError) as caught:
        gather(profile="nope")
    assert caught.value.hint.endswith("config.toml has the profiles eu.prod, plain")


def test_lists_numbers_and_truth_are_values(config):
    config('bootstrap.servers = ["a:1", "b:2"]\nkshell.sample.records = 9\nksql.fail.on.deserialization.error = true\n')
    made = gather().properties
    assert made["bootstrap.servers"] == "a:1,b:2"
    assert made["kshell.sample.records"] == "9"
    assert made["ksql.fail.on.deserialization.error"] == "true"


def test_a_value_of_several_lines_keeps_the_line_of_its_name(config):
    path = config('"ssl.ca.pem" = """\n[x]\na = 1\n"""\nclient.id = "after"\n')
    found = gather()
    assert found.properties["ssl.ca.pem"] == "[x]\na = 1\n"
    assert found.settings["client.id"].origin == f"{path}:5"


def test_a_pem_in_a_stronger_place_takes_the_file_away(config):
    config('ssl.ca.location = "ca.pem"\nssl.key.pem = "K"\n')
    made = gather(assignments=["ssl.truststore.certificates=C", "ssl.key.location=k.pem"])
    assert (made.properties["ssl.ca.pem"], made.properties["ssl.key.location"]) == ("C", "k.pem")
    assert "ssl.ca.location" not in made.properties
    assert "ssl.key.pem" not in made.properties
    assert set(made.settings) == {"ssl.ca.pem", "ssl.key.location"}


@pytest.mark.parametrize("given", ["sasl.password:hunter2", "hunter2"])
def test_what_dash_x_was_given_without_a_value_is_not_repeated(given, config):
    config("")
    with pytest.raises(UsageError) as caught:
        gather(assignments=[given])
    assert "hunter2" not in caught.value.what + caught.value.hint


def test_a_profile_may_be_read_only_and_have_a_colour(config):
    config('[profile.prod]\nread_only = true\ncolor = "RED"\n[profile.own]\nkshell.files = false\n')
    made = gather(profile="prod").properties
    assert (made["kshell.read.only"], made["kshell.prompt.color"]) == ("true", "red")
    assert made["kshell.files"] == "true"  # the command's default, which a program's is not
    own = gather(profile="own").properties
    assert (own["kshell.read.only"], own["kshell.files"]) == ("false", "false")
    (written,) = [s for s in gather(profile="prod").settings.values() if s.name == "kshell.read.only"]
    assert written.origin.endswith("config.toml:2")


def test_a_secret_in_a_file(config, tmp_path, monkeypatch):
    config("")
    (tmp_path / "password").write_text("s3cret \n")
    monkeypatch.setenv("KSHELL_SASL_PASSWORD_FILE", str(tmp_path / "password"))
    found = gathered(parser().parse_args([]))
    assert found.properties["sasl.password"] == "s3cret "
    assert found.settings["sasl.password"].origin == "KSHELL_SASL_PASSWORD_FILE"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"KSHELL_SASL_PASSWORD_FILE": "nowhere"},
         "KSHELL_SASL_PASSWORD_FILE: nowhere cannot be read: No such file or directory"),
        ({"KSHELL_SASL_PASSWORD_FILE": "x", "KSHELL_SASL_PASSWORD": "s3cret"},
         "KSHELL_SASL_PASSWORD and KSHELL_SASL_PASSWORD_FILE are both set"),
    ],
)  # fmt: skip
def test_a_secret_that_no_file_gives(variables, said, config, monkeypatch, tmp_path):
    config("")
    monkeypatch.chdir(tmp_path)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError) as failed:
        gathered(parser().parse_args([]))
    assert failed.value.what == said
    from kshell.config.validate import problems_of_environment

    assert [error.what for error in problems_of_environment()] == [said]


def test_only_secrets_come_from_files(config, monkeypatch, tmp_path):
    config("")
    monkeypatch.setenv("KSHELL_CLIENT_ID_FILE", str(tmp_path / "x"))
    from kshell.config.validate import problems_of_environment

    (error,) = problems_of_environment()
    assert error.what == "KSHELL_CLIENT_ID_FILE: no property has this variable"


def test_a_file_with_a_secret_that_others_may_read_is_said(config, tmp_path):
    path = config('[profile.p]\nsasl.password = "x"\nsasl.username = "al"\n')
    path.chmod(0o644)
    client = tmp_path / "c.properties"
    client.write_text("ssl.key.password=x\n")
    client.chmod(0o640)
    options = parser().parse_args(["--profile", "p", "-F", str(client)])
    said = list(remarks(options, gathered(options)))
    assert [text.partition(",")[0] for text in said] == [f"{path} holds sasl.password", f"{client} holds ssl.key.password"]
    path.chmod(0o600)
    client.write_text("client.id=x\n")
    assert list(remarks(options, gathered(options))) == []


@pytest.mark.parametrize(
    ("servers", "protocol", "mechanism", "said"),
    [
        ("127.0.0.1:9092,broker-1:9092", "SASL_PLAINTEXT", "PLAIN", "the password goes to broker-1 in plain text"),
        ("broker-1", "SASL_PLAINTEXT", "OAUTHBEARER", "the token goes to broker-1 in plain text"),
        ("broker-1", "SASL_PLAINTEXT", "SCRAM-SHA-512", ""),
        ("broker-1", "SASL_SSL", "PLAIN", ""),
        ("localhost:9092,[::1]:9092", "SASL_PLAINTEXT", "PLAIN", ""),
        ("broker-1", "PLAINTEXT", "PLAIN", ""),
    ],
)
def test_a_secret_that_goes_out_in_plain_text_is_said(config, servers, protocol, mechanism, said):
    assignments = {"bootstrap.servers": servers, "security.protocol": protocol, "sasl.mechanism": mechanism}
    options = parser().parse_args([part for n, v in assignments.items() for part in ("-X", f"{n}={v}")])
    assert "".join(remarks(options, gathered(options))).startswith(said)
    assert bool(said) == any(remarks(options, gathered(options)))


def test_a_login_module_of_javas_outside_of_a_file(config):
    with pytest.raises(UsageError, match="no property named sasl.jaas.config") as caught:
        gather(assignments=['sasl.jaas.config=PlainLoginModule required username="a" password="hunter2";'])
    assert "a file of -F" in caught.value.hint
    assert "sasl.password" in caught.value.hint
    assert "hunter2" not in caught.value.what + caught.value.hint
