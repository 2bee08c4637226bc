/* Rows of Arrow columns as the bytes of records: JSON, DELIMITED, Avro, Protobuf.  `_write` calls it. */
#ifndef KSHELL_WRITE_H
#define KSHELL_WRITE_H
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "digits.h"

enum { W_TEXT, W_BYTES, W_INT, W_BIGINT, W_DOUBLE, W_BOOLEAN, W_DECIMAL, W_LIST, W_MAP, W_OBJECT, W_CONSTANT, W_WRAPPER };
enum { NO_ROOM = 0, FINE = 1, REFUSED = -1, TOO_LARGE = -2 };

/* How Protobuf has a value; SECONDS and NANOS are parts of one in milliseconds, PACKED is a list's. */
enum { P_VARINT, P_ZIGZAG, P_FIXED32, P_FIXED64, P_FLOAT, P_DOUBLE, P_SECONDS, P_NANOS, P_PACKED };

/* A column and what is in it: its children are `inner` and those behind.  `before` stands in front of a
   value: a field's name as JSON, an Avro union's branch.  `none` is Avro's NULL; refused if its size is -1.
   Protobuf's `before` is the tag; a default is left out unless it is `shown`, a number outside least..most is
   refused.  What is in a WRAPPER is of its own column. */
typedef struct node {
  int kind, scale, count, bits, form, shown;
  int64_t unit, least, most;
  const struct node *inner;
  const char *before, *none;
  int64_t before_size, none_size;
  const uint8_t *valid;
  const int32_t *at;
  const uint8_t *data;
  int64_t first;
} node;

typedef struct {
  uint8_t *data;
  int64_t size, room;
} text;

static inline uint8_t *more(text *out, int64_t wanted) {
  if (out->room - out->size < wanted) {
    int64_t room = out->room * 2 > out->size + wanted ? out->room * 2 : out->size + wanted;
    uint8_t *data = (uint8_t *)realloc(out->data, (size_t)room);
    if (!data) return NULL;
    out->data = data, out->room = room;
  }
  return out->data + out->size;
}

static inline int put(text *out, const void *bytes, int64_t size) {
  uint8_t *p = more(out, size);
  if (!p) return 0;
  if (size) memcpy(p, bytes, (size_t)size);
  out->size += size;
  return 1;
}

static inline int there(const node *n, int64_t row) {
  row += n->first;
  return !n->valid || (n->valid[row >> 3] >> (row & 7) & 1);
}

static inline const uint8_t *bytes_at(const node *n, int64_t row, int64_t *size) {
  const int32_t *at = n->at + n->first + row;
  *size = at[1] - at[0];
  return n->data + at[0];
}

/* Whether none of eight bytes is a control character, a quote or a backslash. */
static inline int plain8(const uint8_t *p) {
  const uint64_t ones = 0x0101010101010101ull, tops = 0x8080808080808080ull;
  uint64_t w;
  memcpy(&w, p, 8);
  uint64_t quote = w ^ (ones * '"'), slash = w ^ (ones * '\\');
  uint64_t odd = ((w - ones * 0x20) & ~w) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash);
  return !(odd & tops);
}

static int put_json_text(text *out, const uint8_t *p, int64_t size) {
  static const char HEX[] = "0123456789abcdef";
  uint8_t *q = more(out, 6 * size + 2);
  if (!q) return 0;
  uint8_t *start = q;
  const uint8_t *end = p + size;
  *q++ = '"';
  while (p < end) {
    if (end - p >= 8 && plain8(p)) {
      memcpy(q, p, 8);
      p += 8, q += 8;
      continue;
    }
    uint8_t c = *p++;
    if (c >= 0x20 && c != '"' && c != '\\') {
      *q++ = c;
      continue;
    }
    *q++ = '\\';
    switch (c) {
      case '"': case '\\': *q++ = c; break;
      case '\b': *q++ = 'b'; break;
      case '\t': *q++ = 't'; break;
      case '\n': *q++ = 'n'; break;
      case '\f': *q++ = 'f'; break;
      case '\r': *q++ = 'r'; break;
      default:
        memcpy(q, "u00", 3);
        q[3] = (uint8_t)HEX[c >> 4], q[4] = (uint8_t)HEX[c & 15];
        q += 5;
    }
  }
  *q++ = '"';
  out->size += q - start;
  return 1;
}

