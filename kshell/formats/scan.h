/* One pass over JSON records: validates all of each (RFC 8259) and takes out the named fields.
 *
 * The bytes come from strangers: nothing is read at or past `end`, nesting is bounded, and strings
 * must be UTF-8.  Nothing here allocates; _json.pyx sizes the columns.
 */
#ifndef KSHELL_SCAN_H
#define KSHELL_SCAN_H
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "utf8.h"
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { MAX_DEPTH = 64, MAX_NUMBER = 400, SHAPE = 64 };
enum { AS_TEXT, AS_STRING, AS_BIGINT, AS_DOUBLE, AS_BOOLEAN, AS_INTEGER,
       /* of what comes as its text: */ AS_NOTHING, AS_DECIMAL, AS_LIST, AS_OBJECT, AS_MAP };
enum { OK = 0, MALFORMED = 1, TOO_DEEP = 2, NOT_UTF8 = 3, TRAILING = 4, NOT_OBJECT = 5, WRONG_TYPE = 6,
       OUT_OF_RANGE = 7 };
enum { EXACT_NAMES, UPPER_NAMES, NO_NAMES };
enum { STRICT_TYPES, KSQL_TYPES };
/* What a row's flags say: its texts must be rewritten before a JSON parser without exact numbers, or
 * with another rule for duplicate names, reads them; it has fields beside the wanted ones; it has
 * fields beside those of the objects' types. */
enum { INEXACT = 1, OTHER_FIELDS = 2, OTHER_INNER_FIELDS = 4 };
enum { SEEN_NAMES = 2048 };

/* The type of a text: an object's fields, or the one type of a list's or a map's values, are the
 * `count` nodes from `first` on. */
typedef struct {
  int kind, first, count;
  int whole, scale; /* digits of a decimal in front of and behind the point */
  const char *name;
  int64_t name_length;
} json_node;

typedef struct {
  const char *name;
  int64_t name_length;
  int type;
  int check;      /* the node that a text must be of, or -1 */
  uint8_t *valid;
  void *values;   /* int64, int32 or double; a bitmap for booleans; unused for strings */
  int32_t *at;    /* offsets of strings and texts */
  uint8_t *data;
  int64_t nulls;
  int seen;       /* in this row: 0 not yet, 1 by its upper case, 2 exactly */
} json_field;

/* A member of the last record: its text up to the value, and the field that it is (or NULL). */
typedef struct {
  const uint8_t *text;
  int64_t length;
  json_field *field;
  int exact;
} json_member;

typedef struct {
  json_field *fields;
  int count, names, types;
  int failed_field;
  const json_node *nodes;
  uint8_t *flags; /* of each row */
  uint8_t flag;
  json_member shape[SHAPE]; /* records of one topic mostly have the same members in one order */
  int shaped;
} json_job;

static inline const uint8_t *skip_space(const uint8_t *p, const uint8_t *end) {
  if (p < end && *p > ' ') return p; /* mostly there is none */
  while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
  return p;
}

/* Whether two runs of n bytes are the same.  Names are short: a call of memcmp takes longer. */
static inline int same(const void *one, const void *other, int64_t n) {
  const uint8_t *a = one, *b = other;
  if (n > 16) return memcmp(a, b, (size_t)n) == 0;
  if (n >= 8) {
    uint64_t w, x, y, z;
    memcpy(&w, a, 8), memcpy(&x, b, 8), memcpy(&y, a + n - 8, 8), memcpy(&z, b + n - 8, 8);
    return w == x && y == z;
  }
  if (n >= 4) {
    uint32_t w, x, y, z;
    memcpy(&w, a, 4), memcpy(&x, b, 4), memcpy(&y, a + n - 4, 4), memcpy(&z, b + n - 4, 4);
    return w == x && y == z;
  }
  return n < 1 || (a[0] == b[0] && a[n - 1] == b[n - 1] && (n < 3 || a[1] == b[1]));
}

