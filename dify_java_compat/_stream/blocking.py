"""The machine that reads a stream, driven by the thread that reads it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from .._http.charset import to_utf8
from .._http.deadline import Deadline
from .._http.response import HttpResponse, redacted_type
from ..errors import ConnectionException, DecodeException, TimeoutException
from ..models.responses import ChatMessageSendCompletionResponse as Item
from .content_type import is_event_stream
from .reader import EventReader, State


def read(reader: EventReader, response: HttpResponse) -> Generator[Item, None, None]:
    """The items of `response` as they come, then its end, or the exception that `reader` finds.

    Raises DecodeException where it is no event stream. Closes the response.
    """
    try:
        for items in batches(reader, response):
            yield from items
    finally:
        response.close()
    if reader.error is not None:
        raise reader.error


def begins_stream(response: HttpResponse) -> bool:
    """Whether it is an event stream; raises as `read_block` where that takes its first bytes."""
    is_stream = is_event_stream(response.content_type)
    if is_stream is not None:
        return is_stream
    seconds, start = response.deadline.limit("read"), b""
    while is_stream is None:
        block = response.read_block(seconds)
        start += block
        is_stream = is_event_stream(response.content_type, start, is_whole=not block)
    response.unread(start)
    return is_stream


def batches(reader: EventReader, response: HttpResponse) -> Generator[list[Item], None, None]:
    """The items of `response`, as many at once as have come; the verdict is `reader`'s."""
    if not begins_stream(response):
        kind = redacted_type(response.headers, response.redact)
        raise not_a_stream(kind, response.read_text(), response.context())
    deadline = response.deadline
    clock, read_block = deadline.clock, response.read_block
    now = clock()
    content_type = response.headers.get("Content-Type")
    begin_body(reader, response.path, deadline, now, response.redact, content_type)
    running, over = State.RUNNING, State.OVER
    while reader.state is not over:
        try:
            block = read_block(reader.next_timeout(now))
        except TimeoutException as error:
            phase = None if error.phase == "total" else reader.timed_out()
            reader.receive_end(error if phase is None else deadline.timed_out(phase))
            return
        except ConnectionException as error:
            reader.receive_end(error)
            return
        now = clock()
        items = reader.receive(block, now) if block else reader.receive_end()
        if items:
            yield items
            if reader.state is not running:  # there each read has the whole time
                now = clock()
                reader.delivered(now)


def begin_body(
    reader: EventReader,
    path: str,
    deadline: Deadline,
    now: float,
    redact: Callable[[str], str],
    content_type: str | None,
) -> None:
    """Have `reader` begin with the body of a response, by the times of its call."""
    reader.begin(
        path,
        deadline.sent_at,
        now,
        idle=deadline.limit("read"),
        first_event=deadline.limit("first_event"),
        redact=redact,
        to_utf8=to_utf8(content_type),
    )


def not_a_stream(kind: str, body: str, context: dict[str, Any]) -> DecodeException:
    """The exception for a success that is no event stream; neither text has the key."""
    text = f"an event stream was expected, but {kind} came: {body[:200]!r}"
    return DecodeException(text, response_body=body, **context)
