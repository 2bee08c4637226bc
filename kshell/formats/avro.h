/* Avro records into Arrow columns: runs the programs that avro/plan.py makes of schemas.
 *
 * The bytes come from strangers: nothing is read at or past `end`, every index and length is checked,
 * nesting, items and growth are bounded.  Programs come from plan.py alone and are trusted to name
 * places that are there.  avro/pure.py is the same in Python: change both.
 */
#ifndef KSHELL_AVRO_H
#define KSHELL_AVRO_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "avro_slots.h"

enum { DEEPEST = 64, EMPTY_ITEMS = 1000, GROWTH = 64, ROW_FREE = 1 << 16, BATCH_FREE = 1 << 26,
       BATCH_MOST = 1 << 30 };
enum { OP_NULL, OP_BOOLEAN, OP_INT, OP_LONG, OP_FLOAT, OP_DOUBLE, OP_BYTES, OP_FIXED, OP_TEXT, OP_ENUM,
       OP_BOOLEAN_TEXT, OP_LONG_TEXT, OP_LONG_DOUBLE, OP_SCALED, OP_DECIMAL, OP_UUID, OP_RECORD,
       OP_ARRAY, OP_MAP, OP_UNION, OP_BRANCHES, OP_CONSTANT, OP_MISSING, OP_UNFIT, OP_CUT };
enum { FIT_LONG, FIT_INT, FIT_DATE, FIT_TIME };

typedef struct {
  int32_t code, slot, x, y, null, first, count, least, cost;
} avro_op;

typedef struct {
  const avro_op *ops;
  const int32_t *links; /* what the ops' `first` and `count` name: ops, or a symbol's places */
  const uint8_t *blob;
  int32_t header; /* bytes before the datum */
} avro_program;

#define FAIL(reason) do { j->why = (reason); j->failed = index; return NULL; } while (0)

