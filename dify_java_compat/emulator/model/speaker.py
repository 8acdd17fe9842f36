"""Speakers, which give the reply to a prompt piece by piece, and the ways a model fails."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

RawEvent = Mapping[str, Any] | str | bytes
# The events that carry the reply's text.
TEXT_EVENTS = ("message", "agent_message", "message_file")

# Dify's codes for what a model or its provider fails with: status and default text.
FAILURES = {
    "completion_request_error": (400, "Completion request failed."),
    "provider_not_initialize": (
        400,
        "No valid model provider credentials found. Please go to Settings -> Model Provider to"
        " complete your provider credentials.",
    ),
    "provider_quota_exceeded": (
        400,
        "Your quota for Dify Hosted Model Provider has been exhausted. Please go to Settings ->"
        " Model Provider to complete your own provider credentials.",
    ),
    "model_currently_not_support": (
        400,
        "Dify Hosted OpenAI trial currently not support the GPT-4 model.",
    ),
    "invalid_param": (400, "Invalid parameter."),
    "app_unavailable": (400, "App unavailable, please check your app configurations."),
    "rate_limit_error": (429, "Rate Limit Error"),
    "too_many_requests": (429, "Too many requests. Please try again later."),
    "internal_server_error": (500, "Internal Server Error, please contact support."),
}
# Dify notices these before it calls the model: an error status, whether streamed or not.
_BEFORE_START = ("app_unavailable", "rate_limit_error", "too_many_requests")


class ModelFailure(Exception):
    """The model or its provider failed: Dify's code, text and status for it."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status

    @property
    def before_start(self) -> bool:
        """Whether Dify notices it before it calls the model."""
        return self.code in _BEFORE_START


def failure(error: str) -> ModelFailure:
    """The failure that ``error`` names: a code, or a code, a colon and the text of the failure.

    ``ValueError`` where the code is unknown.
    """
    code, colon, message = error.partition(":")
    if code not in FAILURES:
        near = difflib.get_close_matches(code, FAILURES, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(FAILURES)}"
        raise ValueError(f"no error has the code {code!r}: {hint}")
    status, usual = FAILURES[code]
    return ModelFailure(code, message.strip() if colon else usual, status)


class Speaker:
    """Speaks pieces that are known from the start, then fails if there is a ``failure``.

    ``delay``: seconds before the first piece. ``text``: the whole text where it is known, else
    the text so far. ``counts``: the tokens of prompt and reply, where the model counts them.
    """

    own_pace: ClassVar[bool] = False
    """Whether the pieces have a pace of their own, so that the token pause does not apply."""
    counts: tuple[int, int] | None = None

    def __init__(
        self,
        pieces: Sequence[str] = (),
        delay: float = 0.0,
        failure: ModelFailure | None = None,
    ) -> None:
        self.delay = delay
        self.text: str = "".join(pieces)
        self._pieces = pieces
        self._failure = failure

    def __iter__(self) -> Iterator[str | None]:
        """The pieces; None while the next one is not there yet."""
        yield from self._pieces
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Stop: no more pieces are wanted."""


class EventsSpeaker(Speaker):
    """Speaks the text of events that a test stubbed."""

    def __init__(self, events: Iterable[RawEvent], delay: float) -> None:
        self.events: tuple[RawEvent, ...] = tuple(events)
        texts = [
            str(event.get("answer", ""))
            for event in self.events
            if isinstance(event, Mapping) and event.get("event") in TEXT_EVENTS
        ]
        super().__init__(texts, delay)