static int put_base64(text *out, const uint8_t *p, int64_t size) {
  static const char SIGNS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  uint8_t *q = more(out, (size + 2) / 3 * 4);
  if (!q) return 0;
  out->size += (size + 2) / 3 * 4;
  for (; size > 0; p += 3, size -= 3) {
    uint32_t n = (uint32_t)p[0] << 16 | (size > 1 ? (uint32_t)p[1] << 8 : 0) | (size > 2 ? p[2] : 0);
    *q++ = (uint8_t)SIGNS[n >> 18];
    *q++ = (uint8_t)SIGNS[n >> 12 & 63];
    *q++ = size > 1 ? (uint8_t)SIGNS[n >> 6 & 63] : '=';
    *q++ = size > 2 ? (uint8_t)SIGNS[n & 63] : '=';
  }
  return 1;
}

static int put_json(text *out, const node *n, int64_t row);

static inline int same_key(const node *keys, int64_t a, int64_t b) {
  int64_t x, y;
  const uint8_t *p = bytes_at(keys, a, &x), *q = bytes_at(keys, b, &y);
  return x == y && !memcmp(p, q, (size_t)x);
}

static inline uint64_t hash_of(const node *keys, int64_t row) {
  int64_t size;
  const uint8_t *p = bytes_at(keys, row, &size);
  uint64_t h = 0xcbf29ce484222325ull;
  while (size--) h = (h ^ *p++) * 0x100000001b3ull;
  return h ^ h >> 29;
}

/* For each pair the one whose value stands at the key's first place (the last of that key); -1 where
   the key was there before. */
static int last_values(const node *keys, int64_t from, int64_t count, int64_t *last) {
  int64_t size = 4, *table;
  while (size < 2 * count) size *= 2;
  if (!(table = (int64_t *)malloc((size_t)size * sizeof *table))) return 0;
  memset(table, -1, (size_t)size * sizeof *table);
  for (int64_t i = 0; i < count; i++) {
    uint64_t slot = hash_of(keys, from + i) & (uint64_t)(size - 1);
    while (table[slot] >= 0 && !same_key(keys, from + table[slot], from + i)) slot = (slot + 1) & (uint64_t)(size - 1);
    last[i] = table[slot] < 0 ? i : -1;
    if (table[slot] < 0) table[slot] = i;
    else last[table[slot]] = i;
  }
  free(table);
  return 1;
}

static int put_json_map(text *out, const node *n, int64_t row) {
  const int32_t *at = n->at + n->first + row;
  const node *keys = n->inner, *items = n->inner + 1;
  int64_t from = at[0], count = at[1] - at[0], one = 0, *last = &one;
  if (count > 1) {
    if (!(last = (int64_t *)malloc((size_t)count * sizeof *last))) return 0;
    if (!last_values(keys, from, count, last)) {
      free(last);
      return 0;
    }
  }
  int fine = put(out, "{", 1), some = 0;
  for (int64_t i = 0; fine && i < count; i++) {
    if (last[i] < 0) continue;
    int64_t size;
    const uint8_t *p = bytes_at(keys, from + i, &size);
    fine = (!some || put(out, ",", 1)) && put_json_text(out, p, size) && put(out, ":", 1) &&
           put_json(out, items, from + last[i]);
    some = 1;
  }
  if (last != &one) free(last);
  return fine && put(out, "}", 1);
}

static inline int64_t whole_at(const node *n, int64_t row) {
  return n->kind == W_INT ? ((const int32_t *)n->data)[n->first + row] : ((const int64_t *)n->data)[n->first + row];
}

/* The value, or null; 0 where there is no memory. */
static int put_json(text *out, const node *n, int64_t row) {
  if (!there(n, row)) return put(out, "null", 4);
  int64_t size;
  const uint8_t *p;
  uint8_t *q;
  switch (n->kind) {
    case W_TEXT:
      p = bytes_at(n, row, &size);
      return put_json_text(out, p, size);
    case W_BYTES:
      p = bytes_at(n, row, &size);
      return put(out, "\"", 1) && put_base64(out, p, size) && put(out, "\"", 1);
    case W_INT:
    case W_BIGINT:
      if (!(q = more(out, 24))) return 0;
      out->size += put_whole((char *)q, whole_at(n, row)) - (char *)q;
      return 1;
    case W_DOUBLE:
      if (!(q = more(out, 40))) return 0;
      out->size += put_json_double((char *)q, ((const double *)n->data)[n->first + row]) - (char *)q;
      return 1;
    case W_BOOLEAN: {
      int64_t bit = n->first + row;
      return n->data[bit >> 3] >> (bit & 7) & 1 ? put(out, "true", 4) : put(out, "false", 5);
    }
    case W_DECIMAL:
      if (!(q = more(out, 48))) return 0;
      out->size += put_decimal((char *)q, n->data + 16 * (n->first + row), n->scale) - (char *)q;
      return 1;
    case W_LIST: {
      const int32_t *at = n->at + n->first + row;
      if (!put(out, "[", 1)) return 0;
      for (int32_t i = at[0]; i < at[1]; i++)
        if ((i > at[0] && !put(out, ",", 1)) || !put_json(out, n->inner, i)) return 0;
      return put(out, "]", 1);
    }
    case W_MAP:
      return put_json_map(out, n, row);
    default: /* W_OBJECT */
      if (!put(out, "{", 1)) return 0;
      for (int i = 0; i < n->count; i++) {
        const node *field = n->inner + i;
        if ((i && !put(out, ",", 1)) || !put(out, field->before, field->before_size) || !put_json(out, field, row)) return 0;
      }
      return put(out, "}", 1);
  }
}

