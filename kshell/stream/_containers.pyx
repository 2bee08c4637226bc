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
    """
    uint64_t hash_of(const uint8_t *, int64_t) nogil

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


cdef void *grown(void *old, int64_t size) except NULL:
    cdef void *new = realloc(old, size)
    if new == NULL:
        raise MemoryError()
    return new


cdef int64_t address(buffer):
    return 0 if buffer is None else buffer.address


cdef class KeyMap:
    cdef list types
    cdef uint64_t *hashes  # 0 where the place is empty
    cdef int64_t *slot_at
    cdef int64_t places, count, slots
    cdef int64_t *where  # by slot: its key's bytes in `text`; -1 where the slot is free
    cdef int64_t *length
    cdef int64_t room
    cdef uint8_t *text
    cdef int64_t used, dead, text_room
    cdef int64_t *spare
    cdef int64_t spares
    cdef column *columns
    cdef uint8_t *row  # one row's bytes
    cdef int64_t row_room

    def __cinit__(self, types):
        self.types = list(types)
        self.places, self.room, self.text_room, self.row_room = 64, 32, 1024, 256
        self.hashes = <uint64_t *>calloc(self.places, 8)
        self.slot_at = <int64_t *>malloc(self.places * 8)
        self.where = <int64_t *>malloc(self.room * 8)
        self.length = <int64_t *>malloc(self.room * 8)
        self.spare = <int64_t *>malloc(self.room * 8)
        self.text = <uint8_t *>malloc(self.text_room)
        self.row = <uint8_t *>malloc(self.row_room)
        self.columns = <column *>calloc(max(len(self.types), 1), sizeof(column))
        if not (self.hashes and self.slot_at and self.where and self.length and self.spare
                and self.text and self.row and self.columns):
            raise MemoryError()

    def __dealloc__(self):
        free(self.hashes)
        free(self.slot_at)
        free(self.where)
        free(self.length)
        free(self.spare)
        free(self.text)
        free(self.row)
        free(self.columns)

    def __len__(self):
        return self.count

    @property
    def size(self):
        return self.slots

    def add(self, arrays):
        cdef int64_t rows = self.read(arrays), i, slot, size
        slots, fresh = np.empty(rows, np.int64), np.zeros(rows, np.bool_)
        cdef int64_t[::1] out = slots
        cdef uint8_t[::1] new = fresh.view(np.uint8)
        cdef uint64_t hashed
        for i in range(rows):
            size = self.write(i)
            hashed = hash_of(self.row, size)
            slot = self.lookup(hashed, size)
            if slot < 0:
                slot = self.insert(hashed, size)
                new[i] = 1
            out[i] = slot
        return slots, fresh

    def find(self, arrays):
        cdef int64_t rows = self.read(arrays), i, size
        slots = np.empty(rows, np.int64)
        cdef int64_t[::1] out = slots
        for i in range(rows):
            size = self.write(i)
            out[i] = self.lookup(hash_of(self.row, size), size)
        return slots

    def drop(self, slots):
        cdef const int64_t[::1] gone = np.ascontiguousarray(slots, np.int64)
        cdef int64_t i, slot, at, next_at, home
        cdef uint64_t mask
        for i in range(gone.shape[0]):
            slot = gone[i]
            mask = self.places - 1
            at = hash_of(self.text + self.where[slot], self.length[slot]) & mask
            while self.hashes[at] == 0 or self.slot_at[at] != slot:
                at = (at + 1) & mask
            # What stands after it and would have stood here moves up.
            next_at = (at + 1) & mask
            while self.hashes[next_at]:
                home = self.hashes[next_at] & mask
                if ((next_at - home) & mask) >= ((next_at - at) & mask):
                    self.hashes[at] = self.hashes[next_at]
                    self.slot_at[at] = self.slot_at[next_at]
                    at = next_at
                next_at = (next_at + 1) & mask
            self.hashes[at] = 0
            self.dead += self.length[slot]
            self.where[slot] = -1
            self.spare[self.spares] = slot
            self.spares += 1
            self.count -= 1
        if self.dead > 4096 and self.dead * 2 > self.used:
            self.compact()

    def values(self, slots):
        cdef const int64_t[::1] wanted = np.ascontiguousarray(slots, np.int64)
        cdef int64_t rows = wanted.shape[0], i, width, total
        cdef uint32_t size
        cdef const uint8_t *p
        places = np.empty(rows, np.int64)
        cdef int64_t[::1] at = places
        cdef uint8_t[::1] valid
        cdef uint8_t[::1] data
        cdef int32_t[::1] offsets
        for i in range(rows):
            at[i] = self.where[wanted[i]]
        out = []
        for type in self.types:
            mask = np.zeros(rows, np.uint8)
            valid = mask
            buffers = []
            if pa.types.is_binary(type):
                ends = np.zeros(rows + 1, np.int32)
                offsets = ends
                total = 0
                for i in range(rows):
                    p = self.text + at[i]
                    if p[0]:
                        memcpy(&size, p + 1, 4)
                        total += size
                    if total > 0x7FFFFFFF:
                        raise OverflowError("the keys are more than 2 GiB of text")
                    offsets[i + 1] = <int32_t>total
                bytes_of = np.empty(max(total, 1), np.uint8)
                data = bytes_of
                for i in range(rows):
                    p = self.text + at[i]
                    valid[i] = p[0]
                    if p[0]:
                        memcpy(&size, p + 1, 4)
                        if size:
                            memcpy(&data[offsets[i]], p + 5, size)
                        at[i] += 5 + size
                    else:
                        at[i] += 1
                buffers = [pa.py_buffer(ends), pa.py_buffer(bytes_of)]
            else:
                width = type.bit_width // 8
                bytes_of = np.zeros(max(rows * width, 1), np.uint8)
                data = bytes_of
                for i in range(rows):
                    p = self.text + at[i]
                    valid[i] = p[0]
                    if p[0]:
                        memcpy(&data[i * width], p + 1, width)
                        at[i] += width
                    at[i] += 1
                buffers = [pa.py_buffer(bytes_of)]
            bits = None if mask.all() else pa.py_buffer(np.packbits(mask, bitorder="little"))
            out.append(pa.Array.from_buffers(type, rows, [bits, *buffers]))
        return out

    cdef int64_t read(self, arrays) except -1:
        """Points `columns` at the arrays; gives the number of rows."""
        cdef int64_t i, rows = len(arrays[0])
        for i, array in enumerate(arrays):
            buffers = array.buffers()
            self.columns[i].start = array.offset
            self.columns[i].valid = <const uint8_t *>address(buffers[0]) if array.null_count else NULL
            if pa.types.is_binary(array.type):
                self.columns[i].offsets = <const int32_t *>address(buffers[1])
                self.columns[i].data = <const uint8_t *>address(buffers[2])
            else:
                self.columns[i].offsets = NULL
                self.columns[i].data = <const uint8_t *>address(buffers[1])
                self.columns[i].width = array.type.bit_width // 8
        return rows

    cdef int64_t write(self, int64_t i) except -1:
        """Puts the key of a row into `row`: of each value a byte if it is valid, its length, itself."""
        cdef int64_t size = 0, n, at
        cdef uint32_t length
        cdef column *c
        for n in range(len(self.types)):
            c = &self.columns[n]
            at = i + c.start
            if c.valid != NULL and not (c.valid[at >> 3] >> (at & 7)) & 1:
                if size + 1 > self.row_room:
                    self.row_room = 2 * size + 64
                    self.row = <uint8_t *>grown(self.row, self.row_room)
                self.row[size] = 0
                size += 1
                continue
            length = c.width if c.offsets == NULL else c.offsets[at + 1] - c.offsets[at]
            if size + 5 + <int64_t>length > self.row_room:
                self.row_room = 2 * (size + 5 + <int64_t>length)
                self.row = <uint8_t *>grown(self.row, self.row_room)
            self.row[size] = 1
            size += 1
            if c.offsets == NULL:
                memcpy(self.row + size, c.data + at * c.width, length)
            else:
                memcpy(self.row + size, &length, 4)
                size += 4
                if length:
                    memcpy(self.row + size, c.data + c.offsets[at], length)
            size += length
        return size

    cdef int64_t lookup(self, uint64_t hashed, int64_t size) noexcept nogil:
        cdef uint64_t mask = self.places - 1, at = hashed & mask
        cdef int64_t slot
        while self.hashes[at]:
            if self.hashes[at] == hashed:
                slot = self.slot_at[at]
                if self.length[slot] == size and not memcmp(
                        self.text + self.where[slot], self.row, size):
                    return slot
            at = (at + 1) & mask
        return -1

    cdef int64_t insert(self, uint64_t hashed, int64_t size) except -1:
        cdef int64_t slot
        cdef uint64_t at
        if self.count * 2 >= self.places:
            self.widen()
        if self.spares:
            self.spares -= 1
            slot = self.spare[self.spares]
        else:
            if self.slots == self.room:
                self.room *= 2
                self.where = <int64_t *>grown(self.where, self.room * 8)
                self.length = <int64_t *>grown(self.length, self.room * 8)
                self.spare = <int64_t *>grown(self.spare, self.room * 8)
            slot = self.slots
            self.slots += 1
        if self.used + size > self.text_room:
            self.text_room = 2 * (self.used + size)
            self.text = <uint8_t *>grown(self.text, self.text_room)
        memcpy(self.text + self.used, self.row, size)
        self.where[slot] = self.used
        self.length[slot] = size
        self.used += size
        at = hashed & (self.places - 1)
        while self.hashes[at]:
            at = (at + 1) & (self.places - 1)
        self.hashes[at] = hashed
        self.slot_at[at] = slot
        self.count += 1
        return slot

    cdef int widen(self) except -1:
        self.place(self.places * 2)
        return 0

    cdef int place(self, int64_t places) except -1:
        cdef uint64_t *hashes = <uint64_t *>calloc(places, 8)
        cdef int64_t *slot_at = <int64_t *>malloc(places * 8)
        cdef int64_t i
        cdef uint64_t at
        if not hashes or not slot_at:
            free(hashes)
            free(slot_at)
            raise MemoryError()
        for i in range(self.places):
            if self.hashes[i]:
                at = self.hashes[i] & (places - 1)
                while hashes[at]:
                    at = (at + 1) & (places - 1)
                hashes[at] = self.hashes[i]
                slot_at[at] = self.slot_at[i]
        free(self.hashes)
        free(self.slot_at)
        self.hashes, self.slot_at, self.places = hashes, slot_at, places
        return 0

    cdef int compact(self) except -1:
        """Keeps the bytes of living keys alone, and places for them."""
        cdef int64_t room = self.used - self.dead + 1024, slot, used = 0, places
        cdef uint8_t *text = <uint8_t *>malloc(room)
        if not text:
            raise MemoryError()
        for slot in range(self.slots):
            if self.where[slot] >= 0:
                memcpy(text + used, self.text + self.where[slot], self.length[slot])
                self.where[slot] = used
                used += self.length[slot]
        free(self.text)
        self.text, self.text_room, self.used, self.dead = text, room, used, 0
        places = self.places
        while places > 64 and self.count * 8 < places:
            places //= 2
        if places < self.places:
            self.place(places)
        return 0


cdef class Heap:
    cdef entry *data
    cdef int64_t count, room

    def __cinit__(self):
        self.room = 32
        self.data = <entry *>grown(NULL, self.room * sizeof(entry))

    def __dealloc__(self):
        free(self.data)

    def __len__(self):
        return self.count

    def push(self, times, items):
        cdef const int64_t[::1] at = np.ascontiguousarray(times, np.int64)
        cdef const int64_t[::1] of = np.ascontiguousarray(items, np.int64)
        cdef int64_t i
        for i in range(at.shape[0]):
            self.put(at[i], of[i])

    def pop(self, int64_t until):
        cdef int64_t n = 0, room = 16
        times, items = np.empty(room, np.int64), np.empty(room, np.int64)
        cdef int64_t[::1] at = times
        cdef int64_t[::1] of = items
        while self.count and self.data[0].time <= until:
            if n == room:
                room *= 2
                times.resize(room, refcheck=False)
                items.resize(room, refcheck=False)
                at, of = times, items
            at[n], of[n] = self.data[0].time, self.data[0].item
            n += 1
            self.take()
        return times[:n], items[:n]

    cdef int put(self, int64_t time, int64_t item) except -1:
        cdef int64_t i, up
        if self.count == self.room:
            self.room *= 2
            self.data = <entry *>grown(self.data, self.room * sizeof(entry))
        i = self.count
        self.count += 1
        while i:
            up = (i - 1) >> 1
            if self.data[up].time < time or (
                    self.data[up].time == time and self.data[up].item <= item):
                break
            self.data[i] = self.data[up]
            i = up
        self.data[i].time, self.data[i].item = time, item
        return 0

    cdef void take(self) noexcept:
        """Removes the first."""
        cdef entry last
        cdef int64_t i = 0, down
        self.count -= 1
        last = self.data[self.count]
        while True:
            down = 2 * i + 1
            if down >= self.count:
                break
            if down + 1 < self.count and (
                    self.data[down + 1].time < self.data[down].time
                    or (self.data[down + 1].time == self.data[down].time
                        and self.data[down + 1].item < self.data[down].item)):
                down += 1
            if last.time < self.data[down].time or (
                    last.time == self.data[down].time and last.item <= self.data[down].item):
                break
            self.data[i] = self.data[down]
            i = down
        if self.count:
            self.data[i] = last
        if self.room > 1024 and self.count * 8 < self.room:
            self.room //= 2
            self.data = <entry *>realloc(self.data, self.room * sizeof(entry))


cdef int64_t NEAR = 256  # entries that one late row may move; what moves more is merged at once


cdef class Times:
    cdef span *spans
    cdef int64_t *queued  # by slot: the earliest time under which `first` has it
    cdef int64_t slots, count
    cdef Heap first  # when slots have something to expire

    def __cinit__(self):
        self.first = Heap()

    def __dealloc__(self):
        cdef int64_t i
        for i in range(self.slots):
            free(self.spans[i].data)
        free(self.spans)
        free(self.queued)

    def __len__(self):
        return self.count

    def add(self, slots, times, ids):
        cdef const int64_t[::1] of = np.ascontiguousarray(slots, np.int64)
        cdef const int64_t[::1] at = np.ascontiguousarray(times, np.int64)
        cdef const int64_t[::1] item = np.ascontiguousarray(ids, np.int64)
        cdef int64_t i, rows = of.shape[0], far = 0, place
        cdef span *s
        if not rows:
            return
        self.reach(int(np.max(slots)) + 1)
        late = np.empty(rows, np.int64)
        cdef int64_t[::1] later = late
        for i in range(rows):
            s = &self.spans[of[i]]
            place = s.end
            if s.end > s.begin and s.data[s.end - 1].time > at[i]:
                place = after(s, at[i])
                if s.end - place > NEAR:
                    later[far] = i
                    far += 1
                    continue
            room_for(s, 1, &place)
            if place < s.end:
                memmove(s.data + place + 1, s.data + place, (s.end - place) * sizeof(entry))
            s.data[place].time, s.data[place].item = at[i], item[i]
            s.end += 1
            self.count += 1
            self.queue(of[i])
        if far:
            late = late[:far]
            slots, times = np.asarray(slots), np.asarray(times)
            self.merge(late[np.lexsort((times[late], slots[late]))], of, at, item)

    cdef int merge(self, order, const int64_t[::1] of, const int64_t[::1] at,
                   const int64_t[::1] item) except -1:
        cdef const int64_t[::1] late = order
        cdef int64_t start = 0, end, n, i, w, none = 0
        cdef span *s
        while start < late.shape[0]:
            end = start + 1
            while end < late.shape[0] and of[late[end]] == of[late[start]]:
                end += 1
            s = &self.spans[of[late[start]]]
            room_for(s, end - start, &none)
            i, w = s.end - 1, s.end - 1 + end - start
            for n in range(end - 1, start - 1, -1):
                while i >= s.begin and s.data[i].time > at[late[n]]:
                    s.data[w] = s.data[i]
                    w -= 1
                    i -= 1
                s.data[w].time, s.data[w].item = at[late[n]], item[late[n]]
                w -= 1
            s.end += end - start
            self.count += end - start
            self.queue(of[late[start]])
            start = end
        return 0

    def counts(self, slots, first, last):
        cdef const int64_t[::1] of = np.ascontiguousarray(slots, np.int64)
        cdef const int64_t[::1] low = np.ascontiguousarray(first, np.int64)
        cdef const int64_t[::1] high = np.ascontiguousarray(last, np.int64)
        cdef int64_t i, rows = of.shape[0], begin
        out = np.zeros(rows, np.int64)
        cdef int64_t[::1] found = out
        for i in range(rows):
            if 0 <= of[i] < self.slots:
                begin = before(&self.spans[of[i]], low[i])
                found[i] = max(after(&self.spans[of[i]], high[i]) - begin, 0)
        return out

    def between(self, slots, first, last):
        cdef const int64_t[::1] of = np.ascontiguousarray(slots, np.int64)
        cdef const int64_t[::1] low = np.ascontiguousarray(first, np.int64)
        cdef const int64_t[::1] high = np.ascontiguousarray(last, np.int64)
        cdef int64_t i, n = 0, at, rows = of.shape[0], total = 0
        begins, ends = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
        cdef int64_t[::1] begin = begins
        cdef int64_t[::1] end = ends
        for i in range(rows):
            if 0 <= of[i] < self.slots:
                begin[i] = before(&self.spans[of[i]], low[i])
                end[i] = max(after(&self.spans[of[i]], high[i]), begin[i])
                total += end[i] - begin[i]
        which, ids, times = (np.empty(total, np.int64) for _ in range(3))
        cdef int64_t[::1] of_row = which
        cdef int64_t[::1] item = ids
        cdef int64_t[::1] time = times
        for i in range(rows):
            for at in range(begin[i], end[i]):
                of_row[n] = i
                item[n] = self.spans[of[i]].data[at].item
                time[n] = self.spans[of[i]].data[at].time
                n += 1
        return which, ids, times

    def remove(self, slots, times, ids):
        cdef const int64_t[::1] of = np.ascontiguousarray(slots, np.int64)
        cdef const int64_t[::1] time = np.ascontiguousarray(times, np.int64)
        cdef const int64_t[::1] item = np.ascontiguousarray(ids, np.int64)
        cdef int64_t i, at
        cdef span *s
        for i in range(of.shape[0]):
            if not 0 <= of[i] < self.slots:
                continue
            s = &self.spans[of[i]]
            at = before(s, time[i])
            while at < s.end and s.data[at].time == time[i]:
                if s.data[at].item == item[i]:
                    if at == s.begin:
                        s.begin += 1
                    else:
                        memmove(s.data + at, s.data + at + 1, (s.end - at - 1) * sizeof(entry))
                        s.end -= 1
                    self.count -= 1
                    tidy(s)
                    break
                at += 1

    def expire(self, int64_t until):
        cdef int64_t n = 0, room = 64, slot, time, empty = 0
        cdef span *s
        ids, emptied = np.empty(room, np.int64), []
        cdef int64_t[::1] out = ids
        while self.first.count and self.first.data[0].time <= until:
            time, slot = self.first.data[0].time, self.first.data[0].item
            self.first.take()
            if self.queued[slot] != time:
                continue
            self.queued[slot] = NEVER
            s = &self.spans[slot]
            empty = s.begin < s.end
            while s.begin < s.end and s.data[s.begin].time <= until:
                if n == room:
                    room *= 2
                    ids.resize(room, refcheck=False)
                    out = ids
                out[n] = s.data[s.begin].item
                n += 1
                s.begin += 1
                self.count -= 1
            tidy(s)
            if s.begin < s.end:
                self.queue(slot)
            elif empty:
                emptied.append(slot)
        return ids[:n], np.array(emptied, np.int64)

    def held(self, slots):
        cdef const int64_t[::1] of = np.ascontiguousarray(slots, np.int64)
        out = np.zeros(of.shape[0], np.int64)
        cdef int64_t[::1] found = out
        cdef int64_t i
        for i in range(of.shape[0]):
            if 0 <= of[i] < self.slots:
                found[i] = self.spans[of[i]].end - self.spans[of[i]].begin
        return out

    cdef int queue(self, int64_t slot) except -1:
        cdef int64_t time = self.spans[slot].data[self.spans[slot].begin].time
        if time < self.queued[slot]:
            self.queued[slot] = time
            self.first.put(time, slot)
        return 0

    cdef int reach(self, int64_t size) except -1:
        cdef int64_t i
        if size > self.slots:
            size = max(size, 2 * self.slots, 64)
            self.spans = <span *>grown(self.spans, size * sizeof(span))
            memset(self.spans + self.slots, 0, (size - self.slots) * sizeof(span))
            self.queued = <int64_t *>grown(self.queued, size * 8)
            for i in range(self.slots, size):
                self.queued[i] = NEVER
            self.slots = size
        return 0


cdef int64_t before(span *s, int64_t time) noexcept nogil:
    """The place of the first entry from that time on."""
    cdef int64_t low = s.begin, high = s.end, middle
    while low < high:
        middle = (low + high) >> 1
        if s.data[middle].time < time:
            low = middle + 1
        else:
            high = middle
    return low


cdef int64_t after(span *s, int64_t time) noexcept nogil:
    """The place of the first entry after that time."""
    cdef int64_t low = s.begin, high = s.end, middle
    while low < high:
        middle = (low + high) >> 1
        if s.data[middle].time <= time:
            low = middle + 1
        else:
            high = middle
    return low


cdef int room_for(span *s, int64_t more, int64_t *place) except -1:
    """Has room for more entries at the end; `place` moves with what moves."""
    cdef int64_t count = s.end - s.begin
    if s.end + more <= s.capacity:
        return 0
    if s.begin and count + more <= s.capacity - (s.capacity >> 2):
        memmove(s.data, s.data + s.begin, count * sizeof(entry))
    else:
        s.capacity = max((count + more) * 3 // 2, 2)
        if s.begin:
            memmove(s.data, s.data + s.begin, count * sizeof(entry))
        s.data = <entry *>grown(s.data, s.capacity * sizeof(entry))
    place[0] -= s.begin
    s.begin, s.end = 0, count
    return 0


cdef void tidy(span *s) noexcept:
    """Gives memory back that the entries do not need any more."""
    cdef int64_t count = s.end - s.begin
    if not count:
        free(s.data)
        memset(s, 0, sizeof(span))
    elif s.capacity > 64 and count * 4 < s.capacity:
        memmove(s.data, s.data + s.begin, count * sizeof(entry))
        s.capacity = count * 2
        s.data = <entry *>realloc(s.data, s.capacity * sizeof(entry))
        s.begin, s.end = 0, count


cdef class Waiting:
    cdef span sides[2]
    cdef int64_t dead[2]
    cdef int64_t ahead[2]
    cdef int64_t grace
    cdef public int64_t least

    def __cinit__(self, left_ahead, right_ahead, grace):
        self.ahead[0], self.ahead[1], self.grace = left_ahead, right_ahead, grace
        self.least = NEVER

    def __dealloc__(self):
        free(self.sides[0].data)
        free(self.sides[1].data)

    def __len__(self):
        return (self.sides[0].end - self.sides[0].begin - self.dead[0]
                + self.sides[1].end - self.sides[1].begin - self.dead[1])

    def load(self, int64_t side, times, ids):
        cdef const int64_t[::1] at = np.ascontiguousarray(times, np.int64)
        cdef const int64_t[::1] item = np.ascontiguousarray(ids, np.int64)
        cdef int64_t i
        for i in range(at.shape[0]):
            self.insert(side, at[i], item[i])

    def remove(self, int64_t side, times, ids):
        cdef const int64_t[::1] at = np.ascontiguousarray(times, np.int64)
        cdef const int64_t[::1] item = np.ascontiguousarray(ids, np.int64)
        cdef int64_t i
        for i in range(at.shape[0]):
            self.kill(side, at[i], item[i])

    def step(self, sides, times, nows, ids, waits, matching, other_times, other_ids):
        cdef const int64_t[::1] side = np.ascontiguousarray(sides, np.int64)
        cdef const int64_t[::1] at = np.ascontiguousarray(times, np.int64)
        cdef const int64_t[::1] now = np.ascontiguousarray(nows, np.int64)
        cdef const int64_t[::1] item = np.ascontiguousarray(ids, np.int64)
        cdef const uint8_t[::1] stays = np.ascontiguousarray(waits, np.bool_).view(np.uint8)
        cdef const int64_t[::1] row = np.ascontiguousarray(matching, np.int64)
        cdef const int64_t[::1] time = np.ascontiguousarray(other_times, np.int64)
        cdef const int64_t[::1] other = np.ascontiguousarray(other_ids, np.int64)
        cdef int64_t i, k = 0, n = 0
        cdef list made = []
        killed = np.zeros(row.shape[0], np.bool_)
        cdef uint8_t[::1] hit = killed.view(np.uint8)
        for i in range(at.shape[0]):
            if at[i] == now[i] and self.least < now[i] - self.ahead[side[i]] - self.grace:
                self.release(i, now[i], made)
            while k < row.shape[0] and row[k] == i:
                hit[k] = self.kill(1 - side[i], time[k], other[k])
                k += 1
            if stays[i]:
                self.insert(side[i], at[i], item[i])
                self.least = min(self.least, at[i])
        out = np.array(made, np.int64).reshape(-1, 3)
        return out[:, 0], out[:, 1], out[:, 2], killed

    cdef int release(self, int64_t i, int64_t now, list made) except -1:
        cdef int64_t bounds[2]
        cdef int64_t s, last = NEVER, j, here, there
        cdef span *a = &self.sides[0]
        cdef span *b = &self.sides[1]
        bounds[0] = now - self.ahead[0] - self.grace
        bounds[1] = now - self.ahead[1] - self.grace
        while True:
            self.trim(0)
            self.trim(1)
            s = -1
            if a.begin < a.end and a.data[a.begin].time < bounds[0]:
                s = 0
            if b.begin < b.end and b.data[b.begin].time < bounds[1] and (
                    s < 0 or b.data[b.begin].time < a.data[a.begin].time):
                s = 1
            if s < 0:
                break
            last = self.sides[s].data[self.sides[s].begin].time
            made.append((i, s, self.sides[s].data[self.sides[s].begin].item))
            self.sides[s].begin += 1
        if a.begin < a.end and b.begin < b.end:
            # The later of the first that stay, and then the next after it.
            j = 1 if b.data[b.begin].time >= a.data[a.begin].time else 0
            here = self.alive(j, self.sides[j].begin + 1)
            last = self.sides[j].data[self.sides[j].begin].time
            there = self.alive(1 - j, after(a, last) if j else before(b, last))
            s = NEVER
            if here < self.sides[j].end:
                s = self.sides[j].data[here].time
            if there < self.sides[1 - j].end:
                s = min(s, self.sides[1 - j].data[there].time)
            if s != NEVER:
                last = s
        elif a.begin < a.end or b.begin < b.end:
            s = 0 if a.begin < a.end else 1
            j = self.sides[s].data[self.sides[s].end - 1].time
            last = j if last == NEVER else max(last, j)
        self.least = last
        tidy(a)
        tidy(b)
        return 0

    cdef void trim(self, int64_t side) noexcept:
        """Takes dead entries away at both ends."""
        cdef span *s = &self.sides[side]
        while s.begin < s.end and s.data[s.begin].item < 0:
            s.begin += 1
            self.dead[side] -= 1
        while s.begin < s.end and s.data[s.end - 1].item < 0:
            s.end -= 1
            self.dead[side] -= 1

    cdef int64_t alive(self, int64_t side, int64_t place) noexcept:
        while place < self.sides[side].end and self.sides[side].data[place].item < 0:
            place += 1
        return place

    cdef int insert(self, int64_t side, int64_t time, int64_t item) except -1:
        cdef span *s = &self.sides[side]
        cdef int64_t place = after(s, time)
        room_for(s, 1, &place)
        if place < s.end:
            memmove(s.data + place + 1, s.data + place, (s.end - place) * sizeof(entry))
        s.data[place].time, s.data[place].item = time, item
        s.end += 1
        return 0

    cdef bint kill(self, int64_t side, int64_t time, int64_t item) noexcept:
        cdef span *s = &self.sides[side]
        cdef int64_t at = before(s, time), n
        while at < s.end and s.data[at].time == time:
            if s.data[at].item == item:
                s.data[at].item = -1 - item
                self.dead[side] += 1
                if self.dead[side] > 64 and self.dead[side] * 2 > s.end - s.begin:
                    n = s.begin
                    for at in range(s.begin, s.end):
                        if s.data[at].item >= 0:
                            s.data[n] = s.data[at]
                            n += 1
                    s.end = n
                    self.dead[side] = 0
                    tidy(s)
                return True
            at += 1
        return False