static inline int is_hex(uint8_t c) {
  return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

#if defined(__SSE2__)
/* Which of 16 bytes end a run of plain characters, as bits. */
static inline int specials(const uint8_t *p) {
  __m128i v = _mm_loadu_si128((const __m128i *)p);
  __m128i special = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
                                 _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
  /* As signed bytes, control characters and all of 0x80..0xff are below 0x20. */
  return _mm_movemask_epi8(_mm_or_si128(special, _mm_cmplt_epi8(v, _mm_set1_epi8(0x20))));
}
#endif

static const uint8_t *long_string_end(const uint8_t *p, const uint8_t *end, int *escaped, int *why) {
  *escaped = 0;
  for (;;) {
#if defined(__SSE2__)
    while (end - p >= 16) {
      int mask = specials(p);
      if (mask) {
        p += __builtin_ctz((unsigned)mask);
        break;
      }
      p += 16;
    }
#endif
    if (p >= end) break;
    uint8_t c = *p;
    if (c == '"') return p + 1;
    if (c == '\\') {
      *escaped = 1;
      if (end - p < 2) break;
      uint8_t e = p[1];
      if (e == 'u') {
        if (end - p < 6 || !is_hex(p[2]) || !is_hex(p[3]) || !is_hex(p[4]) || !is_hex(p[5])) break;
        p += 6;
      } else if (strchr("\"\\/bfnrt", e) && e) {
        p += 2;
      } else break;
    } else if (c >= 0x80) {
      if (!(p = utf8(p, end))) {
        *why = NOT_UTF8;
        return NULL;
      }
    } else if (c >= 0x20) p++;
    else break;
  }
  *why = MALFORMED;
  return NULL;
}

/* After the opening quote.  Gives the place after the closing one; *escaped tells of backslashes.
 * Most strings end within a few plain characters. */
static inline const uint8_t *string_end(const uint8_t *p, const uint8_t *end, int *escaped, int *why) {
  const uint8_t *q = p;
#if defined(__SSE2__)
  if (end - p >= 16) {
    int mask = specials(p);
    q = mask ? p + __builtin_ctz((unsigned)mask) : end;
  } else
#endif
    while (q < end && *q != '"' && *q != '\\' && *q >= 0x20 && *q < 0x80) q++;
  if (q >= end || *q != '"') return long_string_end(p, end, escaped, why);
  *escaped = 0;
  return q + 1;
}

static const uint8_t *number_end(const uint8_t *p, const uint8_t *end, int *integer) {
  *integer = 1;
  if (p < end && *p == '-') p++;
  if (p >= end) return NULL;
  if (*p == '0') p++;
  else if (*p >= '1' && *p <= '9') while (p < end && *p >= '0' && *p <= '9') p++;
  else return NULL;
  if (p < end && *p == '.') {
    *integer = 0;
    const uint8_t *digits = ++p;
    while (p < end && *p >= '0' && *p <= '9') p++;
    if (p == digits) return NULL;
  }
  if (p < end && (*p | 32) == 'e') {
    *integer = 0;
    p++;
    if (p < end && (*p == '+' || *p == '-')) p++;
    const uint8_t *digits = p;
    while (p < end && *p >= '0' && *p <= '9') p++;
    if (p == digits) return NULL;
  }
  return p;
}

static inline int word(const uint8_t *p, const uint8_t *end, const char *w, int n) {
  return end - p >= n && memcmp(p, w, (size_t)n) == 0;
}

static const uint8_t *skip_value(const uint8_t *p, const uint8_t *end, int depth, int *why) {
  int flag;
  *why = MALFORMED;
  if (p >= end) return NULL;
  switch (*p) {
    case '"': return string_end(p + 1, end, &flag, why);
    case 't': return word(p, end, "true", 4) ? p + 4 : NULL;
    case 'f': return word(p, end, "false", 5) ? p + 5 : NULL;
    case 'n': return word(p, end, "null", 4) ? p + 4 : NULL;
    case '{':
    case '[': break;
    default: return number_end(p, end, &flag);
  }
  if (depth >= MAX_DEPTH) {
    *why = TOO_DEEP;
    return NULL;
  }
  int object = *p == '{';
  uint8_t close = object ? '}' : ']';
  p = skip_space(p + 1, end);
  if (p < end && *p == close) return p + 1;
  for (;;) {
    if (object) {
      *why = MALFORMED;
      if (p >= end || *p != '"' || !(p = string_end(p + 1, end, &flag, why))) return NULL;
      p = skip_space(p, end);
      if (p >= end || *p != ':') return *why = MALFORMED, (const uint8_t *)NULL;
      p = skip_space(p + 1, end);
    }
    if (!(p = skip_value(p, end, depth + 1, why))) return NULL;
    p = skip_space(p, end);
    *why = MALFORMED;
    if (p >= end) return NULL;
    if (*p == close) return p + 1;
    if (*p != ',') return NULL;
    p = skip_space(p + 1, end);
  }
}

static int hex4(const uint8_t *p) {
  int v = 0;
  for (int i = 0; i < 4; i++) v = v << 4 | (p[i] <= '9' ? p[i] - '0' : (p[i] | 32) - 'a' + 10);
  return v;
}

/* Writes the characters of a validated string body; never more bytes than it reads.  A lone half of
 * a surrogate pair becomes U+FFFD. */
static int64_t unescape(const uint8_t *p, const uint8_t *end, uint8_t *out) {
  uint8_t *o = out;
  while (p < end) {
    if (*p != '\\') {
      *o++ = *p++;
      continue;
    }
    uint8_t e = p[1];
    if (e != 'u') {
      static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
      const char *at = strchr(from, e);
      *o++ = at ? (uint8_t)to[at - from] : e;
      p += 2;
      continue;
    }
    uint32_t c = (uint32_t)hex4(p + 2);
    p += 6;
    if (c >= 0xd800 && c < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
      uint32_t low = (uint32_t)hex4(p + 2);
      if (low >= 0xdc00 && low < 0xe000) {
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        p += 6;
      }
    }
    if (c >= 0xd800 && c < 0xe000) c = 0xfffd;
    if (c < 0x80) *o++ = (uint8_t)c;
    else if (c < 0x800) {
      *o++ = (uint8_t)(0xc0 | c >> 6);
      *o++ = (uint8_t)(0x80 | (c & 63));
    } else if (c < 0x10000) {
      *o++ = (uint8_t)(0xe0 | c >> 12);
      *o++ = (uint8_t)(0x80 | (c >> 6 & 63));
      *o++ = (uint8_t)(0x80 | (c & 63));
    } else {
      *o++ = (uint8_t)(0xf0 | c >> 18);
      *o++ = (uint8_t)(0x80 | (c >> 12 & 63));
      *o++ = (uint8_t)(0x80 | (c >> 6 & 63));
      *o++ = (uint8_t)(0x80 | (c & 63));
    }
  }
  return o - out;
}

static int to_int64(const uint8_t *p, const uint8_t *end, int64_t *out) {
  int negative = *p == '-';
  uint64_t v = 0, limit = (uint64_t)INT64_MAX + (uint64_t)negative;
  p += negative;
  for (const uint8_t *safe = end - p > 18 ? p + 18 : end; p < safe; p++) v = v * 10 + (*p - '0');
  for (; p < end; p++) {
    uint64_t digit = *p - '0';
    if (v > (limit - digit) / 10) return OUT_OF_RANGE;
    v = v * 10 + digit;
  }
  *out = negative ? (int64_t)(0 - v) : (int64_t)v;
  return OK;
}

/* Correctly rounded: small ones exactly by one multiplication or division, others by strtod.  (The
 * process keeps LC_NUMERIC at "C", as Python starts it.) */
static int to_double(const uint8_t *p, const uint8_t *end, double *out) {
  static const double ten[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  const uint8_t *q = p;
  int negative = *q == '-', digits = 0, scale = 0, exponent = 0;
  uint64_t v = 0;
  for (q += negative; q < end && *q >= '0' && *q <= '9'; q++) {
    v = v * 10 + (*q - '0');
    digits += v != 0;
    if (digits > 18) goto slow;
  }
  if (q < end && *q == '.')
    for (q++; q < end && *q >= '0' && *q <= '9'; q++) {
      v = v * 10 + (*q - '0');
      digits += v != 0;
      scale++;
      if (digits > 18) goto slow;
    }
  if (q < end) {
    int minus = 0;
    q++;
    if (*q == '+' || *q == '-') minus = *q++ == '-';
    for (; q < end; q++) {
      exponent = exponent * 10 + (*q - '0');
      if (exponent > 400) goto slow;
    }
    if (minus) exponent = -exponent;
  }
  exponent -= scale;
  if (v <= 1ull << 53 && exponent >= -22 && exponent <= 22) {
    double d = (double)v;
    d = exponent < 0 ? d / ten[-exponent] : d * ten[exponent];
    *out = negative ? -d : d;
    return OK;
  }
slow:;
  char copy[MAX_NUMBER + 1];
  size_t n = (size_t)(end - p);
  if (n > MAX_NUMBER) return OUT_OF_RANGE;
  memcpy(copy, p, n);
  copy[n] = 0;
  *out = strtod(copy, NULL);
  return OK;
}

static inline void json_bit(uint8_t *bits, int64_t i) { bits[i >> 3] |= (uint8_t)(1u << (i & 7)); }
static inline void json_clear(uint8_t *bits, int64_t i) {
  bits[i >> 3] &= (uint8_t)~(1u << (i & 7));
}

/* A double that was made of a number, of which every digit of a whole number is to be kept. */
static int is_exact(double d, const uint8_t *p, const uint8_t *end, int integer) {
  int64_t v, most = (int64_t)1 << 53;
  if (end - p > 15 && integer) return to_int64(p, end, &v) == OK && v >= -most && v <= most;
  return d - d == 0;
}

static inline int put_integer(json_field *f, int64_t row, int64_t v) {
  if (f->type == AS_BIGINT) ((int64_t *)f->values)[row] = v;
  else if (v < INT32_MIN || v > INT32_MAX) return OUT_OF_RANGE;
  else ((int32_t *)f->values)[row] = (int32_t)v;
  return OK;
}

/* Reads a whole number of at most 18 digits at once; NULL if it is another, or none. */
static inline const uint8_t *plain_integer(const uint8_t *p, const uint8_t *end, int64_t *out) {
  int negative = *p == '-';
  const uint8_t *digits = p + negative, *q = digits;
  uint64_t v = 0;
  for (; q < end && (uint8_t)(*q - '0') <= 9; q++) v = v * 10 + (*q - '0');
  if (q == digits || q - digits > 18 || (*digits == '0' && q - digits > 1)) return NULL;
  if (q < end && (*q == '.' || (*q | 32) == 'e')) return NULL;
  *out = negative ? -(int64_t)v : (int64_t)v;
  return q;
}

/* Takes the number [p, end), of a number token or (KSQL) of the text in a string. */
static int take_number(json_field *f, int64_t row, const uint8_t *p, const uint8_t *end, int integer,
                       int types) {
  if (f->type == AS_DOUBLE) {
    double *d = (double *)f->values + row;
    int why = to_double(p, end, d);
    return why || types == KSQL_TYPES || is_exact(*d, p, end, integer) ? why : OUT_OF_RANGE;
  }
  if (!integer) return WRONG_TYPE;
  int64_t v;
  return to_int64(p, end, &v) ? OUT_OF_RANGE : put_integer(f, row, v);
}

/* Whether a decimal of so many digits holds the number [p, end) exactly. */
static int fits_decimal(const json_node *t, const uint8_t *p, const uint8_t *end) {
  int whole = 0, scale = 0, zeros = 0, begun = 0, point = 0, exponent = 0, minus = 0;
  if (end - p > MAX_NUMBER) return 0;
  for (p += *p == '-'; p < end && (*p | 32) != 'e'; p++) {
    if (*p == '.') {
      point = 1;
      continue;
    }
    begun |= *p != '0';
    if (!point) whole += begun;
    else {
      if (!begun) whole--;
      zeros = *p == '0' ? zeros + 1 : 0;
      scale++;
    }
  }
  if (!begun) return 1;
  if (p < end) {
    p++;
    if (*p == '+' || *p == '-') minus = *p++ == '-';
    for (; p < end; p++)
      if ((exponent = exponent * 10 + (*p - '0')) > MAX_NUMBER) return 0;
  }
  if (minus) exponent = -exponent;
  return whole + exponent <= t->whole && scale - zeros - exponent <= t->scale;
}

static const uint8_t *check_number(const json_node *t, const uint8_t *p, const uint8_t *end, int *why) {
  int integer;
  int64_t v;
  double d;
  const uint8_t *stop = number_end(p, end, &integer);
  *why = MALFORMED;
  if (!stop) return NULL;
  *why = WRONG_TYPE;
  if (t->kind == AS_DECIMAL) return fits_decimal(t, p, stop) ? stop : NULL;
  if (t->kind == AS_BIGINT) return integer && to_int64(p, stop, &v) == OK ? stop : NULL;
  return to_double(p, stop, &d) == OK && is_exact(d, p, stop, integer) ? stop : NULL;
}

/* Whether the name is in the set already (or it may be: the set is full, or of the same hash). */
static int was_seen(uint32_t *set, int *many, const uint8_t *name, int64_t n) {
  uint32_t hash = 2166136261u;
  for (int64_t i = 0; i < n; i++) hash = (hash ^ name[i]) * 16777619u;
  if (!hash) hash = 1;
  if (++*many > SEEN_NAMES * 3 / 4) return 1;
  for (uint32_t i = hash % SEEN_NAMES;; i = (i + 1) % SEEN_NAMES) {
    if (set[i] == hash) return 1;
    if (!set[i]) {
      set[i] = hash;
      return 0;
    }
  }
}

static const uint8_t *check_value(json_job *job, const json_node *t, const uint8_t *p,
                                  const uint8_t *end, int depth, int *why);

/* Behind the opening brace of an object or a map. */
static const uint8_t *check_fields(json_job *job, const json_node *t, const uint8_t *p,
                                   const uint8_t *end, int depth, int *why) {
  uint32_t set[SEEN_NAMES];
  uint8_t plain[256];
  int escaped, many = 0, hint = 0;
  uint64_t seen = 0;
  if (t->kind == AS_MAP || t->count > 64) memset(set, 0, sizeof set);
  p = skip_space(p, end);
  if (p < end && *p == '}') return p + 1;
  for (;;) {
    *why = MALFORMED;
    if (p >= end || *p != '"') return NULL;
    const uint8_t *name = p + 1;
    if (!(p = string_end(name, end, &escaped, why))) return NULL;
    int64_t n = p - 1 - name;
    if (escaped && n <= (int64_t)sizeof plain) {
      n = unescape(name, p - 1, plain);
      name = plain;
    }
    p = skip_space(p, end);
    *why = MALFORMED;
    if (p >= end || *p != ':') return NULL;
    p = skip_space(p + 1, end);
    const json_node *inner = NULL;
    if (t->kind == AS_MAP) {
      inner = &job->nodes[t->first];
      if (was_seen(set, &many, name, n)) job->flag |= INEXACT;
    } else {
      for (int k = 0, i = hint; k < t->count; k++, i++) {
        if (i >= t->count) i = 0;
        const json_node *child = &job->nodes[t->first + i];
        if (child->name_length != n || !same(child->name, name, n)) continue;
        inner = child;
        hint = i + 1;
        if (i >= 64 ? was_seen(set, &many, name, n) : (int)(seen >> i & 1)) job->flag |= INEXACT;
        if (i < 64) seen |= 1ull << i;
        break;
      }
    }
    if (inner) p = check_value(job, inner, p, end, depth + 1, why);
    else {
      p = skip_value(p, end, depth + 1, why);
      if (p && !t->count) return *why = WRONG_TYPE, (const uint8_t *)NULL;
      job->flag |= OTHER_INNER_FIELDS;
    }
    if (!p) return NULL;
    p = skip_space(p, end);
    *why = MALFORMED;
    if (p >= end) return NULL;
    if (*p == '}') return p + 1;
    if (*p != ',') return NULL;
    p = skip_space(p + 1, end);
  }
}

/* As skip_value, of a value that must be of a type; a null always is. */
static const uint8_t *check_value(json_job *job, const json_node *t, const uint8_t *p,
                                  const uint8_t *end, int depth, int *why) {
  *why = MALFORMED;
  if (p >= end) return NULL;
  if (word(p, end, "null", 4)) return p + 4;
  int number = *p == '-' || (*p >= '0' && *p <= '9'), boolean = *p == 't' || *p == 'f', integer;
  if (t->kind == AS_STRING || t->kind == AS_TEXT) {
    const uint8_t *stop = skip_value(p, end, depth, why);
    if (!stop) return NULL;
    if (*p == '{' || *p == '[' || (number && number_end(p, end, &integer) && !integer))
      job->flag |= INEXACT;
    return stop;
  }
  if (depth >= MAX_DEPTH && (*p == '{' || *p == '[')) return *why = TOO_DEEP, (const uint8_t *)NULL;
  if (number && (t->kind == AS_BIGINT || t->kind == AS_DOUBLE || t->kind == AS_DECIMAL))
    return check_number(t, p, end, why);
  if (boolean && t->kind == AS_BOOLEAN) return skip_value(p, end, depth, why);
  if (*p == '{' && (t->kind == AS_OBJECT || t->kind == AS_MAP))
    return check_fields(job, t, p + 1, end, depth, why);
  if (*p == '[' && t->kind == AS_LIST) {
    p = skip_space(p + 1, end);
    if (p < end && *p == ']') return p + 1;
    for (;;) {
      if (!(p = check_value(job, &job->nodes[t->first], p, end, depth + 1, why))) return NULL;
      p = skip_space(p, end);
      *why = MALFORMED;
      if (p >= end) return NULL;
      if (*p == ']') return p + 1;
      if (*p != ',') return NULL;
      p = skip_space(p + 1, end);
    }
  }
  if (skip_value(p, end, depth, why)) *why = WRONG_TYPE;
  return NULL;
}

/* Reads the value at p into the field's row; *next is the place after it. */
static int take(json_job *job, json_field *f, int64_t row, const uint8_t *p,
                const uint8_t *end, const uint8_t **next) {
  int why = MALFORMED, escaped = 0, integer = 0;
  const uint8_t *stop;
  json_clear(f->valid, row);
  if (f->at) f->at[row + 1] = f->at[row];
  if (word(p, end, "null", 4)) {
    *next = p + 4;
    return OK;
  }
  if (*p == '"' && f->type != AS_TEXT) {
    if (!(stop = string_end(p + 1, end, &escaped, &why))) return why;
    *next = stop;
    const uint8_t *body = p + 1, *body_end = stop - 1;
    if (f->type == AS_STRING) {
      uint8_t *out = f->data + f->at[row];
      int64_t n = body_end - body;
      if (escaped) n = unescape(body, body_end, out);
      else memcpy(out, body, (size_t)n);
      f->at[row + 1] = f->at[row] + (int32_t)n;
      json_bit(f->valid, row);
      return OK;
    }
    if (job->types != KSQL_TYPES || f->type == AS_BOOLEAN || escaped) return WRONG_TYPE;
    if (number_end(body, body_end, &integer) != body_end) return WRONG_TYPE;
    if ((why = take_number(f, row, body, body_end, integer, job->types))) return why;
    json_bit(f->valid, row);
    return OK;
  }
  if (f->type == AS_STRING || f->type == AS_TEXT) {
    if (f->check >= 0) stop = check_value(job, &job->nodes[f->check], p, end, 1, &why);
    else stop = skip_value(p, end, 1, &why);
    if (!stop) return why;
    /* ksqlDB writes other values its own way: the caller does, but for words and whole numbers. */
    if (f->type == AS_STRING && job->types == KSQL_TYPES && *p != 't' && *p != 'f' &&
        (*p == '{' || *p == '[' || number_end(p, stop, &integer) != stop || !integer ||
         (*p == '-' && p[1] == '0')))
      return WRONG_TYPE;
    memcpy(f->data + f->at[row], p, (size_t)(stop - p));
    f->at[row + 1] = f->at[row] + (int32_t)(stop - p);
  } else if (f->type == AS_BOOLEAN) {
    if (word(p, end, "true", 4)) json_bit((uint8_t *)f->values, row), stop = p + 4;
    else if (word(p, end, "false", 5)) json_clear((uint8_t *)f->values, row), stop = p + 5;
    else return skip_value(p, end, 1, &why) ? WRONG_TYPE : why;
  } else {
    if (*p == '{' || *p == '[' || *p == 't' || *p == 'f')
      return skip_value(p, end, 1, &why) ? WRONG_TYPE : why;
    int64_t v;
    if (f->type != AS_DOUBLE && (stop = plain_integer(p, end, &v))) why = put_integer(f, row, v);
    else if ((stop = number_end(p, end, &integer)))
      why = take_number(f, row, p, stop, integer, job->types);
    else return MALFORMED;
    if (why) return why;
  }
  *next = stop;
  json_bit(f->valid, row);
  return OK;
}

/* Whether b in upper case is a. */
static int is_upper_of(const char *a, const uint8_t *b, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    uint8_t x = (uint8_t)a[i], y = b[i];
    if (x != (y >= 'a' && y <= 'z' ? y - 32 : y)) return 0;
  }
  return 1;
}

/* The field of that name or NULL.  `hint` is the field that follows the last one found: records of
 * one topic mostly have their fields in one order. */
static json_field *find(const json_job *job, const uint8_t *name, int64_t n, int hint, int *exact) {
  *exact = 1;
  for (int k = 0, i = hint; k < job->count; k++, i = i + 1 == job->count ? 0 : i + 1) {
    if (i >= job->count) i = 0;
    json_field *f = &job->fields[i];
    if (f->name_length == n && same(f->name, name, n)) return f;
  }
  if (job->names != UPPER_NAMES) return NULL;
  *exact = 0;
  for (int k = 0, i = hint; k < job->count; k++, i = i + 1 == job->count ? 0 : i + 1) {
    if (i >= job->count) i = 0;
    json_field *f = &job->fields[i];
    if (f->name_length == n && is_upper_of(f->name, name, n)) return f;
  }
  return NULL;
}

/* One record, an object; with NO_NAMES any value, which is the field.  On failure the row's fields
 * are left as they may be: the caller nulls. */
static int scan_record(json_job *job, int64_t row, const uint8_t *p, const uint8_t *end,
                       uint8_t *scratch, int64_t scratch_size) {
  int why = MALFORMED, escaped, hint = 0, exact, others = 0;
  job->failed_field = -1;
  p = skip_space(p, end);
  if (p >= end) return MALFORMED;
  if (job->names == NO_NAMES) {
    if (job->count && (why = take(job, &job->fields[0], row, p, end, &p))) {
      job->failed_field = 0;
      return why;
    }
    if (!job->count && !(p = skip_value(p, end, 0, &why))) return why;
    return skip_space(p, end) == end ? OK : TRAILING;
  }
  if (*p != '{') {
    if (!(p = skip_value(p, end, 0, &why))) return why;
    return skip_space(p, end) == end ? NOT_OBJECT : TRAILING;
  }
  p = skip_space(p + 1, end);
  if (p < end && *p == '}') return skip_space(p + 1, end) == end ? OK : TRAILING;
  for (int nth = 0;; nth++) {
    json_field *f;
    const json_member *last = nth < job->shaped ? &job->shape[nth] : NULL;
    if (last && end - p > last->length && same(p, last->text, last->length)) {
      f = last->field, exact = last->exact;
      p = skip_space(p + last->length, end);
    } else {
      const uint8_t *text = p;
      if (p >= end || *p != '"') return MALFORMED;
      const uint8_t *name = p + 1;
      if (!(p = string_end(name, end, &escaped, &why))) return why;
      int64_t n = p - 1 - name;
      if (escaped && n <= scratch_size) {
        n = unescape(name, p - 1, scratch);
        name = scratch;
      }
      p = skip_space(p, end);
      if (p >= end || *p != ':') return MALFORMED;
      p = skip_space(p + 1, end);
      f = find(job, name, n, hint, &exact);
      if (nth < SHAPE) {
        job->shape[nth] = (json_member){text, p - text, f, exact};
        if (nth == job->shaped) job->shaped++;
      }
    }
    if (p >= end) return MALFORMED;
    if (f && (exact || f->seen < 2)) {
      if ((why = take(job, f, row, p, end, &p))) {
        job->failed_field = (int)(f - job->fields);
        return why;
      }
      f->seen = exact ? 2 : 1;
      hint = (int)(f - job->fields) + 1;
    } else {
      others |= !f;
      if (!(p = skip_value(p, end, 1, &why))) return why;
    }
    p = skip_space(p, end);
    if (p >= end) return MALFORMED;
    if (*p == '}') {
      if (others) job->flag |= OTHER_FIELDS;
      return skip_space(p + 1, end) == end ? OK : TRAILING;
    }
    if (*p != ',') return MALFORMED;
    p = skip_space(p + 1, end);
  }
}

static void null_row(json_job *job, int64_t row) {
  for (int i = 0; i < job->count; i++) {
    json_field *f = &job->fields[i];
    json_clear(f->valid, row);
    if (f->at) f->at[row + 1] = f->at[row];
  }
}

/* Rows [0, n) of a binary array.  `bad` takes (row, why, field) triples; gives how many. */
static int64_t scan_rows(json_job *job, const uint8_t *data, const int32_t *at,
                         const uint8_t *present, int64_t bit, int64_t n, int32_t *bad,
                         uint8_t *scratch, int64_t scratch_size) {
  int64_t failures = 0;
  job->shaped = 0;
  for (int64_t row = 0; row < n; row++) {
    for (int i = 0; i < job->count; i++) {
      json_field *f = &job->fields[i];
      f->seen = 0;
      if (f->at) f->at[row + 1] = f->at[row];
    }
    job->flag = 0;
    job->flags[row] = 0;
    if (present && !(present[(row + bit) >> 3] >> ((row + bit) & 7) & 1)) continue;
    int why = scan_record(job, row, data + at[row], data + at[row + 1], scratch, scratch_size);
    job->flags[row] = job->flag;
    if (why) {
      null_row(job, row);
      bad[failures * 3] = (int32_t)row;
      bad[failures * 3 + 1] = why;
      bad[failures * 3 + 2] = job->failed_field;
      failures++;
    }
  }
  return failures;
}
#endif
