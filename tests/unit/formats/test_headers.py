"""Numbers that C and Python share: each is written in a header and again in the twin or the caller."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import kshell.formats
from kshell.formats import json_rules, json_scan
from kshell.formats.avro import program, pure
from kshell.formats.avro.ops import Code, Fit
from kshell.formats.protobuf import walk


def enums(header: str) -> list[dict[str, int]]:
    """The header's enums, in order."""
    text = (Path(kshell.formats.__file__).parent / header).read_text()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    found = []
    for body in re.findall(r"\benum\s*\{(.*?)\}", text, flags=re.S):
        numbers: dict[str, int] = {}
        following = 0
        for item in body.split(","):
            name, _, written = (part.strip() for part in item.partition("="))
            if written:
                first, *shift = (ast.literal_eval(part.strip()) for part in written.split("<<"))
                following = first << shift[0] if shift else first
            numbers[name] = following
            following += 1
        found.append(numbers)
    return found


def enum_with(header: str, name: str) -> dict[str, int]:
    """The enum that has the name."""
    return next(e for e in enums(header) if name in e)


def held(module, names: dict[str, str]) -> dict[str, int]:
    """What a module holds under its own names, by the header's names for them."""
    return {ours: getattr(module, theirs) for ours, theirs in names.items()}


def private(numbers: dict[str, int], prefix: str = "", **others: str) -> dict[str, str]:
    """The header's names with the Python names: _NAME for PREFIX_NAME, unless another is given."""
    return {n: others.get(n, "_" + n.removeprefix(prefix)) for n in numbers}


@pytest.mark.parametrize(("enum", "prefix"), [(Code, "OP_"), (Fit, "FIT_")])
def test_avro_s_operations(enum, prefix):
    written = enum_with("avro.h", f"{prefix}{enum(0).name}")
    assert written == {f"{prefix}{member.name}": member.value for member in enum}


def test_avro_s_limits():
    limits = enum_with("avro.h", "DEEPEST")
    assert limits == held(pure, private(limits))


def test_avro_s_refusals():
    reasons = enum_with("avro_slots.h", "CUT_OFF")
    # FINE is no refusal, and want of memory is the C's alone.
    refusals = {n: v for n, v in reasons.items() if n not in ("FINE", "NO_MEMORY")}
    assert refusals == held(pure, private(refusals))
    assert reasons["FINE"] == 0
    assert set(refusals.values()) == set(range(1, len(program._REASONS)))
    assert reasons["UNFIT"] == program._UNFIT


def test_avro_s_slots():
    slots = enum_with("avro_slots.h", "SLOT_BITS")
    assert slots == held(program, private(slots, "SLOT_"))


def test_protobuf_s_nodes_wires_and_refusals():
    nodes, wires = enum_with("proto.h", "N_MESSAGE"), enum_with("proto.h", "W_VARINT")
    assert nodes == held(walk, private(nodes, "N_"))
    assert wires == held(walk, private(wires, "W_", W_BOOL="_WBOOL"))
    reasons = enum_with("proto.h", "P_OK")
    told = {n: v for n, v in reasons.items() if n not in ("P_OK", "P_MALFORMED")}
    assert told == held(walk, private(told, "P_"))


def test_json_s_refusals_and_ways():
    reasons = enum_with("scan.h", "MALFORMED")
    told = {n: v for n, v in reasons.items() if n != "OK"}
    assert told == held(json_rules, {n: {"OUT_OF_RANGE": "RANGE"}.get(n, n) for n in told})
    assert set(told.values()) == {*json_scan._REASONS, json_rules.NOT_OBJECT}
    assert enum_with("scan.h", "MAX_DEPTH")["MAX_DEPTH"] == json_rules.MAX_DEPTH
    flags = enum_with("scan.h", "INEXACT")
    assert flags == held(json_rules, {n: n for n in flags})
    names, types = json_scan.Names, json_scan.Types
    assert enum_with("scan.h", "EXACT_NAMES") == {
        "EXACT_NAMES": names.EXACT.value, "UPPER_NAMES": names.UPPER.value, "NO_NAMES": names.WHOLE.value
    }  # fmt: skip
    assert enum_with("scan.h", "STRICT_TYPES") == {
        "STRICT_TYPES": types.STRICT.value, "KSQL_TYPES": types.KSQL.value
    }  # fmt: skip
