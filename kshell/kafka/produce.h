/* librdkafka as far as `_produce` calls it, and the loop that hands Arrow's columns to it.

   The functions are looked up in the library that confluent-kafka brings; its header is not in the
   wheel, so the few types are declared here.  librdkafka keeps its binary interface. */
#ifndef KSHELL_PRODUCE_H
#define KSHELL_PRODUCE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { V_RKT = 2, V_PARTITION = 3, V_VALUE = 4, V_KEY = 5, V_MSGFLAGS = 7, V_TIMESTAMP = 8, V_HEADERS = 10 };
enum { F_COPY = 2, PARTITION_ANY = -1, QUEUE_FULL = -184 };

typedef struct {
  int type;
  union {
    void *pointer;
    int number;
    int32_t partition;
    int64_t moment;
    struct {
      const void *start;
      size_t size;
    } bytes;
    char room[64];
  } of;
} argument; /* rd_kafka_vu_t */

typedef struct {
  int error;
  void *topic;
  int32_t partition;
  void *value;
  size_t value_size;
  void *key;
  size_t key_size;
  int64_t offset;
  void *own;
} message; /* rd_kafka_message_t */

typedef void (*on_message)(void *client, const message *, void *owner);

typedef struct {
  void *(*conf_new)(void);
  int (*conf_set)(void *conf, const char *name, const char *value, char *why, size_t room);
  void (*conf_set_opaque)(void *conf, void *owner);
  void (*conf_set_dr_msg_cb)(void *conf, on_message);
  void (*conf_destroy)(void *conf);
  void *(*new_client)(int type, void *conf, char *why, size_t room);
  void (*destroy)(void *client);
  int (*oauthbearer_set_token)(void *client, const char *token, int64_t until, const char *who,
                               const char **extensions, size_t count, char *why, size_t room);
  void *(*topic_new)(void *client, const char *name, void *conf);
  void (*topic_destroy)(void *topic);
  const char *(*topic_name)(const void *topic);
  void *(*produceva)(void *client, const argument *, size_t count);
  int (*poll)(void *client, int milliseconds);
  int (*flush)(void *client, int milliseconds);
  int (*outq_len)(void *client);
  int (*fatal_error)(void *client, char *why, size_t room);
  const char *(*err2str)(int code);
  int (*error_code)(const void *error);
  const char *(*error_string)(const void *error);
  int (*error_is_fatal)(const void *error);
  int (*error_is_retriable)(const void *error);
  int (*error_txn_requires_abort)(const void *error);
  void (*error_destroy)(void *error);
  void *(*headers_new)(size_t count);
  int (*header_add)(void *headers, const char *name, ptrdiff_t name_size, const void *value, ptrdiff_t size);
  void (*headers_destroy)(void *headers);
  void *(*init_transactions)(void *client, int milliseconds);
  void *(*begin_transaction)(void *client);
  void *(*send_offsets)(void *client, const void *offsets, const void *group, int milliseconds);
  void *(*commit_transaction)(void *client, int milliseconds);
  void *(*abort_transaction)(void *client, int milliseconds);
  void *(*offsets_new)(int count);
  void *(*offsets_add)(void *offsets, const char *topic, int32_t partition);
  int (*offsets_set)(void *offsets, const char *topic, int32_t partition, int64_t offset);
  void (*offsets_destroy)(void *offsets);
  void *(*group_read)(void **group, const void *data, size_t size);
  void (*group_destroy)(void *group);
} library;

/* An Arrow column: of bytes (`at` and `data`), of numbers (`data`), or of lists (`at`). */
typedef struct {
  const uint8_t *valid;
  const int32_t *at;
  const uint8_t *data;
  int64_t first;
} column;

typedef struct {
  column keys, values, timestamps, partitions, headers, names, contents;
  int has_timestamps, has_partitions, has_headers;
} outgoing;

static int there(const column *c, int64_t row) {
  row += c->first;
  return !c->valid || (c->valid[row >> 3] >> (row & 7) & 1);
}

