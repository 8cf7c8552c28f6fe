from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scalediff_engine.client import codec, watch
from scalediff_engine.client.watch import Parser, ServerEvent


def events(*chunks: bytes) -> list[ServerEvent]:
    parser = Parser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


def data(*chunks: bytes) -> list[str]:
    return [event.data for event in events(*chunks)]


def test_an_event_has_its_kind_its_data_and_its_number() -> None:
    assert events(b'id: 7\nevent: progress\ndata: {"a": 1}\n\n') == [
        ServerEvent("progress", '{"a": 1}', "7")
    ]


# The examples of the specification, section 9.2.6.
def test_the_specification_stocks() -> None:
    assert data(b"data: YHOO\ndata: +2\ndata: 10\n\n") == ["YHOO\n+2\n10"]


def test_the_specification_four_blocks() -> None:
    stream = (
        b": test\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"
    )
    assert events(stream) == [
        ServerEvent("message", "first event", "1"),
        ServerEvent("message", "second event", ""),
        ServerEvent("message", " third event", ""),
    ]


def test_the_specification_empty_data() -> None:
    assert data(b"data\n\ndata\ndata\n\ndata:") == ["", "\n"]


def test_the_specification_one_space_is_left_out() -> None:
    assert data(b"data:test\n\ndata: test\n\n") == ["test", "test"]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_every_kind_of_line_end(end: bytes) -> None:
    assert data(end.join([b"data: a", b"data: b", b"", b"data: c", b"", b""])) == ["a\nb", "c"]


def test_a_carriage_return_ends_a_line_before_what_follows_is_known() -> None:
    parser = Parser()
    assert [event.data for event in parser.feed(b"data: a\r\r")] == ["a"]
    assert parser.feed(b"\ndata: b\r\n") == []
    assert [event.data for event in parser.feed(b"\r\n")] == ["b"]


def test_a_line_feed_after_text_ends_a_line_whatever_came_before_the_text() -> None:
    assert data(b"\rdata: a", b"\n\n") == ["a"]


def test_a_number_with_a_null_character_is_passed_over() -> None:
    assert events(b"id: 3\nid: 4\0\ndata: x\n\n") == [ServerEvent("message", "x", "3")]


def test_a_number_stays_until_there_is_another() -> None:
    assert [event.last_id for event in events(b"id: 3\ndata: x\n\ndata: y\n\n")] == ["3", "3"]


def test_an_event_without_data_is_none_but_its_number_counts() -> None:
    parser = Parser()
    assert parser.feed(b"id: 9\nevent: state\n\n") == []
    assert parser.last_id == "9"
    assert [event.kind for event in parser.feed(b"data: x\n\n")] == ["message"]


def test_comments_and_unknown_fields_are_passed_over() -> None:
    assert data(b": ping\n\n:\ncolour: red\ndata: x\nspace :1\n\n") == ["x"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [(b"retry: 250", 250), (b"retry: 1.5", None), (b"retry: -1", None), (b"retry:", None)],
)
def test_the_wished_delay(line: bytes, expected: int | None) -> None:
    parser = Parser()
    parser.feed(line + b"\n")
    assert parser.retry_ms == expected


def test_digits_of_other_scripts_are_no_delay() -> None:
    parser = Parser()
    parser.feed("retry: ٣\nretry: ²\n".encode())
    assert parser.retry_ms is None


def test_a_mark_at_the_start_is_left_out_once() -> None:
    assert data(b"\xef\xbb\xbfdata: a\n\n") == ["a"]
    assert data(b"\xef\xbb", b"\xbfdata: a\n\n") == ["a"]
    assert data(b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n") == []
    assert data(b"\n\xef\xbb\xbfdata: a\n\n") == []


def test_what_is_not_ended_by_an_empty_line_is_no_event() -> None:
    assert data(b"data: a\n\ndata: b\n") == ["a"]


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert data(b"data: a\xffb\n\n") == ["a\ufffdb"]


@pytest.mark.parametrize("piece", [b"data: " + b"x" * 9000, b"data: " + b"x" * 9000 + b"\n"])
def test_an_event_without_end_does_not_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch, piece: bytes
) -> None:
    monkeypatch.setattr(watch, "MAX_EVENT_BYTES", 20_000)
    with pytest.raises(codec.Malformed, match="20000"):
        events(piece, piece, piece)


WORDS = [b"data", b"id", b"event", b"retry", b": ", b":", b" ", b"\0", b"7", b"x"]
ENDS = [b"\n", b"\r", b"\r\n"]
PIECES = st.sampled_from([*WORDS, *ENDS, "é€😀".encode(), b"\xef\xbb\xbf", b"\xff"])


@given(st.lists(PIECES, max_size=60).map(b"".join), st.data())
@example(b"data: \xf0\x9f\x98\x80\r\n\r\n", None)
def test_it_does_not_matter_where_the_bytes_are_cut(stream: bytes, source: st.DataObject) -> None:
    whole = Parser()
    expected = whole.feed(stream)
    if source is None:
        cuts = list(range(len(stream)))
    else:
        cuts = sorted(source.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    parser = Parser()
    edges = [0, *cuts, len(stream)]
    found = [
        event
        for start, end in itertools.pairwise(edges)
        for event in parser.feed(stream[start:end])
    ]
    assert found == expected
    assert (parser.last_id, parser.retry_ms) == (whole.last_id, whole.retry_ms)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["state", "progress"]),
            st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=20),
        ),
        max_size=8,
    ),
    st.sampled_from(ENDS),
)
def test_what_a_server_writes_arrives(sent: list[tuple[str, str]], end: bytes) -> None:
    stream = b"".join(
        end.join([b"event: " + kind.encode(), b"data: " + text.encode(), f"id: {n}".encode(), b""])
        + end
        for n, (kind, text) in enumerate(sent)
    )
    expected = [ServerEvent(kind, text, str(n)) for n, (kind, text) in enumerate(sent)]
    assert events(stream) == expected
