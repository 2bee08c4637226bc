/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing past U+10FFFF. */
#ifndef KSHELL_UTF8_H
#define KSHELL_UTF8_H
#include <stdint.h>
#include <string.h>

/* One sequence of two bytes or more; NULL where it is not one. */
static inline const uint8_t *utf8(const uint8_t *p, const uint8_t *end) {
  uint8_t a = p[0];
  int64_t left = end - p;
  if (a >= 0xc2 && a <= 0xdf) return left >= 2 && (p[1] & 0xc0) == 0x80 ? p + 2 : NULL;
  if (a >= 0xe0 && a <= 0xef) {
    if (left < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80) return NULL;
    if ((a == 0xe0 && p[1] < 0xa0) || (a == 0xed && p[1] > 0x9f)) return NULL;
    return p + 3;
  }
  if (a >= 0xf0 && a <= 0xf4) {
    if (left < 4 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 || (p[3] & 0xc0) != 0x80)
      return NULL;
    if ((a == 0xf0 && p[1] < 0x90) || (a == 0xf4 && p[1] > 0x8f)) return NULL;
    return p + 4;
  }
  return NULL;
}

static inline int utf8_valid(const uint8_t *p, int64_t n) {
  const uint8_t *end = p + n;
  while (p < end) {
    uint64_t word;
    if (end - p >= 8 && (memcpy(&word, p, 8), !(word & 0x8080808080808080ull))) p += 8;
    else if (*p < 0x80) p++;
    else if (!(p = utf8(p, end))) return 0;
  }
  return 1;
}
#endif
