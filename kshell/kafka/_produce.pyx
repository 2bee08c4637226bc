# cython: language_level=3, boundscheck=False, wraparound=False
"""Arrow columns to librdkafka without an object per record: `produce` calls it where it is built.

The loop is in produce.h, with the GIL released.  `load` looks librdkafka's functions up in the
library that confluent-kafka brings.
"""

cimport cython
from libc.stddef cimport ptrdiff_t
from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t, uint8_t

import ctypes
import time

import numpy as np
import pyarrow as pa

from kshell.errors import KshellError
from kshell.kafka.outgoing import Refused
from kshell.kafka.tokens import FRESH

cdef extern from "produce.h" nogil:
    int QUEUE_FULL
    ctypedef struct message:
        int error
        void *topic
        int32_t partition
    ctypedef void (*on_message)(void *, const message *, void *) noexcept nogil
    ctypedef struct library:
        void *(*conf_new)() noexcept nogil
        int (*conf_set)(void *, const char *, const char *, char *, size_t) noexcept nogil
        void (*conf_set_opaque)(void *, void *) noexcept nogil
        void (*conf_set_dr_msg_cb)(void *, on_message) noexcept nogil
        void (*conf_destroy)(void *) noexcept nogil
        void *(*new_client)(int, void *, char *, size_t) noexcept nogil
        void (*destroy)(void *) noexcept nogil
        int (*oauthbearer_set_token)(void *, const char *, int64_t, const char *, const char **,
                                     size_t, char *, size_t) noexcept nogil
        void *(*topic_new)(void *, const char *, void *) noexcept nogil
        void (*topic_destroy)(void *) noexcept nogil
        const char *(*topic_name)(const void *) noexcept nogil
        int (*poll)(void *, int) noexcept nogil
        int (*flush)(void *, int) noexcept nogil
        int (*outq_len)(void *) noexcept nogil
        int (*fatal_error)(void *, char *, size_t) noexcept nogil
        const char *(*err2str)(int) noexcept nogil
        int (*error_code)(const void *) noexcept nogil
        const char *(*error_string)(const void *) noexcept nogil
        int (*error_is_fatal)(const void *) noexcept nogil
        int (*error_is_retriable)(const void *) noexcept nogil
        int (*error_txn_requires_abort)(const void *) noexcept nogil
        void (*error_destroy)(void *) noexcept nogil
        void *(*init_transactions)(void *, int) noexcept nogil
        void *(*begin_transaction)(void *) noexcept nogil
        void *(*send_offsets)(void *, const void *, const void *, int) noexcept nogil
        void *(*commit_transaction)(void *, int) noexcept nogil
        void *(*abort_transaction)(void *, int) noexcept nogil
        void *(*offsets_new)(int) noexcept nogil
        void *(*offsets_add)(void *, const char *, int32_t) noexcept nogil
        int (*offsets_set)(void *, const char *, int32_t, int64_t) noexcept nogil
        void (*offsets_destroy)(void *) noexcept nogil
        void *(*group_read)(void **, const void *, size_t) noexcept nogil
        void (*group_destroy)(void *) noexcept nogil
    ctypedef struct column:
        const uint8_t *valid
        const int32_t *at
        const uint8_t *data
        int64_t first
    ctypedef struct outgoing:
        column keys, values, timestamps, partitions, headers, names, contents
        int has_timestamps, has_partitions, has_headers
    int64_t produce_rows(const library *, void *, void *, const outgoing *, int64_t, int64_t,
                         void **)
    void place_rows(const column *, int64_t, int32_t, int32_t, int32_t *)

# The members of `library`, in order, by their names in librdkafka.
NAMES = (
    "conf_new", "conf_set", "conf_set_opaque", "conf_set_dr_msg_cb", "conf_destroy", "new",
    "destroy", "oauthbearer_set_token", "topic_new", "topic_destroy", "topic_name", "produceva",
    "poll", "flush", "outq_len", "fatal_error", "err2str", "error_code", "error_string",
    "error_is_fatal", "error_is_retriable", "error_txn_requires_abort", "error_destroy",
    "headers_new", "header_add", "headers_destroy", "init_transactions", "begin_transaction",
    "send_offsets_to_transaction", "commit_transaction", "abort_transaction",
    "topic_partition_list_new", "topic_partition_list_add", "topic_partition_list_set_offset",
    "topic_partition_list_destroy", "consumer_group_metadata_read",
    "consumer_group_metadata_destroy",
)
AGAIN = 1.0  # seconds until a token is asked for again that ends at once

