"""No key, phone number, e-mail address or ID number survives, wherever it stands."""

from __future__ import annotations

import json
import string
import time
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dify_java_compat._http.masking import (
    MASK,
    mask_body,
    mask_path,
    mask_text,
    one_line,
    without_key,
)

DIGITS = st.sampled_from("0123456789")


def digits(count: int) -> st.SearchStrategy[str]:
    return st.text(DIGITS, min_size=count, max_size=count)


word = st.text(string.ascii_letters + string.digits, min_size=24, max_size=24)
phones = st.builds("1{}{}".format, st.sampled_from("3456789"), digits(9))
id_numbers = st.builds(
    "{}{}{:02}{:02}{}{}".format,
    st.integers(110000, 659999),
    st.integers(1900, 2099),
    st.integers(1, 12),
    st.integers(1, 28),
    digits(3),
    st.sampled_from("0123456789Xx"),
)
emails = st.emails().filter(lambda email: "*" not in email)  # one of stars is masked already
keys = st.builds("{}-{}".format, st.sampled_from(["app", "dataset"]), word)
bearers = st.builds("Bearer {}".format, word)
tokens = st.builds("eyJhbGci{}.eyJzdWIi{}.{}".format, word, word, word)
personal = phones | id_numbers | emails | tokens
around = st.text(
    st.characters(categories=["Lo", "Po", "Zs"], exclude_characters="\\\"'") | st.sampled_from("\n")
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def shown(body: Any, limit: int = 0, personal: bool = True, key: str = "app-the-key") -> str:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return mask_body(raw, limit, personal, lambda text: without_key(text, key))


def hidden(secret: str, text: str) -> bool:
    return secret not in text and json.dumps(secret)[1:-1] not in text


@given(secret=personal | keys | bearers, before=around, after=around)
def test_nothing_survives_in_a_text(secret: str, before: str, after: str) -> None:
    text = f"{before} {secret} {after}"
    assert hidden(secret, mask_text(text, True))
    assert hidden(secret, shown({"query": text}))
    assert hidden(secret, shown([{"a": {"b": [text]}}]))
    assert hidden(secret, shown({text: 1}))
    assert hidden(secret, shown(json.dumps({"x": text}, ensure_ascii=False).encode()))
    assert hidden(secret, shown({"tool_input": json.dumps({"arg": text})}))


@given(secret=phones | id_numbers | keys, before=around, after=around)
def test_nothing_survives_beside_words_without_a_blank(
    secret: str, before: str, after: str
) -> None:
    assert hidden(secret, shown({"query": f"{before}{secret}{after}"}))
    assert hidden(secret, shown({"query": f"手机号{secret}。"}))


@given(secret=personal | keys | bearers, limit=st.integers(1, 400), padding=st.integers(0, 400))
def test_nothing_survives_a_cut(secret: str, limit: int, padding: int) -> None:
    body = {"query": "x" * padding + " " + secret + " " + "y" * 500}
    assert hidden(secret, shown(body, limit))
    assert len(shown(body, limit).encode()) <= limit + 20


@given(secret=phones | id_numbers | keys, at=st.integers(-300, 5000))
def test_nothing_survives_in_a_body_too_long_to_be_read_whole(secret: str, at: int) -> None:
    limit = 100
    filler = "字" * 100 + "。"
    place = max(0, limit + at)
    text = (filler * 3000)[:place] + " " + secret + " " + filler * 3000
    body = json.dumps({"query": text}, ensure_ascii=False).encode()
    assert len(body) > 256 * 1024
    out = shown(body, limit)
    assert hidden(secret, out)
    if secret.startswith(("app", "dataset")):
        assert secret[:20] not in out


@given(secret=keys | bearers)
def test_keys_are_hidden_with_masking_off_too(secret: str) -> None:
    for body in ({"query": f"use {secret}!"}, {"a": [secret]}):
        assert hidden(secret, shown(body, personal=False))
    assert hidden(secret, mask_path(f"/v1/x?{urlencode({'q': secret})}", False))


@given(key=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8))
def test_the_clients_own_key_is_hidden_in_any_form(key: str) -> None:
    for is_personal in (True, False):
        for body in ({"query": f"x {key} y"}, {"a": key}, key.encode()):
            assert hidden(key, shown(body, personal=is_personal, key=key).replace(MASK, ""))