static void put_bytes(argument *a, const column *c, int64_t row) {
  a->of.bytes.start = NULL;
  a->of.bytes.size = 0;
  if (!there(c, row)) return;
  const int32_t *at = c->at + c->first + row;
  a->of.bytes.start = c->data ? (const void *)(c->data + at[0]) : (const void *)""; /* no bytes are not none */
  a->of.bytes.size = (size_t)(at[1] - at[0]);
}

static void *made_headers(const library *lib, const outgoing *o, int64_t row) {
  if (!there(&o->headers, row)) return NULL;
  const int32_t *at = o->headers.at + o->headers.first + row;
  if (at[0] == at[1]) return NULL;
  void *made = lib->headers_new((size_t)(at[1] - at[0]));
  for (int32_t i = at[0]; i < at[1]; i++) {
    argument name, content;
    put_bytes(&name, &o->names, i);
    put_bytes(&content, &o->contents, i);
    lib->header_add(made, name.of.bytes.start ? (const char *)name.of.bytes.start : "",
                    (ptrdiff_t)name.of.bytes.size, content.of.bytes.start, (ptrdiff_t)content.of.bytes.size);
  }
  return made;
}

/* Queues the rows; gives the first that was not, and in `refused` librdkafka's error of it. */
static int64_t produce_rows(const library *lib, void *client, void *topic, const outgoing *o, int64_t row,
                            int64_t end, void **refused) {
  argument all[7];
  memset(all, 0, sizeof all);
  all[0].type = V_RKT, all[0].of.pointer = topic;
  all[1].type = V_MSGFLAGS, all[1].of.number = F_COPY;
  all[2].type = V_KEY, all[3].type = V_VALUE, all[4].type = V_PARTITION, all[5].type = V_TIMESTAMP;
  all[6].type = V_HEADERS;
  for (; row < end; row++) {
    size_t count = 6;
    put_bytes(&all[2], &o->keys, row);
    put_bytes(&all[3], &o->values, row);
    all[4].of.partition = PARTITION_ANY;
    if (o->has_partitions && there(&o->partitions, row))
      all[4].of.partition = ((const int32_t *)o->partitions.data)[o->partitions.first + row];
    all[5].of.moment = 0; /* now */
    if (o->has_timestamps && there(&o->timestamps, row))
      all[5].of.moment = ((const int64_t *)o->timestamps.data)[o->timestamps.first + row];
    if (o->has_headers && (all[6].of.pointer = made_headers(lib, o, row)) != NULL) count = 7;
    *refused = lib->produceva(client, all, count);
    if (*refused) {
      if (count == 7) lib->headers_destroy(all[6].of.pointer);
      break;
    }
  }
  return row;
}

/* Kafka's murmur2. */
static uint32_t murmur2(const uint8_t *data, int32_t size) {
  const uint32_t m = 0x5bd1e995;
  uint32_t h = 0x9747b28cu ^ (uint32_t)size;
  for (; size >= 4; data += 4, size -= 4) {
    uint32_t k = data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
    k *= m;
    k ^= k >> 24;
    k *= m;
    h = h * m ^ k;
  }
  if (size > 2) h ^= (uint32_t)data[2] << 16;
  if (size > 1) h ^= (uint32_t)data[1] << 8;
  if (size > 0) h = (h ^ data[0]) * m;
  h ^= h >> 13;
  h *= m;
  return h ^ h >> 15;
}

/* The partitions of keys without their last `tail` bytes. */
static void place_rows(const column *keys, int64_t rows, int32_t tail, int32_t partitions, int32_t *out) {
  for (int64_t row = 0; row < rows; row++) {
    const int32_t *at = keys->at + keys->first + row;
    int32_t size = at[1] - at[0] - tail;
    out[row] = (int32_t)((murmur2(keys->data + at[0], size < 0 ? 0 : size) & 0x7fffffff) % (uint32_t)partitions);
  }
}

#endif
