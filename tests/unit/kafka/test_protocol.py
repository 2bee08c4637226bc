"""Kafka's messages: the tables of fields beside aiokafka's, and answers that are broken."""

from __future__ import annotations

import contextlib
import random

import pytest
from aiokafka.protocol import admin, commit, offset
from aiokafka.protocol import types as of_aiokafka
from aiokafka.protocol.api import RequestStruct

from kshell.errors import CorruptRecord
from kshell.kafka import messages
from kshell.kafka.protocol import Api, Array, Field, Request, decode

APIS = {getattr(messages, n).key: getattr(messages, n) for n in messages.__all__ if n != "ASSIGNMENT"}
NAMES = {of_aiokafka.Int8: "int8", of_aiokafka.Int16: "int16", of_aiokafka.Int32: "int32",
         of_aiokafka.Int64: "int64", of_aiokafka.Boolean: "bool", of_aiokafka.Bytes: "bytes",
         of_aiokafka.Float64: "float64"}  # fmt: skip
# By Kafka's protocol guide a leader's epoch is an int32, and the answer of DescribeGroups v3 has the
# operations: aiokafka takes the answer of v2.
WRONG = ("OffsetRequest_v4", "OffsetRequest_v5", "DescribeGroupsRequest_v3")


def theirs(type) -> object:
    """The shape of a type of aiokafka's: names of primitives, lists for arrays, tuples."""
    if isinstance(type, of_aiokafka.Array):
        return [theirs(type.array_of)]
    if isinstance(type, of_aiokafka.Schema):
        shapes = tuple(map(theirs, type.fields))
        return shapes[0] if len(shapes) == 1 else shapes
    return "string" if isinstance(type, of_aiokafka.String) else NAMES[type]


def ours(type, version: int) -> object:
    """The shape of a type of ours in a version."""
    if isinstance(type, Array):
        return [ours(type.of, version)]
    if isinstance(type, tuple):
        shapes = tuple(ours(f.type, version) for f in type if f.since <= version <= f.until)
        return shapes[0] if len(shapes) == 1 else shapes
    return type


def pairs():
    """Each request that aiokafka knows too, in the versions that are not flexible."""
    for module in (admin, commit, offset):
        for made in vars(module).values():
            if not isinstance(made, type) or not issubclass(made, RequestStruct) or made is RequestStruct:
                continue
            api = APIS.get(made.API_KEY)
            known = api is not None and api.versions[0] <= made.API_VERSION <= api.versions[1]
            if known and api.flexible > made.API_VERSION and made.__name__ not in WRONG:
                yield pytest.param(api, made, id=made.__name__)


@pytest.mark.parametrize(("api", "made"), list(pairs()))
def test_messages_are_those_that_aiokafka_knows(api: Api, made):
    version = made.API_VERSION
    assert ours(api.request, version) == theirs(made.SCHEMA)
    assert ours(api.response, version) == theirs(made.RESPONSE_TYPE.SCHEMA)


def test_there_is_much_to_compare():
    assert {api.values[0].name for api in pairs()} >= {
        "ListGroups", "DescribeGroups", "OffsetFetch", "ListOffsets", "DescribeConfigs", "DescribeAcls",
        "DescribeClientQuotas",
    }  # fmt: skip


def value_of(type, version: int, rng: random.Random) -> object:
    """Any value of a type."""
    if isinstance(type, Array):
        return [value_of(type.of, version, rng) for _ in range(rng.choice((0, 1, 3, 200)))]
    if isinstance(type, tuple):
        return {f.name: value_of(f.type, version, rng) for f in type if f.since <= version <= f.until}
    made = {"string": rng.choice((None, "", "größe", "x" * 200)), "bytes": rng.choice((None, b"", b"\0\xff")),
            "bool": rng.random() < 0.5, "float64": rng.random(), "uuid": rng.randbytes(16)}  # fmt: skip
    return made[type] if type in made else rng.randrange(-128, 128)


@pytest.mark.parametrize("flexible", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_what_is_written_is_read(flexible, seed):
    rng = random.Random(seed)
    pair = (Field("n", "int32"), Field("b", "bool"))
    fields = (
        Field("a", "int8"), Field("b", "string"), Field("c", "bytes"), Field("d", "uuid"),
        Field("e", Array(pair)), Field("f", Array("int32")), Field("g", Array("string")),
        Field("h", (Field("i", "float64"), Field("j", Array((*pair, Field("k", "string")))))),
        Field("later", "int64", since=5), Field("old", "int16", until=3),
    )  # fmt: skip
    value = value_of(fields, 4, rng)
    api = Api(0, "", (4, 4), 0 if flexible else 9, fields, ())
    data = Request(api, 4, value).encode()
    assert decode(fields, 4, flexible, data) == value
    for end in rng.sample(range(len(data)), min(50, len(data))):  # cut off anywhere
        with pytest.raises(CorruptRecord):
            decode(fields, 4, flexible, data[:end])


def test_tags_are_skipped_where_they_are():
    fields = (Field("e", Array((Field("n", "int16"),))),)
    tagged = bytes([3, 0, 1, 1, 0, 2, 65, 66, 0, 2, 0, 0])  # the first element has a tag of two bytes
    assert decode(fields, 0, True, tagged) == {"e": [{"n": 1}, {"n": 2}]}


@pytest.mark.parametrize("seed", range(200))
def test_any_bytes_are_read_or_refused(seed):
    rng = random.Random(seed)
    api = rng.choice(list(APIS.values()))
    version = rng.randint(*api.versions)
    data = rng.randbytes(rng.choice((0, 5, 40, 400)))
    with contextlib.suppress(CorruptRecord):
        assert isinstance(decode(api.response, version, version >= api.flexible, data), dict)


def test_the_newest_version_that_both_know_is_taken():
    api = messages.LIST_GROUPS
    assert [api.version({16: served}) for served in ((0, 2), (0, 99), (6, 9))] == [2, 5, None]
    assert api.version({}) is None
