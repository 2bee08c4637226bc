/* Record batch v2 (KIP-98) as bytes from a stranger: every length is checked before it is used.
 *
 * A batch is 61 bytes of header and then records: varints, a key, a value, headers.  Nothing here
 * allocates; _records.pyx sizes the columns from the checked headers and hands them in.
 */
#ifndef KSHELL_BATCH_H
#define KSHELL_BATCH_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { BATCH_HEADER = 61, LENGTH_AT = 8, BATCH_PREFIX = 12, CRC_FROM = 21, RECORD_MIN = 7 };
enum { ATTR_CODEC = 7, ATTR_LOG_APPEND = 8, ATTR_TRANSACTIONAL = 16, ATTR_CONTROL = 32 };
enum { HEAD_OK = 0, HEAD_PARTIAL = 1, HEAD_BROKEN = 2, HEAD_OLD = 3 };

typedef struct {
  const uint8_t *start;
  int64_t size, base_offset, first_timestamp, max_timestamp, producer_id;
  int32_t last_delta, count;
  uint32_t crc;
  int16_t attributes;
} batch_head;

static inline uint64_t read_be(const uint8_t *p, int bytes) {
  uint64_t v = 0;
  for (int i = 0; i < bytes; i++) v = v << 8 | p[i];
  return v;
}

/* Reads the header at p.  HEAD_OK means: the whole batch lies before end, and its record count is
 * not more than its bytes could hold uncompressed (a compressed batch is bounded later). */
static int read_head(const uint8_t *p, const uint8_t *end, batch_head *h) {
  if (end - p < BATCH_PREFIX + 5) return HEAD_PARTIAL;
  int32_t length = (int32_t)read_be(p + LENGTH_AT, 4);
  if (length < 0) return HEAD_BROKEN;
  if (end - p - BATCH_PREFIX < length) return HEAD_PARTIAL;
  h->start = p;
  h->size = BATCH_PREFIX + (int64_t)length;
  h->base_offset = (int64_t)read_be(p, 8);
  if (p[16] != 2) return HEAD_OLD;
  if (h->size < BATCH_HEADER) return HEAD_BROKEN;
  h->crc = (uint32_t)read_be(p + 17, 4);
  h->attributes = (int16_t)read_be(p + 21, 2);
  h->last_delta = (int32_t)read_be(p + 23, 4);
  h->first_timestamp = (int64_t)read_be(p + 27, 8);
  h->max_timestamp = (int64_t)read_be(p + 35, 8);
  h->producer_id = (int64_t)read_be(p + 43, 8);
  h->count = (int32_t)read_be(p + 57, 4);
  if (h->base_offset < 0 || h->last_delta < 0 || h->count < 0) return HEAD_BROKEN;
  if (h->base_offset > INT64_MAX - 1 - h->last_delta) return HEAD_BROKEN;
  return HEAD_OK;
}

/* CRC-32C, by the processor where it can. */
static uint32_t crc_table[8][256];

static void crc_prepare(void) {
  for (uint32_t n = 0; n < 256; n++) {
    uint32_t c = n;
    for (int k = 0; k < 8; k++) c = c & 1 ? 0x82f63b78u ^ (c >> 1) : c >> 1;
    crc_table[0][n] = c;
  }
  for (uint32_t n = 0; n < 256; n++)
    for (int k = 1; k < 8; k++)
      crc_table[k][n] = crc_table[0][crc_table[k - 1][n] & 255] ^ (crc_table[k - 1][n] >> 8);
}

static uint32_t crc_plain(const uint8_t *p, size_t n) {
  uint32_t c = 0xffffffffu;
  for (; n >= 8; n -= 8, p += 8) {
    uint32_t low = c ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
                        (uint32_t)p[3] << 24);
    c = crc_table[7][low & 255] ^ crc_table[6][low >> 8 & 255] ^ crc_table[5][low >> 16 & 255] ^
        crc_table[4][low >> 24] ^ crc_table[3][p[4]] ^ crc_table[2][p[5]] ^ crc_table[1][p[6]] ^
        crc_table[0][p[7]];
  }
  while (n--) c = crc_table[0][(c ^ *p++) & 255] ^ (c >> 8);
  return c ^ 0xffffffffu;
}

