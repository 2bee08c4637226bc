# cython: language_level=3, boundscheck=False, wraparound=False
"""Arrow columns to the bytes of records: `json_codec` and `delimited` call it where it is built.

All writing is in write.h, with the GIL released.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

import numpy as np
import pyarrow as pa

cdef extern from "write.h" nogil:
    int W_TEXT, W_BYTES, W_INT, W_BIGINT, W_DOUBLE, W_BOOLEAN, W_DECIMAL, W_LIST, W_MAP, W_OBJECT
    int NO_ROOM, TOO_LARGE, AS_JSON, AS_LINES, LEAST_POWER, POWERS
    uint64_t powers[617][2]
    ctypedef struct node:
        int kind, scale, count
        const node *inner
        const char *name
        int64_t name_size
        const uint8_t *valid
        const int32_t *at
        const uint8_t *data
        int64_t first
    ctypedef struct text:
        uint8_t *data
        int64_t size, room
    ctypedef struct bytes_ "bytes":
        const char *data
        int64_t size
    ctypedef struct manner:
        int how, single
        bytes_ prefix, delimiter
    int64_t write_rows(text *, const node *, const node *, int64_t, const manner *, int32_t *,
                       uint8_t *)


def prepare():
    """The powers of ten that doubles are written by."""
    for i in range(POWERS):
        k = LEAST_POWER + i
        shift = 127 - ((k * 1741647) >> 19)
        over, under = (10**k, 1) if k >= 0 else (1, 10**-k)
        over, under = (over << shift, under) if shift >= 0 else (over, under << -shift)
        g = -(-over // under)
        powers[i][0], powers[i][1] = g >> 64, g & 0xFFFFFFFFFFFFFFFF


prepare()

cdef dict KINDS = {
    pa.string(): W_TEXT, pa.binary(): W_BYTES, pa.int32(): W_INT, pa.int64(): W_BIGINT,
    pa.float64(): W_DOUBLE, pa.bool_(): W_BOOLEAN, pa.date32(): W_INT, pa.time32("ms"): W_INT,
    pa.timestamp("ms"): W_BIGINT,
}
MOST_NESTED = 64


cdef list inner(type, int depth):
    """The names and types of what a type holds; None for a type that is not written here."""
    if type in KINDS:
        return []
    if pa.types.is_decimal128(type):
        return [] if type.scale >= 0 else None
    if depth > MOST_NESTED:
        return None
    if pa.types.is_struct(type):
        names = [field.name for field in type]
        if len(set(names)) < len(names):
            return None
        return [(field.name, field.type) for field in type]
    if pa.types.is_list(type):
        return [("", type.value_type)]
    if pa.types.is_map(type) and type.key_type == pa.string():
        return [("", type.key_type), ("", type.item_type)]
    return None


cdef int kind_of(type):
    if type in KINDS:
        return KINDS[type]
    if pa.types.is_decimal(type):
        return W_DECIMAL
    if pa.types.is_struct(type):
        return W_OBJECT
    return W_LIST if pa.types.is_list(type) else W_MAP


cdef const uint8_t *address(buffer):
    return NULL if buffer is None else <const uint8_t *><size_t>buffer.address


cdef class Writer:
    """Writes rows of columns of the given names and types.

    TypeError for types that are written in Python alone.  `json` are the fields' names as JSON, or
    None to write lines.  `single` is a value without an object around it.
    """

    cdef node *nodes
    cdef list names, types, spans
    cdef manner how
    cdef bytes delimiter
    cdef readonly int width

    def __cinit__(self, types, json, *, bint single=False, bytes delimiter=b","):
        names = [b""] * len(types) if json is None else [json(n) + b":" for n, _ in types]
        self.types, self.names, self.spans = [t for _, t in types], names, []
        self.width = len(types)
        depths = [0] * self.width
        for type in self.types:  # it grows: each one's own come behind what is there
            held = inner(type, depths[len(self.spans)])
            if held is None or (json is None and (held or pa.types.is_struct(type))):
                raise TypeError(type)
            depths += [depths[len(self.spans)] + 1] * len(held)
            self.spans.append((len(self.types), len(held)))
            self.types += [t for _, t in held]
            self.names += [json(n) + b":" if json else b"" for n, _ in held]
        self.delimiter = delimiter
        self.how.how = AS_LINES if json is None else AS_JSON
        self.how.single = single
        self.how.delimiter.data, self.how.delimiter.size = delimiter, len(delimiter)
        self.nodes = <node *>calloc(len(self.types) + 1, sizeof(node))
        if self.nodes == NULL:
            raise MemoryError
        for i, type in enumerate(self.types):
            first, count = self.spans[i]
            self.nodes[i].kind = kind_of(type)
            self.nodes[i].count, self.nodes[i].inner = count, self.nodes + <size_t>first
            self.nodes[i].name = <bytes>self.names[i]
            self.nodes[i].name_size = len(self.names[i])
            self.nodes[i].scale = type.scale if pa.types.is_decimal(type) else 0

    def __dealloc__(self):
        free(self.nodes)

    cdef bind(self, int i, array, list kept):
        """Point a node, and those in it, to an array's buffers."""
        cdef node *n = self.nodes + i
        type = self.types[i]
        buffers = array.buffers()
        kept.append(array)
        n.first = array.offset
        n.valid = address(buffers[0]) if array.null_count else NULL
        first, count = self.spans[i]
        if n.kind == W_OBJECT:
            for k in range(count):
                self.bind(first + k, array.field(k), kept)
        elif n.kind == W_LIST:
            n.at = <const int32_t *>address(buffers[1])
            self.bind(first, array.values, kept)
        elif n.kind == W_MAP:
            n.at = <const int32_t *>address(buffers[1])
            pairs = array.values
            self.bind(first, pairs.field(0), kept)
            self.bind(first + 1, pairs.field(1), kept)
        elif n.kind == W_TEXT or n.kind == W_BYTES:
            n.at, n.data = <const int32_t *>address(buffers[1]), address(buffers[2])
        else:
            n.data = address(buffers[1])

    def write(self, list columns, gone, bytes prefix=b""):
        """A binary array of a record for each row, NULL where it is `gone`; None where a column is
        not of its type."""
        cdef node root, dead
        cdef text out
        cdef int64_t rows = len(gone), done
        cdef manner how = self.how
        cdef int32_t *at
        cdef uint8_t *valid
        cdef const node *top = &root
        kept = []
        for i in range(self.width):
            if columns[i].type != self.types[i] or len(columns[i]) != rows:
                return None
        if not rows:
            return pa.array([], pa.binary())
        for i in range(self.width):
            self.bind(i, columns[i], kept)
        memset(&root, 0, sizeof(root))
        memset(&dead, 0, sizeof(dead))
        root.kind, root.inner, root.count = W_OBJECT, self.nodes, self.width
        if how.single:
            top = self.nodes
        given = gone.buffers()
        dead.first, dead.data = gone.offset, address(given[1])
        dead.valid = address(given[0]) if gone.null_count else NULL
        how.prefix.data, how.prefix.size = prefix, len(prefix)
        ends = np.empty(rows + 1, np.int32)
        bits = np.zeros(rows // 8 + 1, np.uint8)
        at = <int32_t *><size_t>ends.ctypes.data
        valid = <uint8_t *><size_t>bits.ctypes.data
        out.size, out.room = 0, 64 * rows
        out.data = <uint8_t *>malloc(out.room)
        if out.data == NULL:
            raise MemoryError
        try:
            with nogil:
                done = write_rows(&out, top, &dead, rows, &how, at, valid)
            if done == NO_ROOM:
                raise MemoryError
            if done == TOO_LARGE:
                return None
            content = pa.py_buffer((<const char *>out.data)[:out.size])
        finally:
            free(out.data)
        return pa.Array.from_buffers(
            pa.binary(), rows, [pa.py_buffer(bits), pa.py_buffer(ends), content]
        )
