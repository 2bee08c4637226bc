# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Which sessions and sliding windows rows fall into: `windows` takes it where it is built.

`windows_py` has the same classes in Python, and says what each method means.
"""

from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memmove, memset

import numpy as np

cdef enum:
    ADD = 0
    MERGE = 1
    AGAIN = 2
    SUM = 0
    MINIMUM = 1

cdef int64_t NEVER = -(<int64_t>1 << 62)

ctypedef struct numbers:
    int64_t *data
    int64_t count, room

ctypedef struct line:  # a slot's windows, earliest first, from `head`
    int64_t *data
    int64_t head, end, room

ctypedef struct window:
    int64_t slot, start, last
    int64_t touched_at, touch, parent
    int64_t alive


include "memory.pxi"


cdef inline int push(numbers *to, int64_t value) except -1:
    if to.count == to.room:
        to.data = <int64_t *>grown(to.data, 8 * max(2 * to.room, 256))
        to.room = max(2 * to.room, 256)
    to.data[to.count] = value
    to.count += 1
    return 0


cdef array(numbers *of):
    out = np.empty(of.count, np.int64)
    cdef int64_t[::1] view = out
    if of.count:
        memcpy(&view[0], of.data, 8 * of.count)
    return out


cdef inline int64_t larger(int64_t a, int64_t b) noexcept:
    return a if a > b else b


cdef class _Windows:
    cdef public int64_t now, late
    cdef int64_t step, touches
    cdef window *all_
    cdef int64_t used, room
    cdef line *lines
    cdef int64_t slots
    cdef numbers spare, kinds, into, what, old, old_starts, old_lasts, touched, gone, joins

    def __cinit__(self, *args):
        self.now = -1

    def __dealloc__(self):
        cdef int64_t i
        for i in range(self.slots):
            free(self.lines[i].data)
        free(self.lines)
        free(self.all_)
        free(self.spare.data)
        free(self.kinds.data)
        free(self.into.data)
        free(self.what.data)
        free(self.old.data)
        free(self.old_starts.data)
        free(self.old_lasts.data)
        free(self.touched.data)
        free(self.gone.data)
        free(self.joins.data)

    @property
    def size(self):
        return self.used

    def place(self, slots, times):
        cdef const int64_t[::1] of = np.ascontiguousarray(slots, np.int64)
        cdef const int64_t[::1] at = np.ascontiguousarray(times, np.int64)
        cdef int64_t i, n, count = of.shape[0]
        self.step += 1
        self.touches = 0
        self.kinds.count = self.into.count = self.what.count = 0
        self.old.count = self.old_starts.count = self.old_lasts.count = 0
        self.touched.count = self.gone.count = 0
        for i in range(count):
            self.reach(of[i])
            self.row(i, of[i], at[i])
        homes = np.empty(self.old.count, np.int64)
        cdef int64_t[::1] home = homes
        for i in range(self.old.count):
            home[i] = self.home(self.old.data[i])
        finals, lasts = np.empty(self.touched.count, np.int64), np.empty(self.touched.count, np.int64)
        cdef int64_t[::1] final = finals
        cdef int64_t[::1] last = lasts
        count = 0
        for i in range(self.touched.count):
            n = self.touched.data[i]
            if self.all_[n].parent == n:
                final[count] = n
                last[count] = self.all_[n].touch
                count += 1
        return (
            array(&self.kinds).astype(np.uint8), array(&self.into), array(&self.what),
            array(&self.old), array(&self.old_starts), array(&self.old_lasts), homes,
            finals[:count], lasts[:count], array(&self.gone),
        )

    cdef int row(self, int64_t row, int64_t slot, int64_t at) except -1:
        return 0

    def bounds(self, ids):
        cdef const int64_t[::1] of = np.ascontiguousarray(ids, np.int64)
        cdef int64_t i, count = of.shape[0]
        slots, starts, lasts = (np.empty(count, np.int64) for _ in range(3))
        cdef int64_t[::1] slot = slots
        cdef int64_t[::1] start = starts
        cdef int64_t[::1] last = lasts
        for i in range(count):
            slot[i] = self.all_[of[i]].slot
            start[i] = self.all_[of[i]].start
            last[i] = self.all_[of[i]].last
        return slots, starts, lasts

    def living(self, ids):
        cdef const int64_t[::1] of = np.ascontiguousarray(ids, np.int64)
        out = np.empty(of.shape[0], np.bool_)
        cdef uint8_t[::1] view = out.view(np.uint8)
        cdef int64_t i
        for i in range(of.shape[0]):
            view[i] = self.all_[of[i]].alive
        return out

    def drop(self, ids):
        cdef const int64_t[::1] of = np.ascontiguousarray(ids, np.int64)
        cdef int64_t i, n
        cdef window *w
        for i in range(of.shape[0]):
            n = of[i]
            w = &self.all_[n]
            if w.alive:
                self.take_out(w.slot, n)
            w.start = w.last = NEVER
            push(&self.spare, n)

    def empty(self, slots):
        cdef const int64_t[::1] of = np.ascontiguousarray(slots, np.int64)
        out = np.ones(of.shape[0], np.bool_)
        cdef uint8_t[::1] view = out.view(np.uint8)
        cdef int64_t i
        for i in range(of.shape[0]):
            if of[i] < self.slots:
                view[i] = self.lines[of[i]].head == self.lines[of[i]].end
        return out

    def put(self, slots, starts, lasts):
        cdef const int64_t[::1] slot = np.ascontiguousarray(slots, np.int64)
        cdef const int64_t[::1] start = np.ascontiguousarray(starts, np.int64)
        cdef const int64_t[::1] last = np.ascontiguousarray(lasts, np.int64)
        cdef int64_t i, n, at
        self.step += 1
        out = np.empty(slot.shape[0], np.int64)
        cdef int64_t[::1] made = out
        for i in range(slot.shape[0]):
            self.reach(slot[i])
            at = self.has(slot[i], start[i])
            if at >= 0:
                n = self.lines[slot[i]].data[at]
                self.all_[n].last = last[i]
            else:
                n = self.fresh(slot[i], start[i], last[i])
                self.insert(slot[i], n)
            made[i] = n
        return out

    def find(self, slots, starts):
        cdef const int64_t[::1] slot = np.ascontiguousarray(slots, np.int64)
        cdef const int64_t[::1] start = np.ascontiguousarray(starts, np.int64)
        out = np.empty(slot.shape[0], np.int64)
        cdef int64_t[::1] found = out
        cdef int64_t i, at
        for i in range(slot.shape[0]):
            at = self.has(slot[i], start[i]) if 0 <= slot[i] < self.slots else -1
            found[i] = -1 if at < 0 else self.lines[slot[i]].data[at]
        return out

    def all(self):
        cdef int64_t i
        return np.array([i for i in range(self.used) if self.all_[i].alive], np.int64)

    cdef int64_t home(self, int64_t n) noexcept:
        while self.all_[n].parent != n:
            n = self.all_[n].parent
        return n

    cdef int reach(self, int64_t slot) except -1:
        cdef int64_t size
        if slot >= self.slots:
            size = larger(2 * self.slots, slot + 64)
            self.lines = <line *>grown(self.lines, size * sizeof(line))
            memset(self.lines + self.slots, 0, (size - self.slots) * sizeof(line))
            self.slots = size
        return 0

    cdef int64_t fresh(self, int64_t slot, int64_t start, int64_t last) except -1:
        cdef int64_t n
        cdef window *w
        if self.spare.count:
            self.spare.count -= 1
            n = self.spare.data[self.spare.count]
        else:
            if self.used == self.room:
                self.room = max(2 * self.room, 1024)
                self.all_ = <window *>grown(self.all_, self.room * sizeof(window))
            n = self.used
            self.used += 1
        w = &self.all_[n]
        w.slot, w.start, w.last, w.parent = slot, start, last, n
        w.touched_at = w.touch = w.alive = 0
        return n

    cdef int touch(self, int64_t n, bint is_fresh) except -1:
        cdef window *w = &self.all_[n]
        if w.touched_at != self.step:
            w.touched_at = self.step
            push(&self.touched, n)
            if not is_fresh:
                push(&self.old, n)
                push(&self.old_starts, w.start)
                push(&self.old_lasts, w.last)
        w.touch = self.touches
        self.touches += 1
        return 0

    cdef int do(self, int64_t kind, int64_t into, int64_t what) except -1:
        push(&self.kinds, kind)
        push(&self.into, into)
        push(&self.what, what)
        return 0

    cdef int64_t first_start(self, int64_t slot, int64_t start) noexcept:
        """Where the first window is that starts then or later."""
        return self.first(slot, start, False)

    cdef int64_t first_last(self, int64_t slot, int64_t last) noexcept:
        """Where the first window is whose last moment is then or later."""
        return self.first(slot, last, True)

    cdef inline int64_t first(self, int64_t slot, int64_t moment, bint of_last) noexcept:
        cdef line *mine = &self.lines[slot]
        cdef int64_t low = mine.head, high = mine.end, mid
        if low < high and self.moment(mine.data[high - 1], of_last) < moment:
            return high
        while low < high:
            mid = (low + high) // 2
            if self.moment(mine.data[mid], of_last) < moment:
                low = mid + 1
            else:
                high = mid
        return low

    cdef inline int64_t moment(self, int64_t n, bint of_last) noexcept:
        return self.all_[n].last if of_last else self.all_[n].start

    cdef int64_t has(self, int64_t slot, int64_t start) noexcept:
        """Where the window is that starts then; -1 if there is none."""
        cdef int64_t at = self.first_start(slot, start)
        if at < self.lines[slot].end and self.all_[self.lines[slot].data[at]].start == start:
            return at
        return -1

    cdef int insert(self, int64_t slot, int64_t n) except -1:
        cdef line *mine = &self.lines[slot]
        cdef int64_t at
        if mine.end == mine.room:
            if 2 * mine.head > mine.room:  # move to the front: half of the room is free
                memmove(mine.data, mine.data + mine.head, 8 * (mine.end - mine.head))
                mine.end -= mine.head
                mine.head = 0
            else:
                mine.room = larger(2 * mine.room, 4)
                mine.data = <int64_t *>grown(mine.data, 8 * mine.room)
        at = self.first_start(slot, self.all_[n].start)
        memmove(mine.data + at + 1, mine.data + at, 8 * (mine.end - at))
        mine.data[at] = n
        mine.end += 1
        self.all_[n].alive = 1
        return 0

    cdef int take_out(self, int64_t slot, int64_t n) except -1:
        cdef line *mine = &self.lines[slot]
        cdef int64_t at = mine.head
        if mine.data[at] != n:
            at = self.first_start(slot, self.all_[n].start)
        if at - mine.head < mine.end - at:
            memmove(mine.data + mine.head + 1, mine.data + mine.head, 8 * (at - mine.head))
            mine.head += 1
        else:
            memmove(mine.data + at, mine.data + at + 1, 8 * (mine.end - at - 1))
            mine.end -= 1
        self.all_[n].alive = 0
        self.tidy(mine)
        return 0

    cdef void tidy(self, line *mine) noexcept:
        if mine.head == mine.end:
            free(mine.data)
            memset(mine, 0, sizeof(line))


include "sessions.pxi"
include "sliding.pxi"


ctypedef fused cell:
    int64_t
    double


cdef inline cell combined(int op, cell a, cell b) noexcept nogil:
    # NaN is above all: the least of values is NaN only where all are so.
    if op == SUM:
        return a + b
    if op == MINIMUM:
        return b if a != a or b < a else a
    return b if b > a or (b != b and a == a) else a


cdef void _by_row(int op, cell[::1] data, const int64_t[::1] into, const cell[::1] values) noexcept nogil:
    cdef int64_t i
    for i in range(into.shape[0]):
        data[into[i]] = combined(op, data[into[i]], values[i])


cdef void _by_step(
    int op, cell[::1] data, const uint8_t[::1] kinds, const int64_t[::1] into,
    const int64_t[::1] what, const cell[::1] values,
) noexcept nogil:
    cdef int64_t i
    for i in range(into.shape[0]):
        if kinds[i] == ADD:
            data[into[i]] = combined(op, data[into[i]], values[what[i]])
        elif kinds[i] == MERGE:
            data[into[i]] = combined(op, data[into[i]], data[what[i]])


def run(op, data, kinds, into, what, values):
    values = np.ascontiguousarray(values)
    if data.dtype == np.float64:
        if kinds is None:
            _by_row[double](op, data, into, values)
        else:
            _by_step[double](op, data, kinds, into, what, values)
    elif kinds is None:
        _by_row[int64_t](op, data, into, values)
    else:
        _by_step[int64_t](op, data, kinds, into, what, values)
