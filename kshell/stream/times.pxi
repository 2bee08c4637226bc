# Part of _containers.pyx: ids by time, of one heap or of each slot.

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
