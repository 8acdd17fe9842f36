"""A body in chunks, as Dify sends one for each event; and its frames, where each is a chunk."""

from __future__ import annotations

from dataclasses import dataclass

from .body import CUT, IncompleteBody

_MAX_SIZE_LINE = 4096
_MAX_TRAILERS = 100
_MOST_LENGTHS = 4096
_MANY = 2048  # bytes that probably hold some chunks
_CR = 13
_MALFORMED = "the chunks of the body are malformed"


class Framing(dict[int, bytes]):
    """How a kind of frames begin and end, where each is a chunk of its own.

    By a length: the size line and the beginning of the chunk whose line, beginning and content are
    so long.
    """

    def __init__(self, begins: bytes, ends: bytes) -> None:
        super().__init__()
        self.begins, self.ends = begins, ends

    def __missing__(self, length: int) -> bytes:
        if len(self) > _MOST_LENGTHS:
            self.clear()
        digits = 1
        while len(line := b"%x" % max(0, length - digits - 2 + len(self.ends))) > digits:
            digits += 1
        head = self[length] = line + b"\r\n" + self.begins
        return head

    def contents(self, data: bytes, position: int) -> tuple[list[bytes], int]:
        """The contents of the chunks from `position` on, and where these end.

        None, and `position`, where one is no such frame, or has line breaks besides its own.
        """
        ends = self.ends + b"\r\n"
        first = data.find(b"\n", position, position + 12) + 1  # of a proxy: chunks of its own
        last = data.rfind(ends) if data.startswith(self.begins, first) else 0
        if last <= position:
            return [], position
        chunks = data[position:last].split(ends)
        heads = list(map(self.__getitem__, map(len, chunks)))
        if not all(map(bytes.startswith, chunks, heads)):
            return [], position
        contents = list(map(bytes.removeprefix, chunks, heads))
        joined = b"".join(contents)
        if b"\n" in joined or b"\r" in joined:
            return [], position
        return contents, last + len(ends)


@dataclass
class Frames:
    """Part of a body: frames without what they begin and end with, between other bytes of it."""

    before: bytes
    contents: list[bytes]
    behind: bytes
    framing: Framing
    size: int  # of all, with the chunks' own framing

    def __len__(self) -> int:
        return self.size

    def __bytes__(self) -> bytes:
        return self.before + self.framed + self.behind

    @property
    def framed(self) -> bytes:
        """The frames as they came."""
        begins, ends = self.framing.begins, self.framing.ends
        return b"".join([begins + content + ends for content in self.contents])


class ChunkedBody:
    """A body in chunks; Dify sends one for each event.

    The states, with what remembers them where a block may end anywhere::

        size line ──n > 0──▶ data and its CRLF     (_pending: a line that is not whole yet)
          ▲  │                     │               (_missing: bytes of both still to come)
          │  └──0──▶ trailer ──empty line──▶ over  (_in_trailer; its lines are skipped)
          └────────────────────────┘

    A line may end with LF alone, and the connection may end behind the last chunk's size: so
    http.client reads them, too.
    """

    def __init__(self) -> None:
        self.is_over = False
        self.rest = b""
        self.error: IncompleteBody | None = None  # over, for what follows is malformed
        self._pending = b""
        self._missing = 0
        self._in_trailer = False
        self._trailers = 0
        self._is_inside = False  # one of the three

    def feed(self, data: bytes) -> bytes:
        if not self._is_inside:  # one whole chunk, as each event of Dify comes
            line_end = data.find(b"\n", 0, 12) - 1
            try:
                size = int(data[:line_end], 16) if line_end > 0 else 0
            except ValueError:
                size = 0
            if size > 0 and line_end + size + 4 == len(data) and data[line_end] == _CR:
                return data[line_end + 2 : -2]
        return self._joined(self._pieces(data))

    def feed_frames(self, data: bytes, framing: Framing) -> bytes | Frames:
        """`feed`; in one pass, where most of `data` are frames, a chunk each."""
        if len(data) <= _MANY or self._pending or self._in_trailer:
            return self.feed(data)
        before: list[bytes] = []
        position = self._take_missing(data, before)
        contents, end = framing.contents(data, position)
        rest = self._joined(self._pieces(data[end:] if end else data))
        if contents:
            return Frames(b"".join(before), contents, rest, framing, len(data))
        return b"".join(before) + rest if before else rest

    def end(self) -> None:
        if self.error is not None:
            raise self.error
        line = self._pending.removesuffix(b"\r")
        is_last = self._in_trailer or (line != b"" and not line.strip(b"0"))
        if not self.is_over and not is_last:
            raise IncompleteBody(CUT)

    def _break(self, rest: bytes) -> None:
        """The framing is broken here: what came before is still the body's."""
        self.error = IncompleteBody(_MALFORMED)
        self.is_over, self.rest = True, rest

    def _joined(self, pieces: list[bytes]) -> bytes:
        """What a block brought, once all of it is taken."""
        self._is_inside = bool(self._missing or self._pending or self._in_trailer)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _pieces(self, block: bytes) -> list[bytes]:
        pieces: list[bytes] = []
        position = self._take_missing(block, pieces)
        if self._pending:
            block, self._pending = self._pending + block, b""
        if len(block) - position > _MANY and not self._in_trailer:
            position += self._take_whole_chunks(block[position:] if position else block, pieces)
        while position < len(block):
            line_end = block.find(b"\n", position)
            if line_end < 0:
                self._pending = block[position:]
                if len(self._pending) > _MAX_SIZE_LINE + 1:
                    self._break(self._pending)
                break
            begin, position = position, line_end + 1
            line = block[begin:line_end].removesuffix(b"\r")
            if self._in_trailer and line_end - begin <= _MAX_SIZE_LINE:
                if not line:
                    self.is_over, self.rest = True, block[position:]
                    break
                self._trailers += 1
                if self._trailers <= _MAX_TRAILERS:
                    continue
            size = None if self._in_trailer else _chunk_size(line)
            if size is None:
                self._break(block[begin:])
                break
            if size == 0:
                self._in_trailer = True
                continue
            end = position + size
            pieces.append(block[position:end])
            position = end + 2
            if position > len(block):
                self._missing = position - len(block)
        return pieces

    def _take_missing(self, block: bytes, pieces: list[bytes]) -> int:
        """Add the rest of the chunk that the last block broke off in; how long it was."""
        position = min(self._missing, len(block))
        if position:
            pieces.append(block[: min(position, max(self._missing - 2, 0))])
            self._missing -= position
        return position

    def _take_whole_chunks(self, block: bytes, pieces: list[bytes]) -> int:
        """Add the chunks that `block` begins with to `pieces`, all at once; how long they were.

        0 where that cannot be: one has a line break in it, an extension, or is the last.
        """
        lines = block.split(b"\r\n")
        rest = len(lines.pop())
        if len(lines) % 2:  # a size, whose chunk is not whole yet
            rest += len(lines.pop()) + 2
        chunks = lines[1::2]
        try:
            sizes = [int(line, 16) for line in lines[::2]]
        except ValueError:
            return 0
        if sizes != list(map(len, chunks)) or 0 in sizes or b"\n" in b"".join(lines[::2]):
            return 0
        pieces += chunks
        return len(block) - rest


def _chunk_size(line: bytes) -> int | None:
    """The size in a line that may have chunk extensions too; None where there is none."""
    if len(line) > _MAX_SIZE_LINE:
        return None
    try:
        size = int(line, 16)
    except ValueError:
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            return None
    return size if size >= 0 else None
