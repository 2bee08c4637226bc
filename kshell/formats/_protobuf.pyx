# cython: language_level=3, boundscheck=False, wraparound=False
"""Protobuf messages to the buffers of Arrow columns: `protobuf.walk` calls it where it is built.

All parsing is in proto.h, with the GIL released.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

import pyarrow as pa

cdef extern from "proto.h" nogil:
    int LOW
    int N_STRING, N_BYTES, N_LIST
    ctypedef struct bytes_of:
        uint8_t *p
        int64_t n
    ctypedef struct proto_entry:
        uint32_t number
        int node, group
    ctypedef struct proto_node:
        int kind, wire, wrapped, has_null, integral, count, child
        proto_entry *entries
        int *children
        int child_count, group, width, first_group, group_count
        int16_t low[32]
        int64_t rows
        bytes_of valid, values, offsets, data
    ctypedef struct proto_job:
        proto_node *nodes
        uint32_t *groups
    int put_i32(bytes_of *, int32_t)
    int64_t walk_rows(proto_job *, const uint8_t *, const int64_t *, const int64_t *, int64_t,
                      int32_t *)


cdef class Memory:
    """What a column's buffer is in; freed with the last array over it."""

    cdef uint8_t *p

    def __dealloc__(self):
        free(self.p)


cdef object taken(bytes_of *v):
    cdef Memory owner = Memory()
    if v.p == NULL:
        return pa.py_buffer(b"")
    owner.p = v.p
    v.p = NULL
    return pa.foreign_buffer(<size_t>owner.p, v.n, owner)


cdef class Table:
    """Nodes as (kind, wire, wrapped, has_null, integral, entries, children, child, group, width,
    first_group, group_count), the message first; entries are (number, node, group)."""

    cdef proto_node *nodes
    cdef int count, groups

    def __cinit__(self, list nodes, int groups):
        cdef proto_node *n
        cdef int i, k
        self.count = len(nodes)
        self.groups = groups
        self.nodes = <proto_node *>calloc(max(self.count, 1), sizeof(proto_node))
        if self.nodes == NULL:
            raise MemoryError
        for i, row in enumerate(nodes):
            n = &self.nodes[i]
            (n.kind, n.wire, n.wrapped, n.has_null, n.integral, entries, children, n.child, n.group,
             n.width, n.first_group, n.group_count) = row
            n.count, n.child_count = len(entries), len(children)
            n.entries = <proto_entry *>calloc(max(n.count, 1), sizeof(proto_entry))
            n.children = <int *>calloc(max(n.child_count, 1), sizeof(int))
            if n.entries == NULL or n.children == NULL:
                raise MemoryError
            for k in range(LOW):
                n.low[k] = -1
            for k, (number, node, group) in enumerate(entries):
                n.entries[k].number, n.entries[k].node, n.entries[k].group = number, node, group
                if number < LOW:
                    n.low[number] = k
            for k, child in enumerate(children):
                n.children[k] = child

    def __dealloc__(self):
        cdef int i
        if self.nodes != NULL:
            for i in range(self.count):
                free(self.nodes[i].entries)
                free(self.nodes[i].children)
            free(self.nodes)

    def walk(self, data, const int64_t[::1] starts, const int64_t[::1] ends):
        """Records [start, end) of a buffer -> a (rows, valid, values, offsets, data) for each node,
        and [(row, why, node)]; `valid` and booleans are a byte each."""
        cdef int64_t n = starts.shape[0], failures = 0
        cdef int i
        cdef proto_job job
        cdef int32_t *failed = NULL
        cdef const uint8_t *p = NULL
        cdef const int64_t *first = &starts[0] if n else NULL
        cdef const int64_t *last = &ends[0] if n else NULL
        if data is not None:
            p = <const uint8_t *><size_t>data.address
        # A copy for this call: two threads may walk by one table.
        job.nodes = <proto_node *>malloc(self.count * sizeof(proto_node))
        job.groups = <uint32_t *>calloc(self.groups + 1, sizeof(uint32_t))
        failed = <int32_t *>malloc(12 * (n + 1))
        try:
            if job.nodes == NULL or job.groups == NULL or failed == NULL:
                raise MemoryError
            memcpy(job.nodes, self.nodes, self.count * sizeof(proto_node))
            for i in range(self.count):
                if job.nodes[i].kind in (N_STRING, N_BYTES, N_LIST):
                    if not put_i32(&job.nodes[i].offsets, 0):
                        raise MemoryError
            with nogil:
                failures = walk_rows(&job, p, first, last, n, failed)
            if failures < 0:
                raise MemoryError
            made = []
            for i in range(self.count):
                node = &job.nodes[i]
                made.append((node.rows, taken(&node.valid), taken(&node.values),
                             taken(&node.offsets), taken(&node.data)))
            return made, [(failed[3 * k], failed[3 * k + 1], failed[3 * k + 2])
                          for k in range(failures)]
        finally:
            if job.nodes != NULL:
                for i in range(self.count):
                    free(job.nodes[i].valid.p)
                    free(job.nodes[i].values.p)
                    free(job.nodes[i].offsets.p)
                    free(job.nodes[i].data.p)
            free(job.nodes)
            free(job.groups)
            free(failed)
