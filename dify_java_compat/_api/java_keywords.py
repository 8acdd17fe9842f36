"""Java's spelling of a method's keywords: `apiKey=` beside `api_key=`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from .._http.request import CallersKey

P = ParamSpec("P")
T = TypeVar("T")


_KEY = "api_key"


def java_keywords(method: Callable[P, T]) -> Callable[P, T]:
    """Pass a method's keywords to it under their Python names, and its key as a CallersKey.

    The keyword-only parameters of `method` are the Java names of the others. TypeError for a
    parameter in both spellings. From here on no frame has the key in a variable.
    """

    @functools.cache  # when first called: two dozen signatures would be a tenth of the import
    def java_names() -> dict[str, str]:
        parameters = inspect.signature(method).parameters.values()
        python = {p.name.replace("_", ""): p.name for p in parameters if p.kind != p.KEYWORD_ONLY}
        return {p.name: python[p.name.lower()] for p in parameters if p.kind == p.KEYWORD_ONLY}

    position = method.__code__.co_varnames.index(_KEY)

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
        args, keywords = _without_key(args, keywords, position)  # type: ignore[assignment]
        return method(*args, **renamed(keywords))

    async def call_async(*args: P.args, **keywords: P.kwargs) -> Any:
        args, keywords = _without_key(args, keywords, position)  # type: ignore[assignment]
        result: Any = method(*args, **renamed(keywords))
        return await result

    # a coroutine function stays one to those who look
    wrapper: Any = call_async if inspect.iscoroutinefunction(method) else call
    wrapped: Callable[P, T] = functools.wraps(method)(wrapper)
    # in what Python says of a wrong argument: the caller knows the method, not the class it is in
    method.__qualname__ = method.__name__
    return wrapped


def _without_key(
    args: tuple[Any, ...], keywords: Mapping[str, Any], position: int
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments, the key wrapped: it is the one at `position`, or has a name of the key's."""
    if len(args) > position and isinstance(args[position], str):
        args = (*args[:position], CallersKey(args[position]), *args[position + 1 :])
    return args, {
        name: CallersKey(value)
        if isinstance(value, str) and name.replace("_", "").lower() == "apikey"
        else value
        for name, value in keywords.items()
    }
