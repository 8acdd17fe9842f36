"""``python -m dify_java_compat.emulator --port 5001``: serve until interrupted."""

import argparse
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from .apps.catalog import apps_of
from .faults.option import FaultOption, parse, spelled
from .server import DifyEmulator
from .version import NEWEST, VERSIONS

_PORT = 5001
_KEY_VARIABLE = "UPSTREAM_KEY"
_EPILOG = f"""faults, each with its options:
  {spelled()}
for example --fault cut:after_events=3 --fault status:502,html=true,times=all
times: to how many responses it happens, 1 or more, or all (1); when: a part of the prompt"""


def _fault(text: str) -> FaultOption:
    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dify_java_compat.emulator",
        description="A local Dify server; behind it a model of yours, or none.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=int, default=_PORT, help="0 takes a free one (%(default)s)")
    add("--host", default="127.0.0.1", help="address to bind (%(default)s)")
    add("--database", default=":memory:", metavar="FILE", help="keep the state in this file")
    add(
        "--token-pause", type=float, default=0.02, metavar="SECONDS",
        help="time between two tokens (%(default)s)",
    )  # fmt: skip
    add(
        "--ping-seconds", type=float, default=10.0, metavar="SECONDS",
        help="silence after which a stream sends a ping (%(default)s)",
    )  # fmt: skip
    add(
        "--keep-alive-seconds", type=float, default=2.0, metavar="SECONDS",
        help="how long an idle connection is kept (%(default)s)",
    )  # fmt: skip
    add(
        "--form-seconds", type=float, default=3600.0, metavar="SECONDS",
        help="how long a form waits for a person (%(default)s)",
    )  # fmt: skip
    add(
        "--linger-seconds", type=float, default=300.0, metavar="SECONDS",
        help="how long a 1.14 keeps a stream open that has no end (%(default)s)",
    )  # fmt: skip
    add(
        "--version", choices=VERSIONS, default=NEWEST, metavar="VERSION",
        help=f"which Dify it is, {' or '.join(VERSIONS)} (%(default)s)",
    )  # fmt: skip
    _add_sources(parser)
    return parser


def _add_sources(parser: argparse.ArgumentParser) -> None:
    """The options of what it responds with."""
    add = parser.add_argument
    add("--quirks", action="store_true", help="copy the bugs of the real server")
    add("--upstream", metavar="URL", help="an OpenAI-compatible API, http://localhost:11434/v1 say")
    add("--model", metavar="NAME", help="its model, which replies to the prompts")
    add(
        "--upstream-key", default=os.environ.get(_KEY_VARIABLE), metavar="KEY",
        help=f"its API key; better in the environment, as {_KEY_VARIABLE}",
    )  # fmt: skip
    add("--cors", action="store_true", help="answer web sites in a browser of this machine too")
    add(
        "--fault", type=_fault, action="append", default=[], metavar="FAULT",
        help="a fault, see below; may be repeated, for the responses to come",
    )  # fmt: skip


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    return _parser().parse_args(argv)


def _emulator(options: argparse.Namespace) -> DifyEmulator:
    emulator = DifyEmulator(
        options.port,
        host=options.host,
        token_pause=options.token_pause,
        ping_seconds=options.ping_seconds,
        keep_alive_seconds=options.keep_alive_seconds,
        form_seconds=options.form_seconds,
        linger_seconds=options.linger_seconds,
        version=options.version,
        database=options.database,
        quirks=options.quirks,
        upstream=options.upstream,
        model=options.model,
        upstream_key=options.upstream_key if options.upstream else None,
        cors=options.cors,
    )
    for option in options.fault:
        emulator.fault(option.fault, when=option.when, times=option.times)
    return emulator


def main(argv: Sequence[str] | None = None) -> int:
    """Serve; the exit status: 0 after Ctrl-C or SIGTERM, 2 where the options do not work."""
    options = _arguments(argv)
    ended = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    try:
        emulator = _emulator(options)
        emulator.start()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        print(f"cannot listen on {options.host}:{options.port}: {reason}", file=sys.stderr)
        return 2
    except sqlite3.Error as error:
        print(f"cannot use the database {options.database}: {error}", file=sys.stderr)
        return 2
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    apps = apps_of(VERSIONS[options.version])
    width = 2 + max(len(app.key) for app in apps)
    with_keys = [f"  {app.key:<{width}}{app.mode}" for app in apps]
    page = f"Its page, for a browser: {emulator.base_url.removesuffix('/v1')} (Ctrl-C ends it)"
    lines = f"Dify emulator at {emulator.base_url}", "API keys:", *with_keys, page
    print(*lines, sep="\n", flush=True)
    try:
        # In slices: during an endless wait Windows does not notice Ctrl-C.
        while not ended.wait(0.5):
            pass
    finally:
        emulator.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
