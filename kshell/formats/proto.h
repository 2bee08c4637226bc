/* One pass over Protobuf messages: takes out the fields that a table names, as columns.
 *
 * The bytes come from strangers: nothing is read at or past `end`, the depth is the table's, groups
 * that are passed over nest no deeper than MAX_GROUPS, and the lists of a record hold no more than
 * MAX_VALUES values, those of a batch MAX_BATCH: an empty message is 2 bytes, and many columns.  What
 * nobody asks for is walked over and not looked into.  _protobuf.pyx fills the table.
 */
#ifndef KSHELL_PROTO_H
#define KSHELL_PROTO_H
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "numbers are copied as they are on the wire: without this module the Python twin serves"
#endif

enum { MAX_GROUPS = 64, MAX_VALUES = 4 << 20, MAX_BATCH = 64 << 20, LOW = 32 };
/* Timestamps: the years 1 to 9999, in milliseconds. */
static const int64_t MIN_MS = -62135596800000, MAX_MS = 253402300799999;
enum { P_OK, P_MALFORMED, P_NOT_UTF8, P_RANGE, P_TOO_MANY, P_NO_MEMORY, P_NO_DATE, P_NO_TIME };
/* What a node makes.  Leaves from AS_I32 on; dates and times are messages of numbers. */
enum { N_MESSAGE, N_ONEOF, N_LIST, N_PASS, N_I32, N_I64, N_F64, N_BOOL, N_STRING, N_BYTES,
       N_TIMESTAMP, N_DATE, N_TIME, N_U64 };
/* How a number stands in the bytes. */
enum { W_VARINT, W_INT32, W_UINT32, W_SINT32, W_SINT64, W_BOOL, W_FIXED32, W_SFIXED32, W_FIXED64,
       W_FLOAT, W_DOUBLE, W_LENGTH, W_UINT64, W_UFIXED64 };

typedef struct { uint8_t *p; int64_t n, room; } bytes_of;

typedef struct {
  uint32_t number;
  int node, group; /* the oneof that it is in, or -1 */
} proto_entry;

typedef struct {
  int kind, wire, wrapped, has_null, integral;
  int count, child; /* entries of a message, or the children of a oneof; the element of a list */
  proto_entry *entries;
  int *children; /* of a message or a oneof, in the order of its columns */
  int child_count, group, width, first_group, group_count;
  int16_t low[LOW]; /* entries by small numbers, -1 for none */
  /* What came so far of this row. */
  int seen;
  int64_t i, parts[4];
  double d;
  const uint8_t *at;
  int64_t length;
  /* The column. */
  int64_t rows;
  bytes_of valid, values, offsets, data;
} proto_node;

typedef struct {
  proto_node *nodes;
  uint32_t *groups; /* the member of each oneof that is set, 0 for none */
  int64_t left;
  int failed; /* the node at which a record went wrong, or -1 */
} proto_job;

static int room_for(bytes_of *v, int64_t more) {
  if (v->n + more <= v->room) return 1;
  int64_t room = v->room * 2 > v->n + more ? v->room * 2 : v->n + more + 64;
  uint8_t *p = (uint8_t *)realloc(v->p, (size_t)room);
  if (!p) return 0;
  v->p = p;
  v->room = room;
  return 1;
}

static inline int put_byte(bytes_of *v, uint8_t b) {
  if (v->n >= v->room && !room_for(v, 1)) return 0;
  v->p[v->n++] = b;
  return 1;
}

static inline int put_i32(bytes_of *v, int32_t x) {
  if (v->n + 4 > v->room && !room_for(v, 4)) return 0;
  memcpy(v->p + v->n, &x, 4);
  v->n += 4;
  return 1;
}

static inline int put_8(bytes_of *v, const void *x) {
  if (v->n + 8 > v->room && !room_for(v, 8)) return 0;
  memcpy(v->p + v->n, x, 8);
  v->n += 8;
  return 1;
}

static inline int32_t offset_at(const proto_node *n, int64_t row) {
  int32_t x;
  memcpy(&x, n->offsets.p + row * 4, 4);
  return x;
}

/* A varint of ten bytes at the most, of which bits beyond 64 are dropped, as Protobuf does; NULL
 * where it is cut off or longer. */
static inline const uint8_t *varint(const uint8_t *p, const uint8_t *end, uint64_t *out) {
  if (p < end && *p < 0x80) return *out = *p, p + 1;
  uint64_t v = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (p >= end) return NULL;
    uint8_t b = *p++;
    v |= (uint64_t)(b & 0x7f) << shift;
    if (b < 0x80) return *out = v, p;
  }
  return NULL;
}

