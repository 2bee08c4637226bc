"""How columns share a terminal: layouts by hand, and what holds for every one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshell.terminal.widths import AROUND, BETWEEN, Layout, clusters, cut, layout, width_of, wrapped

CODER, FAMILY, FLAG = "👩\u200d💻", "👨\u200d👩\u200d👧\u200d👦", "🇵🇹"
TEXTS = st.text(
    st.one_of(
        st.sampled_from("ab cé東한\u0301 "), st.characters(codec="utf-8", exclude_categories=["C"])
    )
) | st.lists(st.sampled_from([CODER, FAMILY, FLAG, "x", " ", "e\u0301"])).map("".join)


@pytest.mark.parametrize(
    ("needs", "room", "made"),
    [
        ([4, 10, 100], None, Layout((0, 1, 2), (4, 10, 100))),
        ([4, 10, 100], 60, Layout((0, 1, 2), (4, 10, 38))),
        ([5, 40, 60], 60, Layout((0, 1, 2), (5, 23, 23))),
        ([30] * 3, 80, Layout((0, 1, 2), (24, 24, 24))),
        ([30] * 4, 80, Layout((0, 1, 3), (22, 22, 22), 2)),
        ([30] * 12, 200, Layout((0, 1, 2, 3, 8, 9, 10, 11), (21,) * 8, 4)),
        ([5] * 60, 80, Layout((*range(5), *range(56, 60)), (5,) * 9, 5)),
        ([30] * 4, 50, Layout((0, 1, 3), (12, 12, 12), 2)),
        ([90, 3], 12, Layout((0,), (6,), 1)),
        ([600], 40, Layout((0,), (38,))),
        ([600], None, Layout((0,), (500,))),
        ([], 40, Layout((), ())),
    ],
)
def test_layouts(needs, room, made) -> None:
    assert layout(needs, room) == made


def test_numbers_keep_their_width() -> None:
    assert layout([40, 24], 60, frozenset({1})).widths == (31, 24)
    assert layout([30, 29, 30], 80, frozenset({1})).widths == (21, 29, 21)


@given(
    st.lists(st.integers(0, 700), max_size=70), st.integers(12, 250),
    st.frozensets(st.integers(0, 70)),
)  # fmt: skip
def test_no_layout_is_wider_than_the_terminal(needs, room, rigid) -> None:
    made = layout(needs, room, rigid)
    gap = 1 if made.gap >= 0 else 0
    columns = len(made.widths) + gap
    assert sum(made.widths) + gap + BETWEEN * (columns - 1) + AROUND <= max(room, 0)
    assert all(w >= 1 for w in made.widths)
    assert list(made.shown) == sorted(set(made.shown))
    assert (made.gap >= 0) == (len(made.shown) < len(needs))
    if needs:
        assert made.shown[0] == 0


@given(TEXTS, st.integers(1, 30))
def test_what_is_cut_fits_and_breaks_no_cluster(text, width) -> None:
    shown = cut(text, width)
    assert width_of(shown) <= width
    if shown != text:
        assert shown[-1] == "…"
        assert list(clusters(text))[: len(list(clusters(shown[:-1])))] == list(clusters(shown[:-1]))


@given(TEXTS, st.integers(2, 30))
def test_what_is_wrapped_fits_and_is_all_there(text, width) -> None:
    lines = wrapped(text, width)
    assert all(width_of(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_lines_are_broken_between_words() -> None:
    assert wrapped("the quick brown fox", 10) == ["the quick", "brown fox"]
    assert wrapped("a_word_without_end ends", 10) == ["a_word_wit", "hout_end", "ends"]
    assert wrapped("", 5) == [""]


def test_joined_emoji_are_one_thing() -> None:
    assert [width_of(t) for t in (CODER, FAMILY, FLAG)] == [2, 2, 2]
    assert cut(CODER * 3, 5) == CODER * 2 + "…"
    assert cut(FAMILY + "ab", 3) == FAMILY + "…"
    assert wrapped(FLAG * 3, 4) == [FLAG * 2, FLAG]