typedef struct {
  const char *data;
  int64_t size;
} bytes;

static int has(const uint8_t *p, int64_t size, bytes wanted) {
  for (int64_t i = 0; i + wanted.size <= size; i++)
    if (p[i] == (uint8_t)wanted.data[0] && !memcmp(p + i, wanted.data, (size_t)wanted.size)) return 1;
  return 0;
}

/* Puts quotes around what was written from `from` on, where commons-csv's minimal quoting has them. */
static int quote(text *out, int64_t from, int first, bytes delimiter) {
  uint8_t *p = out->data + from;
  int64_t size = out->size - from, quotes = 0;
  if (!size) return first ? put(out, "\"\"", 2) : 1;
  uint8_t start = p[0];
  int letter = (start >= '0' && start <= '9') || (start >= 'A' && start <= 'Z') || (start >= 'a' && start <= 'z');
  int odd = (first && !letter) || start <= '#' || p[size - 1] <= ' ';
  for (int64_t i = 0; i < size; i++) {
    quotes += p[i] == '"';
    odd |= p[i] == '"' || p[i] == '\n' || p[i] == '\r';
  }
  if (!odd && !has(p, size, delimiter)) return 1;
  if (!more(out, quotes + 2)) return 0;
  p = out->data + from;
  uint8_t *q = p + size + quotes + 2;
  out->size += quotes + 2;
  *--q = '"';
  for (int64_t i = size - 1; i >= 0; i--) {
    *--q = p[i];
    if (p[i] == '"') *--q = '"';
  }
  *--q = '"';
  return 1;
}

/* The fields of a row as a line. */
static int put_line(text *out, const node *root, int64_t row, bytes delimiter) {
  for (int i = 0; i < root->count; i++) {
    const node *n = root->inner + i;
    if (i && !put(out, delimiter.data, delimiter.size)) return 0;
    if (!there(n, row)) continue;
    int64_t from = out->size, size;
    const uint8_t *p;
    uint8_t *q;
    switch (n->kind) {
      case W_TEXT:
        p = bytes_at(n, row, &size);
        if (!put(out, p, size)) return 0;
        break;
      case W_BYTES:
        p = bytes_at(n, row, &size);
        if (!put_base64(out, p, size)) return 0;
        break;
      case W_DOUBLE:
        if (!(q = more(out, 40))) return 0;
        out->size += put_java_double((char *)q, ((const double *)n->data)[n->first + row]) - (char *)q;
        break;
      default:
        if (!put_json(out, n, row)) return 0;
    }
    if (!quote(out, from, i == 0, delimiter)) return 0;
  }
  return 1;
}

/* Seven bits a byte, the lowest first. */
static int put_varint(text *out, uint64_t n) {
  uint8_t *q = more(out, 10), *start = q;
  if (!q) return NO_ROOM;
  for (; n > 0x7f; n >>= 7) *q++ = (uint8_t)(n | 0x80);
  *q++ = (uint8_t)n;
  out->size += q - start;
  return FINE;
}