/* A field's number and wire type: 32 bits. */
static inline const uint8_t *tag_at(const uint8_t *p, const uint8_t *end, uint64_t *tag) {
  const uint8_t *q = varint(p, end, tag);
  return q && q - p <= 5 && *tag <= UINT32_MAX ? q : NULL;
}

static inline const uint8_t *sized(const uint8_t *p, const uint8_t *end, uint64_t *size) {
  p = varint(p, end, size);
  return p && *size <= (uint64_t)(end - p) && *size <= INT32_MAX ? p : NULL;
}

/* Past a field that nobody asks for; upb too minds no number 0 inside a group. */
static const uint8_t *pass(const uint8_t *p, const uint8_t *end, uint64_t tag) {
  uint32_t open[MAX_GROUPS];
  uint64_t x;
  int depth = 0;
  for (;;) {
    switch (tag & 7) {
      case 0: p = varint(p, end, &x); break;
      case 1: p = end - p >= 8 ? p + 8 : NULL; break;
      case 2: if ((p = sized(p, end, &x))) p += x; break;
      case 3:
        if (depth >= MAX_GROUPS) return NULL;
        open[depth++] = (uint32_t)(tag >> 3);
        break;
      case 4:
        if (!depth || open[--depth] != tag >> 3) return NULL;
        break;
      case 5: p = end - p >= 4 ? p + 4 : NULL; break;
      default: return NULL;
    }
    if (!p || !depth) return p;
    if (!(p = tag_at(p, end, &tag))) return NULL;
  }
}

/* Whether bytes are UTF-8 without halves of surrogate pairs. */
static int is_utf8(const uint8_t *p, int64_t n) {
  const uint8_t *end = p + n;
  while (p < end) {
    uint64_t word;
    while (end - p >= 8) {
      memcpy(&word, p, 8);
      if (word & 0x8080808080808080ull) break;
      p += 8;
    }
    if (p >= end) break;
    uint8_t a = *p;
    int64_t left = end - p;
    if (a < 0x80) p++;
    else if (a >= 0xc2 && a <= 0xdf) {
      if (left < 2 || (p[1] & 0xc0) != 0x80) return 0;
      p += 2;
    } else if ((a & 0xf0) == 0xe0) {
      if (left < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80) return 0;
      if ((a == 0xe0 && p[1] < 0xa0) || (a == 0xed && p[1] > 0x9f)) return 0;
      p += 3;
    } else if (a >= 0xf0 && a <= 0xf4) {
      if (left < 4 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 || (p[3] & 0xc0) != 0x80)
        return 0;
      if ((a == 0xf0 && p[1] < 0x90) || (a == 0xf4 && p[1] > 0x8f)) return 0;
      p += 4;
    } else return 0;
  }
  return 1;
}

/* The column as it was when it had that many rows. */
static void cut(proto_job *job, int at, int64_t rows) {
  proto_node *n = &job->nodes[at];
  n->rows = rows;
  n->valid.n = rows;
  switch (n->kind) {
    case N_MESSAGE:
    case N_ONEOF:
      for (int i = 0; i < n->child_count; i++) cut(job, n->children[i], rows);
      break;
    case N_LIST:
      n->offsets.n = (rows + 1) * 4;
      cut(job, n->child, offset_at(n, rows));
      break;
    case N_STRING:
    case N_BYTES:
      n->offsets.n = (rows + 1) * 4;
      n->data.n = offset_at(n, rows);
      break;
    case N_I32:
    case N_DATE:
    case N_TIME: n->values.n = rows * 4; break;
    case N_BOOL: n->values.n = rows; break;
    case N_PASS: break;
    default: n->values.n = rows * 8;
  }
}

/* Forgets what came of this row. */
static void forget(proto_job *job, int at) {
  proto_node *n = &job->nodes[at];
  n->seen = 0;
  if (n->kind == N_LIST) {
    cut(job, n->child, offset_at(n, n->rows));
    forget(job, n->child);
  }
  if (n->kind == N_MESSAGE)
    for (int g = 0; g < n->group_count; g++) job->groups[n->first_group + g] = 0;
  if (n->kind == N_MESSAGE || n->kind == N_ONEOF)
    for (int i = 0; i < n->child_count; i++) forget(job, n->children[i]);
}

static int64_t days_of(int64_t y, int64_t m, int64_t d) { /* since 1970-01-01, Gregorian */
  y -= m <= 2;
  int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
  int64_t day = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + day - 719468;
}

