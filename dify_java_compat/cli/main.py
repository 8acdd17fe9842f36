"""The entry point of `dify-chat`: imports little, so that Ctrl-C counts from the first moment."""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with `argv`, by default the process's arguments; the exit code."""
    try:
        from .command import run

        return run(argv)
    except KeyboardInterrupt:
        return 130
