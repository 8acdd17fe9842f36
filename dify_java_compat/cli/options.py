"""The options of the command, its help, and what is said where they do not fit."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from .batch import add_options
from .language import N_, is_chinese, tr, translated
from .terminal import PROG, cells, log_line, print_text

APPS = {"chat": "chat", "agent": "agent-chat", "chatflow": "advanced-chat"}
_LONGEST_TYPO = 30
_STATUS = N_("exit status: 0, 1 (an error from Dify), 2 (usage), 130 (Ctrl-C)")


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def _split_lines(self, text: str, width: int) -> list[str]:
        """By the cells of a terminal, and between any two Chinese characters."""
        if not is_chinese():
            return super()._split_lines(text, width)
        lines = [""]
        for part in re.findall(r" +|[!-~]+|[^ -~][，。；：、）”]*", text):
            if lines[-1] and cells(lines[-1] + part) > width:
                lines.append("")
            lines[-1] += part if lines[-1] else part.lstrip()
        return [line.rstrip() for line in lines]


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that speaks Chinese too, and writes to whatever there is."""

    def format_usage(self) -> str:
        return super().format_usage().replace("usage: ", tr("usage: "), 1)

    def format_help(self) -> str:
        text = super().format_help().replace("usage: ", tr("usage: "), 1)
        return re.sub(r"^(\S+):$", r"\1：", text, flags=re.MULTILINE) if is_chinese() else text

    def print_help(self, file: Any = None) -> None:
        print_text(self.format_help())

    def error(self, message: str) -> NoReturn:
        log_line(translated(message) + tr(" (see {prog} --help)", prog=self.prog))
        self.exit(2)

    def parsed(self, arguments: Sequence[str]) -> argparse.Namespace:
        """`parse_args`, with a word on what may have been meant by what there is not."""
        options, unknown = self.parse_known_args(arguments)
        if unknown:
            names = [name for action in self._actions for name in action.option_strings]
            self.error(_unrecognized(unknown, names))
        return options


def _unrecognized(unknown: Sequence[str], names: Sequence[str]) -> str:
    """Names the first one alone: what stands behind it may be a key."""
    written = unknown[0].partition("=")[0]
    hint = ""
    if not written.startswith("-"):
        hint = tr("; a prompt of several words needs quotation marks around it")
    elif near := difflib.get_close_matches(written[:_LONGEST_TYPO], names, 1):
        hint = tr("; did you mean {option}?", option=near[0])
    return tr("unrecognized arguments: {names}", names=written) + hint


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print_text(f"{PROG} {version('dify_java_compat')}\n")
        except PackageNotFoundError:
            print_text(f"{PROG} {tr('(not installed, so of unknown version)')}\n")
        parser.exit()


def _made(usage: str, description: str, epilog: str, prog: str = PROG) -> Parser:
    return Parser(
        prog=prog,
        usage=usage,
        description=description,
        epilog=epilog,
        formatter_class=_Formatter,
        allow_abbrev=False,
        add_help=False,
    )


def main_parser() -> Parser:
    """For everything but the doctor."""
    parser = _made(
        tr(
            "dify-chat [options] [prompt]\n"
            "       dify-chat [options] --batch FILE\n"
            "       dify-chat doctor [options]"
        ),
        tr("Ask a Dify app. Without --url and --api-key an embedded emulator answers."),
        f"{tr('examples:')}\n{_examples()}\n{tr(_STATUS)}\n",
    )
    add = parser.add_argument_group(tr("what to ask")).add_argument
    add("prompt", nargs="?", help=tr("what to ask; - or a pipe: from stdin; none: a session"))
    _add_server(parser)
    add = parser.add_argument_group(tr("one question")).add_argument
    add("--app", choices=APPS, help=tr("which app of the emulator answers (chat)"))
    add("--conversation", metavar="ID", help=tr("go on with this conversation of that user"))
    about_files = tr("send a file along; repeatable")
    add("--file", action="append", default=[], metavar="PATH", help=about_files)
    add("--blocking", action="store_true", help=tr("wait for the whole answer; agents refuse that"))
    add("--events", action="store_true", help=tr("print the events, a JSON object a line"))
    add_options(parser)
    _add_rest(parser)
    return parser


def _examples() -> str:
    lines = [
        ('dify-chat "你好"', tr("ask the embedded emulator")),
        ("dify-chat --url https://dify.example.org", tr("a session (the key is in DIFY_API_KEY)")),
        (tr('dify-chat --file plan.pdf "Sum this up"'), ""),
        ("git diff | dify-chat --user ci > review.md", ""),
        ("dify-chat --batch questions.jsonl --out answers.jsonl", ""),
        ("dify-chat doctor", tr("find out what does not work")),
    ]
    width = max(cells(command) for command, remark in lines[:2])
    return "".join(
        f"  {command}{' ' * (width - cells(command) + 2) if remark else ''}{remark}\n"
        for command, remark in lines
    )


def doctor_parser() -> Parser:
    """For `dify-chat doctor`."""
    parser = _made(
        "dify-chat doctor [--url URL] [--api-key KEY] [--no-question] [--json]",
        tr(
            "Check step by step what works between this machine and a Dify app, and say what to\n"
            "do where something does not: address, name, connection, TLS, API, version, key, app,\n"
            "a streamed answer, and whether something on the way holds the stream back.\n"
            "The answer costs as many tokens as any; its conversation is deleted afterwards."
        ),
        tr("exit status: 0 (all works), 1 (something does not), 2 (usage), 130 (Ctrl-C)\n"),
        f"{PROG} doctor",
    )
    _add_server(parser)
    add = parser.add_argument_group(tr("what to check")).add_argument
    add("--no-question", action="store_true", help=tr("ask the app nothing: costs no tokens"))
    add("--json", action="store_true", help=tr("print one JSON object in place of the lines"))
    _add_rest(parser)
    return parser


def _add_server(parser: Parser) -> None:
    add = parser.add_argument_group(tr("the server")).add_argument
    add("--url", help=tr("the server, with or without /v1 (DIFY_URL; http://localhost)"))
    about_keys = tr("the app's key; DIFY_API_KEY hides it from other users")
    add("--api-key", metavar="KEY", help=about_keys)
    add("--user", default=PROG, help=tr("whom the conversation belongs to (dify-chat)"))


def _add_rest(parser: Parser) -> None:
    add = parser.add_argument_group(tr("more")).add_argument
    add("--version", action=_Version, nargs=0, help=tr("print the version and leave"))
    add("-h", "--help", action="help", help=tr("print this and leave"))
