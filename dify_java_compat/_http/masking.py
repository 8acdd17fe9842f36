"""Masks secrets and personal data for a log: in JSON, in any other text, in a path with its query.

The rules are those of the Java SDK (which fields are masked, and how much of a value stays). They
apply to any other text that looks like such a value as well: a phone number in a question, say.
Where Java's rule would leave a short value whole, it is masked whole.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, unquote_plus

MASK = "***MASKED***"
MAX_JSON = 256 * 1024  # bytes of the longest body that is read as JSON
_MARGIN = 4096  # bytes masked beyond those that are shown, so that a value at the cut is whole
_LOOSE_END = 256  # characters dropped at a cut, where a value may not be whole
_LONG_KEY = 8

Redact = Callable[[str], str]

_API_KEY = ("apikey", "authorization", "secretkey", "accesskey")
_SECRET = (
    *("password", "passwd", "pwd", "passphrase", "secret", "token", "auth", "credential"),
    *("credentials", "cookie", "privatekey"),
)
_PHONE = (
    *("phone", "mobile", "tel", "telephone", "cellphone"),
    *("phonenumber", "mobilenumber", "telnumber", "phoneno", "mobileno"),
)
_ID = ("idcard", "identity", "identityno", "idnumber", "idno", "identitynumber", "idcardno")
_EMAIL = ("email", "mail", "emailaddress", "mailaddress")
_RULE_OF = {
    word: rule
    for rule, words in {
        "key": _API_KEY,
        "secret": _SECRET,
        "phone": _PHONE,
        "id": _ID,
        "email": _EMAIL,
    }.items()
    for word in words
}

# text, not yet patterns: most programs import this and never log
_WORD = r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\x00-\x7f]+"
_KEYS = (
    r"(?i:\bbearer)\s+[^\s\"'\\,;]+"
    r"|(?<![A-Za-z0-9])(?:app|dataset)-[A-Za-z0-9]{16,}"
    r"|(?<![A-Za-z0-9])sk-[A-Za-z0-9_-]{16,}"
)
# a run of what a JSON Web Token is made of: looked for whole, so that no part is read twice
_DOTTED = r"[\w.-]{13,}"
_JWT_HEADER = r"\beyJ[\w-]{8}"
_COOKIE = r"(?i)\b((?:set-)?cookie)(\s*:\s*)[^\s\"'\\][^\r\n\"\\]*"
_ID_NUMBER = (
    r"(?<![0-9])[1-9][0-9]{5}(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
    r"[0-9]{3}[0-9Xx](?![0-9])"
)
_PHONE_NUMBER = (
    r"(?<![0-9])(?<![0-9]\.)(?:(?:\+|00)?86[- ]?)?1[3-9][0-9]([- ]?)[0-9]{4}\1[0-9]{4}(?![0-9])"
    r"|(?<![0-9])\+[1-9][0-9]{7,14}(?![0-9])"
)
_EMAIL_ADDRESS = r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64})+"
# the beginning of `name: value`, of `"name": "value"` and of that within a JSON text
_NAMED = r"(?<![A-Za-z0-9_-])([A-Za-z0-9_][A-Za-z0-9_-]{0,63})\\?[\"']?\s{0,8}[:=]\s{0,8}"
_VALUE = (
    r'(?s)\\"(?P<a>(?:(?!\\").)*)(?:\\")?'
    r'|"(?P<b>(?:[^"\\]|\\.)*)"?'
    r"|'(?P<c>[^']*)'?"
    r"|(?P<d>[^\s\"'&;,(){}\[\]\\]+)"
)
_HTML_NAMES = {
    "&": "amp",
    "<": "lt",
    ">": "gt",
    '"': "quot",
    "'": "apos",
    "+": "plus",
    "/": "sol",
    "=": "equals",
    "_": "lowbar|UnderBar",
    ":": "colon",
    ".": "period",
    "$": "dollar",
    "!": "excl",
    "#": "num",
    "%": "percnt",
    "*": "ast|midast",
    "@": "commat",
    "?": "quest",
    ";": "semi",
    ",": "comma",
    "(": "lpar",
    ")": "rpar",
    "|": "verbar|vert",
    "\\": "bsol",
    "[": "lsqb|lbrack",
    "]": "rsqb|rbrack",
    "{": "lcub|lbrace",
    "}": "rcub|rbrace",
    "^": "Hat",
    "`": "grave|DiacriticalGrave",
    "-": "hyphen|dash",
    "~": "tilde",
}
_ESCAPE = r"\\u([0-9a-fA-F]{4})"
_UNPRINTABLE = "[\x00-\x1f\x7f-\x9f\u2028\u2029]+"


def mask_body(
    body: bytes, limit: int, personal: bool, redact: Redact, size: int | None = None
) -> str:
    """A body on one line, at most `limit` bytes of it, 0 for all; `size` is that of the whole.

    API keys are always masked, the call's own by `redact`; the other rules need `personal`.
    """
    cut = len(body) > MAX_JSON and 0 < limit < len(body) - _MARGIN
    text = redact((body[: limit + _MARGIN] if cut else body).decode("utf-8", "replace"))
    masked = _json(text, personal) if len(body) <= MAX_JSON else None
    if masked is None:
        text = re.sub(_ESCAPE, lambda code: chr(int(code[1], 16)), text)
        masked = mask_text(redact(text), personal)
    if cut:  # half a number does not look like one
        masked = masked[:-_LOOSE_END]
    line = one_line(redact(masked)).encode("utf-8", "backslashreplace")
    size = len(body) if size is None else size
    if cut or 0 < limit < len(line) or size > len(body):
        line = line[:limit] if limit else line
        return f"{line.decode('utf-8', 'ignore')}... ({size} bytes)"
    return line.decode()


def mask_text(text: str, personal: bool) -> str:
    """Any text, with the values masked whose name or form a rule knows."""
    text = re.sub(_KEYS, MASK, text)
    if personal:
        text = re.sub(_COOKIE, rf"\1\2{MASK}", text)
    text = _by_name(text, personal)
    if personal:
        if "eyJ" in text:
            text = re.sub(_DOTTED, lambda run: _without_jwt(run[0]), text)
        if "@" in text:
            text = re.sub(_EMAIL_ADDRESS, lambda found: _masked("email", found[0]), text)
        text = re.sub(_ID_NUMBER, lambda found: _masked("id", found[0]), text)
        text = re.sub(_PHONE_NUMBER, lambda found: _masked("phone", found[0]), text)
    return text


def mask_path(path: str, personal: bool) -> str:
    """A path with its query, encoded as it goes out but for what is masked."""
    path, mark, query = path.partition("?")
    segments = (_segment(segment, personal) for segment in path.split("/"))
    parts = (_parameter(part, personal) for part in query.split("&"))
    return "/".join(segments) + mark + "&".join(parts)


def without_key(text: str, key: str) -> str:
    """`text` without that key in whatever spelling it came back.

    Each of its characters may stand as it is, with backslashes before it, as an escape of JSON
    (within JSON), of a URL or of HTML.
    """
    if not key:
        return text
    if len(key) < _LONG_KEY or any(sign in text for sign in "\\%&"):
        return _spellings(key).sub(MASK, text)
    return text.replace(key, MASK)


@functools.lru_cache(maxsize=256)
def _spellings(key: str) -> re.Pattern[str]:
    """Every spelling of a key; each count is bounded, so that a search stays linear."""
    spelt = "".join(map(_spelling, key))
    if len(key) < _LONG_KEY:  # a short key may be part of a word
        spelt = rf"(?<![A-Za-z0-9]){spelt}(?![A-Za-z0-9])"
    return re.compile(spelt)


def _spelling(character: str) -> str:
    code = ord(character)
    ways = [
        rf"\\{{1,8}}(?:u00|x)(?i:{code:02x})",
        rf"%(?:25){{0,4}}(?i:{code:02x})",
        rf"&(?:amp;){{0,4}}#(?:0{{0,8}}{code}|[xX]0{{0,8}}(?i:{code:x}));?",
    ]
    if character in _HTML_NAMES:
        ways.append(f"&(?:amp;){{0,4}}(?:{_HTML_NAMES[character]});")
    # the plain one last: it would take the \ and the u of an escape for a u
    return rf"(?:{'|'.join(ways)}|\\{{0,8}}{re.escape(character)})"


def one_line(text: str) -> str:
    """`text` without line breaks and other characters that no log line should have."""
    return re.sub(_UNPRINTABLE, " ", text)


def _segment(segment: str, personal: bool) -> str:
    plain = unquote(segment)
    masked = mask_text(plain, personal)
    return segment if masked == plain else masked


def _parameter(part: str, personal: bool) -> str:
    name, equals, value = part.partition("=")
    plain = unquote_plus(value)
    masked = _value(plain, _rule(unquote_plus(name), personal), personal)
    return part if masked == plain else f"{name}{equals}{masked}"


def _without_jwt(run: str) -> str:
    """`run` without JSON Web Tokens: three parts with dots between, the last may be missing."""
    parts, masked, position = run.split("."), [], 0
    while position < len(parts):
        part = parts[position]
        found = re.search(_JWT_HEADER, part) if any(parts[position + 1 : position + 2]) else None
        masked.append(part if found is None else part[: found.start()] + MASK)
        position += 1 if found is None else 3
    return ".".join(masked)


def _json(body: str, personal: bool) -> str | None:
    """The body masked; None where it is not JSON, or nests too deep to be read."""
    try:
        masked = _value(json.loads(body), None, personal)
        return json.dumps(masked, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return None


def _value(value: Any, rule: str | None, personal: bool) -> Any:
    """A JSON value, masked; `rule` is that of the name it stands under, None for no rule."""
    if rule in ("key", "secret") and value not in (None, "", True, False):
        return MASK
    if isinstance(value, dict):
        return {
            mask_text(name, personal): _value(item, _rule(name, personal) or rule, personal)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_value(item, rule, personal) for item in value]
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return value
    text = str(value)
    masked = mask_text(text if rule is None else _masked(rule, text), personal)
    return value if masked == text else masked


def _rule(name: str, personal: bool) -> str | None:
    rule = _rule_of(name[-64:])
    return rule if personal or rule == "key" else None


@functools.lru_cache(maxsize=1024)
def _rule_of(name: str) -> str | None:
    """The rule for a name, by its last words: `userPhone`, `user_phone` and `USER-PHONE` alike."""
    words = [word.lower() for word in re.findall(_WORD, name)]
    for length in range(min(3, len(words)), 0, -1):
        rule = _RULE_OF.get("".join(words[-length:]))
        if rule is not None:
            return rule
    return None


def _by_name(text: str, personal: bool) -> str:
    done = 0
    pieces: list[str] = []
    value_of = re.compile(_VALUE)
    for named in re.finditer(_NAMED, text):
        rule = _rule(named[1], personal)
        value = value_of.match(text, named.end()) if rule and named.start() >= done else None
        if rule is None or value is None:
            continue
        start, end = value.span(value.lastgroup or 0)
        if start < end:
            pieces += text[done:start], _masked(rule, text[start:end])
            done = end
    return "".join(pieces) + text[done:]


def _masked(rule: str, value: str) -> str:
    if not value or value == MASK:
        return value
    if rule == "phone":
        return _partly(value, 3, 4)
    if rule == "id":
        return _partly(value, 6, 4)
    local, at, domain = value.partition("@")
    if rule != "email" or not local or not at:
        return MASK
    return (_partly(local, 2, 1) if len(local) > 3 else "*" * len(local)) + at + domain


def _partly(value: str, head: int, tail: int) -> str:
    hidden = len(value) - head - tail
    return value[:head] + "*" * hidden + value[-tail:] if hidden > 0 else MASK
