"""Fetch and Metadata of each version against another implementation, as far as aiokafka has them."""

from __future__ import annotations

import io

import pytest
from aiokafka.protocol import fetch, metadata

from kshell.errors import CorruptRecord, Unsupported
from kshell.kafka.metadata import NO_ID, MetadataRequest, Partition, cluster_of
from kshell.kafka.raw import Fetched, FetchedPartition, RawFetchRequest

ID = bytes(range(16))


def asked(id: bytes = NO_ID) -> RawFetchRequest:
    return RawFetchRequest(
        "t", id, {3: 70, 5: 0}, isolation=1, wait_ms=500, partition_bytes=1000, max_bytes=9000
    )


@pytest.mark.parametrize("version", range(4, 12))
def test_a_fetch_is_read_as_it_was_meant(version):
    theirs = next(c for c in fetch.FetchRequest._CLASSES if version == c.API_VERSION)
    made = asked().prepare({1: (0, version)})
    assert version == made.API_VERSION
    read = theirs.decode(io.BytesIO(made.encode()))
    assert (read.max_wait_time, read.max_bytes, read.isolation_level) == (500, 9000, 1)
    ((name, partitions),) = read.topics
    assert name == "t"
    where = 2 if version >= 9 else 1
    assert [(p[0], p[where], p[-1]) for p in partitions] == [(3, 70, 1000), (5, 0, 1000)]


@pytest.mark.parametrize("version", range(4, 12))
def test_an_answer_is_read_as_it_was_written(version):
    theirs = next(c for c in fetch.FetchRequest._CLASSES if version == c.API_VERSION).RESPONSE_TYPE
    aborted = [(9, 71)]
    start = (0,) if version >= 5 else ()
    preferred = (-1,) if version >= 11 else ()
    parts = [
        (3, 0, 80, 75, *start, aborted, *preferred, b"abc"),
        (5, 6, -1, -1, *start, None, *preferred, b""),
    ]
    session = (0, 0) if version >= 7 else ()
    frame = memoryview(theirs(0, *session, [("t", parts)]).encode())
    found = Fetched.decode(frame, version)
    assert found.error == 0
    assert [(p.partition, p.error, p.high_watermark, p.last_stable, p.aborted, bytes(p.records))
            for p in found.partitions] == [(3, 0, 80, 75, ((9, 71),), b"abc"), (5, 6, -1, -1, (), b"")]  # fmt: skip
    assert isinstance(found.partitions[0], FetchedPartition)
    assert found.partitions[0].records.obj is frame.obj, "record sets are views of the frame"
    for cut in range(len(frame)):
        with pytest.raises(CorruptRecord):
            Fetched.decode(frame[:cut], version)


@pytest.mark.parametrize(
    ("id", "served", "version"),
    [
        (ID, (4, 18), 18), (ID, (0, 11), 11), (ID, (13, 25), 18), (NO_ID, (4, 18), 12), (ID, (4, 4), 4),
    ],
)  # fmt: skip
def test_the_newest_version_of_both_is_sent(id, served, version):
    assert version == asked(id).prepare({1: served}).API_VERSION


@pytest.mark.parametrize(("id", "served"), [(ID, (0, 3)), (ID, (19, 20)), (NO_ID, (13, 18))])
def test_no_version_in_common(id, served):
    with pytest.raises(Unsupported, match="no version of Fetch in common"):
        asked(id).prepare({1: served})


@pytest.mark.parametrize("version", [4, 5])
def test_metadata_as_another_reads_and_writes_it(version):
    theirs = next(c for c in metadata.MetadataRequest._CLASSES if version == c.API_VERSION)
    read = theirs.decode(io.BytesIO(MetadataRequest(["a", "b"]).prepare({3: (0, version)}).encode()))
    assert (read.topics, read.allow_auto_topic_creation) == (["a", "b"], False)
    offline = ([],) if version >= 5 else ()
    written = theirs.RESPONSE_TYPE(
        0, [(1, "h", 9092, None)], "c", 1, [(0, "a", False, [(5, 1, -1, [1, 2], [2], *offline)])]
    )
    request = MetadataRequest(["a"]).prepare({3: (0, version)})
    cluster = cluster_of(request.decode(io.BytesIO(written.encode())))
    (topic,) = cluster.topics
    assert (topic.name, topic.id, topic.partitions) == ("a", NO_ID, (Partition(1, -1, (1, 2), (2,), 5),))
    assert [(b.id, b.host, b.port, b.rack) for b in cluster.brokers] == [(1, "h", 9092, "")]


@pytest.mark.parametrize("version", range(9, 14))
def test_no_request_for_metadata_creates_a_topic(version):
    """The byte after the topics, in all versions that aiokafka does not have."""
    made = MetadataRequest(["a"]).prepare({3: (0, version)}).encode()
    named = b"\x02" + (NO_ID if version >= 10 else b"") + b"\x02a\x00"
    assert made.startswith(named + b"\x00")
