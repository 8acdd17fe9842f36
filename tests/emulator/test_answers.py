"""The prose and the figures, without a server."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from dify_java_compat.emulator.model.prose import no_usage, reply_to, tokens, usage


@given(st.text())
def test_tokens_are_the_text_again(text: str) -> None:
    assert "".join(tokens(text)) == text
    assert all(tokens(text))


@given(st.text(max_size=60), st.integers(0, 3))
def test_a_prompt_is_quoted_and_answered_alike(query: str, files: int) -> None:
    assert query in reply_to(query, files)
    assert reply_to(query, files) == reply_to(query, files)


def test_a_long_prompt_is_cut() -> None:
    assert len(reply_to("x" * 10_000)) < 400


def test_prices_are_decimal_strings() -> None:
    used = usage(17, 40, 1.2, 0.03, 1.2)
    assert (used["prompt_price"], used["completion_price"]) == ("0.0000170", "0.0000800")
    assert Decimal(used["total_price"]) == Decimal("0.000097")
    assert usage(0, 0, 1.0, None, None)["total_price"] == "0E-7"
    assert no_usage(0.1, 0.2)["prompt_unit_price"] == "0.0"