static int month_days(int64_t y, int64_t m) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return days[m - 1] + (m == 2 && (y % 4 == 0 && (y % 100 != 0 || y % 400 == 0)));
}

/* The number that a message of numbers stands for. */
static int made_of_parts(proto_node *n, int64_t *out) {
  const int64_t *x = n->parts;
  if (n->kind == N_TIMESTAMP) {
    int64_t ms = x[1] / 1000000 - (x[1] % 1000000 < 0);
    if (x[0] > MAX_MS || x[0] < MIN_MS) return P_RANGE;
    *out = x[0] * 1000 + ms;
    if (*out > MAX_MS || *out < MIN_MS) return P_RANGE;
  } else if (n->kind == N_DATE) {
    if (x[0] < 1 || x[0] > 9999 || x[1] < 1 || x[1] > 12 || x[2] < 1 ||
        x[2] > month_days(x[0], x[1]))
      return P_NO_DATE;
    *out = days_of(x[0], x[1], x[2]);
  } else {
    int64_t ms = ((x[0] * 60 + x[1]) * 60 + x[2]) * 1000 + x[3] / 1000000 - (x[3] % 1000000 < 0);
    if (ms < 0 || ms >= 86400000) return P_NO_TIME;
    *out = ms;
  }
  return P_OK;
}

/* Ends the row of a column: what came, or what stands for nothing; `null` is NULL all the same. */
static int commit(proto_job *job, int at, int null) {
  proto_node *n = &job->nodes[at];
  int seen = n->seen && !null, valid = !null && (n->seen || !n->has_null), why = P_OK, fits = 1;
  int64_t number = 0;
  if (n->kind == N_PASS) return n->seen = 0, P_OK;
  if (n->kind == N_ONEOF) valid = !null && job->groups[n->group] != 0;
  fits = put_byte(&n->valid, (uint8_t)valid);
  switch (n->kind) {
    case N_MESSAGE:
    case N_ONEOF:
      for (int i = 0; i < n->child_count && !why; i++) why = commit(job, n->children[i], null);
      if (why) return why;
      if (n->kind == N_MESSAGE)
        for (int g = 0; g < n->group_count; g++) job->groups[n->first_group + g] = 0;
      break;
    case N_LIST: {
      int64_t rows = job->nodes[n->child].rows;
      if (rows > INT32_MAX) return job->failed = at, P_TOO_MANY;
      fits &= put_i32(&n->offsets, (int32_t)rows);
      break;
    }
    case N_STRING:
    case N_BYTES: {
      int64_t length = seen ? n->length : 0;
      if (length + n->data.n > INT32_MAX) return job->failed = at, P_TOO_MANY;
      fits &= room_for(&n->data, length);
      if (fits && length) memcpy(n->data.p + n->data.n, n->at, (size_t)length);
      n->data.n += fits ? length : 0;
      fits &= put_i32(&n->offsets, (int32_t)n->data.n);
      break;
    }
    case N_DATE:
    case N_TIME:
      if (seen && (why = made_of_parts(n, &number))) return job->failed = at, why;
      fits &= put_i32(&n->values, (int32_t)number);
      break;
    case N_TIMESTAMP:
      if (seen && (why = made_of_parts(n, &number))) return job->failed = at, why;
      fits &= put_8(&n->values, &number);
      break;
    case N_I32:
      number = seen ? n->i : 0;
      if (number < INT32_MIN || number > INT32_MAX) return job->failed = at, P_RANGE;
      fits &= put_i32(&n->values, (int32_t)number);
      break;
    case N_I64:
      number = seen ? n->i : 0;
      if (number < 0 && (n->wire == W_UINT64 || n->wire == W_UFIXED64))
        return job->failed = at, P_RANGE;
      fits &= put_8(&n->values, &number);
      break;
    case N_U64:
      number = seen ? n->i : 0;
      fits &= put_8(&n->values, &number);
      break;
    case N_F64: {
      double d = !seen ? 0.0 : n->integral ? (double)n->i : n->d;
      fits &= put_8(&n->values, &d);
      break;
    }
    case N_BOOL: fits &= put_byte(&n->values, (uint8_t)(seen && n->i)); break;
  }
  if (!fits) return P_NO_MEMORY;
  n->seen = 0;
  n->rows++;
  return P_OK;
}

static inline int wire_type(int wire) {
  switch (wire) {
    case W_FIXED32:
    case W_SFIXED32:
    case W_FLOAT: return 5;
    case W_FIXED64:
    case W_UFIXED64:
    case W_DOUBLE: return 1;
    case W_LENGTH: return 2;
    default: return 0;
  }
}