static inline const uint8_t *avro_varint(const uint8_t *p, const uint8_t *end, int64_t *out, int *why) {
  uint64_t v = 0;
  if (p < end && *p < 0x80) {
    *out = (int64_t)(*p >> 1) ^ -(int64_t)(*p & 1);
    return p + 1;
  }
  for (int shift = 0; shift < 70; shift += 7) {
    if (p >= end) {
      *why = CUT_OFF;
      return NULL;
    }
    uint8_t b = *p++;
    if (shift == 63 && b > 1) break;
    v |= (uint64_t)(b & 0x7f) << shift;
    if (b < 0x80) {
      *out = (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
      return p;
    }
  }
  *why = BAD_VARINT;
  return NULL;
}

static inline int64_t avro_floor(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static int avro_fits(int64_t v, int32_t fit) {
  switch (fit) {
    case FIT_INT: return v >= INT32_MIN && v <= INT32_MAX;
    case FIT_DATE: return v >= -719162 && v <= 2932896;
    case FIT_TIME: return v >= 0 && v < 86400000;
    default: return 1;
  }
}

/* Big-endian two's complement of any length, times 10^shift, below 10^digits. */
static int avro_decimal(const uint8_t *p, int64_t n, int32_t shift, int32_t digits, __int128 *out) {
  uint8_t sign = p[0] & 0x80 ? 0xff : 0;
  while (n > 16) {
    if (*p != sign) return 0;
    p++, n--;
  }
  if ((p[0] & 0x80 ? 0xff : 0) != sign) return 0;
  unsigned __int128 bits = sign ? ~(unsigned __int128)0 : 0;
  for (int64_t i = 0; i < n; i++) bits = bits << 8 | p[i];
  __int128 v = (__int128)bits, limit = 1;
  for (; shift > 0; shift--)
    if (__builtin_mul_overflow(v, (__int128)10, &v)) return 0;
  for (; shift < 0; shift++) {
    if (v % 10) return 0;
    v /= 10;
  }
  for (int32_t i = 0; i < digits; i++) limit *= 10;
  *out = v;
  return v < limit && v > -limit;
}

static const uint8_t *avro_run(avro_job *j, const avro_program *g, int32_t index, const uint8_t *p,
                               const uint8_t *end, int depth);

/* The blocks of an array or a map; both children of a map are one item. */
static const uint8_t *avro_blocks(avro_job *j, const avro_program *g, int32_t index, const uint8_t *p,
                                  const uint8_t *end, int depth) {
  const avro_op *o = &g->ops[index];
  int why = FINE;
  int64_t count, size, least = 0;
  if (depth > DEEPEST) FAIL(TOO_NESTED);
  for (int32_t i = 0; i < o->count; i++) least += g->ops[g->links[o->first + i]].least;
  for (;;) {
    const uint8_t *stop = NULL;
    if (!(p = avro_varint(p, end, &count, &why))) FAIL(why);
    if (count == 0) return p;
    if (count < 0) {
      if (count == INT64_MIN) FAIL(BAD_SIZE);
      count = -count;
      if (!(p = avro_varint(p, end, &size, &why))) FAIL(why);
      if (size < 0) FAIL(BAD_SIZE);
      if (size > end - p) FAIL(CUT_OFF);
      stop = p + size;
    }
    if (least > 0) {
      if (count > (end - p) / least) FAIL(CUT_OFF);
    } else if ((j->empty_left -= count) < 0 || count > EMPTY_ITEMS) FAIL(TOO_MANY);
    if ((j->row_left -= count * o->cost) < 0) FAIL(TOO_LARGE);
    for (int64_t n = 0; n < count; n++)
      for (int32_t i = 0; i < o->count; i++)
        if (!(p = avro_run(j, g, g->links[o->first + i], p, end, depth))) return NULL;
    if (stop && p != stop) FAIL(BAD_SIZE);
  }
}

/* A value that has no others in it: into its slot, or past it where there is none.  NULL on failure,
 * with j->why.  Inlined into the loop over a record's fields, where most of the time goes. */
static inline __attribute__((always_inline)) const uint8_t *avro_leaf(
    avro_job *j, const avro_program *g, int32_t index, const uint8_t *p, const uint8_t *end) {
  const avro_op *o = &g->ops[index];
  avro_slot *s = o->slot < 0 ? NULL : &j->slots[o->slot];
  int why = FINE, fine = 1;
  int64_t v = 0;
  if (o->null >= 0) {
    if (!(p = avro_varint(p, end, &v, &why))) FAIL(why);
    if (v == o->null) {
      if (s && !avro_null(j, o->slot)) FAIL(NO_MEMORY);
      return p;
    }
    if (v != 1 - o->null) FAIL(BAD_BRANCH);
  }
  switch (o->code) {
    case OP_NULL:
      if (s) fine = avro_null(j, o->slot);
      break;
    case OP_BOOLEAN:
    case OP_BOOLEAN_TEXT:
      if (p >= end) FAIL(CUT_OFF);
      if (*p > 1) FAIL(BAD_BOOLEAN);
      if (s && o->code == OP_BOOLEAN_TEXT)
        fine = avro_put_bytes(s, (const uint8_t *)(*p ? "true" : "false"), *p ? 4 : 5, 0);
      else if (s && (fine = avro_ready(s))) {
        uint8_t bit = (uint8_t)(1u << (s->length & 7)), *at = s->values + (s->length >> 3);
        avro_valid(s);
        *at = (uint8_t)(*p ? *at | bit : *at & ~bit);
        s->length++;
      }
      p++;
      break;
    case OP_INT:
    case OP_LONG:
      if (!(p = avro_varint(p, end, &v, &why))) FAIL(why);
      if (o->code == OP_INT && (v < INT32_MIN || v > INT32_MAX)) FAIL(NO_ROOM_FOR);
      if (s && s->width == 4) {
        int32_t narrow = (int32_t)v;
        fine = avro_put(s, &narrow);
      } else if (s) {
        if ((fine = avro_ready(s))) {
          avro_valid(s);
          memcpy(s->values + s->length++ * 8, &v, 8);
        }
      }
      break;
    case OP_SCALED:
      if (!(p = avro_varint(p, end, &v, &why))) FAIL(why);
      v = avro_floor(v, o->x);
      if (!avro_fits(v, o->y)) FAIL(NO_ROOM_FOR);
      if (s->width == 4) {
        int32_t narrow = (int32_t)v;
        fine = avro_put(s, &narrow);
      } else fine = avro_put(s, &v);
      break;
    case OP_LONG_DOUBLE: {
      if (!(p = avro_varint(p, end, &v, &why))) FAIL(why);
      if (!avro_fits(v, o->y)) FAIL(NO_ROOM_FOR);
      double wide = (double)v;
      fine = avro_put(s, &wide);
      break;
    }
    case OP_LONG_TEXT: {
      char digits[24];
      if (!(p = avro_varint(p, end, &v, &why))) FAIL(why);
      if (!avro_fits(v, o->y)) FAIL(NO_ROOM_FOR);
      int n = snprintf(digits, sizeof digits, "%lld", (long long)v);
      fine = avro_put_bytes(s, (const uint8_t *)digits, n, 0);
      break;
    }
    case OP_FLOAT:
      if (end - p < 4) FAIL(CUT_OFF);
      if (s) {
        float narrow;
        memcpy(&narrow, p, 4);
        double wide = (double)narrow;
        fine = avro_put(s, &wide);
      }
      p += 4;
      break;
    case OP_DOUBLE:
      if (end - p < 8) FAIL(CUT_OFF);
      if (s && (fine = avro_ready(s))) {
        avro_valid(s);
        memcpy(s->values + s->length++ * 8, p, 8);
      }
      p += 8;
      break;
    case OP_BYTES:
    case OP_TEXT:
    case OP_FIXED:
    case OP_UUID:
    case OP_DECIMAL:
      if (o->code == OP_UUID) v = 16;
      else if (o->code == OP_FIXED || (o->code == OP_DECIMAL && o->x > 0)) v = o->x;
      else if (!(p = avro_varint(p, end, &v, &why))) FAIL(why);
      if (v < 0) FAIL(BAD_SIZE);
      if (v > end - p) FAIL(CUT_OFF);
      if (!s) {
      } else if (o->code == OP_DECIMAL) {
        __int128 number;
        if (v == 0) FAIL(BAD_SIZE);
        if (!avro_decimal(p, v, o->y, s->digits, &number)) FAIL(NO_ROOM_FOR);
        fine = avro_put(s, &number);
      } else if (o->code == OP_UUID) {
        uint8_t text[36];
        for (int i = 0, at = 0; i < 16; i++) {
          if (i == 4 || i == 6 || i == 8 || i == 10) text[at++] = '-';
          text[at++] = (uint8_t) "0123456789abcdef"[p[i] >> 4];
          text[at++] = (uint8_t) "0123456789abcdef"[p[i] & 15];
        }
        fine = avro_put_bytes(s, text, 36, 0);
      } else {
        if (o->code == OP_TEXT && !avro_text_valid(p, v, end - p)) FAIL(BAD_TEXT);
        fine = avro_put_bytes(s, p, v, end - p);
      }
      p += v;
      break;
    case OP_ENUM:
      if (!(p = avro_varint(p, end, &v, &why))) FAIL(why);
      if (v < 0 || v >= o->count - 1) FAIL(BAD_SYMBOL);
      if (s) {
        int32_t from = g->links[o->first + v], to = g->links[o->first + v + 1];
        if ((j->row_left -= to - from) < 0) FAIL(TOO_LARGE);
        fine = avro_put_bytes(s, g->blob + from, to - from, 0);
      }
      break;
    default: FAIL(UNFIT);
  }
  if (!fine) FAIL(NO_MEMORY);
  return p;
}

/* Any value. */
static const uint8_t *avro_run(avro_job *j, const avro_program *g, int32_t index, const uint8_t *p,
                               const uint8_t *end, int depth) {
  const avro_op *o = &g->ops[index];
  avro_slot *s = o->slot < 0 ? NULL : &j->slots[o->slot];
  int why = FINE, fine = 1;
  int64_t v = 0;
  if (o->code < OP_RECORD) return avro_leaf(j, g, index, p, end);
  if (o->null >= 0) {
    if (!(p = avro_varint(p, end, &v, &why))) FAIL(why);
    if (v == o->null) {
      if (s && !avro_null(j, o->slot)) FAIL(NO_MEMORY);
      return p;
    }
    if (v != 1 - o->null) FAIL(BAD_BRANCH);
  }
  switch (o->code) {
    case OP_RECORD:
      if (++depth > DEEPEST) FAIL(TOO_NESTED);
      if (--j->row_left < 0) FAIL(TOO_LARGE);
      for (int32_t i = 0; i < o->count; i++) {
        int32_t child = g->links[o->first + i];
        p = g->ops[child].code < OP_RECORD ? avro_leaf(j, g, child, p, end)
                                           : avro_run(j, g, child, p, end, depth);
        if (!p) return NULL;
      }
      if (s && (fine = avro_ready(s))) {
        avro_valid(s);
        s->length++;
      }
      break;
    case OP_ARRAY:
    case OP_MAP:
      if (s && !avro_ready(s)) FAIL(NO_MEMORY);
      if (o->code == OP_MAP && s) {
        const avro_slot *keys = &j->slots[j->links[s->first]];
        int64_t from = keys->length;
        if (!(p = avro_blocks(j, g, index, p, end, depth + 1))) return NULL;
        if ((why = avro_keys(j, keys, from))) FAIL(why);
      } else if (!(p = avro_blocks(j, g, index, p, end, depth + 1))) return NULL;
      if (s) {
        int64_t inner = j->slots[j->links[s->first]].length;
        if (inner > INT32_MAX) FAIL(TOO_LARGE);
        avro_valid(s);
        s->at[++s->length] = (int32_t)inner;
      }
      break;
    case OP_UNION:
      if (!(p = avro_varint(p, end, &v, &why))) FAIL(why);
      if (v < 0 || v >= o->count) FAIL(BAD_BRANCH);
      return avro_run(j, g, g->links[o->first + v], p, end, depth);
    case OP_BRANCHES: {
      if (!(p = avro_varint(p, end, &v, &why))) FAIL(why);
      if (v < 0 || v >= o->count) FAIL(BAD_BRANCH);
      int32_t child = g->links[o->first + v];
      if (g->ops[child].code == OP_NULL) {
        fine = avro_null(j, o->slot);
        break;
      }
      if (!(p = avro_run(j, g, child, p, end, depth))) return NULL;
      for (int32_t i = 0; fine && i < s->count; i++) {
        int32_t other = j->links[s->first + i];
        if (j->slots[other].length == s->length) fine = avro_null(j, other);
      }
      if (fine && (fine = avro_ready(s))) {
        avro_valid(s);
        s->length++;
      }
      break;
    }
    case OP_CONSTANT: {
      const uint8_t *from = g->blob + o->x;
      if ((j->row_left -= o->y) < 0) FAIL(TOO_LARGE);
      if (!avro_run(j, g, g->links[o->first], from, from + o->y, depth)) return NULL;
      break;
    }
    case OP_MISSING:
      if (s) fine = avro_null(j, o->slot);
      break;
    case OP_CUT:
      if (!(p = avro_run(j, g, g->links[o->first], p, end, depth))) return NULL;
      fine = avro_put_bytes(s, g->blob + o->x, o->y, 0);
      break;
    default: FAIL(UNFIT);
  }
  if (!fine) FAIL(NO_MEMORY);
  return p;
}

/* Rows [0, n) of a binary array; which[row] is a program, below 0 a row of NULL.  `bad` takes
 * (row, why, op, program) quadruples and has room for n of them; gives how many, -1 without memory. */
static int64_t avro_rows(avro_job *j, const avro_program *programs, const int32_t *which,
                         const uint8_t *data, const int32_t *at, int64_t n, int32_t *bad) {
  int64_t failures = 0;
  j->batch_left = ((int64_t)at[n] - at[0]) * GROWTH + BATCH_FREE;
  if (j->batch_left > BATCH_MOST) j->batch_left = BATCH_MOST;
  for (int64_t row = 0; row < n; row++) {
    if (which[row] < 0) {
      if (!avro_null(j, 0)) return -1;
      continue;
    }
    const avro_program *g = &programs[which[row]];
    const uint8_t *p = data + at[row], *end = data + at[row + 1];
    int64_t given = (end - p) * GROWTH + ROW_FREE;
    if (given > j->batch_left) given = j->batch_left;
    j->row_left = given;
    j->empty_left = EMPTY_ITEMS;
    j->failed = 0;
    j->why = CUT_OFF;
    if (end - p < g->header) p = NULL;
    else if ((p = avro_run(j, g, 0, p + g->header, end, 0)) && p != end) {
      j->why = LEFT_OVER;
      j->failed = 0;
      p = NULL;
    }
    j->batch_left -= given - (j->row_left > 0 ? j->row_left : 0);
    if (p) continue;
    if (j->why == NO_MEMORY) return -1;
    avro_truncate(j, 0, row);
    if (!avro_null(j, 0)) return -1;
    bad[failures * 4] = (int32_t)row;
    bad[failures * 4 + 1] = j->why;
    bad[failures * 4 + 2] = j->failed;
    bad[failures * 4 + 3] = which[row];
    failures++;
  }
  return failures;
}
#endif
