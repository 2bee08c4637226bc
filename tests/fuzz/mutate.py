"""Bytes made a little wrong: what every fuzzer here does to its inputs."""

from __future__ import annotations

import random
import struct

_INTERESTING = (0, 1, 2, 6, 7, 0x7F, 0x80, 0xFE, 0xFF)


def mutate(chance: random.Random, data: bytes) -> bytearray:
    mutated = bytearray(data)
    for _ in range(chance.randrange(1, 6)):
        kind = chance.randrange(5)
        at = chance.randrange(len(mutated)) if mutated else 0
        if kind == 0 and mutated:
            mutated[at] = chance.randrange(256)
        elif kind == 1 and mutated:
            mutated[at] = chance.choice(_INTERESTING)
        elif kind == 2:
            del mutated[at : at + chance.randrange(1, 9)]
        elif kind == 3:
            mutated[at:at] = bytes(chance.choice(_INTERESTING) for _ in range(chance.randrange(9)))
        elif kind == 4 and len(mutated) > 8:
            struct.pack_into(">i", mutated, chance.randrange(len(mutated) - 4),
                             chance.choice([-1, 0, 1, 2**31 - 1, -(2**31), 61, 1 << 20]))  # fmt: skip
    return mutated