def test_a_short_key_is_hidden_as_a_word() -> None:
    assert without_key("k: key=k, kk", "k") == f"{MASK}: key={MASK}, kk"


@given(body=json_values)
def test_a_body_with_nothing_to_hide_is_shown_as_it_is(body: Any) -> None:
    plain = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    if mask_text(plain, True) == plain == one_line(plain):
        masked = shown(body).encode("utf-8", "surrogatepass")
        assert masked == plain.encode("utf-8", "backslashreplace")


FIELDS = [
    # as in Java
    ("phone", "13812345678", "138****5678"),
    ("mobile", "010-12345678", "010*****5678"),
    ("tel", "12345678", "123*5678"),
    ("telephone", "123456", MASK),
    ("idcard", "110101199003071234", "110101********1234"),
    ("id_card", "E1234567890", "E12345*7890"),
    ("identity", "123456789", MASK),
    ("identity_no", "G123456789012", "G12345***9012"),
    ("idNumber", "110101900307123", "110101*****7123"),
    ("email", "zhangsan@example.com", "zh*****n@example.com"),
    ("mail", "ab@example.com", "**@example.com"),
    ("email", "not an address", MASK),
    ("password", "hunter2", MASK),
    ("token", "t", MASK),
    ("secret", "s", MASK),
    ("apikey", "a", MASK),
    ("api_key", "a", MASK),
    ("api-key", "a", MASK),
    ("x-api-key", "a", MASK),
    ("X-Auth-Token", "a", MASK),
    ("authorization", "Basic abc", MASK),
    ("credential", "c", MASK),
    ("cookie", "a=b; c=d", MASK),
    ("Set-Cookie", "a=b; c=d", MASK),
    ("access_token", "t", MASK),
    ("refreshToken", "t", MASK),
    ("bearer_token", "t", MASK),
    ("sessionToken", "t", MASK),
    # where Java would leave the value whole
    ("phone", "1234567", MASK),
    ("idcard", "1234567890", MASK),
    ("email", "abc@example.com", "***@example.com"),
    # and what these names are often part of
    ("userPhone", "13812345678", "138****5678"),
    ("phone_number", 13812345678, "138****5678"),
    ("contact-email", "zhangsan@example.com", "zh*****n@example.com"),
    ("DB_PASSWORD", "x", MASK),
    ("client_secret", "x", MASK),
    ("apiKey", {"value": "x"}, MASK),
    ("token", ["x"], MASK),
    ("phone", ["12345678"], ["123*5678"]),
]


@pytest.mark.parametrize(("name", "value", "expected"), FIELDS)
def test_a_field_is_masked_by_its_name(name: str, value: Any, expected: Any) -> None:
    assert json.loads(shown({"inputs": {name: value}})) == {"inputs": {name: expected}}