#if defined(__x86_64__) && defined(__GNUC__)
#include <nmmintrin.h>
/* The instruction gives a result every cycle but takes three: three strides are summed at a time.
 * crc_stride turns the sum before a stride into what it is after a stride of zeros (CRCs are
 * linear), so that the three can be put together. */
enum { CRC_STRIDE = 1024 };
static uint32_t crc_stride[4][256];

__attribute__((target("sse4.2"))) static void crc_prepare_strides(void) {
  uint32_t bit[32];
  for (int i = 0; i < 32; i++) {
    uint64_t c = 1u << i;
    for (int k = 0; k < CRC_STRIDE / 8; k++) c = _mm_crc32_u64(c, 0);
    bit[i] = (uint32_t)c;
  }
  for (int byte = 0; byte < 4; byte++)
    for (int v = 0; v < 256; v++) {
      uint32_t c = 0;
      for (int i = 0; i < 8; i++)
        if (v >> i & 1) c ^= bit[byte * 8 + i];
      crc_stride[byte][v] = c;
    }
}

static inline uint32_t crc_pass_stride(uint32_t c) {
  return crc_stride[0][c & 255] ^ crc_stride[1][c >> 8 & 255] ^ crc_stride[2][c >> 16 & 255] ^
         crc_stride[3][c >> 24];
}

__attribute__((target("sse4.2"))) static uint32_t crc_fast(const uint8_t *p, size_t n) {
  uint64_t c = 0xffffffffu, v;
  for (; n >= 3 * CRC_STRIDE; n -= 3 * CRC_STRIDE, p += 3 * CRC_STRIDE) {
    uint64_t second = 0, third = 0;
    for (int i = 0; i < CRC_STRIDE; i += 8) {
      if (!(i & 63)) { /* asked of memory early: this is the first time that the bytes are read */
        __builtin_prefetch(p + 6 * CRC_STRIDE + i);
        __builtin_prefetch(p + 7 * CRC_STRIDE + i);
        __builtin_prefetch(p + 8 * CRC_STRIDE + i);
      }
      memcpy(&v, p + i, 8);
      c = _mm_crc32_u64(c, v);
      memcpy(&v, p + CRC_STRIDE + i, 8);
      second = _mm_crc32_u64(second, v);
      memcpy(&v, p + 2 * CRC_STRIDE + i, 8);
      third = _mm_crc32_u64(third, v);
    }
    c = crc_pass_stride((uint32_t)c) ^ second;
    c = crc_pass_stride((uint32_t)c) ^ third;
  }
  for (; n >= 8; n -= 8, p += 8) {
    memcpy(&v, p, 8);
    c = _mm_crc32_u64(c, v);
  }
  while (n--) c = _mm_crc32_u8((uint32_t)c, *p++);
  return (uint32_t)c ^ 0xffffffffu;
}
static inline int crc_has_fast(void) {
  if (!__builtin_cpu_supports("sse4.2")) return 0;
  crc_prepare_strides();
  return 1;
}
#else
static inline uint32_t crc_fast(const uint8_t *p, size_t n) { return crc_plain(p, n); }
static inline int crc_has_fast(void) { return 0; }
#endif

static int crc_hardware = 0;
static inline uint32_t crc32c(const uint8_t *p, size_t n) {
  return crc_hardware ? crc_fast(p, n) : crc_plain(p, n);
}
static inline int crc_matches(const batch_head *h) {
  return crc32c(h->start + CRC_FROM, (size_t)(h->size - CRC_FROM)) == h->crc;
}

