"""``python -m dify_java_compat.emulator --port 5001``: serve until interrupted."""

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from .server import DifyEmulator

_PORT = 5001


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m dify_java_compat.emulator",
        description="A local Dify server without a language model.",
    )
    parser.add_argument("--port", type=int, default=_PORT, help="0 takes a free one (%(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (%(default)s)")
    parser.add_argument(
        "--token-pause", type=float, default=0.02, metavar="SECONDS",
        help="time between two tokens (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--database", default=":memory:", help="a file to remember all in")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve; 0 after Ctrl-C or SIGTERM, 2 where the address cannot be had."""
    given = _arguments(argv)
    emulator = DifyEmulator(
        given.port, host=given.host, token_pause=given.token_pause, database=given.database
    )
    ended = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    try:
        emulator.start()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        print(f"cannot listen on {given.host}:{given.port}: {reason}", file=sys.stderr)
        return 2
    with_keys = [f"  {key:<14}{mode}" for mode, key in emulator.keys.items()]
    print(f"Dify emulator at {emulator.base_url}", "API keys:", *with_keys, sep="\n", flush=True)
    try:
        # In slices: an endless wait would keep Windows from seeing Ctrl-C.
        while not ended.wait(0.5):
            pass
    finally:
        emulator.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
