"""The command line: one question, or a session of them, to a Dify server or to the emulator."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import BinaryIO, NoReturn

from ..client import RequestsDifyChat
from ..config import ClientConfig
from ..errors import DifyException
from .session import Session, complain
from .terminal import PROG, abandon_stdout, log_line, set_up_streams

_APPS = {"chat": "chat", "agent": "agent-chat", "chatflow": "advanced-chat"}
_TOKEN_PAUSE = 0.02  # the emulator types about as fast as a model
_EXAMPLES = """\
examples:
  dify-chat "你好"                          ask the embedded emulator
  dify-chat --url https://dify.example.org  a session (the key is in DIFY_API_KEY)
  dify-chat --file plan.pdf "Sum this up"
  git diff | dify-chat --user ci > review.md

exit status: 0, 1 (an error from Dify), 2 (usage), 130 (Ctrl-C)
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        log_line(f"{message} (see {PROG} --help)")
        self.exit(2)


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(PROG, version("dify_java_compat"))
        except PackageNotFoundError:
            print(PROG, "(not installed, so of unknown version)")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROG,
        description="Ask a Dify app. Without --url and --api-key an embedded emulator answers.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("prompt", nargs="?", help="what to ask; - or a pipe: from stdin; none: a session")
    add("--url", help="the server, with or without /v1 (DIFY_URL; http://localhost)")
    add("--api-key", metavar="KEY", help="the app's key; DIFY_API_KEY hides it from other users")
    add("--app", choices=_APPS, help="which app of the emulator answers (chat)")
    add("--user", default=PROG, help="whom the conversation belongs to (%(default)s)")
    add("--conversation", metavar="ID", help="go on with this conversation of that user")
    add("--file", action="append", default=[], metavar="PATH", help="send a file along; repeatable")
    add("--blocking", action="store_true", help="wait for the whole answer; agents refuse that")
    add("--events", action="store_true", help="print the events, a JSON object a line")
    add("--version", action=_Version, nargs=0, help="print the version and leave")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with `argv`, by default the process's arguments; the exit code."""
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        with contextlib.ExitStack() as stack:
            return _run(parser, options, stack)
    except KeyboardInterrupt:
        return 130
    except DifyException as error:
        return complain(error)
    except OSError as error:  # of a file or stdout: those of the network are DifyExceptions
        abandon_stdout()
        if isinstance(error, BrokenPipeError):
            return 0  # the reader of a pipe, such as `head`, has enough
        log_line(f"this cannot go on: {error.strerror or error}")
        return 1


def _run(
    parser: argparse.ArgumentParser, options: argparse.Namespace, stack: contextlib.ExitStack
) -> int:
    for name in ("url", "api_key", "user"):
        if getattr(options, name) == "":
            parser.error(f"--{name.replace('_', '-')} must not be empty")
    options.url = options.url or os.environ.get("DIFY_URL")
    options.api_key = options.api_key or os.environ.get("DIFY_API_KEY")
    if options.url and not options.api_key:
        parser.error("a server wants the key of an app: give --api-key or set DIFY_API_KEY")
    if options.api_key and options.app:
        parser.error("--app is for the emulator, but --api-key or DIFY_API_KEY is for a server")
    if sys.stdout is None:
        parser.error("stdout is closed")
    set_up_streams(options.events)
    files: list[BinaryIO] = []
    try:
        for path in options.file:
            files.append(stack.enter_context(open(path, "rb")))  # noqa: SIM115
    except OSError as error:
        parser.error(f"{error.filename} cannot be read: {error.strerror}")
    if options.prompt is None and sys.stdin is not None and sys.stdin.isatty():
        return Session(_connected(options, stack), options, files).run()
    prompt = options.prompt or ""
    if options.prompt in (None, "-") and sys.stdin is not None:
        prompt = sys.stdin.read().rstrip("\r\n")
    if not prompt.strip():
        parser.error("the prompt is empty")
    return Session(_connected(options, stack), options, files).ask(prompt)


def _connected(options: argparse.Namespace, stack: contextlib.ExitStack) -> RequestsDifyChat:
    """A client of the server of `options`, else of an emulator; both are closed with `stack`."""
    url, key, config = options.url, options.api_key, ClientConfig()
    if not key:
        try:
            from ..emulator import DifyEmulator
        except ImportError as error:
            log_line(f"{error}; or name a server with --url and --api-key")
            raise SystemExit(1) from None
        app = options.app or "chat"
        emulator = stack.enter_context(DifyEmulator(token_pause=_TOKEN_PAUSE))
        url, key = emulator.base_url, emulator.keys[_APPS[app]]
        config.proxies = {"http": ""}  # no proxy leads to this machine
        log_line(f"no --url and --api-key given: the embedded emulator answers ({app} app, {url})")
    chat = stack.enter_context(RequestsDifyChat(url, config, api_key=key))
    if not url:
        log_line(f"no --url given: asking {chat.base_url}")
    return chat
