"""A body that is packed: unpacked step by step, no more than so much at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from urllib3.exceptions import DecodeError
from urllib3.response import HTTPResponse, _get_decoder

_AT_ONCE = 1024 * 1024
# what servers say of a body that is not packed
_NOT_PACKED = ("", "identity", "none", "utf-8", "utf8", "binary", "8bit", "7bit")


class UnknownEncodingError(DecodeError):
    """The body is packed in a way that cannot be unpacked here."""


class BodyDecoder:
    """Takes what came of a body, gives what it unpacks to. `has_more`: so does b"" then."""

    def __init__(self, encoding: str, decoder: Any) -> None:
        self._encoding = encoding
        self._decoder = decoder
        self.has_more = False

    def decode(self, data: bytes) -> bytes:
        """At most 1 MiB of what `data` unpacks to. Raises urllib3's DecodeError."""
        try:
            block: bytes = self._decoder.decompress(data, max_length=_AT_ONCE)
        except HTTPResponse.DECODER_ERROR_CLASSES as error:
            raise DecodeError(f"the {self._encoding} body could not be unpacked", error) from error
        self.has_more = self._decoder.has_unconsumed_tail
        return block

    def end(self) -> bytes:
        """What is left once all has come, and nothing more is there to decode."""
        try:
            block: bytes = self._decoder.flush()
        except HTTPResponse.DECODER_ERROR_CLASSES as error:
            raise DecodeError(f"the {self._encoding} body could not be unpacked", error) from error
        return block


def body_decoder(headers: Mapping[str, str]) -> BodyDecoder | None:
    """What unpacks the body; None where it is not packed.

    No request asks for a packed one. Raises UnknownEncodingError where nobody here can unpack it,
    or only without a bound.
    """
    encoding = headers.get("Content-Encoding", "")
    parts = [
        part for each in encoding.lower().split(",") if (part := each.strip()) not in _NOT_PACKED
    ]
    if not parts:
        return None
    if not all(part in HTTPResponse.CONTENT_DECODERS for part in parts):
        reason = "no decoder for that is installed"
    elif "br" in parts and not hasattr(_get_decoder("br")._obj, "can_accept_more_data"):  # type: ignore[attr-defined]
        reason = "that takes brotli 1.2 or newer"
    else:
        return BodyDecoder(encoding, _get_decoder(", ".join(parts)))
    raise UnknownEncodingError(f"the body is packed with {encoding}, unasked, and {reason}")