cdef enum:
    ROOM = 512
    SOON = 20  # milliseconds that `flush` looks each of
cdef int PRODUCER = 0
cdef library lib
cdef bint loaded = False


def load(str path):
    """Look the functions up in the library at the path or in those that it needs; True if all are
    there."""
    global loaded
    cdef void **members = <void **>&lib
    if not loaded:
        try:
            opened = ctypes.CDLL(path)
            found = [ctypes.cast(opened["rd_kafka_" + n], ctypes.c_void_p).value for n in NAMES]
        except (OSError, AttributeError):
            return False
        assert len(NAMES) * sizeof(void *) == sizeof(library)
        for i, address in enumerate(found):
            members[i] = <void *><size_t>address
        loaded = True
    return True


cdef column column_of(array) except *:
    """The buffers of an array that the caller keeps."""
    cdef column made
    buffers = array.buffers()
    made.first = array.offset
    made.valid = made.data = NULL
    made.at = NULL
    if buffers[0] is not None and array.null_count:
        made.valid = <const uint8_t *><size_t>buffers[0].address
    body = buffers[1]
    if pa.types.is_primitive(array.type):
        if body is not None:
            made.data = <const uint8_t *><size_t>body.address
        return made
    if body is not None:
        made.at = <const int32_t *><size_t>body.address
    if len(buffers) > 2 and not pa.types.is_list(array.type) and buffers[2] is not None:
        made.data = <const uint8_t *><size_t>buffers[2].address
    return made


def place(keys, int tail, int partitions):
    """The partitions of binary keys without their last `tail` bytes; NULL where there is no key."""
    cdef column given = column_of(keys)
    made = np.empty(len(keys), np.int32)
    cdef int32_t[::1] out = made
    cdef int64_t rows = len(keys)
    if rows:
        with nogil:
            place_rows(&given, rows, tail, partitions, &out[0])
    mask = np.asarray(keys.is_null()) if keys.null_count else None
    return pa.array(made, pa.int32(), mask=mask)


cdef void note_failure(void *client, const message *sent, void *owner) noexcept with gil:
    if sent.error:
        (<list>owner).append((
            lib.topic_name(sent.topic).decode() if sent.topic else "",
            sent.partition, sent.error, lib.err2str(sent.error).decode(),
        ))


