"""Bodies in another charset than UTF-8, which Dify never sends and gateways do."""

from __future__ import annotations

import codecs
import contextlib
from collections.abc import Callable

# often said of what is UTF-8, by servers that say it of everything
_BY_DEFAULT = frozenset(("ascii", "iso8859-1", "cp1252"))
# no charset of a page; to read them takes the square of the time, or warns
_NONE = frozenset(("idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"))
# as browsers read them
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030"}
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def in_utf8(body: bytes, content_type: str | None) -> bytes:
    """A body in UTF-8, whatever charset its type names; as it is where that cannot be right."""
    charset = _charset(content_type)
    if body.startswith(_UTF_16):
        charset = "utf-16"
    if charset is None or charset == "utf-8" or (charset in _BY_DEFAULT and _is_utf8(body)):
        return body
    try:
        return body.decode(charset).encode("utf-8", "surrogatepass")
    except ValueError:
        return body


def text_of(body: bytes, content_type: str | None) -> str:
    """The text of an error's body: in the charset of its type, in UTF-8, or in GBK.

    A Chinese gateway often names no charset, or only in the page itself.
    """
    body = in_utf8(body, content_type)
    for charset in ("utf-8", "gb18030"):
        with contextlib.suppress(ValueError):
            return body.decode(charset).removeprefix("\ufeff")
    return body.decode("utf-8", "replace").removeprefix("\ufeff")


def to_utf8(content_type: str | None) -> Callable[[bytes], bytes] | None:
    """What makes UTF-8 of a stream's bytes, block by block; None where they are UTF-8.

    A stream that is said to be in Latin-1 is in UTF-8, too: so is every event stream.
    """
    charset = _charset(content_type)
    if charset is None or charset == "utf-8" or charset in _BY_DEFAULT:
        return None
    decode = codecs.getincrementaldecoder(charset)("replace").decode
    return lambda block: decode(block, not block).encode("utf-8", "replace")


def _charset(content_type: str | None) -> str | None:
    """Python's name of the charset; None where none is named, or none that it knows."""
    _, mark, rest = (content_type or "").lower().partition("charset=")
    name = rest.partition(";")[0].partition(",")[0].strip(" \t\"'")
    if not mark or not name or len(name) > 40:
        return None
    if name in ("utf-8", "utf8"):  # as nearly always
        return "utf-8"
    try:
        "a".encode(name)  # some codecs are none of texts
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    return None if found in _NONE else _WIDER.get(found, found)


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except ValueError:
        return False
    return True
