# Part of _windows.pyx: SLIDING windows.

cdef class Sliding(_Windows):
    cdef int64_t span, grace, keep
    cdef public int64_t newest

    def __init__(self, span, grace, keep):
        self.span, self.grace, self.keep = span, grace, keep
        self.newest = -1

    cdef int row(self, int64_t row, int64_t slot, int64_t at) except -1:
        cdef line *mine = &self.lines[slot]
        cdef int64_t bound = self.newest - self.keep, n
        self.now = larger(self.now, at)
        if at + 1 + self.span <= self.now - self.grace:
            self.late += 1
            return 0
        while mine.head < mine.end and self.all_[mine.data[mine.head]].start <= bound:
            n = mine.data[mine.head]
            mine.head += 1
            self.all_[n].alive = 0
            push(&self.gone, n)
        self.tidy(mine)
        self.joins.count = 0
        if at < self.span:
            self.early(row, slot, at)
        else:
            self.later(row, slot, at)
        return 0

    cdef int later(self, int64_t row, int64_t slot, int64_t at) except -1:
        cdef line *mine = &self.lines[slot]
        cdef int64_t span = self.span, least = larger(0, at - 2 * span), n, i
        cdef int64_t left = -1, right = -1, previous = -1, copied = -1, again = -1
        cdef bint left_made = False, right_made = False
        cdef window *w
        i = self.first_start(slot, at + 2) - 1
        while i >= mine.head:
            n = mine.data[i]
            w = &self.all_[n]
            if w.start < least:
                break
            if w.start == at + 1:
                right_made = True
            elif w.start + span > at:
                if right < 0:
                    right = n
                push(&self.joins, n)
            elif w.start + span == at:
                left_made = True
                push(&self.joins, n)
                if w.last >= at:
                    for i in range(self.joins.count):
                        self.join(row, self.joins.data[i], at)
                    return 0
                previous = w.last
            else:
                left, previous = n, w.last
                break
            i -= 1
        if not right_made and right >= 0 and self.all_[right].last > at:
            copied = self.copy(slot, at + 1, right)
        for i in range(self.joins.count):
            self.join(row, self.joins.data[i], at)
        if previous >= 0 and previous + 1 + span >= at and self.has(slot, previous + 1) < 0:
            again = self.make(row, slot, previous + 1, at, -1)
        if not left_made:
            if again >= 0 and previous + 1 == at - span:
                self.touch(again, False)
                self.do(AGAIN, again, row)
            else:
                self.make(row, slot, at - span, at, left if at - span <= previous else -1)
        if copied >= 0:
            self.touch(copied, False)
        return 0

    cdef int early(self, int64_t row, int64_t slot, int64_t at) except -1:
        cdef line *mine = &self.lines[slot]
        cdef int64_t combined = -1, right = -1, previous = -1, copied = -1, n, i
        cdef bint right_made = False
        cdef window *w
        for i in range(mine.head, mine.end):
            n = mine.data[i]
            w = &self.all_[n]
            if w.start > at + 1:
                break
            if w.start == 0:
                combined = n
                if w.last < at:
                    previous = w.last
            elif w.start <= at:
                right = n
                push(&self.joins, n)
            else:
                right_made = True
        if right < 0 and combined >= 0 and self.all_[combined].last > at:
            right = combined
        if not right_made and right >= 0 and self.all_[right].last > at:
            copied = self.copy(slot, at + 1, right)
        for i in range(self.joins.count):
            self.join(row, self.joins.data[i], at)
        if copied >= 0:
            self.touch(copied, False)
        if previous >= 0 and self.has(slot, previous + 1) < 0:
            self.make(row, slot, previous + 1, at, -1)
        if combined >= 0:
            self.join(row, combined, at)
        else:
            self.make(row, slot, 0, at, -1)
        return 0

    cdef bint closed(self, int64_t start) noexcept:
        return start + self.span < self.now - self.grace

    cdef int join(self, int64_t row, int64_t n, int64_t at) except -1:
        if not self.closed(self.all_[n].start):
            self.touch(n, False)
            self.do(ADD, n, row)
            self.all_[n].last = larger(self.all_[n].last, at)
        return 0

    cdef int64_t make(
        self, int64_t row, int64_t slot, int64_t start, int64_t at, int64_t others
    ) except? -1:
        cdef int64_t n
        if self.closed(start):
            return -1
        n = self.fresh(slot, start, at)
        self.touch(n, True)
        self.insert(slot, n)
        self.newest = larger(self.newest, start)
        if others >= 0:
            self.do(MERGE, n, others)
        self.do(ADD, n, row)
        return n

    cdef int64_t copy(self, int64_t slot, int64_t start, int64_t others) except? -1:
        cdef int64_t n = self.fresh(slot, start, self.all_[others].last)
        self.touch(n, True)
        self.insert(slot, n)
        self.newest = larger(self.newest, start)
        self.do(MERGE, n, others)
        return n
