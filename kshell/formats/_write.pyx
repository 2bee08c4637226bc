# cython: language_level=3, boundscheck=False, wraparound=False
"""Arrow columns to the bytes of records: codecs call it where it is built.

All writing is in write.h, with the GIL released.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

import numpy as np
import pyarrow as pa

cdef extern from "write.h" nogil:
    int W_TEXT, W_BYTES, W_INT, W_BIGINT, W_DOUBLE, W_BOOLEAN, W_DECIMAL, W_LIST, W_MAP, W_OBJECT
    int W_CONSTANT, W_WRAPPER, NO_ROOM, FINE, AS_JSON, AS_LINES, AS_AVRO, AS_PROTO
    int P_VARINT, P_ZIGZAG, P_FIXED32, P_FIXED64, P_FLOAT, P_DOUBLE, P_SECONDS, P_NANOS, P_PACKED
    int LEAST_POWER, POWERS
    uint64_t powers[617][2]
    ctypedef struct node:
        int kind, scale, count, bits, form, shown
        int64_t unit, least, most
        const node *inner
        const char *before
        const char *none
        int64_t before_size, none_size
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
    int write_rows(text *, const node *, const node *, int64_t, const manner *, int32_t *,
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
    None: W_CONSTANT,
    pa.string(): W_TEXT, pa.binary(): W_BYTES, pa.int32(): W_INT, pa.int64(): W_BIGINT,
    pa.float64(): W_DOUBLE, pa.bool_(): W_BOOLEAN, pa.date32(): W_INT, pa.time32("ms"): W_INT,
    pa.timestamp("ms"): W_BIGINT,
}
MANNERS = {"json": AS_JSON, "lines": AS_LINES, "avro": AS_AVRO, "protobuf": AS_PROTO}
FORMS = {
    "": P_VARINT, "wrapper": 0, "zigzag": P_ZIGZAG, "fixed32": P_FIXED32, "fixed64": P_FIXED64,
    "float": P_FLOAT, "double": P_DOUBLE, "seconds": P_SECONDS, "nanos": P_NANOS,
    "packed": P_PACKED,
}


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
    """Writes rows of columns as `row_writer.Step`s say; one thread at a time.

    `single` is a value with nothing around it.
    """

    cdef node *nodes
    cdef list steps, places
    cdef manner how
    cdef bytes delimiter
    cdef readonly int width

    def __cinit__(self, steps, str how, *, bint single=False, bytes delimiter=b","):
        cdef node *n
        self.steps, self.places = list(steps), []
        self.width = len(self.steps)
        for step in self.steps:  # it grows: each one's own come behind what is there
            self.places.append(len(self.steps))
            self.steps += step.inner
        self.delimiter = delimiter
        self.how.how, self.how.single = MANNERS[how], single
        self.how.delimiter.data, self.how.delimiter.size = delimiter, len(delimiter)
        self.nodes = <node *>calloc(len(self.steps) + 1, sizeof(node))
        if self.nodes == NULL:
            raise MemoryError
        for i, step in enumerate(self.steps):
            n = self.nodes + <size_t>i
            n.kind, n.count = kind_of(step.type), len(step.inner)
            if step.form == "wrapper":
                n.kind = W_WRAPPER
            n.form, n.shown, n.least, n.most = FORMS[step.form], step.shown, step.least, step.most
            n.inner = self.nodes + <size_t>self.places[i]
            n.before, n.before_size = <bytes>step.before, len(step.before)
            n.none_size = -1
            if step.none is not None:
                n.none, n.none_size = <bytes>step.none, len(step.none)
            n.scale = step.type.scale if n.kind == W_DECIMAL else 0
            n.unit, n.bits = step.unit, step.bits

    def __dealloc__(self):
        free(self.nodes)

    cdef bind(self, int i, array, list kept):
        """Point a node, and those in it, to an array's buffers."""
        cdef node *n = self.nodes + i
        first = self.places[i]
        buffers = array.buffers()
        kept.append(array)
        n.first = array.offset
        n.valid = address(buffers[0]) if array.null_count else NULL
        if n.kind == W_OBJECT:
            for k in range(n.count):
                if self.nodes[<size_t>(first + k)].kind != W_CONSTANT:
                    self.bind(first + k, array.field(self.steps[first + k].place), kept)
        elif n.kind == W_WRAPPER:
            for k in range(n.count):
                if self.nodes[<size_t>(first + k)].kind != W_CONSTANT:
                    self.bind(first + k, array, kept)
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
        not of its type, or a value is refused."""
        cdef node root, dead
        cdef text out
        cdef int64_t rows = len(gone)
        cdef int done
        cdef manner how = self.how
        cdef int32_t *at
        cdef uint8_t *valid
        cdef const node *top = &root
        kept = []
        for step in self.steps[: self.width]:
            if step.type is not None and columns[step.place].type != step.type:
                return None
        if not rows:
            return pa.array([], pa.binary())
        for i in range(self.width):
            if self.nodes[i].kind != W_CONSTANT:
                self.bind(i, columns[self.steps[i].place], kept)
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
            if done != FINE:
                return None
            content = pa.py_buffer((<const char *>out.data)[:out.size])
        finally:
            free(out.data)
        return pa.Array.from_buffers(
            pa.binary(), rows, [pa.py_buffer(bits), pa.py_buffer(ends), content]
        )
