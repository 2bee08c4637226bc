# cython: language_level=3, boundscheck=False, wraparound=False
"""Named fields of JSON records to Arrow columns: `json_scan` calls it where it is built.

All parsing is in scan.h, with the GIL released.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

import pyarrow as pa

cdef extern from "scan.h" nogil:
    int AS_TEXT, AS_STRING, AS_BIGINT, AS_DOUBLE, AS_BOOLEAN, AS_INTEGER
    int AS_NOTHING, AS_DECIMAL, AS_LIST, AS_OBJECT, AS_MAP
    ctypedef struct json_node:
        int kind, first, count, whole, scale
        const char *name
        int64_t name_length
    ctypedef struct json_field:
        const char *name
        int64_t name_length
        int type, check
        uint8_t *valid
        void *values
        int32_t *at
        uint8_t *data
    ctypedef struct json_job:
        json_field *fields
        int count, names, types
        const json_node *nodes
        uint8_t *flags
    int64_t scan_rows(json_job *, const uint8_t *, const int32_t *, const uint8_t *, int64_t,
                      int64_t, int32_t *, uint8_t *, int64_t)

SCRATCH = 1024  # an escaped name longer than this matches nothing

cdef dict KINDS = {
    pa.string(): AS_STRING, pa.int64(): AS_BIGINT, pa.float64(): AS_DOUBLE,
    pa.bool_(): AS_BOOLEAN, pa.int32(): AS_INTEGER,
}
cdef dict WIDTHS = {AS_BIGINT: 8, AS_DOUBLE: 8, AS_INTEGER: 4}


cdef uint8_t *address(object buffer):
    return <uint8_t *><size_t>buffer.address


cdef list inner(type):
    """The names and types of what a type holds."""
    if pa.types.is_struct(type):
        return [(field.name.encode(), field.type) for field in type]
    if pa.types.is_list(type):
        return [(b"", type.value_type)]
    if pa.types.is_map(type):
        return [(b"", type.item_type)]
    return []


cdef int kind_of(type) except -1:
    if type in KINDS:
        return KINDS[type]
    if pa.types.is_struct(type):
        return AS_OBJECT
    if pa.types.is_list(type):
        return AS_LIST
    if pa.types.is_map(type):
        return AS_MAP
    return AS_DECIMAL if pa.types.is_decimal(type) else AS_NOTHING


def scan(values, list names, list types, int how, int ksql, list checks):
    """A binary array and wanted fields -> (columns, [(row, why, field)], a flag for each row).

    A type None is raw text, which must be of its type in `checks` where that is not None.
    """
    cdef int64_t n = len(values)
    cdef int64_t failures
    cdef int count = len(names)
    cdef int i
    cdef json_job job
    cdef const uint8_t *present = NULL
    cdef const uint8_t *data = NULL
    cdef const int32_t *at
    cdef int64_t bit = values.offset
    cdef int32_t *failed
    cdef uint8_t scratch[1024]
    validity, offsets, content = values.buffers()
    if n == 0:
        return [pa.array([], pa.string() if t is None else t) for t in types], [], b""
    at = (<const int32_t *>address(offsets)) + bit
    if content is not None:
        data = address(content)
    if validity is not None:
        present = address(validity)
    cdef int64_t size = at[n] - at[0]
    bits = n // 8 + 1
    encoded = [name.encode() for name in names]
    tree = [(b"", type) for type in checks if type is not None]
    spans = []
    for _, type in tree:  # it grows: each node's own come behind what is there
        held = inner(type)
        spans.append((len(tree), len(held)))
        tree += held
    kept = []
    cdef json_node *nodes = <json_node *>calloc(len(tree) + 1, sizeof(json_node))
    for i, (name, type) in enumerate(tree):
        nodes[i].kind = kind_of(type)
        nodes[i].first, nodes[i].count = spans[i]
        nodes[i].name, nodes[i].name_length = <const char *>name, len(name)
        if nodes[i].kind == AS_DECIMAL:
            nodes[i].whole, nodes[i].scale = type.precision - type.scale, type.scale
    job.nodes = nodes
    marks = pa.allocate_buffer(n)
    job.flags = address(marks)
    cdef int checked = 0
    job.fields = <json_field *>calloc(count + 1, sizeof(json_field))
    job.count = count
    job.names = how
    job.types = ksql
    bad = pa.allocate_buffer(12 * n)
    failed = <int32_t *>address(bad)
    try:
        for i in range(count):
            field = &job.fields[i]
            field.name = encoded[i]
            field.name_length = len(encoded[i])
            field.type = AS_TEXT if types[i] is None else KINDS[types[i]]
            field.check = -1
            if checks[i] is not None:
                field.check = checked
                checked += 1
            valid = pa.allocate_buffer(bits)
            memset(address(valid), 0, bits)
            field.valid = address(valid)
            if field.type == AS_TEXT or field.type == AS_STRING:
                begin = pa.allocate_buffer(4 * (n + 1))
                text = pa.allocate_buffer(size, resizable=True)
                field.at = <int32_t *>address(begin)
                field.at[0] = 0
                field.data = address(text)
                kept.append([valid, begin, text])
            elif field.type == AS_BOOLEAN:
                flags = pa.allocate_buffer(bits)
                memset(address(flags), 0, bits)
                field.values = address(flags)
                kept.append([valid, flags])
            else:
                numbers = pa.allocate_buffer(WIDTHS[field.type] * n)
                field.values = address(numbers)
                kept.append([valid, numbers])
        with nogil:
            failures = scan_rows(&job, data, at, present, bit, n, failed, scratch, 1024)
        for i in range(count):
            if len(kept[i]) == 3:
                kept[i][2].resize(job.fields[i].at[n], shrink_to_fit=False)
        columns = [
            pa.Array.from_buffers(pa.string() if types[i] is None else types[i], n, kept[i])
            for i in range(count)
        ]
        reasons = [(failed[3 * k], failed[3 * k + 1], failed[3 * k + 2]) for k in range(failures)]
        return columns, reasons, marks
    finally:
        free(job.fields)
        free(nodes)
