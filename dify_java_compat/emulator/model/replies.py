"""Where the reply to a prompt comes from: a stub, a model behind the emulator, or fixed prose."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..http.errors import ApiError, on_demand
from ..rules import Rules
from .prose import reply_to, tokens
from .speaker import EventsSpeaker, ModelFailure, RawEvent, Speaker, failure
from .upstream import Upstream, UpstreamSpeaker

ReplyText = str | Sequence[str] | Callable[[str], str | Sequence[str]]
"""A text, the list of its pieces, or a function of the prompt that gives either."""
History = Sequence[tuple[str, str]]
"""The queries and replies of a conversation, the oldest first."""


@dataclass(frozen=True)
class StubbedReply:
    """What a prompt gets in place of the usual reply. ``delay`` is in seconds."""

    text: ReplyText | None = None
    events: tuple[RawEvent, ...] | None = None
    delay: float = 0.0
    failure: ModelFailure | None = None
    """How the model fails after the text."""
    refusal: ApiError | None = None
    """The error status it gets before anything is recorded."""


def stubbed_reply(
    text: ReplyText | None,
    events: Iterable[RawEvent] | None,
    delay: float,
    error: str | None,
    status: int | None,
) -> StubbedReply:
    """The stub made of the arguments of ``DifyEmulator.reply``.

    ``ValueError`` where they contradict each other, or the code of ``error`` is unknown.
    """
    if text is None and events is None and not delay and error is None and status is None:
        raise ValueError("a reply needs an answer, events, a delay, an error or a status")
    if delay < 0:
        raise ValueError("delay: seconds, not negative")
    if events is not None and not (text is None and error is None and status is None):
        raise ValueError("events are the whole answer: no answer, error or status beside them")
    if status is not None and text is not None:
        raise ValueError("a reply has a status or an answer")
    failed = failure(error) if error is not None else None
    refusal = None
    if status is not None:
        refusal = _refusal(status, failed)
    elif failed is not None and failed.before_start:
        refusal = ApiError(failed.status, failed.code, failed.message)
    kept = None if events is None else tuple(events)
    return StubbedReply(text, kept, delay, None if refusal else failed, refusal)


def _refusal(status: int, failed: ModelFailure | None) -> ApiError:
    error = on_demand(status)
    return error if failed is None else ApiError(status, failed.code, failed.message)


class ReplySource:
    """Finds the speaker for a prompt. ``upstream`` is the model behind the emulator, if any."""

    def __init__(self, upstream: Upstream | None) -> None:
        self.stubs: Rules[StubbedReply] = Rules(newest_first=True)
        self._upstream = upstream

    @property
    def has_model(self) -> bool:
        """Whether a model answers, at whose owner's expense."""
        return self._upstream is not None

    def stub_for(self, body: Mapping[str, Any]) -> StubbedReply:
        """The stub for a request with this body, counted as used; an empty one if there is none."""
        found = self.stubs.take(body)
        return StubbedReply() if found is None else found[1]

    def speaker(
        self, reply: StubbedReply, query: str, files: int, history: Callable[[], History]
    ) -> Speaker:
        """The speaker of the reply to ``query``, which came with so many files.

        ``history`` gives the conversation before it, for a model that needs it.
        """
        if reply.events is not None:
            return EventsSpeaker(reply.events, reply.delay)
        if reply.text is not None:
            return Speaker(_pieces(reply.text, query), reply.delay, reply.failure)
        if reply.failure is not None:
            return Speaker((), reply.delay, reply.failure)
        if self._upstream is not None:
            return UpstreamSpeaker(self._upstream, [*history(), (query, "")], reply.delay)
        return Speaker(tokens(reply_to(query, files)), reply.delay)

    def can_speak(self, body: Mapping[str, Any]) -> bool:
        """Whether the text of this request can be turned into speech.

        It cannot where a stub lets the model fail at it, which counts that stub as used.
        """
        return self.stubs.take(body, lambda reply: reply.failure is not None) is None


def _pieces(text: ReplyText, query: str) -> Sequence[str]:
    made = text(query) if callable(text) else text
    return tokens(made) if isinstance(made, str) else list(made)
