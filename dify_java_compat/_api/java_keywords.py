"""Java's spelling of a method's keywords: `apiKey=` beside `api_key=`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")


def java_keywords(method: Callable[P, T]) -> Callable[P, T]:
    """Pass a method's keywords to it under their Python names.

    The keyword-only parameters of `method` are the Java names of the others. TypeError for a
    parameter in both spellings.
    """
    parameters = inspect.signature(method).parameters.values()
    python = {p.name.replace("_", ""): p.name for p in parameters if p.kind != p.KEYWORD_ONLY}
    java = {p.name: python[p.name.lower()] for p in parameters if p.kind == p.KEYWORD_ONLY}

    def renamed(keywords: Mapping[str, Any]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for spelling, value in keywords.items():
            name = java.get(spelling, spelling)
            if name in values:
                raise TypeError(f"{method.__name__}() got {name!r} in two spellings")
            values[name] = value
        return values

    @functools.wraps(method)
    def call(*args: P.args, **keywords: P.kwargs) -> T:
        return method(*args, **renamed(keywords))

    @functools.wraps(method)
    async def call_async(*args: P.args, **keywords: P.kwargs) -> Any:
        result: Any = method(*args, **renamed(keywords))
        return await result

    # in what Python says of a wrong argument: the caller knows the method, not the class it is in
    method.__qualname__ = method.__name__
    # a coroutine function stays one to those who look
    return cast(Any, call_async) if inspect.iscoroutinefunction(method) else call
