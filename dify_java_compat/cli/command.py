"""The command line: one question, or many, to a Dify server or to the emulator."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import BinaryIO

from .. import ClientConfig, DifyException, RequestsDifyChat
from . import batch
from .language import tr, translated, unreadable
from .options import APPS, Parser, doctor_parser, main_parser
from .session import Session, complain
from .terminal import abandon, log_line, set_up_streams, write_json_to_stdout

_TOKEN_PAUSE = 0.02  # the emulator types about as fast as a model


def run(argv: Sequence[str] | None = None) -> int:
    """`main`, once all is imported; a KeyboardInterrupt comes out."""
    set_up_streams()
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        with contextlib.ExitStack() as stack:
            return _run(arguments, stack)
    except DifyException as error:
        return complain(error)
    except OSError as error:  # of a file or stdout: those of the network are DifyExceptions
        if sys.stdout is not None:
            abandon(sys.stdout)
        if isinstance(error, BrokenPipeError):
            return 0  # the reader of a pipe, such as `head`, has enough
        cause = translated(error.strerror or str(error))
        log_line(tr("this cannot go on: {cause}", cause=cause))
        return 1


def _run(arguments: Sequence[str], stack: contextlib.ExitStack) -> int:
    if arguments[:1] == ["doctor"]:
        parser = doctor_parser()
        options = parser.parsed(arguments[1:])
        return _examine(parser, options)
    parser = main_parser()
    options = parser.parsed(arguments)
    if options.prompt == "doctor" and "--" not in arguments:
        return _examine(parser, options)
    return _ask(parser, options, stack)


def _read_environment(parser: Parser, options: argparse.Namespace) -> None:
    for name in ("url", "api_key", "user"):
        if getattr(options, name) == "":
            option = f"--{name.replace('_', '-')}"
            parser.error(tr("{option} must not be empty", option=option))
    options.url = options.url or os.environ.get("DIFY_URL")
    options.api_key = options.api_key or os.environ.get("DIFY_API_KEY")


def _examine(parser: Parser, options: argparse.Namespace) -> int:
    from .doctor import Doctor

    _read_environment(parser, options)
    if not options.url and not options.api_key:
        parser.error(
            tr("the doctor needs a server: --url and --api-key, or DIFY_URL and DIFY_API_KEY")
        )
    return Doctor(options).run()


def _ask(parser: Parser, options: argparse.Namespace, stack: contextlib.ExitStack) -> int:
    _read_environment(parser, options)
    if options.url and not options.api_key:
        parser.error(tr("a server wants the key of an app: give --api-key or set DIFY_API_KEY"))
    if options.api_key and options.app:
        parser.error(tr("--app is for the emulator, but --api-key or DIFY_API_KEY is for a server"))
    if sys.stdout is None:
        parser.error(tr("stdout is closed"))
    if wrong := batch.check_options(options):
        parser.error(wrong)
    if options.events:
        write_json_to_stdout()
    if options.batch is not None:
        if options.batch == "-" and sys.stdin is None:
            parser.error(tr("stdin is closed"))
        return batch.Batch(_connected(options, stack), options).run()
    files: list[BinaryIO] = []
    try:
        for path in options.file:
            files.append(stack.enter_context(open(path, "rb")))  # noqa: SIM115
    except OSError as error:
        parser.error(unreadable(error))
    if options.prompt is None and sys.stdin is not None and sys.stdin.isatty():
        return Session(_connected(options, stack), options, files).run()
    prompt = _prompt(parser, options)
    return Session(_connected(options, stack), options, files).ask(prompt)


def _prompt(parser: Parser, options: argparse.Namespace) -> str:
    prompt: str = options.prompt or ""
    if options.prompt in (None, "-") and sys.stdin is not None:
        prompt = sys.stdin.read().rstrip("\r\n")
    if not prompt.strip():
        parser.error(tr("the prompt is empty"))
    if any("\udc80" <= char <= "\udcff" for char in prompt):  # bytes that Python could not read
        encoding = getattr(sys.stdin, "encoding", None) or sys.getfilesystemencoding()
        parser.error(tr("the prompt is no text in {encoding}", encoding=encoding))
    return prompt


def _connected(options: argparse.Namespace, stack: contextlib.ExitStack) -> RequestsDifyChat:
    """A client of the server of `options`, else of an emulator; both are closed with `stack`."""
    url, key, config = options.url, options.api_key, ClientConfig()
    if not key:
        try:
            from ..emulator import DifyEmulator
        except ImportError as error:
            log_line(tr("{cause}; or name a server with --url and --api-key", cause=error))
            raise SystemExit(1) from None
        app = options.app or "chat"
        emulator = stack.enter_context(DifyEmulator(token_pause=_TOKEN_PAUSE))
        url, key = emulator.base_url, emulator.keys[APPS[app]]
        config.proxies = {"http": ""}  # no proxy leads to this machine
        log_line(
            tr(
                "no --url and --api-key given: the embedded emulator answers ({app} app, {url})",
                app=app,
                url=url,
            )
        )
    chat = stack.enter_context(RequestsDifyChat(url, config, api_key=key))
    if not url:
        log_line(tr("no --url given: asking {url}", url=chat.base_url))
    return chat
