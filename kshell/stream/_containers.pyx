# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The containers of operators' state, in C: `containers` takes them from here where they are built.

`containers_py` has the same classes in Python, and says what each method means.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memmove, memset

import numpy as np
import pyarrow as pa

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    static inline uint64_t mixed(uint64_t a, uint64_t b) {
        a ^= b;
        a *= 0xA0761D6478BD642Full;
        a ^= a >> 32;
        a *= 0xE7037ED1A0B428DBull;
        return a ^ (a >> 29);
    }
    static inline uint64_t hash_of(const uint8_t *p, int64_t n) {
        uint64_t h = 0x9E3779B97F4A7C15ull ^ (uint64_t)n, v;
        for (; n >= 8; p += 8, n -= 8) { memcpy(&v, p, 8); h = mixed(h, v); }
        v = 0;
        memcpy(&v, p, n);
        return mixed(h, v) | 1;
    }
    static inline uint64_t home(uint64_t hashed, uint64_t mask) { return (hashed >> 1) & mask; }
    #if defined(__GNUC__)
    #define fetch(p) __builtin_prefetch(p)
    #else
    #define fetch(p) ((void)(p))
    #endif
    """
    uint64_t hash_of(const uint8_t *, int64_t) nogil
    uint64_t home(uint64_t, uint64_t) nogil
    void fetch(const void *) nogil

ctypedef struct column:
    const uint8_t *data
    const int32_t *offsets  # NULL for a column of fixed width
    const uint8_t *valid  # NULL where all are
    int64_t start, width

ctypedef struct entry:
    int64_t time, item

ctypedef struct span:
    entry *data
    int64_t begin, end, capacity

cdef int64_t NEVER = 0x7FFFFFFFFFFFFFFF


include "memory.pxi"


cdef int64_t address(buffer):
    return 0 if buffer is None else buffer.address


include "key_map.pxi"
include "times.pxi"
include "waiting.pxi"
