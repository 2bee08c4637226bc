/* Columns that grow value by value: what avro.h reads records into.
 *
 * Memory is malloc's; _avro.pyx hands it to Arrow.  Every function gives 0 where there is no more.
 */
#ifndef KSHELL_AVRO_SLOTS_H
#define KSHELL_AVRO_SLOTS_H
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "utf8.h"

enum { FINE, CUT_OFF, LEFT_OVER, TOO_NESTED, BAD_VARINT, BAD_SIZE, BAD_BRANCH, BAD_SYMBOL, BAD_BOOLEAN,
       NO_ROOM_FOR, BAD_TEXT, TOO_MANY, SAME_KEY, NULL_KEY, UNFIT, TOO_LARGE, NO_MEMORY };
enum { SLOT_BITS, SLOT_FIXED, SLOT_BYTES, SLOT_LIST, SLOT_MAP, SLOT_STRUCT };

typedef struct {
  int32_t kind, width, first, count, digits;
  int64_t length, room, data_room;
  uint8_t *valid, *values, *data; /* no `valid` as long as nothing is NULL */
  int32_t *at;
} avro_slot;

typedef struct {
  avro_slot *slots;
  const int32_t *links; /* what the slots' `first` and `count` name */
  int64_t row_left, batch_left, empty_left;
  int32_t *order; /* for sorting */
  int64_t order_room;
  int why;
  int32_t failed;
} avro_job;

static int avro_grow(avro_slot *s, int64_t room) {
  void *made;
  if (s->valid) {
    if (!(made = realloc(s->valid, (size_t)(room / 8 + 1)))) return 0;
    s->valid = (uint8_t *)made;
  }
  if (s->kind == SLOT_BITS || s->kind == SLOT_FIXED) {
    int64_t size = s->kind == SLOT_BITS ? room / 8 + 1 : room * s->width;
    if (!(made = realloc(s->values, (size_t)(size + 1)))) return 0;
    s->values = (uint8_t *)made;
  } else if (s->kind != SLOT_STRUCT) {
    if (!(made = realloc(s->at, (size_t)(room + 1) * 4))) return 0;
    if (!s->at) *(int32_t *)made = 0;
    s->at = (int32_t *)made;
  }
  s->room = room;
  return 1;
}

static inline int avro_ready(avro_slot *s) {
  return s->length < s->room || (s->length < INT32_MAX / 2 && avro_grow(s, s->length * 2 + 16));
}

static inline void avro_valid(avro_slot *s) {
  if (s->valid) s->valid[s->length >> 3] |= (uint8_t)(1u << (s->length & 7));
}

static int avro_null(avro_job *j, int32_t slot) {
  avro_slot *s = &j->slots[slot];
  if (!avro_ready(s)) return 0;
  if (!s->valid) {
    if (!(s->valid = (uint8_t *)malloc((size_t)(s->room / 8 + 1)))) return 0;
    memset(s->valid, 0xff, (size_t)(s->room / 8 + 1));
  }
  int64_t n = s->length;
  s->valid[n >> 3] &= (uint8_t) ~(1u << (n & 7));
  if (s->kind == SLOT_FIXED) memset(s->values + n * s->width, 0, (size_t)s->width);
  else if (s->kind == SLOT_BITS) s->values[n >> 3] &= (uint8_t) ~(1u << (n & 7));
  else if (s->kind == SLOT_STRUCT) {
    for (int32_t i = 0; i < s->count; i++)
      if (!avro_null(j, j->links[s->first + i])) return 0;
  } else s->at[n + 1] = s->at[n];
  s->length++;
  return 1;
}

static inline int avro_put(avro_slot *s, const void *value) {
  if (!avro_ready(s)) return 0;
  avro_valid(s);
  memcpy(s->values + s->length * s->width, value, (size_t)s->width);
  s->length++;
  return 1;
}

static __attribute__((noinline)) int avro_grow_data(avro_slot *s, int64_t size) {
  if (size > INT32_MAX) return 0;
  void *made = realloc(s->data, (size_t)size * 2);
  if (!made) return 0;
  s->data = (uint8_t *)made;
  s->data_room = size * 2;
  return 1;
}