@pytest.mark.parametrize(("name", "value", "expected"), FIELDS)
def test_a_field_of_a_broken_json_too(name: str, value: Any, expected: Any) -> None:
    if isinstance(value, str):
        out = shown(json.dumps({"inputs": {name: value}})[:-2].encode())
        assert out == json.dumps({"inputs": {name: expected}})[:-2]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("total_tokens", 12345678901),
        ("max_tokens", 512),
        ("hotel", "Hilton Garden"),
        ("conversation_id", "5f6c1b9e-0a57-4d0d-9d1c-0b8b6d3a6f11"),
        ("created_at", 1712345678),
        ("created_ms", 1712345678901),
        ("latency", 0.13812345678),
        ("author", "someone"),
        ("query", "电话会议 at 9:30, room 12345678"),
        ("token", None),
        ("password", ""),
        ("prices", ["0.0000013", "-1e10"]),
    ],
)
def test_what_only_looks_like_it_stays(name: str, value: Any) -> None:
    assert json.loads(shown({name: value})) == {name: value}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password: hunter2 and more", f"password: {MASK} and more"),
        ("the api_key='abc def' here", f"the api_key='{MASK}' here"),
        ('{"a": "{\\"password\\": \\"x y\\"}"', f'{{"a": "{{\\"password\\": \\"{MASK}\\"}}"'),
        ("Cookie: a=b; c=d", f"Cookie: {MASK}"),
        ("+86 138-1234-5678", "+86****5678"),
        ("call +14155552671 now", "call +14*****2671 now"),
        ("138 1234 5678", "138******5678"),
        ("Authorization: Bearer abc.def", f"Authorization: {MASK}"),
    ],
)
def test_a_text_with_names(text: str, expected: str) -> None:
    if text.startswith("+86"):
        assert "1234" not in mask_text(text, True)
    else:
        assert mask_text(text, True) == expected


def test_masking_off_shows_all_but_keys() -> None:
    body = {"phone": "13812345678", "token": "t", "api_key": "a", "Authorization": "x"}
    assert json.loads(shown(body, personal=False)) == {
        "phone": "13812345678",
        "token": "t",
        "api_key": MASK,
        "Authorization": MASK,
    }


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/messages?user=u-1&limit=20", "/v1/messages?user=u-1&limit=20"),
        ("/v1/messages?user=13812345678", "/v1/messages?user=138****5678"),
        (
            "/v1/messages?user=zhangsan%40example.com&limit=2",
            "/v1/messages?user=zh*****n@example.com&limit=2",
        ),
        ("/v1/x?api_key=a&apiKey=b&token=c", f"/v1/x?api_key={MASK}&apiKey={MASK}&token={MASK}"),
        (
            "/v1/x?access_token=a&session-token=b&auth=c&password=",
            f"/v1/x?access_token={MASK}&session-token={MASK}&auth={MASK}&password=",
        ),
        ("/v1/conversations/zhangsan%40example.com", "/v1/conversations/zh*****n@example.com"),
        ("/v1/x?", "/v1/x?"),
        ("/v1/x?a&b=%zz", "/v1/x?a&b=%zz"),
    ],
)
def test_a_path(path: str, expected: str) -> None:
    assert mask_path(path, True) == expected


def test_a_body_is_one_line() -> None:
    assert shown(b"<html>\r\n<b>No\x85\xe2\x80\xa8</b>\n") == "<html> <b>No\ufffd </b> "
    assert "\n" not in shown({"a": "b\nc"})


def test_a_cut_says_how_long_the_body_was() -> None:
    assert shown({"a": "b" * 100}, 10) == '{"a":"bbbb... (109 bytes)'
    assert shown({"a": "字"}, 7) == '{"a":"... (15 bytes)'
    assert shown({"a": "b"}, 9) == '{"a":"b"}'


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 3000 + b"1" + b"}" * 3000,
        b'{"a": ' + b"9" * 5000 + b"}",
        b'"\\ud83d"',
        b"\xff\xfe",
        b"",
    ],
    ids=["open", "deep", "number", "half", "binary", "empty"],
)
def test_any_body_can_be_shown(body: bytes) -> None:
    shown(body, 100).encode()


@pytest.mark.parametrize(
    "unit", ["a", "1", "a@", "password=", '"', "\\", "eyJ", "138 ", "a.", "app-"]
)
def test_no_text_takes_for_ever(unit: str) -> None:
    started = time.process_time()
    mask_text(unit * (200_000 // len(unit)), True)
    assert time.process_time() - started < 5


def test_half_a_number_at_the_cut_is_not_shown() -> None:
    """Masked values are shorter, so that the place of the cut may come among what is shown."""
    limit, margin = 4096, 4096
    tokens = f"token={'x' * 200} " * 39
    before = tokens + " " * (limit + margin - len(tokens) - 7)
    body = f"{before}13812345678{' ' * 300_000}".encode()
    assert "1381234" not in shown(body, limit)
