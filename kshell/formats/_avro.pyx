# cython: language_level=3, boundscheck=False, wraparound=False
"""Avro records to Arrow columns: `avro.program` calls it where it is built.

All decoding is in avro.h, with the GIL released.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

import numpy as np
import pyarrow as pa

cdef extern from "avro.h" nogil:
    int SLOT_BITS, SLOT_FIXED, SLOT_BYTES, SLOT_LIST, SLOT_MAP, SLOT_STRUCT
    ctypedef struct avro_op:
        int32_t code
    ctypedef struct avro_program:
        const avro_op *ops
        const int32_t *links
        const uint8_t *blob
        int32_t header
    ctypedef struct avro_slot:
        int32_t kind, width, first, count, digits
        int64_t length, room
        uint8_t *valid
        uint8_t *values
        uint8_t *data
        int32_t *at
    ctypedef struct avro_job:
        avro_slot *slots
        const int32_t *links
        int32_t *order
    int avro_grow(avro_slot *, int64_t)
    int64_t avro_rows(avro_job *, const avro_program *, const int32_t *, const uint8_t *,
                      const int32_t *, int64_t, int32_t *)


cdef class Owner:
    """Frees what C allocated when the last Arrow buffer over it goes."""

    cdef void *memory

    def __dealloc__(self):
        free(self.memory)


cdef object owned(void *memory, int64_t size):
    """An Arrow buffer that owns the memory."""
    cdef Owner owner = Owner.__new__(Owner)
    owner.memory = memory
    return pa.foreign_buffer(<size_t>memory, size, owner)


cdef const uint8_t *address(object buffer):
    return <const uint8_t *><size_t>buffer.address if buffer is not None else NULL


def schema_ids(values):
    """As `framing.schema_ids`."""
    cdef int64_t n = len(values)
    cdef int64_t row
    cdef int64_t bit = values.offset
    ids = np.empty(n, np.int64)
    if n == 0:
        return ids
    cdef int64_t[::1] out = ids
    validity, offsets, content = values.buffers()
    cdef const uint8_t *present = address(validity)
    cdef const int32_t *at = (<const int32_t *>address(offsets)) + bit
    cdef const uint8_t *data = address(content)
    cdef const uint8_t *p
    with nogil:
        for row in range(n):
            if present != NULL and not (present[(row + bit) >> 3] >> ((row + bit) & 7) & 1):
                out[row] = -1
            elif at[row + 1] - at[row] < 5 or data[at[row]] != 0:
                out[row] = -2
            else:
                p = data + at[row]
                out[row] = (<int64_t>p[1] << 24) | (p[2] << 16) | (p[3] << 8) | p[4]
    return ids


cdef object array_of(avro_job *job, int32_t number, object type):
    """The slot's values as an Arrow array that owns them."""
    cdef avro_slot *s = &job.slots[number]
    cdef int64_t n = s.length
    valid = None
    if s.valid != NULL:
        valid = owned(s.valid, s.room // 8 + 1)
        s.valid = NULL
    build = pa.Array.from_buffers
    if s.kind == SLOT_BITS or s.kind == SLOT_FIXED:
        values = owned(s.values, s.room // 8 + 1 if s.kind == SLOT_BITS else s.room * s.width)
        s.values = NULL
        return build(type, n, [valid, values])
    if s.kind == SLOT_STRUCT:
        children = [array_of(job, job.links[s.first + i], type.field(i).type)
                    for i in range(s.count)]
        return build(type, n, [valid], children=children)
    at = owned(s.at, 4 * (s.room + 1))
    cdef int64_t end = s.at[n]
    s.at = NULL
    if s.kind == SLOT_BYTES:
        data = owned(s.data, end) if s.data != NULL else pa.py_buffer(b"")
        s.data = NULL
        return build(type, n, [valid, at, data])
    if s.kind == SLOT_LIST:
        inner = array_of(job, job.links[s.first], type.value_type)
    else:
        keys = array_of(job, job.links[s.first], type.key_type)
        items = array_of(job, job.links[s.first + 1], type.item_type)
        fields = [type.key_field, type.item_field]
        inner = pa.StructArray.from_arrays([keys, items], fields=fields)
    return build(type, n, [valid, at], children=[inner])


def decode(values, const int32_t[::1] which, object type, const int32_t[:, ::1] slots,
           const int32_t[::1] slot_links, list programs):
    """A binary array by programs → (array of `type`, [(row, why, op, program)]).

    A slot is (kind, width, first, count, digits); a program (ops, links, blob, header) of numpy
    arrays; `program.py` makes them.
    """
    cdef int64_t n = len(values)
    cdef int64_t failures = 0
    cdef Py_ssize_t count = slots.shape[0]
    cdef Py_ssize_t i
    cdef avro_job job
    cdef avro_program *made
    cdef const int32_t[:, ::1] ops
    cdef const int32_t[::1] links
    cdef const uint8_t[::1] blob
    cdef int32_t *failed
    validity, offsets, content = values.buffers()
    if n == 0:
        return pa.array([], type), []
    cdef int64_t start = values.offset
    cdef const int32_t *at = (<const int32_t *>address(offsets)) + start
    cdef const uint8_t *data = address(content)
    bad = pa.allocate_buffer(16 * n)
    failed = <int32_t *><size_t>bad.address
    memset(&job, 0, sizeof(job))
    job.slots = <avro_slot *>calloc(count, sizeof(avro_slot))
    job.links = &slot_links[0]
    made = <avro_program *>calloc(len(programs) + 1, sizeof(avro_program))
    kept = []  # the views keep the programs' arrays where they are
    try:
        if job.slots == NULL or made == NULL:
            raise MemoryError
        for i in range(count):
            job.slots[i].kind = slots[i, 0]
            job.slots[i].width = slots[i, 1]
            job.slots[i].first = slots[i, 2]
            job.slots[i].count = slots[i, 3]
            job.slots[i].digits = slots[i, 4]
            if not avro_grow(&job.slots[i], n + 1):
                raise MemoryError
        for i in range(len(programs)):
            ops, links, blob = programs[i][0], programs[i][1], programs[i][2]
            kept.append((ops, links, blob))
            made[i].ops = <const avro_op *>&ops[0, 0]
            made[i].links = &links[0]
            made[i].blob = &blob[0]
            made[i].header = programs[i][3]
        with nogil:
            failures = avro_rows(&job, made, &which[0], data, at, n, failed)
        if failures < 0:
            raise MemoryError
        array = array_of(&job, 0, type)
        return array, [(failed[4 * i], failed[4 * i + 1], failed[4 * i + 2], failed[4 * i + 3])
                       for i in range(failures)]
    finally:
        for i in range(count):
            if job.slots != NULL:
                free(job.slots[i].valid)
                free(job.slots[i].values)
                free(job.slots[i].data)
                free(job.slots[i].at)
        free(job.slots)
        free(job.order)
        free(made)