@cython.no_gc  # it is in no cycle, and what it has must be there in __dealloc__
cdef class Sender:
    """A producer of librdkafka; see `produce_py.Sender`, which is its twin."""

    cdef void *client
    cdef dict topics  # addresses by name
    cdef object token  # gives the token of a login, and when it ends
    cdef double renewed  # when it is asked again
    cdef readonly list failed

    def __cinit__(self, dict settings):
        cdef char why[ROOM]
        cdef void *conf = lib.conf_new()
        self.topics, self.failed = {}, []
        settings = dict(settings)
        self.token, self.renewed = settings.pop("oauth_cb", None), INFINITY
        for name, value in settings.items():
            text = (str(value).lower() if isinstance(value, bool) else str(value)).encode()
            if lib.conf_set(conf, name.encode(), text, why, ROOM):
                lib.conf_destroy(conf)
                raise Refused(-186, why.decode())
        lib.conf_set_opaque(conf, <void *>self.failed)
        lib.conf_set_dr_msg_cb(conf, note_failure)
        self.client = lib.new_client(PRODUCER, conf, why, ROOM)
        if self.client == NULL:
            lib.conf_destroy(conf)
            raise Refused(-186, why.decode())
        if self.token is not None:
            self.login()

    cdef renew(self):
        """Give a new token where it is time; without one the brokers refuse us until there is."""
        if self.renewed < INFINITY and self.renewed < time.time():
            try:
                self.login()
            except KshellError:
                self.renewed = time.time() + AGAIN

    cdef login(self):
        """Give librdkafka a token; it logs in anew by itself."""
        cdef char why[ROOM]
        text, until = self.token("")
        code = lib.oauthbearer_set_token(
            self.client, text.encode(), <int64_t>(until * 1000), b"", NULL, 0, why, ROOM
        )
        if code:
            raise Refused(code, why.decode())
        now = time.time()
        self.renewed = now + max((until - now) * FRESH, AGAIN)

    def __dealloc__(self):
        if self.client == NULL:
            return
        for address in self.topics.values():
            lib.topic_destroy(<void *><size_t>address)
        with nogil:
            lib.destroy(self.client)

    cdef void *topic(self, str name) except NULL:
        address = self.topics.get(name)
        if address is None:
            address = <size_t>lib.topic_new(self.client, name.encode(), NULL)
            if not address:
                raise Refused(-186, f"{name} is no name of a topic")
            self.topics[name] = address
        return <void *><size_t>address

    def send(self, str topic, records, int64_t row=0):
        """Queue the rows from `row` on; gives the first that found the queue full, or their
        number."""
        cdef outgoing rows
        cdef void *to = self.topic(topic)
        cdef void *refused = NULL
        cdef int64_t end = len(records.keys)
        rows.keys, rows.values = column_of(records.keys), column_of(records.values)
        rows.has_timestamps = records.timestamps is not None
        if rows.has_timestamps:
            rows.timestamps = column_of(records.timestamps)
        rows.has_partitions = records.partitions is not None
        if rows.has_partitions:
            rows.partitions = column_of(records.partitions)
        rows.has_headers = records.headers is not None
        if rows.has_headers:
            pairs = records.headers.values
            names, contents = pairs.field(0), pairs.field(1)
            rows.headers = column_of(records.headers)
            rows.names, rows.contents = column_of(names), column_of(contents)
        with nogil:
            row = produce_rows(&lib, self.client, to, &rows, row, end, &refused)
        if refused != NULL:
            if lib.error_code(refused) == QUEUE_FULL:
                lib.error_destroy(refused)
                return row
            self.check(refused)
        return row

    def poll(self, double seconds):
        """Take failures in, or wait for one."""
        cdef int wait = <int>(seconds * 1000)
        self.renew()
        with nogil:
            lib.poll(self.client, wait)

    def flush(self, double seconds):
        """Wait until all is acknowledged; gives how many records are not."""
        cdef int wait = <int>(seconds * 1000)
        cdef int soon = min(wait, SOON)
        self.renew()
        with nogil:
            # Where nothing fails no event wakes librdkafka, which looks each 10 ms then.
            while soon > 0 and lib.outq_len(self.client) > 0:
                lib.flush(self.client, 1)
                soon -= 1
            lib.flush(self.client, wait)
        return lib.outq_len(self.client)

    def __len__(self):
        return lib.outq_len(self.client)

    def fatal(self):
        """The code and the text of what ended the producer for good; code 0 where nothing did."""
        cdef char why[ROOM]
        why[0] = 0
        code = lib.fatal_error(self.client, why, ROOM)
        return code, why.decode()

    cdef check(self, void *error):
        """Raise librdkafka's error, and free it."""
        cdef char why[ROOM]
        if error == NULL:
            return
        code, text = lib.error_code(error), lib.error_string(error).decode()
        made = Refused(
            code, text, bool(lib.error_is_fatal(error)), bool(lib.error_is_retriable(error)),
            bool(lib.error_txn_requires_abort(error)),
        )
        lib.error_destroy(error)
        fatal = lib.fatal_error(self.client, why, ROOM)
        if fatal:
            made = Refused(fatal, why.decode(), True)
        raise made

    def init_transactions(self, double seconds):
        """Fence other producers of the same transactional id, and end what they left open."""
        cdef int wait = <int>(seconds * 1000)
        cdef void *error
        self.renew()
        with nogil:
            error = lib.init_transactions(self.client, wait)
        self.check(error)

    def begin(self):
        """Begin a transaction."""
        self.check(lib.begin_transaction(self.client))

    def send_offsets(self, bytes member, offsets, double seconds):
        """Add offsets (topic, partition, next offset) to the transaction, for the group and the
        member in a consumer's `consumer_group_metadata()`."""
        cdef int wait = <int>(seconds * 1000)
        cdef void *error
        cdef void *of = NULL
        self.renew()
        self.check(lib.group_read(&of, <const char *>member, len(member)))
        cdef void *all = lib.offsets_new(len(offsets))
        for topic, partition, offset in offsets:
            name = topic.encode()
            lib.offsets_add(all, name, partition)
            lib.offsets_set(all, name, partition, offset)
        with nogil:
            error = lib.send_offsets(self.client, all, of, wait)
        lib.group_destroy(of)
        lib.offsets_destroy(all)
        self.check(error)

    def commit(self, double seconds):
        """Commit the transaction."""
        cdef int wait = <int>(seconds * 1000)
        cdef void *error
        self.renew()
        with nogil:
            error = lib.commit_transaction(self.client, wait)
        self.check(error)

    def abort(self, double seconds):
        """Abort the transaction."""
        cdef int wait = <int>(seconds * 1000)
        cdef void *error
        self.renew()
        with nogil:
            error = lib.abort_transaction(self.client, wait)
        self.check(error)
