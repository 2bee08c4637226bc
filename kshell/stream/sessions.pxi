# Part of _windows.pyx: SESSION windows.

cdef class Sessions(_Windows):
    cdef int64_t gap, close, keep

    def __init__(self, gap, close, keep):
        self.gap, self.close, self.keep = gap, close, keep

    cdef int row(self, int64_t row, int64_t slot, int64_t at) except -1:
        cdef line *mine = &self.lines[slot]
        cdef int64_t bound = self.now - self.keep, n, i, first, after, start, end, target
        while mine.head < mine.end and self.all_[mine.data[mine.head]].last <= bound:
            n = mine.data[mine.head]
            mine.head += 1
            self.all_[n].alive = 0
            push(&self.gone, n)
        self.tidy(mine)
        self.now = larger(self.now, at)
        first = after = self.first_last(slot, at - self.gap)
        while after < mine.end and self.all_[mine.data[after]].start <= at + self.gap:
            after += 1
        start = end = at
        if after > first:
            if self.all_[mine.data[first]].start < start:
                start = self.all_[mine.data[first]].start
            end = larger(at, self.all_[mine.data[after - 1]].last)
        if end < self.now - self.close:
            self.late += 1
            return 0
        if after > first:
            target = mine.data[first]
            for i in range(first, after):
                self.touch(mine.data[i], False)
            for i in range(first + 1, after):
                n = mine.data[i]
                self.do(MERGE, target, n)
                self.all_[n].parent = target
                self.all_[n].alive = 0
                self.all_[n].last = NEVER
                push(&self.gone, n)
            if after > first + 1:
                memmove(mine.data + first + 1, mine.data + after, 8 * (mine.end - after))
                mine.end -= after - first - 1
            self.touch(target, False)
            self.all_[target].start, self.all_[target].last = start, end
        else:
            target = self.fresh(slot, start, end)
            self.touch(target, True)
            self.insert(slot, target)
        self.do(ADD, target, row)
        if end <= self.now - self.keep:  # given out, and not kept
            self.take_out(slot, target)
            push(&self.gone, target)
        return 0
