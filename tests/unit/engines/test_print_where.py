"""PRINT … WHERE opens each chunk of records once, for the condition and for what is shown."""

import pytest

from kshell.engines.local.sources import chunks
from kshell.engines.local.statements import print_records
from kshell.results import Printed


@pytest.fixture
def opened(monkeypatch):
    """The memory of each chunk that is decoded, as often as it is; and those of which rows are made."""
    decoded, drawn = [], []
    decode, batch = chunks.decode, print_records.Records._batch

    def counted(records, *rest, **more):
        decoded.append(id(records.obj))
        return decode(records, *rest, **more)

    def made(self, found):
        drawn.append(found.num_rows)
        return batch(self, found)

    monkeypatch.setattr(chunks, "decode", counted)
    monkeypatch.setattr(print_records.Records, "_batch", made)
    return decoded, drawn


def printed(execute, text: str) -> tuple[list[dict], Printed]:
    answer, rows = execute(text), []
    while (changes := answer.poll(0.2)) is not None:
        rows += changes.rows.to_pylist()
    return rows, answer


def test_a_chunk_is_decoded_once(execute, topic_of, opened):
    topic = topic_of(*(f'{{"n":{n}}}' for n in range(500)), "nonsense", *(f'{{"n":{n}}}' for n in range(500)))
    decoded, _ = opened
    rows, answer = printed(execute, f"PRINT {topic} FROM BEGINNING TO END WHERE n = 7 OR n = 499")
    assert [(r["offset"], r["value"]) for r in rows] == [
        (7, '{"n":7}'), (499, '{"n":499}'), (508, '{"n":7}'), (1000, '{"n":499}'),
    ]  # fmt: skip
    assert len(decoded) == len(set(decoded))
    assert (answer.stats().scanned, answer.stats().bad.count) == (1001, 1)


def test_no_rows_are_made_of_a_chunk_in_which_it_holds_for_none(execute, topic_of, opened):
    topic = topic_of(*(f'{{"n":{n}}}' for n in range(500)))
    rows, answer = printed(execute, f"PRINT {topic} FROM BEGINNING TO END WHERE n < 0")
    assert (rows, opened[1], answer.stats().scanned) == ([], [], 500)
