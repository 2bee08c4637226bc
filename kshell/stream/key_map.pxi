# Part of _containers.pyx: keys as bytes, numbered.

ctypedef struct placed:
    uint64_t hashed  # 0 where the place is empty
    int64_t slot

ctypedef struct kept_key:
    int64_t at, length  # its bytes in `text`; at -1 where the slot is free

ctypedef struct asked_key:
    uint64_t hashed
    int64_t at, length  # its bytes in `row`

cdef enum:
    BLOCK = 64  # keys that are looked up together: their memory is fetched at once
    LONG = 65536  # bytes after which a block ends


cdef class KeyMap:
    cdef list types
    cdef placed *table
    cdef int64_t places, count, slots
    cdef kept_key *keys  # by slot
    cdef int64_t room
    cdef uint8_t *text
    cdef int64_t used, dead, text_room
    cdef int64_t *spare
    cdef int64_t spares
    cdef column *columns
    cdef int64_t width  # how many columns
    cdef asked_key asked[BLOCK]
    cdef uint8_t *row  # the bytes of a block's keys
    cdef int64_t row_room

    def __cinit__(self, types):
        self.types = list(types)
        self.width = len(self.types)
        self.places, self.room, self.text_room, self.row_room = 64, 32, 1024, 256
        self.table = <placed *>calloc(self.places, sizeof(placed))
        self.keys = <kept_key *>malloc(self.room * sizeof(kept_key))
        self.spare = <int64_t *>malloc(self.room * 8)
        self.text = <uint8_t *>malloc(self.text_room)
        self.row = <uint8_t *>malloc(self.row_room)
        self.columns = <column *>calloc(max(self.width, 1), sizeof(column))
        if not (self.table and self.keys and self.spare and self.text and self.row
                and self.columns):
            raise MemoryError()

    def __dealloc__(self):
        free(self.table)
        free(self.keys)
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
        cdef int64_t rows = self.read(arrays), first = 0, count, i, slot
        slots, fresh = np.empty(rows, np.int64), np.zeros(rows, np.bool_)
        cdef int64_t[::1] out = slots
        cdef uint8_t[::1] new = fresh.view(np.uint8)
        while first < rows:
            count = self.ask(first, rows)
            for i in range(count):
                slot = self.lookup(i)
                if slot < 0:
                    slot = self.insert(i)
                    new[first + i] = 1
                out[first + i] = slot
            first += count
        return slots, fresh

    def find(self, arrays):
        cdef int64_t rows = self.read(arrays), first = 0, count, i
        slots = np.empty(rows, np.int64)
        cdef int64_t[::1] out = slots
        while first < rows:
            count = self.ask(first, rows)
            for i in range(count):
                out[first + i] = self.lookup(i)
            first += count
        return slots

    def drop(self, slots):
        cdef const int64_t[::1] gone = np.ascontiguousarray(slots, np.int64)
        cdef int64_t i, slot, at, next_at, first
        cdef uint64_t mask
        for i in range(gone.shape[0]):
            slot = gone[i]
            mask = self.places - 1
            at = home(hash_of(self.text + self.keys[slot].at, self.keys[slot].length), mask)
            while self.table[at].hashed == 0 or self.table[at].slot != slot:
                at = (at + 1) & mask
            # What stands after it and would have stood here moves up.
            next_at = (at + 1) & mask
            while self.table[next_at].hashed:
                first = home(self.table[next_at].hashed, mask)
                if ((next_at - first) & mask) >= ((next_at - at) & mask):
                    self.table[at] = self.table[next_at]
                    at = next_at
                next_at = (next_at + 1) & mask
            self.table[at].hashed = 0
            self.dead += self.keys[slot].length
            self.keys[slot].at = -1
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
            at[i] = self.keys[wanted[i]].at
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

    cdef int64_t ask(self, int64_t first, int64_t rows) except -1:
        """Puts the next rows' keys into `asked`, and has what looking them up reads fetched."""
        cdef int64_t i, size = 0, count = 0
        cdef uint64_t mask = self.places - 1
        cdef asked_key *key
        cdef placed *at
        while count < BLOCK and first + count < rows and size < LONG:
            key = &self.asked[count]
            key.at = size
            size = self.write(first + count, size)
            key.length = size - key.at
            key.hashed = hash_of(self.row + key.at, key.length)
            fetch(&self.table[home(key.hashed, mask)])
            count += 1
        if count > 1:
            for i in range(count):
                at = &self.table[home(self.asked[i].hashed, mask)]
                if at.hashed:
                    fetch(&self.keys[at.slot])
            for i in range(count):
                at = &self.table[home(self.asked[i].hashed, mask)]
                if at.hashed:
                    fetch(self.text + self.keys[at.slot].at)
        return count

    cdef int64_t write(self, int64_t i, int64_t size) except -1:
        """Puts a row's key at the end of `row`: of each value a byte if it is valid, its length, itself."""
        cdef int64_t n, at
        cdef uint32_t length
        cdef bint there
        cdef column *c
        for n in range(self.width):
            c = &self.columns[n]
            at = i + c.start
            there = c.valid == NULL or (c.valid[at >> 3] >> (at & 7)) & 1
            length = 0
            if there:
                length = c.width if c.offsets == NULL else c.offsets[at + 1] - c.offsets[at]
            if size + 5 + <int64_t>length > self.row_room:
                self.row_room = 2 * (size + 5 + <int64_t>length)
                self.row = <uint8_t *>grown(self.row, self.row_room)
            self.row[size] = there
            size += 1
            if not there:
                continue
            if c.offsets != NULL:
                memcpy(self.row + size, &length, 4)
                size += 4
                if length:
                    memcpy(self.row + size, c.data + c.offsets[at], length)
            elif c.width == 8:
                memcpy(self.row + size, c.data + at * 8, 8)
            else:
                memcpy(self.row + size, c.data + at * c.width, length)
            size += length
        return size

    cdef int64_t lookup(self, int64_t i) noexcept nogil:
        cdef asked_key *key = &self.asked[i]
        cdef uint64_t mask = self.places - 1, at = home(key.hashed, mask)
        cdef kept_key *kept
        while self.table[at].hashed:
            if self.table[at].hashed == key.hashed:
                kept = &self.keys[self.table[at].slot]
                if kept.length == key.length and not memcmp(
                        self.text + kept.at, self.row + key.at, key.length):
                    return self.table[at].slot
            at = (at + 1) & mask
        return -1

    cdef int64_t insert(self, int64_t i) except -1:
        cdef asked_key *key = &self.asked[i]
        cdef int64_t slot
        cdef uint64_t at
        if self.count * 2 >= self.places:
            self.place(self.places * 2)
        if self.spares:
            self.spares -= 1
            slot = self.spare[self.spares]
        else:
            if self.slots == self.room:
                self.room *= 2
                self.keys = <kept_key *>grown(self.keys, self.room * sizeof(kept_key))
                self.spare = <int64_t *>grown(self.spare, self.room * 8)
            slot = self.slots
            self.slots += 1
        if self.used + key.length > self.text_room:
            self.text_room = 2 * (self.used + key.length)
            self.text = <uint8_t *>grown(self.text, self.text_room)
        memcpy(self.text + self.used, self.row + key.at, key.length)
        self.keys[slot].at = self.used
        self.keys[slot].length = key.length
        self.used += key.length
        at = home(key.hashed, self.places - 1)
        while self.table[at].hashed:
            at = (at + 1) & (self.places - 1)
        self.table[at].hashed = key.hashed
        self.table[at].slot = slot
        self.count += 1
        return slot

    cdef int place(self, int64_t places) except -1:
        """Gives the table that many places."""
        cdef placed *table = <placed *>calloc(places, sizeof(placed))
        cdef int64_t i
        cdef uint64_t at
        if not table:
            raise MemoryError()
        for i in range(self.places):
            if self.table[i].hashed:
                at = home(self.table[i].hashed, places - 1)
                while table[at].hashed:
                    at = (at + 1) & (places - 1)
                table[at] = self.table[i]
        free(self.table)
        self.table, self.places = table, places
        return 0

    cdef int compact(self) except -1:
        """Keeps the bytes of living keys alone, and places for them."""
        cdef int64_t room = self.used - self.dead + 1024, slot, used = 0, places
        cdef uint8_t *text = <uint8_t *>malloc(room)
        if not text:
            raise MemoryError()
        for slot in range(self.slots):
            if self.keys[slot].at >= 0:
                memcpy(text + used, self.text + self.keys[slot].at, self.keys[slot].length)
                self.keys[slot].at = used
                used += self.keys[slot].length
        free(self.text)
        self.text, self.text_room, self.used, self.dead = text, room, used, 0
        places = self.places
        while places > 64 and self.count * 8 < places:
            places //= 2
        if places < self.places:
            self.place(places)
        return 0
