# cython: language_level=3, boundscheck=False, wraparound=False, embedsignature=True
"""Record batches to Arrow columns without an object per record: `records` calls it where it is built.

All parsing is in batch.h, with the GIL released.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memset

import pyarrow as pa

cdef extern from "batch.h" nogil:
    int BATCH_HEADER, RECORD_MIN, ATTR_CODEC, ATTR_TRANSACTIONAL, ATTR_CONTROL
    int HEAD_OK, HEAD_PARTIAL, HEAD_BROKEN, HEAD_OLD
    int crc_hardware
    ctypedef struct batch_head:
        const uint8_t *start
        int64_t size, base_offset, first_timestamp, max_timestamp, producer_id
        int32_t last_delta, count
        uint32_t crc
        int16_t attributes
    ctypedef struct columns:
        int64_t rows
        int64_t *offset
        int64_t *timestamp
        int32_t *key_at
        int32_t *value_at
        uint8_t *key
        uint8_t *value
        uint8_t *key_valid
        uint8_t *value_valid
        int32_t *headers_at
        int32_t *name_at
        int32_t *content_at
        uint8_t *name
        uint8_t *content
        uint8_t *content_valid
        int64_t headers, headers_room
    void crc_prepare()
    int crc_has_fast()
    uint32_t crc32c(const uint8_t *, size_t)
    int read_head(const uint8_t *, const uint8_t *, batch_head *)
    int crc_matches(const batch_head *)
    int64_t read_records(const uint8_t *, const uint8_t *, const batch_head *, int64_t, int64_t,
                         columns *)

crc_prepare()
crc_hardware = crc_has_fast()

# What `heads` says of a batch that is not decoded.
FINE, BAD_CRC, OLD, TOO_MANY = 0, 1, 2, 3


def crc(const uint8_t[::1] data):
    """CRC-32C of the bytes."""
    return crc32c(&data[0], data.shape[0]) if data.shape[0] else 0


cdef class Heads:
    """The headers of the whole batches in a buffer; `end` is where the last of them ends."""

    cdef batch_head *heads
    cdef uint8_t *state
    cdef readonly Py_ssize_t count
    cdef readonly Py_ssize_t end
    cdef readonly bint broken
    cdef readonly bint plain  # nothing compressed, transactional, control or bad
    cdef object buffer
    cdef const uint8_t[::1] view

    def __cinit__(self, buffer):
        cdef const uint8_t[::1] view = buffer
        cdef const uint8_t *base
        cdef const uint8_t *p
        cdef const uint8_t *stop
        cdef batch_head head
        cdef Py_ssize_t room = 64
        cdef int kind
        cdef int special = ATTR_CODEC | ATTR_TRANSACTIONAL | ATTR_CONTROL
        self.buffer = buffer
        self.view = view
        self.heads = <batch_head *>malloc(room * sizeof(batch_head))
        self.state = <uint8_t *>malloc(room)
        if self.heads == NULL or self.state == NULL:
            raise MemoryError
        self.plain = True
        if view.shape[0] == 0:
            return
        base = &view[0]
        p = base
        stop = base + view.shape[0]
        with nogil:
            while p < stop:
                kind = read_head(p, stop, &head)
                if kind == HEAD_PARTIAL:
                    break
                if kind == HEAD_BROKEN:
                    self.broken = True
                    break
                if self.count == room:
                    room *= 2
                    self.heads = <batch_head *>realloc(self.heads, room * sizeof(batch_head))
                    self.state = <uint8_t *>realloc(self.state, room)
                    if self.heads == NULL or self.state == NULL:
                        with gil:
                            raise MemoryError
                if kind == HEAD_OLD:
                    head.attributes = 0
                    head.last_delta = 0
                    head.count = 0
                    self.state[self.count] = 2
                elif not crc_matches(&head):
                    self.state[self.count] = 1
                elif not head.attributes & ATTR_CODEC and \
                        head.count > (head.size - BATCH_HEADER) // RECORD_MIN:
                    self.state[self.count] = 3
                else:
                    self.state[self.count] = 0
                if self.state[self.count] or head.attributes & special:
                    self.plain = False
                self.heads[self.count] = head
                self.count += 1
                p += head.size
        self.end = p - base

    def __dealloc__(self):
        free(self.heads)
        free(self.state)

    def head(self, Py_ssize_t i):
        """(state, base offset, last offset, attributes, producer id, record count, start, size)"""
        cdef batch_head *h = &self.heads[i]
        return (self.state[i], h.base_offset, h.base_offset + h.last_delta, h.attributes,
                h.producer_id, h.count, h.start - &self.view[0], h.size)

    def last_offset(self):
        """The last offset of the last batch, or -1."""
        if self.count == 0:
            return -1
        return self.heads[self.count - 1].base_offset + self.heads[self.count - 1].last_delta

    def within(self, int64_t start, int64_t end):
        """How many records, where every batch is plain and lies in [start, end); else -1."""
        cdef Py_ssize_t i
        cdef int64_t records = 0
        if not self.plain or self.count == 0:
            return -1 if self.count else 0
        if self.heads[0].base_offset < start or self.last_offset() >= end:
            return -1
        for i in range(self.count):
            records += self.heads[i].count
        return records


cdef uint8_t *address(object buffer):
    return <uint8_t *><size_t>buffer.address


def decode(Heads heads, list chosen, dict inflated, wanted, int64_t start, int64_t end):
    """The records of the chosen batches as Arrow: (batch, indexes of batches that are no records).

    `inflated` holds the decompressed records of a batch by its index.
    """
    cdef columns c
    cdef const uint8_t[::1] piece
    cdef const uint8_t *p
    cdef const uint8_t *stop
    cdef Py_ssize_t i
    cdef int64_t rows = 0, size = 0, done
    cdef list bad = []
    for i in chosen:
        rows += heads.heads[i].count
        size += len(inflated[i]) if i in inflated else heads.heads[i].size - BATCH_HEADER
    memset(&c, 0, sizeof(c))
    bits = rows // 8 + 2
    allocate = pa.allocate_buffer
    offset = timestamp = key = value = headers = None
    if wanted.offset:
        offset = allocate(8 * rows)
        c.offset = <int64_t *>address(offset)
    if wanted.timestamp:
        timestamp = allocate(8 * rows)
        c.timestamp = <int64_t *>address(timestamp)
    if wanted.key:
        key = (allocate(bits), allocate(4 * (rows + 1)), allocate(size, resizable=True))
        c.key_valid = address(key[0])
        memset(c.key_valid, 0, bits)
        c.key_at = <int32_t *>address(key[1])
        c.key_at[0] = 0
        c.key = address(key[2])
    if wanted.value:
        value = (allocate(bits), allocate(4 * (rows + 1)), allocate(size, resizable=True))
        c.value_valid = address(value[0])
        memset(c.value_valid, 0, bits)
        c.value_at = <int32_t *>address(value[1])
        c.value_at[0] = 0
        c.value = address(value[2])
    if wanted.headers:
        room = size // 2 + 1  # a header takes two bytes at least
        headers = (allocate(4 * (rows + 1)), allocate(4 * (room + 1)), allocate(size),
                   allocate(room // 8 + 2), allocate(4 * (room + 1)), allocate(size))
        c.headers_at = <int32_t *>address(headers[0])
        c.headers_at[0] = 0
        c.name_at = <int32_t *>address(headers[1])
        c.name_at[0] = 0
        c.name = address(headers[2])
        c.content_valid = address(headers[3])
        memset(c.content_valid, 0, room // 8 + 2)
        c.content_at = <int32_t *>address(headers[4])
        c.content_at[0] = 0
        c.content = address(headers[5])
        c.headers_room = room
    if not inflated:
        indexes = chosen
        for i in indexes:
            p = heads.heads[i].start + BATCH_HEADER
            stop = heads.heads[i].start + heads.heads[i].size
            with nogil:
                done = read_records(p, stop, &heads.heads[i], start, end, &c)
            if done < 0:
                bad.append(i)
    else:
        for i in chosen:
            if i in inflated:
                piece = inflated[i]
                p = &piece[0] if piece.shape[0] else NULL
                stop = p + piece.shape[0]
            else:
                p = heads.heads[i].start + BATCH_HEADER
                stop = heads.heads[i].start + heads.heads[i].size
            with nogil:
                done = read_records(p, stop, &heads.heads[i], start, end, &c)
            if done < 0:
                bad.append(i)
    n = c.rows
    arrays, names = [], []
    build = pa.Array.from_buffers
    if wanted.offset:
        arrays.append(build(pa.int64(), n, [None, offset]))
        names.append("offset")
    if wanted.timestamp:
        arrays.append(build(pa.int64(), n, [None, timestamp]))
        names.append("timestamp")
    if wanted.key:
        key[2].resize(c.key_at[n], shrink_to_fit=False)
        arrays.append(build(pa.binary(), n, list(key)))
        names.append("key")
    if wanted.value:
        value[2].resize(c.value_at[n], shrink_to_fit=False)
        arrays.append(build(pa.binary(), n, list(value)))
        names.append("value")
    if wanted.headers:
        keys = build(pa.binary(), c.headers, [None, headers[1], headers[2]])
        contents = build(pa.binary(), c.headers, [headers[3], headers[4], headers[5]])
        pairs = pa.StructArray.from_arrays([keys, contents], ["key", "value"])
        arrays.append(build(pa.list_(pairs.type), n, [None, headers[0]], children=[pairs]))
        names.append("headers")
    if not arrays:
        return pa.RecordBatch.from_struct_array(pa.array([{}] * n, pa.struct([]))), bad
    return pa.RecordBatch.from_arrays(arrays, names=names), bad
