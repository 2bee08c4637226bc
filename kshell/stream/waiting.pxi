# Part of _containers.pyx: rows that wait for a match.

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
