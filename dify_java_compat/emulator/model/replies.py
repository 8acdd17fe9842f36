"""Who answers a prompt: a reply laid down for it, a model behind the emulator, or fixed prose."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..http.errors import ApiError, on_demand
from ..rules import Rules
from .prose import answer, tokens
from .speaker import EventsSpeaker, ModelFailure, RawEvent, Speaker, failure
from .upstream import Upstream, UpstreamSpeaker

Answer = str | Sequence[str] | Callable[[str], str | Sequence[str]]
Talk = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Scripted:
    """What a prompt gets instead of the usual answer."""

    answer: Answer | None = None
    events: tuple[RawEvent, ...] | None = None
    delay: float = 0.0
    failure: ModelFailure | None = None
    refusal: ApiError | None = None
    """The error status it gets before anything is done."""


def scripted(
    answer: Answer | None,
    events: Iterable[RawEvent] | None,
    delay: float,
    error: str | None,
    status: int | None,
) -> Scripted:
    """The reply that goes by these; ``ValueError`` where they contradict each other."""
    if answer is None and events is None and not delay and error is None and status is None:
        raise ValueError("a reply needs an answer, events, a delay, an error or a status")
    if delay < 0:
        raise ValueError("delay: seconds, not negative")
    if events is not None and not (answer is None and error is None and status is None):
        raise ValueError("events are the whole answer: no answer, error or status beside them")
    if status is not None and answer is not None:
        raise ValueError("a reply has a status or an answer")
    failed = failure(error) if error is not None else None
    refusal = None
    if status is not None:
        refusal = _refusal(status, failed)
    elif failed is not None and failed.at_once:
        refusal = ApiError(failed.status, failed.code, failed.message)
    told = None if events is None else tuple(events)
    return Scripted(answer, told, delay, None if refusal else failed, refusal)


def _refusal(status: int, failed: ModelFailure | None) -> ApiError:
    refused = on_demand(status)
    return refused if failed is None else ApiError(status, failed.code, failed.message)


class Model:
    """Finds who answers a prompt."""

    def __init__(self, upstream: Upstream | None) -> None:
        self.replies = Rules[Scripted](newest_first=True)
        self._upstream = upstream

    def scripted(self, body: Mapping[str, Any]) -> Scripted:
        """The reply laid down for this request, used up by it; an empty one where there is none."""
        found = self.replies.take(body)
        return Scripted() if found is None else found[1]

    def speaker(self, reply: Scripted, query: str, files: int, talk: Callable[[], Talk]) -> Speaker:
        """Who answers ``query``. ``talk``: the questions and answers before it."""
        if reply.events is not None:
            return EventsSpeaker(reply.events, reply.delay)
        if reply.answer is not None:
            return Speaker(_pieces(reply.answer, query), reply.delay, reply.failure)
        if reply.failure is not None:
            return Speaker((), reply.delay, reply.failure)
        if self._upstream is not None:
            return UpstreamSpeaker(self._upstream, [*talk(), (query, "")], reply.delay)
        return Speaker(tokens(answer(query, files)), reply.delay)

    def can_speak(self, body: Mapping[str, Any]) -> bool:
        """Whether the model can speak the text of this request; its failing uses a reply up."""
        return self.replies.take(body, lambda reply: reply.failure is not None) is None


def _pieces(given: Answer, query: str) -> Sequence[str]:
    said = given(query) if callable(given) else given
    return tokens(said) if isinstance(said, str) else list(said)
