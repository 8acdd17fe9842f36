"""The machine that reads a stream, driven by the thread that reads it."""

from __future__ import annotations

from collections.abc import Generator

from .._http.response import HttpResponse
from ..errors import ConnectionException, DecodeException, TimeoutException
from ..models.responses import ChatMessageSendCompletionResponse as Item
from .reader import EVENT_STREAM, EventReader, State


def read(reader: EventReader, response: HttpResponse) -> Generator[Item, None, None]:
    """The items of `response` as they come, then its end, or the exception that `reader` finds.

    Raises DecodeException where it is no event stream. Closes the response.
    """
    try:
        if response.content_type != EVENT_STREAM:
            raise _not_a_stream(response)
        yield from _items(reader, response)
    finally:
        response.close()
    if reader.error is not None:
        raise reader.error


def _items(reader: EventReader, response: HttpResponse) -> Generator[Item, None, None]:
    deadline = response.deadline
    clock, read_block = deadline.clock, response.read_block
    now = clock()
    reader.begin(
        response.path,
        deadline.sent_at,
        now,
        idle=deadline.limit("read"),
        first_event=deadline.limit("first_event"),
        redact=response.redact,
    )
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
        reader.is_waiting = False
        items = reader.receive(block, now) if block else reader.receive_end()
        if items:
            yield from items
            if reader.state is not running:  # there each read has the whole time
                now = clock()
                reader.delivered(now)
        reader.is_waiting = reader.state is not over


def _not_a_stream(response: HttpResponse) -> DecodeException:
    body = response.read_text()
    kind = response.content_type or "no content type"
    text = f"an event stream was expected, but {kind} came: {body[:200]!r}"
    return DecodeException(text, response_body=body, **response.context())
