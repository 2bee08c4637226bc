/* Numbers as text: whole ones, decimals, and doubles by the fewest digits that read back as the same
   (Raffaello Giulietti, "The Schubfach way to render doubles"). */
#ifndef KSHELL_DIGITS_H
#define KSHELL_DIGITS_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned __int128 wide;
enum { LEAST_POWER = -292, POWERS = 617, MOST_DIGITS = 360 };

static uint64_t powers[POWERS][2]; /* high and low half of 10^k, rounded up to 128 bits: `prepare` of the .pyx */

static const char PAIRS[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354"
    "55565758596061626364656667686970717273747576777879808182838485868788899091929394959697989900";

/* The digits of a number; gives where they end. */
static inline char *put_unsigned(char *out, uint64_t n) {
  char all[20], *p = all + 20;
  while (n >= 100) {
    uint64_t rest = n / 100;
    p -= 2;
    memcpy(p, PAIRS + 2 * (n - rest * 100), 2);
    n = rest;
  }
  if (n >= 10) {
    p -= 2;
    memcpy(p, PAIRS + 2 * n, 2);
  } else {
    *--p = (char)('0' + n);
  }
  size_t size = (size_t)(all + 20 - p);
  memcpy(out, p, size);
  return out + size;
}

static inline char *put_whole(char *out, int64_t n) {
  if (n >= 0) return put_unsigned(out, (uint64_t)n);
  *out++ = '-';
  return put_unsigned(out, 0 - (uint64_t)n);
}

/* A number of 128 bits with `scale` digits behind the point, without an exponent. */
static inline char *put_decimal(char *out, const uint8_t *bytes, int scale) {
  __int128 given;
  memcpy(&given, bytes, sizeof given);
  wide n = (wide)given;
  if (given < 0) {
    *out++ = '-';
    n = 0 - n;
  }
  char all[40], *end = all + 40, *p = end;
  do {
    *--p = (char)('0' + (int)(n % 10));
    n /= 10;
  } while (n);
  while (end - p <= scale) *--p = '0'; /* precision is 38: there is room */
  size_t before = (size_t)(end - p - scale);
  memcpy(out, p, before);
  out += before;
  if (scale) {
    *out++ = '.';
    memcpy(out, p + before, (size_t)scale);
    out += scale;
  }
  return out;
}

static inline int log2_of_power(int k) { return (k * 1741647) >> 19; } /* floor(log2(10^k)) */

static inline uint64_t times_power(const uint64_t *g, uint64_t c) {
  wide low = (wide)g[1] * c, high = (wide)g[0] * c + (uint64_t)(low >> 64);
  return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

/* The shortest digits of a finite double that is not 0: `*exponent` is the power of ten behind them. */
static inline uint64_t shortest(uint64_t bits, int *exponent) {
  uint64_t fraction = bits & (((uint64_t)1 << 52) - 1);
  int biased = (int)(bits >> 52 & 0x7ff);
  uint64_t c = biased ? fraction | (uint64_t)1 << 52 : fraction;
  int q = (biased ? biased : 1) - 1075;
  if (biased && q <= 0 && q > -53 && !(c & (((uint64_t)1 << -q) - 1))) {
    *exponent = 0;
    return c >> -q;
  }
  int closer = fraction == 0 && biased > 1; /* the lower neighbour is at half the distance */
  int odd = (int)(c & 1);
  int k = (q * 1262611 - (closer ? 524031 : 0)) >> 22;
  int h = q + log2_of_power(-k) + 1;
  const uint64_t *g = powers[-k - LEAST_POWER];
  uint64_t low = times_power(g, (4 * c - 2 + (uint64_t)closer) << h) + (uint64_t)odd;
  uint64_t at = times_power(g, (4 * c) << h);
  uint64_t high = times_power(g, (4 * c + 2) << h) - (uint64_t)odd;
  uint64_t s = at / 4;
  if (s >= 10) {
    uint64_t tens = s / 10;
    int below = low <= 40 * tens, above = 40 * tens + 40 <= high;
    if (below != above) {
      *exponent = k + 1;
      return tens + (uint64_t)above;
    }
  }
  int below = low <= 4 * s, above = 4 * s + 4 <= high;
  *exponent = k;
  if (below != above) return s + (uint64_t)above;
  uint64_t middle = 4 * s + 2;
  return s + (uint64_t)(at > middle || (at == middle && (s & 1)));
}

/* Digits, and how many of them are before the point. */
static inline int digits_of(uint64_t bits, char *all, int *before) {
  int exponent;
  uint64_t n = shortest(bits, &exponent);
  int size = (int)(put_unsigned(all, n) - all);
  *before = size + exponent;
  while (size > 1 && all[size - 1] == '0') size--;
  return size;
}

static inline char *put_zeros(char *out, int count) {
  if (count <= 0) return out;
  memset(out, '0', (size_t)count);
  return out + count;
}

/* The digits without an exponent, and at least one behind the point. */
static inline char *put_plain(char *out, const char *all, int size, int before) {
  if (before <= 0) {
    *out++ = '0';
    *out++ = '.';
    out = put_zeros(out, -before);
    memcpy(out, all, (size_t)size);
    return out + size;
  }
  int whole = size < before ? size : before;
  memcpy(out, all, (size_t)whole);
  out = put_zeros(out + whole, before - size);
  *out++ = '.';
  if (size <= before) {
    *out++ = '0';
    return out;
  }
  memcpy(out, all + before, (size_t)(size - before));
  return out + size - before;
}

/* As orjson writes them; NaN and infinities as Jackson does, in quotes. */
static inline char *put_json_double(char *out, double value) {
  uint64_t bits;
  memcpy(&bits, &value, 8);
  if (value != value) return (char *)memcpy(out, "\"NaN\"", 5) + 5;
  if ((bits << 1) == (uint64_t)0x7ff << 53)
    return bits >> 63 ? (char *)memcpy(out, "\"-Infinity\"", 11) + 11 : (char *)memcpy(out, "\"Infinity\"", 10) + 10;
  if (bits >> 63) *out++ = '-';
  bits &= ~((uint64_t)1 << 63);
  if (!bits) return (char *)memcpy(out, "0.0", 3) + 3;
  char all[20];
  int before, size = digits_of(bits, all, &before);
  if (before > -5 && before <= 16) return put_plain(out, all, size, before);
  *out++ = all[0];
  if (size > 1) {
    *out++ = '.';
    memcpy(out, all + 1, (size_t)(size - 1));
    out += size - 1;
  }
  *out++ = 'e';
  if (before > 0) *out++ = '+';
  return put_whole(out, before - 1);
}

/* As Double.toString writes them. */
static inline char *put_java_double(char *out, double value) {
  uint64_t bits;
  memcpy(&bits, &value, 8);
  if (value != value) return (char *)memcpy(out, "NaN", 3) + 3;
  if (bits >> 63) *out++ = '-';
  bits &= ~((uint64_t)1 << 63);
  if (bits == (uint64_t)0x7ff << 52) return (char *)memcpy(out, "Infinity", 8) + 8;
  if (!bits) return (char *)memcpy(out, "0.0", 3) + 3;
  char all[20];
  int before, size = digits_of(bits, all, &before);
  if (bits <= 20) { /* so near zero one digit may do where the nearest two are others: 4.9E-324 */
    char two[16];
    memcpy(&value, &bits, 8);
    snprintf(two, sizeof two, "%.1e", value);
    all[0] = two[0];
    all[1] = two[2];
    size = two[2] == '0' ? 1 : 2;
    before = atoi(two + 4) + 1;
  }
  if (before > -3 && before <= 7) return put_plain(out, all, size, before);
  *out++ = all[0];
  *out++ = '.';
  if (size > 1) memcpy(out, all + 1, (size_t)(size - 1));
  else *out = '0';
  out += size > 1 ? size - 1 : 1;
  *out++ = 'E';
  return put_whole(out, before - 1);
}
#endif
