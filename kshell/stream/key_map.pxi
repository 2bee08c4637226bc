# Part of _containers.pyx: keys as bytes, numbered.

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
