"""The stub of `_stream.observable`: the operators as methods, each with the type it gives.

RxPY's methods say Observable, and Any where they know the type. What they give here is an
EventStream, so that a loop over it is typed. Their parameters are RxPY's own, read from its source.
"""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reactivex.observable import mixins

from . import PACKAGE
from .names import STUB_HEAD

# Newer than the oldest RxPY that setup.cfg admits: RxPY's own types serve.
NEWER = {"concat_all", "zip_latest"}

# Where RxPY's types say less than is known, or more than Python 3.10 can read.
BY_HAND = {
    "start_with": "def start_with(self, *args: _A) -> EventStream[_T | _A]: ...",
    "starmap": "def starmap(self, mapper: Any = None) -> EventStream[Any]: ...",
    "starmap_indexed": "def starmap_indexed(self, mapper_indexed: Any = None)"
    " -> EventStream[Any]: ...",
    "to_future": "def to_future(self, future_ctor: Callable[[], Any] | None = None)"
    " -> Future[_T]: ...",
}

HEAD = """
from asyncio import Future
from collections.abc import Callable, Generator, Iterable
from typing import Any, TypeVar, overload

from reactivex import ConnectableObservable, abc, typing
from reactivex import Observable as Observable

from ..models.responses import ChatMessageSendCompletionResponse as Item
from .aiterate import AsyncItems
from .source import StreamSource
from .drain import Stop as Stop
from .driver import Driver

__all__ = ["EventStream"]

_T = TypeVar("_T", covariant=True)
_S = TypeVar("_S")
_T2 = TypeVar("_T2")
_R = TypeVar("_R")
_TKey = TypeVar("_TKey")
_A = TypeVar("_A")
_B = TypeVar("_B")
_C = TypeVar("_C")
_D = TypeVar("_D")
_E = TypeVar("_E")
_F = TypeVar("_F")
_G = TypeVar("_G")

def observe(
    new_source: Callable[[], StreamSource],
    process: Callable[[Item], Item] | None,
    stop: Stop | None,
    drain_seconds: float,
    loop: Driver,
) -> EventStream[Item]: ...
def as_stream(result: Any) -> Any: ...

class EventStream(Observable[_T]):
    def subscribe(
        self,
        on_next: abc.ObserverBase[_T] | Callable[[_T], object] | None = None,
        on_error: Callable[[Any], object] | None = None,
        on_completed: Callable[[], object] | None = None,
        *,
        scheduler: abc.SchedulerBase | None = None,
    ) -> abc.DisposableBase: ...
    def __iter__(self) -> Generator[_T]: ...
    def __aiter__(self) -> AsyncItems[_T]: ...
    def __await__(self) -> Generator[Any, None, _T]: ...
    def __getitem__(self, key: slice | int) -> EventStream[_T]: ...
    def __add__(self, other: Observable[_B]) -> EventStream[_T | _B]: ...
    def __radd__(  # type: ignore[misc]
        self, other: Observable[_B]
    ) -> EventStream[_B | _T]: ...
    def __iadd__(self, other: Observable[_B]) -> EventStream[_T | _B]: ...
    def run(self, scheduler: abc.SchedulerBase | None = None) -> _T: ...
"""
TAIL = """
class ConnectableEventStream(  # pyright: ignore[reportIncompatibleMethodOverride]
    EventStream[_S], ConnectableObservable[_S]
):
    def auto_connect(self, subscriber_count: int = 1) -> EventStream[_S]: ...
"""
_STAGES = ["_A", "_B", "_C", "_D", "_E", "_F", "_G"]


def generated() -> dict[Path, str]:
    """The stub and its text."""
    methods = "".join(f"    {line}\n" for line in [*_pipe(), *_methods()])
    text = STUB_HEAD + HEAD.lstrip() + methods + TAIL
    path = PACKAGE / "_stream" / "observable.pyi"
    return {path: _formatted(text, path)}


def names() -> Iterator[tuple[type, str]]:
    """RxPY's operators as methods, each with the class that has it."""
    for mixin in sorted(vars(mixins).values(), key=str):
        if isinstance(mixin, type) and mixin.__name__.endswith("Mixin"):
            yield from ((mixin, name) for name in vars(mixin) if not name.startswith("_"))


def _pipe() -> Iterator[str]:
    """`pipe`, by what the last operator gives, and how many there are."""
    yield "@overload  # type: ignore[override]"  # mypy does not see that A may be an Observable
    yield "def pipe(self) -> EventStream[_T]: ..."
    for count in range(1, len(_STAGES) + 1):
        *between, last = _STAGES[:count]
        for result, value in (
            (f"ConnectableObservable[{last}]", f"ConnectableEventStream[{last}]"),
            (f"Observable[{last}]", f"EventStream[{last}]"),
            (last, last),
        ):
            sources = ["Observable[_T]", *between]
            targets = [*between, result]
            operators = ", ".join(
                f"op{number}: Callable[[{source}], {target}]"
                for number, (source, target) in enumerate(zip(sources, targets, strict=True), 1)
            )
            yield "@overload"
            yield f"def pipe(self, {operators}, /) -> {value}: ..."
    yield "@overload"
    ignored = "  # pyright: ignore[reportIncompatibleMethodOverride]"
    yield f"def pipe(self, *operators: Callable[[Any], Any]) -> Any: ...{ignored}"


def _methods() -> Iterator[str]:
    for mixin, name in names():
        if name in NEWER:
            continue
        if name in BY_HAND:
            yield BY_HAND[name]
        else:
            yield from _method(mixin, name)


def _method(mixin: type, name: str) -> Iterator[str]:
    source = ast.parse(inspect.getsource(inspect.getmodule(mixin)))  # type: ignore[arg-type]
    for cls in source.body:
        if isinstance(cls, ast.ClassDef) and cls.name == mixin.__name__:
            found = [n for n in cls.body if isinstance(n, ast.FunctionDef) and n.name == name]
            overloads = [node for node in found if node.decorator_list]
            for node in overloads or found:
                if overloads:
                    yield "@overload"
                yield _signature(node, loose=mixin is mixins.FilteringMixin)


def _signature(node: ast.FunctionDef, *, loose: bool) -> str:
    """The method as RxPY has it, but for the type it gives.

    Most of those that filter say Any, although their items stay of their type.
    """
    result = ast.unparse(node.returns) if node.returns else "Any"
    arguments = ast.unparse(node.args).replace("typing.Callable", "Callable")
    if loose and result == "Observable[Any]" and node.name != "last_or_default":
        result = "Observable[_T]"
        arguments = re.sub(r"(Predicate|PredicateIndexed)\[Any\]", r"\1[_T]", arguments)
        arguments = arguments.replace("Mapper[Any, Any]", "Mapper[_T, Any]")
    # a stream in a result, and the whole of it, is one of ours; what is taken may be any
    if not result.startswith("Observable[Observable"):
        result = result.replace("ConnectableObservable[", "ConnectableEventStream[")
        result = re.sub(r"\bObservable\[", "EventStream[", result)
    else:
        result = result.replace("Observable[", "EventStream[", 1)
    # a list of streams is no list of Observables; the comment stays in the first line
    ignored = "  # type: ignore[override]\n    " if result.startswith("list[") else ""
    return f"def {node.name}({ignored}{arguments}) -> {result}: ..."


def _formatted(text: str, path: Path) -> str:
    command: list[Any] = [sys.executable, "-m", "ruff"]
    for arguments in (["check", "--fix", "--select", "I,F401", "--quiet"], ["format"]):
        text = subprocess.run(
            [*command, *arguments, "--stdin-filename", path, "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    return text