/* `spare` is how many bytes may be read: a short text is copied as sixteen where those are there. */
static inline int avro_put_bytes(avro_slot *s, const uint8_t *p, int64_t n, int64_t spare) {
  if (!avro_ready(s)) return 0;
  int64_t at = s->at[s->length];
  if (at + n + 16 > s->data_room && !avro_grow_data(s, at + n + 64)) return 0;
  if (n <= 16 && spare >= 16) memcpy(s->data + at, p, 16);
  else if (n) memcpy(s->data + at, p, (size_t)n);
  avro_valid(s);
  s->at[++s->length] = (int32_t)(at + n);
  return 1;
}

static inline int avro_text_valid(const uint8_t *p, int64_t n, int64_t spare) {
  if (n <= 16 && spare >= 16) {
    uint64_t low, high;
    if (n == 0) return 1;
    memcpy(&low, p, 8);
    memcpy(&high, p + 8, 8);
    uint64_t all = n <= 8 ? low << (64 - 8 * n) : low | high << (128 - 8 * n);
    if (!(all & 0x8080808080808080ull)) return 1;
  }
  return utf8_valid(p, n);
}

/* Takes away all but the first n values. */
static void avro_truncate(avro_job *j, int32_t slot, int64_t n) {
  avro_slot *s = &j->slots[slot];
  s->length = n;
  if (s->kind == SLOT_STRUCT || s->kind == SLOT_LIST || s->kind == SLOT_MAP) {
    int64_t inner = s->kind == SLOT_STRUCT ? n : s->at ? s->at[n] : 0;
    for (int32_t i = 0; i < s->count; i++) avro_truncate(j, j->links[s->first + i], inner);
  }
}

static int avro_compare(const avro_slot *s, int64_t a, int64_t b) {
  if (s->kind == SLOT_BITS)
    return (s->values[a >> 3] >> (a & 7) & 1) - (s->values[b >> 3] >> (b & 7) & 1);
  if (s->kind == SLOT_FIXED)
    return memcmp(s->values + a * s->width, s->values + b * s->width, (size_t)s->width);
  int64_t n = s->at[a + 1] - s->at[a], m = s->at[b + 1] - s->at[b];
  if (n != m) return n < m ? -1 : 1;
  return n ? memcmp(s->data + s->at[a], s->data + s->at[b], (size_t)n) : 0;
}

static void avro_sift(const avro_slot *s, int32_t *order, int64_t root, int64_t n) {
  for (;;) {
    int64_t child = root * 2 + 1;
    if (child >= n) return;
    if (child + 1 < n && avro_compare(s, order[child], order[child + 1]) < 0) child++;
    if (avro_compare(s, order[root], order[child]) >= 0) return;
    int32_t swap = order[root];
    order[root] = order[child];
    order[child] = swap;
    root = child;
  }
}

/* Whether keys from `first` on are all there and all different: sorted, so never quadratic. */
static int avro_keys(avro_job *j, const avro_slot *s, int64_t first) {
  int64_t n = s->length - first;
  if (s->valid)
    for (int64_t i = first; i < s->length; i++)
      if (!(s->valid[i >> 3] >> (i & 7) & 1)) return NULL_KEY;
  if (n <= 8) {
    for (int64_t a = first; a < s->length; a++)
      for (int64_t b = a + 1; b < s->length; b++)
        if (!avro_compare(s, a, b)) return SAME_KEY;
    return FINE;
  }
  if (n > j->order_room) {
    void *made = realloc(j->order, (size_t)n * 2 * sizeof(int32_t));
    if (!made) return NO_MEMORY;
    j->order = (int32_t *)made;
    j->order_room = n * 2;
  }
  for (int64_t i = 0; i < n; i++) j->order[i] = (int32_t)(first + i);
  for (int64_t i = n / 2; i-- > 0;) avro_sift(s, j->order, i, n);
  for (int64_t i = n - 1; i > 0; i--) {
    int32_t swap = j->order[0];
    j->order[0] = j->order[i];
    j->order[i] = swap;
    avro_sift(s, j->order, 0, i);
  }
  for (int64_t i = 1; i < n; i++)
    if (!avro_compare(s, j->order[i - 1], j->order[i])) return SAME_KEY;
  return FINE;
}
#endif