/* Zig-zag varint; NULL where it would run past end or over 64 bits. */
static inline const uint8_t *varint(const uint8_t *p, const uint8_t *end, int64_t *out) {
  uint64_t v = 0;
  for (int shift = 0; p < end && shift < 64; shift += 7) {
    uint8_t b = *p++;
    v |= (uint64_t)(b & 0x7f) << shift;
    if (!(b & 0x80)) {
      *out = (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
      return p;
    }
  }
  return NULL;
}

/* The columns being filled; a NULL pointer is a column that nobody wants.  Sizes are the caller's
 * promise: `rows` records and `bytes` bytes more fit into each. */
typedef struct {
  int64_t rows;
  int64_t *offset, *timestamp;
  int32_t *key_at, *value_at;
  uint8_t *key, *value, *key_valid, *value_valid;
  int32_t *headers_at, *name_at, *content_at;
  uint8_t *name, *content, *content_valid;
  int64_t headers, headers_room;
} columns;

static inline void set_bit(uint8_t *bits, int64_t i) { bits[i >> 3] |= (uint8_t)(1u << (i & 7)); }

static inline void put(int32_t *at, uint8_t *data, uint8_t *valid, int64_t row, const uint8_t *from,
                       int64_t length) {
  int32_t begin = at[row];
  if (length > 0) memcpy(data + begin, from, (size_t)length);
  if (length >= 0 && valid) set_bit(valid, row);
  at[row + 1] = begin + (int32_t)(length > 0 ? length : 0);
}

/* The records of one batch, [p, end) uncompressed.  Rows outside [from, to) are passed over.
 * Returns the number of records parsed, or -1 where the bytes are not records; then `c` is as
 * before, but for bytes past its rows. */
static int64_t read_records(const uint8_t *p, const uint8_t *end, const batch_head *h, int64_t from,
                            int64_t to, columns *c) {
  int64_t row = c->rows, headers = c->headers;
  for (int32_t i = 0; i < h->count; i++) {
    int64_t length, delta_time, delta, key_length, value_length, count;
    if (!(p = varint(p, end, &length)) || length < 1 || end - p < length) goto broken;
    const uint8_t *stop = p + length;
    p++; /* attributes: unused */
    if (!(p = varint(p, stop, &delta_time))) goto broken;
    if (!(p = varint(p, stop, &delta)) || delta < 0 || delta > h->last_delta) goto broken;
    if (!(p = varint(p, stop, &key_length)) || key_length < -1 ||
        (key_length > 0 && stop - p < key_length)) goto broken;
    const uint8_t *key = p;
    if (key_length > 0) p += key_length;
    if (!(p = varint(p, stop, &value_length)) || value_length < -1 ||
        (value_length > 0 && stop - p < value_length)) goto broken;
    const uint8_t *value = p;
    if (value_length > 0) p += value_length;
    if (!(p = varint(p, stop, &count)) || count < 0 || count > (stop - p) / 2) goto broken;
    int64_t offset = h->base_offset + delta;
    int wanted = offset >= from && offset < to;
    int64_t first = headers;
    for (int64_t k = 0; k < count; k++) {
      int64_t name_length, content_length;
      if (!(p = varint(p, stop, &name_length)) || name_length < 0 || stop - p < name_length)
        goto broken;
      const uint8_t *name = p;
      p += name_length;
      if (!(p = varint(p, stop, &content_length)) || content_length < -1 ||
          (content_length > 0 && stop - p < content_length)) goto broken;
      if (wanted && c->headers_at) {
        if (headers >= c->headers_room) goto broken;
        put(c->name_at, c->name, NULL, headers, name, name_length);
        put(c->content_at, c->content, c->content_valid, headers, p, content_length);
        headers++;
      }
      if (content_length > 0) p += content_length;
    }
    if (p != stop) goto broken;
    if (!wanted) {
      headers = first;
      continue;
    }
    if (c->offset) c->offset[row] = offset;
    if (c->timestamp)
      c->timestamp[row] = h->attributes & ATTR_LOG_APPEND
                              ? h->max_timestamp
                              : (int64_t)((uint64_t)h->first_timestamp + (uint64_t)delta_time);
    if (c->key_at) put(c->key_at, c->key, c->key_valid, row, key, key_length);
    if (c->value_at) put(c->value_at, c->value, c->value_valid, row, value, value_length);
    if (c->headers_at) c->headers_at[row + 1] = (int32_t)headers;
    row++;
  }
  if (p != end) goto broken;
  c->rows = row;
  c->headers = headers;
  return h->count;
broken:
  /* Validity bits of rows that were begun must not leak into the rows that follow. */
  for (int64_t r = c->rows; r <= row; r++) {
    if (c->key_valid) c->key_valid[r >> 3] &= (uint8_t)~(1u << (r & 7));
    if (c->value_valid) c->value_valid[r >> 3] &= (uint8_t)~(1u << (r & 7));
  }
  if (c->content_valid)
    for (int64_t k = c->headers; k <= headers && k < c->headers_room; k++)
      c->content_valid[k >> 3] &= (uint8_t)~(1u << (k & 7));
  return -1;
}
#endif
