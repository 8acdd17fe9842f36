"""Java's spelling of a method's keywords: `apiKey=` beside `api_key=`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def java_keywords(method: Callable[P, T]) -> Callable[P, T]:
    """Pass a method's keywords to it under their Python names.

    The keyword-only parameters of `method` are the Java names of the others. TypeError for a
    parameter in both spellings.
    """

    @functools.cache  # when first called: two dozen signatures would be a tenth of the import
    def java_names() -> dict[str, str]:
        parameters = inspect.signature(method).parameters.values()
        python = {p.name.replace("_", ""): p.name for p in parameters if p.kind != p.KEYWORD_ONLY}
        return {p.name: python[p.name.lower()] for p in parameters if p.kind == p.KEYWORD_ONLY}

    def renamed(keywords: Mapping[str, Any]) -> dict[str, Any]:
        java = java_names() if keywords else {}
        values: dict[str, Any] = {}
        for spelling, value in keywords.items():
            name = java.get(spelling, spelling)
            if name in values:
                raise TypeError(f"{method.__name__}() got {name!r} in two spellings")
            values[name] = value
        return values

    def call(*args: P.args, **keywords: P.kwargs) -> T:
        return method(*args, **renamed(keywords))

    async def call_async(*args: P.args, **keywords: P.kwargs) -> Any:
        result: Any = method(*args, **renamed(keywords))
        return await result

    # a coroutine function stays one to those who look
    wrapper: Any = call_async if inspect.iscoroutinefunction(method) else call
    wrapped: Callable[P, T] = functools.wraps(method)(wrapper)
    # in what Python says of a wrong argument: the caller knows the method, not the class it is in
    method.__qualname__ = method.__name__
    return wrapped
