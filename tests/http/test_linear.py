"""Nothing foreign holds the process: twice the text takes about twice the time, for everything that
reads texts of a server, a model or a user.

The time is that of the processor, the best of several, and a doubling counts only where it takes
more than a pattern without a fault ever does: a busy machine makes no failure.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from dify_java_compat import ChatMessageSendCompletionResponse, MessagesRequest
from dify_java_compat._http.errors import code_and_message, plain_text, retry_after
from dify_java_compat._http.masking import mask_body, mask_path, mask_text, one_line, without_key
from dify_java_compat._stream.answer import AnswerBuilder
from dify_java_compat._stream.sse import SSEDecoder
from dify_java_compat._stream.verdict import Verdict
from dify_java_compat.emulator.apps.knowledge import retrieve
from dify_java_compat.emulator.script.markers import times

from .hostile import Pattern, patterns, texts

SIZE = 8192
LINEAR, SLOW = 3.0, 0.02  # how much longer twice the text may take; seconds that count at all

FOUND = list(patterns())
OURS = ("emulator.page.page: b'<(script|style)>",)  # reads a file of the package alone
PATTERNS = {
    found.where: found
    for found in FOUND
    if isinstance(found, Pattern) and not any(own in found.where for own in OURS)
}
# put together at run time: what they are made of, and for which the functions below are tried
MADE = {where for where in FOUND if isinstance(where, str)}
KEY = "app-AB/CD+EF&GH=="


def seconds(call: Callable[[Any], object], argument: Any) -> float:
    """The processor's, for one call: the best of a few."""
    best = float("inf")
    for _ in range(3):
        started = time.thread_time()
        call(argument)
        best = min(best, time.thread_time() - started)
        if not SLOW < best < 1.0:
            break
    return best


def check_linear(call: Callable[[Any], object], make: Callable[[int], Any]) -> None:
    """A busy machine may spoil a measurement; what is not linear is so each time."""
    times: list[float] = []
    for _ in range(5):
        longest = seconds(call, make(4 * SIZE))
        if longest < SLOW:
            return
        times = [seconds(call, make(SIZE)), seconds(call, make(2 * SIZE)), longest]
        if all(now < SLOW or now < LINEAR * before for before, now in pairwise(times)):
            return
    raise AssertionError(f"{SIZE} characters and twice, four times as many: {times} s")


def test_the_patterns_are_found() -> None:
    assert len(PATTERNS) > 40
    assert {
        "dify_java_compat._http.masking: spelt",
        "dify_java_compat.emulator.script.markers: f'\\\\[(?:{word}|{chinese}){options}\\\\]'",
    } == MADE


@pytest.mark.parametrize("where", PATTERNS)
def test_every_pattern_is_linear(where: str) -> None:
    _, function, pattern = PATTERNS[where]
    is_bytes = isinstance(pattern, bytes)
    text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
    compiled = re.compile(pattern)
    entry = compiled.finditer if function in ("compile", "sub", "split") else None
    search: Any = entry or getattr(compiled, function)

    def call(subject: Any) -> None:
        found = search(subject)
        for _ in found if function not in ("match", "fullmatch", "search") else ():
            pass

    for number in range(len(texts(text, 1))):

        def make(size: int, number: int = number) -> Any:
            made = texts(text, size)[number]
            return made.encode("latin-1", "replace") if is_bytes else made

        check_linear(call, make)