/* Reads one number or text into the leaf. */
static const uint8_t *leaf(proto_job *job, int at, const uint8_t *p, const uint8_t *end, int *why) {
  proto_node *n = &job->nodes[at];
  uint64_t x = 0;
  float f;
  *why = P_MALFORMED;
  switch (n->wire) {
    case W_LENGTH:
      if (!(p = sized(p, end, &x))) return NULL;
      if (n->kind == N_STRING && !is_utf8(p, (int64_t)x)) {
        *why = P_NOT_UTF8;
        job->failed = at;
        return NULL;
      }
      n->at = p;
      n->length = (int64_t)x;
      n->seen = 1;
      return p + x;
    case W_FIXED32:
    case W_SFIXED32:
    case W_FLOAT:
      if (end - p < 4) return NULL;
      if (n->wire == W_FLOAT) memcpy(&f, p, 4), n->d = (double)f;
      else {
        uint32_t u;
        memcpy(&u, p, 4);
        n->i = n->wire == W_FIXED32 ? (int64_t)u : (int64_t)(int32_t)u;
      }
      n->seen = 1;
      return p + 4;
    case W_FIXED64:
    case W_UFIXED64:
    case W_DOUBLE:
      if (end - p < 8) return NULL;
      if (n->wire == W_DOUBLE) memcpy(&n->d, p, 8);
      else memcpy(&n->i, p, 8);
      n->seen = 1;
      return p + 8;
  }
  if (!(p = varint(p, end, &x))) return NULL;
  switch (n->wire) {
    case W_INT32: n->i = (int64_t)(int32_t)(uint32_t)x; break;
    case W_UINT32: n->i = (int64_t)(uint32_t)x; break;
    case W_SINT32: {
      uint32_t z = (uint32_t)x;
      n->i = (int64_t)(int32_t)((z >> 1) ^ (0 - (z & 1)));
      break;
    }
    case W_SINT64: n->i = (int64_t)((x >> 1) ^ (0 - (x & 1))); break;
    case W_BOOL: n->i = x != 0; break;
    default: n->i = (int64_t)x;
  }
  n->seen = 1;
  return p;
}

/* A message that is one value: a wrapper's number or text, the parts of a date or time. */
static int whole_message(proto_job *job, int at, const uint8_t *p, const uint8_t *end) {
  proto_node *n = &job->nodes[at];
  int why = P_MALFORMED;
  uint64_t tag, x;
  if (!n->seen) { /* a message that comes twice is one: what it does not say again stays */
    n->seen = 1;
    n->i = n->length = 0;
    n->d = 0;
    memset(n->parts, 0, sizeof n->parts);
  }
  while (p < end) {
    if (!(p = tag_at(p, end, &tag)) || !(tag >> 3)) return P_MALFORMED;
    uint64_t number = tag >> 3;
    if (n->wrapped && number == 1 && (int)(tag & 7) == wire_type(n->wire)) {
      if (!(p = leaf(job, at, p, end, &why))) return why;
    } else if (!n->wrapped && number <= 4 && !(tag & 7)) {
      if (!(p = varint(p, end, &x))) return P_MALFORMED;
      /* All but a timestamp's seconds are int32. */
      n->parts[number - 1] = n->kind == N_TIMESTAMP && number == 1
        ? (int64_t)x : (int64_t)(int32_t)(uint32_t)x;
    } else if (!(p = pass(p, end, tag))) return P_MALFORMED;
  }
  return P_OK;
}

static int message(proto_job *job, int at, const uint8_t *p, const uint8_t *end);

static inline int is_whole(const proto_node *n) { return n->wrapped || (n->kind >= N_TIMESTAMP && n->kind <= N_TIME); }

/* One value of a node that is no list; NULL where it goes wrong, `p` stays where it is of another
 * wire type: then it is a field that the schema does not know. */
static const uint8_t *value(proto_job *job, int at, const uint8_t *p, const uint8_t *end, int *why) {
  proto_node *n = &job->nodes[at];
  uint64_t size;
  if (n->kind != N_MESSAGE && !is_whole(n)) return leaf(job, at, p, end, why);
  *why = P_MALFORMED;
  if (!(p = sized(p, end, &size))) return NULL;
  if (n->kind == N_MESSAGE) n->seen = 1;
  *why = n->kind == N_MESSAGE ? message(job, at, p, p + size) : whole_message(job, at, p, p + size);
  return *why ? NULL : p + size;
}

