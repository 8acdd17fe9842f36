"""The decoder gives the same events however the stream is framed, and wherever it is cut."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dify_java_compat._stream.sse import EventTooLargeError, SSEDecoder

PLENTY = 1_000_000
ENDS = ("\n", "\r\n", "\r")
# what str.splitlines and the iter_lines of requests take for the end of a line
SEPARATORS = "\x85\u2028\u2029\x0b\x0c\x1c\x1d\x1e"

line_text = st.text(
    st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])
    | st.sampled_from(SEPARATORS + ': {}"dat中'),
    max_size=12,
)
data_line = st.builds(
    lambda space, text: f"data:{space}{text}", st.sampled_from(["", " "]), line_text
)
other_line = st.builds(
    lambda name, text: f"{name}{text}",
    st.sampled_from(
        [":", "event: ", "event:", "id: ", "retry: 3000", "data", "datax: ", " data: "]
    ),
    line_text,
)


def expected(text: str) -> list[bytes]:
    """The event-stream rules as the specification words them, over the whole text."""
    events: list[bytes] = []
    values: list[str] = []
    for line in re.split("\r\n|\n|\r", text.removeprefix("\ufeff"))[:-1]:
        field, _, value = line.partition(":")
        if line == "":
            objects = [value[:1] == "{" and value.rstrip()[-1:] == "}" for value in values]
            if len(values) > 1 and all(objects):  # what a gateway sends with one line feed between
                events += [value.encode() for value in values]
            elif any(values) or len(values) > 1:
                events.append("\n".join(values).encode())
            values = []
        elif field == "data":
            values.append(value.removeprefix(" "))
    return events


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    one_end = draw(st.sampled_from(ENDS) | st.none())
    ends = st.just(one_end) if one_end else st.sampled_from(ENDS)
    events = draw(st.lists(st.lists(data_line | other_line, max_size=4), max_size=6))
    text = draw(st.sampled_from(["", "\ufeff"]))
    for lines in events:
        text += "".join(line + draw(ends) for line in [*lines, ""])
    return text.encode()


def cut(draw: st.DrawFn, stream: bytes) -> list[bytes]:
    places = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    return [stream[a:b] for a, b in zip([0, *places], [*places, len(stream)], strict=True)]


@st.composite
def cut_streams(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    stream = draw(streams())
    return stream, cut(draw, stream)


def decoded(blocks: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    decoder = SSEDecoder(PLENTY)
    return [event for block in blocks for event in decoder.feed(block)], decoder.flush()


def bytes_of(stream: bytes) -> list[bytes]:
    return [stream[i : i + 1] for i in range(len(stream))]


@given(cut_streams())
def test_the_events_are_those_of_the_specification(case: tuple[bytes, list[bytes]]) -> None:
    stream, blocks = case
    assert b"".join(blocks) == stream
    assert decoded(blocks)[0] == expected(stream.decode())
    assert decoded([stream]) == decoded(bytes_of(stream)) == decoded(blocks)


@given(cut_streams(), st.data())
def test_a_stream_that_breaks_off(case: tuple[bytes, list[bytes]], data: st.DataObject) -> None:
    stream, _ = case
    broken = stream[: data.draw(st.integers(0, len(stream)))]
    events, rest = decoded([broken])
    assert decoded(bytes_of(broken)) == (events, rest)
    whole, _ = decoded([stream])
    assert events == whole[: len(events)]
    assert all(each.split(b"\n")[0] in broken for each in rest)


@given(st.binary(), st.data())
def test_any_bytes_are_read(stream: bytes, data: st.DataObject) -> None:
    places = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    blocks = [stream[a:b] for a, b in zip([0, *places], [*places, len(stream)], strict=True)]
    assert decoded(blocks) == decoded([stream])


@given(st.lists(st.text(st.sampled_from("\r\n:d ata{}"), max_size=6)))
def test_any_line_ends_are_read(pieces: list[str]) -> None:
    stream = "".join(["data: a\n", *pieces, "\n\n\n"]).encode()
    blocks = [piece.encode() for piece in ["data: a\n", *pieces, "\n\n\n"]]
    assert decoded(blocks) == decoded([stream]) == decoded(bytes_of(stream))
    assert decoded(blocks)[0] == expected(stream.decode())


@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize("end", ENDS)
def test_nothing_but_line_ends_ends_a_line(separator: str, end: str) -> None:
    data = f'{{"answer":"你{separator}好"}}'
    stream = f"data: {data}{end}{end}".encode()
    assert decoded([stream]) == ([data.encode()], [])
    assert decoded(bytes_of(stream)) == ([data.encode()], [])


@given(st.integers(20, 200), st.integers(1, 300), st.integers(1, 400))
def test_an_event_that_is_too_large(limit: int, more: int, block_size: int) -> None:
    stream = b"data: ok\n\ndata: " + b"x" * (limit + more) + b"\n\n"
    blocks = [stream[i : i + block_size] for i in range(0, len(stream), block_size)]
    decoder = SSEDecoder(limit)
    with pytest.raises(EventTooLargeError, match=f"an event of more than {limit} bytes"):
        list(map(decoder.feed, blocks))


@given(st.integers(20, 200), st.integers(1, 400), st.sampled_from(["\n", "\r\n"]))
def test_events_up_to_the_limit(limit: int, block_size: int, end: str) -> None:
    event = "data: " + "x" * (limit - len("data: ") - len(end))
    stream = f"{event}{end}{end}".encode() * 5
    decoder = SSEDecoder(limit)
    blocks = [stream[i : i + block_size] for i in range(0, len(stream), block_size)]
    assert [event for block in blocks for event in decoder.feed(block)] == [event[6:].encode()] * 5


def test_a_comment_that_never_ends_is_too_large() -> None:
    decoder = SSEDecoder(100)
    with pytest.raises(EventTooLargeError):
        list(map(decoder.feed, [b": ping"] * 20))


def test_an_event_comes_as_soon_as_its_empty_line() -> None:
    decoder = SSEDecoder(PLENTY)
    assert decoder.feed(b'data: {"a":1}\r\n\r') == [b'{"a":1}']
    assert decoder.feed(b"\n") == []
    assert decoder.feed(b'data: {"b":2}\n') == []
    assert decoder.feed(b"\n") == [b'{"b":2}']
    assert decoder.flush() == []