/* Avro's long: a zigzag varint. */
static int put_long(text *out, int64_t value) {
  return put_varint(out, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

static int put_sized(text *out, const uint8_t *p, int64_t size) {
  return put_long(out, size) && put(out, p, size);
}

/* The fewest bytes of two's complement, big-endian; gives how many. */
static int turned_number(uint8_t *turned, const uint8_t *p) {
  uint8_t sign = p[15] & 0x80 ? 0xff : 0;
  int size = 16;
  while (size > 1 && p[size - 1] == sign && (p[size - 2] & 0x80) == (sign & 0x80)) size--;
  for (int i = 0; i < size; i++) turned[i] = p[size - 1 - i];
  return size;
}

static int put_number(text *out, const uint8_t *p) {
  uint8_t turned[16];
  int size = turned_number(turned, p);
  return put_sized(out, turned, size);
}

static int put_avro(text *out, const node *n, int64_t row) {
  if (n->kind == W_CONSTANT) return put(out, n->before, n->before_size);
  if (!there(n, row)) return n->none_size < 0 ? REFUSED : put(out, n->none, n->none_size);
  if (!put(out, n->before, n->before_size)) return NO_ROOM;
  int64_t size;
  const uint8_t *p;
  int done = FINE;
  switch (n->kind) {
    case W_TEXT:
    case W_BYTES:
      p = bytes_at(n, row, &size);
      return put_sized(out, p, size);
    case W_INT:
    case W_BIGINT: {
      int64_t value = whole_at(n, row);
      if (__builtin_mul_overflow(value, n->unit, &value)) return REFUSED;
      if (n->bits < 63 && (value < -((int64_t)1 << n->bits) || value >= (int64_t)1 << n->bits)) return REFUSED;
      return put_long(out, value);
    }
    case W_DOUBLE:
      return put(out, n->data + 8 * (n->first + row), 8);
    case W_BOOLEAN: {
      int64_t bit = n->first + row;
      uint8_t one = n->data[bit >> 3] >> (bit & 7) & 1;
      return put(out, &one, 1);
    }
    case W_DECIMAL:
      return put_number(out, n->data + 16 * (n->first + row));
    case W_LIST:
    case W_MAP: {
      const int32_t *at = n->at + n->first + row;
      if (at[0] < at[1] && !put_long(out, at[1] - at[0])) return NO_ROOM;
      for (int32_t i = at[0]; done == FINE && i < at[1]; i++)
        for (int k = 0; done == FINE && k < n->count; k++) done = put_avro(out, n->inner + k, i);
      return done == FINE ? put(out, "", 1) : done;
    }
    default: /* W_OBJECT */
      for (int i = 0; done == FINE && i < n->count; i++) done = put_avro(out, n->inner + i, row);
      return done;
  }
}

static int put_fixed(text *out, uint64_t n, int size) {
  uint8_t *q = more(out, 8);
  if (!q) return NO_ROOM;
  for (int i = 0; i < size; i++, n >>= 8) q[i] = (uint8_t)n;
  out->size += size;
  return FINE;
}

/* Writes the size of what stands behind `from`, one byte of which was kept for it. */
static int put_size(text *out, int64_t from) {
  int64_t size = out->size - from - 1;
  int bytes = 1;
  for (uint64_t n = (uint64_t)size; n > 0x7f; n >>= 7) bytes++;
  if (!more(out, bytes)) return NO_ROOM;
  uint8_t *p = out->data + from;
  if (bytes > 1) memmove(p + bytes, p + 1, (size_t)size);
  out->size = from;
  put_varint(out, (uint64_t)size);
  out->size += size;
  return FINE;
}

static inline int64_t proto_whole(const node *n, int64_t row) {
  int64_t value = whole_at(n, row);
  if (n->form != P_SECONDS && n->form != P_NANOS) return value;
  int64_t rest = value % 1000, before = rest < 0;  /* the epoch */
  return n->form == P_NANOS ? (rest + 1000 * before) * 1000000 : value / 1000 - before;
}

static inline double proto_double(const node *n, int64_t row) {
  return n->kind == W_DOUBLE ? ((const double *)n->data)[n->first + row] : (double)whole_at(n, row);
}

static inline uint64_t bits_of(double value, int form) {
  uint64_t wide;
  uint32_t narrow;
  float part = (float)value;
  memcpy(&wide, &value, 8);
  memcpy(&narrow, &part, 4);
  return form == P_FLOAT ? narrow : wide;
}

/* Whether it is the value that a field has which is not there. */
static int proto_default(const node *n, int64_t row) {
  int64_t size, bit = n->first + row;
  switch (n->kind) {
    case W_TEXT:
    case W_BYTES:
      bytes_at(n, row, &size);
      return !size;
    case W_BOOLEAN:
      return !(n->data[bit >> 3] >> (bit & 7) & 1);
    case W_INT:
    case W_BIGINT:
    case W_DOUBLE:
      if (n->form == P_FLOAT || n->form == P_DOUBLE) return !bits_of(proto_double(n, row), n->form);
      return !proto_whole(n, row);
    default:
      return 0;
  }
}

static int put_proto(text *out, const node *n, int64_t row);

/* A value without its tag. */
static int put_proto_value(text *out, const node *n, int64_t row) {
  int64_t size, from = out->size;
  const uint8_t *p;
  int done = FINE;
  switch (n->kind) {
    case W_TEXT:
    case W_BYTES:
      p = bytes_at(n, row, &size);
      return put_varint(out, (uint64_t)size) && put(out, p, size);
    case W_BOOLEAN:
      return put_fixed(out, !proto_default(n, row), 1);
    case W_DECIMAL: {
      uint8_t turned[16];
      int size = turned_number(turned, n->data + 16 * (n->first + row));
      return put_varint(out, (uint64_t)size) && put(out, turned, size);
    }
    case W_INT:
    case W_BIGINT:
    case W_DOUBLE: {
      if (n->form == P_FLOAT || n->form == P_DOUBLE) {
        double value = proto_double(n, row);
        if (n->form == P_FLOAT && isinf((float)value) && !isinf(value)) return REFUSED;
        return put_fixed(out, bits_of(value, n->form), n->form == P_FLOAT ? 4 : 8);
      }
      int64_t value = proto_whole(n, row);
      if (value < n->least || value > n->most) return REFUSED;
      if (n->form == P_FIXED32 || n->form == P_FIXED64) return put_fixed(out, (uint64_t)value, n->form == P_FIXED32 ? 4 : 8);
      return n->form == P_ZIGZAG ? put_long(out, value) : put_varint(out, (uint64_t)value);
    }
    default: /* W_OBJECT, W_WRAPPER */
      if (!put(out, "", 1)) return NO_ROOM;
      for (int i = 0; done == FINE && i < n->count; i++) done = put_proto(out, n->inner + i, row);
      return done == FINE ? put_size(out, from) : done;
  }
}

/* A field, if it has a value. */
static int put_proto(text *out, const node *n, int64_t row) {
  if (n->kind == W_CONSTANT) return put(out, n->before, n->before_size);
  if (!there(n, row) || (!n->shown && proto_default(n, row))) return FINE;
  if (n->kind != W_LIST) return put(out, n->before, n->before_size) ? put_proto_value(out, n, row) : NO_ROOM;
  const int32_t *at = n->at + n->first + row;
  if (at[0] == at[1]) return FINE;
  int done = FINE, packed = n->form == P_PACKED;
  if (packed && !(put(out, n->before, n->before_size) && put(out, "", 1))) return NO_ROOM;
  int64_t from = out->size - 1;
  for (int32_t i = at[0]; done == FINE && i < at[1]; i++) {
    if (!there(n->inner, i)) return REFUSED;
    if (!put(out, n->inner->before, n->inner->before_size)) return NO_ROOM;
    done = put_proto_value(out, n->inner, i);
  }
  return done == FINE && packed ? put_size(out, from) : done;
}

/* The fields of a message. */
static int put_message(text *out, const node *root, int64_t row) {
  int done = FINE;
  for (int i = 0; done == FINE && i < root->count; i++) done = put_proto(out, root->inner + i, row);
  return done;
}

enum { AS_JSON, AS_LINES, AS_AVRO, AS_PROTO };

typedef struct {
  int how, single;
  bytes prefix, delimiter;
} manner;

/* All rows behind one another: `at` is where each ends, `valid` its bits; gives FINE or why not. */
static int write_rows(text *out, const node *root, const node *gone, int64_t rows, const manner *m, int32_t *at,
                          uint8_t *valid) {
  at[0] = 0;
  for (int64_t row = 0; row < rows; row++) {
    int64_t bit = gone->first + row;
    int dead = !there(gone, row) || (gone->data[bit >> 3] >> (bit & 7) & 1) || (m->single && !there(root, row));
    if (!dead) {
      valid[row >> 3] |= (uint8_t)(1 << (row & 7));
      int done = put(out, m->prefix.data, m->prefix.size);
      if (done == FINE)
        done = m->how == AS_JSON ? put_json(out, root, row)
               : m->how == AS_AVRO ? put_avro(out, root, row)
               : m->how == AS_PROTO ? put_message(out, root, row)
                                   : put_line(out, root, row, m->delimiter);
      if (done != FINE) return done;
      if (out->size > INT32_MAX) return TOO_LARGE;
    }
    at[row + 1] = (int32_t)out->size;
  }
  return FINE;
}
#endif
