"""The states that subscriptions and their readings go through, as they go through them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest

from dify_java_compat._stream import observable, subscription
from dify_java_compat._stream.opening import Phase
from dify_java_compat._stream.reading import Reading
from dify_java_compat._stream.subscription import State, Subscription


class Recorded:
    """Of each subscription its states, and the phases of its reading; a phase again counts once."""

    def __init__(self) -> None:
        self.subscriptions: list[Subscription] = []
        self.states: list[list[State]] = []
        self.phases: list[list[Phase]] = []

    def of_one(self) -> tuple[tuple[State, ...], tuple[Phase, ...]]:
        [states], [phases] = self.states, self.phases
        return tuple(states), tuple(phases)


@contextmanager
def recording() -> Iterator[Recorded]:
    """Subscriptions that are made meanwhile are recorded for as long as they live."""
    recorded = Recorded()

    class RecordedSubscription(Subscription):
        def __init__(self, *args: Any) -> None:
            recorded.subscriptions.append(self)
            recorded.states.append([])
            self._states = recorded.states[-1]
            super().__init__(*args)

        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value)
            if name == "_state":
                self._states.append(value)

    class RecordedReading(Reading):
        def __init__(self, *args: Any) -> None:
            recorded.phases.append([])
            self._phases = recorded.phases[-1]
            super().__init__(*args)

        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value)
            if name == "_phase" and self._phases[-1:] != [value]:
                self._phases.append(value)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(observable, "Subscription", RecordedSubscription)
        patch.setattr(subscription, "Reading", RecordedReading)
        yield recorded


class Walks:
    """What the tests of a module say that they walk, for a test that compares it to a drawing."""

    def __init__(self) -> None:
        self.walked: set[tuple[Any, Any]] = set()

    def __call__(self, *walk: Any) -> pytest.MarkDecorator:
        """The states of the test's subscription, in order; the test gets them as `walk`."""
        self.walked.update(pairwise(walk))
        return pytest.mark.parametrize("walk", [walk], ids=["-".join(each.name for each in walk)])
