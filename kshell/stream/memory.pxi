# Part of _containers.pyx and of _windows.pyx.

cdef void *grown(void *old, int64_t size) except NULL:
    cdef void *new = realloc(old, size)
    if new == NULL:
        raise MemoryError()
    return new
