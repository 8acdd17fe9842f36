"""Rules for requests to come: which of them each is for, and how often."""

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

When = str | re.Pattern[str] | Callable[[Mapping[str, Any]], bool] | None
Outcome = TypeVar("Outcome")


def _matches(when: When, body: Mapping[str, Any]) -> bool:
    if when is None:
        return True
    if not isinstance(when, (str, re.Pattern)):
        return bool(when(body))
    prompt = body.get("query") or body.get("text")
    if not isinstance(prompt, str):
        return False
    return when in prompt if isinstance(when, str) else bool(when.search(prompt))


class Rule:
    """What requests to come are to get: a reply, faults, a recording.

    ``times``: for how many of them it is, None for all. ``used``: for how many it was so far.
    ``remove()`` takes it back.
    """

    def __init__(self, when: When, times: int | None, remove: Callable[["Rule"], None]) -> None:
        self._when = when
        self._remove = remove
        self.times = times
        self.used = 0

    def __repr__(self) -> str:
        return f"Rule(when={self._when!r}, times={self.times}, used={self.used})"

    def matches(self, body: Mapping[str, Any]) -> bool:
        """Whether it is for a request with this body."""
        return _matches(self._when, body)

    def remove(self) -> None:
        """Take it back. Replies under way go on. To remove it again does nothing."""
        self._remove(self)


class Rules(Generic[Outcome]):
    """Rules, each with its outcome; the newest that matches is taken first, or the oldest."""

    def __init__(self, *, newest_first: bool) -> None:
        self._newest_first = newest_first
        self._lock = threading.Lock()
        self._rules: dict[Rule, Outcome] = {}

    def add(self, outcome: Outcome, when: When, times: int | None) -> Rule:
        """Add a rule; ``TypeError`` for a wrong ``when``, ``ValueError`` for wrong ``times``."""
        if not (when is None or isinstance(when, (str, re.Pattern)) or callable(when)):
            raise TypeError("when: a part of the prompt, a compiled pattern, or a function")
        if times is not None and times < 1:
            raise ValueError("times: at least 1, or None for always")
        rule = Rule(when, times, self._remove)
        with self._lock:
            self._rules[rule] = outcome
        return rule

    def _remove(self, rule: Rule) -> None:
        with self._lock:
            self._rules.pop(rule, None)

    def take(
        self, body: Mapping[str, Any], wanted: Callable[[Outcome], bool] = lambda _: True
    ) -> tuple[Rule, Outcome] | None:
        """The rule for a request with this body, counted as used, and its outcome.

        Only rules whose outcome is ``wanted`` are considered.
        """
        with self._lock:
            rules = list(self._rules.items())
        # ``when`` may be a function of the user's, which is not called under the lock.
        for rule, outcome in reversed(rules) if self._newest_first else rules:
            if wanted(outcome) and rule.matches(body):
                with self._lock:
                    if rule in self._rules and (rule.times is None or rule.used < rule.times):
                        rule.used += 1
                        return rule, outcome
        return None

    def give_back(self, rule: Rule) -> None:
        """Take the use back: the rule was not for that request after all."""
        with self._lock:
            rule.used -= 1
