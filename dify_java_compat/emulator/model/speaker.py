"""What says the answer to a prompt, piece by piece, and how a model fails at it."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

RawEvent = Mapping[str, Any] | str | bytes
# The events whose text is the answer's.
TEXT_EVENTS = ("message", "agent_message", "message_file")

# Status and default text of what a provider or its quota may answer.
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
# Found out before the model is asked: an answer with that status, streamed or not.
_AT_ONCE = ("app_unavailable", "rate_limit_error", "too_many_requests")


class ModelFailure(Exception):
    """The model, or its provider, did not answer: Dify's code, text and status for it."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status

    @property
    def at_once(self) -> bool:
        return self.code in _AT_ONCE


def failure(error: str) -> ModelFailure:
    """The failure that ``error`` names: a code, or a code, a colon and a text of one's own."""
    code, colon, message = error.partition(":")
    if code not in FAILURES:
        near = difflib.get_close_matches(code, FAILURES, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(FAILURES)}"
        raise ValueError(f"no error has the code {code!r}: {hint}")
    status, usual = FAILURES[code]
    return ModelFailure(code, message.strip() if colon else usual, status)


class Speaker:
    """Says the pieces it was given, and fails where told to.

    ``delay``: seconds of thought before the first piece. ``text``: all it says, where that is
    known, else what it said so far. ``counts``: the tokens of prompt and answer, where it knows.
    """

    own_pace: ClassVar[bool] = False
    """Whether pieces come when they come, not a fixed time apart."""
    counts: tuple[int, int] | None = None

    def __init__(
        self,
        pieces: Sequence[str] = (),
        delay: float = 0.0,
        failure: ModelFailure | None = None,
    ) -> None:
        self.delay = delay
        self.text = "".join(pieces)
        self._pieces = pieces
        self._failure = failure

    def __iter__(self) -> Iterator[str | None]:
        """The pieces; None while there is nothing to say yet."""
        yield from self._pieces
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Nobody listens any more."""


class EventsSpeaker(Speaker):
    """Says the text of some events."""

    def __init__(self, events: Iterable[RawEvent], delay: float) -> None:
        self.events = tuple(events)
        texts = [
            str(event.get("answer", ""))
            for event in self.events
            if isinstance(event, Mapping) and event.get("event") in TEXT_EVENTS
        ]
        super().__init__(texts, delay)