static int element(proto_job *job, int at) {
  job->left -= job->nodes[at].width;
  if (job->left < 0) return P_TOO_MANY;
  return commit(job, at, 0);
}

static const uint8_t *element_at(proto_job *job, int list, const uint8_t *p, const uint8_t *end,
                                 int wire, int *why) {
  int at = job->nodes[list].child;
  proto_node *n = &job->nodes[at];
  uint64_t size;
  int own = is_whole(n) || n->kind == N_MESSAGE ? 2 : wire_type(n->wire);
  *why = P_MALFORMED;
  if (wire == own) {
    if (!(p = value(job, at, p, end, why))) return NULL;
    return (*why = element(job, at)) ? NULL : p;
  }
  if (!(p = sized(p, end, &size))) return NULL; /* packed */
  end = p + size;
  while (p < end) {
    if (!(p = leaf(job, at, p, end, why))) return NULL;
    if ((*why = element(job, at))) return NULL;
  }
  return p;
}

static inline proto_entry *entry_of(proto_node *n, uint64_t number) {
  if (number < LOW) return n->low[number] < 0 ? NULL : &n->entries[n->low[number]];
  for (int i = 0; i < n->count; i++)
    if (n->entries[i].number == number) return &n->entries[i];
  return NULL;
}

/* Whether the node takes a value of that wire type. */
static inline int takes(const proto_job *job, const proto_node *n, int wire) {
  if (n->kind == N_PASS) return 1;
  if (n->kind == N_LIST) {
    const proto_node *e = &job->nodes[n->child];
    if (is_whole(e) || e->kind == N_MESSAGE) return wire == 2;
    return wire == wire_type(e->wire) || (wire == 2 && e->wire != W_LENGTH);
  }
  return wire == (is_whole(n) || n->kind == N_MESSAGE ? 2 : wire_type(n->wire));
}

static int message(proto_job *job, int at, const uint8_t *p, const uint8_t *end) {
  proto_node *self = &job->nodes[at];
  uint64_t tag;
  int why = P_OK;
  while (p < end) {
    if (!(p = tag_at(p, end, &tag)) || !(tag >> 3)) return P_MALFORMED;
    proto_entry *e = entry_of(self, tag >> 3);
    int wire = (int)(tag & 7);
    if (e && wire != 3 && wire != 4 && takes(job, &job->nodes[e->node], wire)) {
      if (e->group >= 0 && job->groups[e->group] != e->number) {
        for (int i = 0; i < self->count; i++)
          if (self->entries[i].group == e->group) forget(job, self->entries[i].node);
        job->groups[e->group] = e->number;
      }
      proto_node *n = &job->nodes[e->node];
      if (n->kind == N_LIST) p = element_at(job, e->node, p, end, wire, &why);
      else if (n->kind != N_PASS) p = value(job, e->node, p, end, &why);
      else why = P_MALFORMED, p = pass(p, end, tag);
      if (!p) return why;
    } else if (!(p = pass(p, end, tag))) return P_MALFORMED;
  }
  return P_OK;
}

/* Records [starts[i], ends[i]) of `data`; `bad` takes (row, why, node) triples; gives how many, or
 * -1 where there is no memory.  Node 0 is the message. */
static int64_t walk_rows(proto_job *job, const uint8_t *data, const int64_t *starts,
                         const int64_t *ends, int64_t n, int32_t *bad) {
  int64_t failures = 0, batch = MAX_BATCH, most;
  proto_node *root = &job->nodes[0];
  for (int64_t row = 0; row < n; row++) {
    job->left = most = batch < MAX_VALUES ? batch : MAX_VALUES;
    job->failed = -1;
    int why = message(job, 0, data + starts[row], data + ends[row]);
    for (int i = 0; i < root->child_count && !why; i++) why = commit(job, root->children[i], 0);
    if (why == P_NO_MEMORY) return -1;
    if (why) {
      for (int i = 0; i < root->child_count; i++) {
        cut(job, root->children[i], row);
        forget(job, root->children[i]);
      }
      for (int i = 0; i < root->child_count; i++)
        if (commit(job, root->children[i], 1)) return -1;
      bad[failures * 3] = (int32_t)row;
      bad[failures * 3 + 1] = why;
      bad[failures * 3 + 2] = job->failed;
      failures++;
    } else batch -= most - job->left;
    for (int g = 0; g < root->group_count; g++) job->groups[root->first_group + g] = 0;
  }
  return failures;
}
#endif
