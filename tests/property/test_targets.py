"""Any bytes, cut anywhere: no exception outside the tree, and the same result however they come."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .targets import RESPONSES, SEEDS, TARGETS, hold

BITS = (
    *(b"\n", b"\r\n", b"\r", b":", b"data:", b"data: ", b"event: ping", b"\xef\xbb\xbf", b"\x00"),
    *(b"{", b"}", b"[", b"]", b'"', b",", b"0", b"-", b"1e999", b"null", b"\\ud800", b"\xff"),
    *(b"\xed\xa0\x80", b"ffffffff\r\n", b"-1\r\n", b"0\r\n\r\n", b";", b"\xe2\x80\xa8"),
)
FIELDS = sorted({name for cls in RESPONSES for name in cls.__dataclass_fields__})
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
CUTS = st.lists(st.integers(1, 60), max_size=30)


@st.composite
def mutated(draw: st.DrawFn, seed: bytes) -> bytes:
    """A good one, with odd bits put into it and places taken out."""
    data = seed * draw(st.integers(1, 3))
    for _ in range(draw(st.integers(0, 5))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 4)))
        data = data[:start] + draw(st.sampled_from(BITS) | st.binary(max_size=3)) + data[end:]
    return data


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.data())
def test_any_bytes(name: str, data: st.DataObject) -> None:
    hold(name, data.draw(st.binary(max_size=200) | mutated(SEEDS[name])), data.draw(CUTS))


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6))
def test_any_values_in_any_field(wire: dict[str, Any]) -> None:
    data = json.dumps(wire).encode()
    hold("event", data, [])
    hold("body", data, [])


@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4), max_size=4), CUTS)
def test_any_events_in_a_stream(events: list[dict[str, Any]], cuts: list[int]) -> None:
    named = [{"event": "message", **event} for event in events]
    frames = (f"data: {json.dumps(event, ensure_ascii=False)}\n\n" for event in named)
    hold("reader", "".join(frames).encode("utf-8", "surrogatepass"), cuts)