def of(piece: str) -> Callable[[int], str]:
    """That piece again and again."""
    return lambda size: piece * (size // len(piece) + 1)


PIECES = (
    *(
        "<",
        "</",
        "< ",
        "<a",
        "&",
        "&amp;",
        "\\",
        "%",
        "%25",
        "-eyJ",
        "-eyJaaaaaaaa",
        "eyJaaaaaaaa.",
    ),
    *(".", "a.", "-", "cookie ", "cookie:", "bearer ", "token=", "token='", 'token:\\"', "a:", "a"),
    *("1", "1380013800", "+1", "86 ", "sk-", "app-", "app-AB", "\\u0041", "@", "a@", "a@b.", "["),
    *("{", '{"a":', '"', "\n", "\r", "data:", "data: {", "\x00", "中", "\ud83d", "=", "/", "?"),
    *("\u2028", "'"),
)
HOSTILE = {
    **{repr(piece): of(piece) for piece in PIECES},
    "cookie and blanks": lambda size: ("cookie" + " " * 2000) * (size // 2006 + 1),
    "cookie: and blanks": lambda size: ("cookie:" + " " * 2000 + '"') * (size // 2008 + 1),
    "bearer and blanks": lambda size: ("bearer" + " " * 5000 + '"') * (size // 5007 + 1),
    "an address without a dot": lambda size: ("a" * 64 + "@" + "b" * 64) * (size // 129 + 1),
    "a long local part": lambda size: "a" * size + "@",
    "many labels": lambda size: "a@" + "b." * (size // 2),
    "a number of many digits": lambda size: "9" * size,
    "a number in JSON": lambda size: '{"message":' + "9" * size + "}",
    "a nested message": lambda size: '{"message":' * (size // 12) + "1" + "}" * (size // 12),
}


def decode_sse(text: str) -> None:
    data = text.encode("utf-8", "replace")
    for step in (len(data), 512):
        decoder = SSEDecoder(1 << 30)
        for start in range(0, len(data), step):
            decoder.feed(data[start : start + step])
        decoder.flush()


def judged(text: str) -> None:
    Verdict({}, True).judged(None, False, text.encode("utf-8", "replace"))


def ask(text: str) -> None:
    getattr(ChatMessageSendCompletionResponse(), text[:4096], None)
    with contextlib.suppress(TypeError):
        MessagesRequest(**{text: 1})  # type: ignore[arg-type] # pyright: ignore


READERS: dict[str, Callable[[str], object]] = {
    "the text of a page": plain_text,
    "code and message": code_and_message,
    "Retry-After": retry_after,
    "the key in a text": lambda text: without_key(text, KEY),
    "a short key in a text": lambda text: without_key(text, "a+"),
    "a text for the log": lambda text: mask_text(text, True),
    "a body for the log": lambda text: mask_body(text.encode("utf-8", "replace"), 0, True, str),
    "a path for the log": lambda text: mask_path("/v1/" + text + "?user=" + text[:64], True),
    "a line": one_line,
    "the decoder of events": decode_sse,
    "the words of a gateway": judged,
    "an unknown field": ask,
    "markers of a prompt": lambda text: times(text, "human"),
    "a search for knowledge": lambda text: retrieve(text, in_flow=False),
}


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_is_linear(reader: str) -> None:
    for make in HOSTILE.values():
        check_linear(READERS[reader], make)


ITEMS: dict[str, Callable[[int], list[dict[str, Any]]]] = {
    "files of their own events": lambda size: [
        {"event": "message_file", "id": f"f-{n}", "url": f"u-{n}"} for n in range(size)
    ],
    "files of the end": lambda size: [
        {"event": "message_end", "files": [{"id": f"f-{n}"} for n in range(size)]}
    ],
    "files of no form": lambda size: [{"event": "message_end", "files": list(range(size))}],
    "thoughts": lambda size: [
        {"event": "agent_thought", "id": f"t-{n}", "thought": "x"} for n in range(size)
    ],
    "pieces": lambda size: [{"event": "message", "answer": "x"}] * size,
    "replacements": lambda size: [{"event": "message_replace", "answer": "x"}] * size,
}


@pytest.mark.parametrize("name", ITEMS)
def test_collecting_is_linear(name: str) -> None:
    def items(size: int) -> list[ChatMessageSendCompletionResponse]:
        return [
            ChatMessageSendCompletionResponse.from_dict(each) for each in ITEMS[name](size // 4)
        ]

    def collected(given: list[ChatMessageSendCompletionResponse]) -> None:
        builder = AnswerBuilder()
        for item in given:
            builder.add(item)
        builder.build()

    check_linear(collected, items)
