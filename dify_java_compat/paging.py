"""All items of a list, over as many pages as it has."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from .errors import IllegalArgumentException
from .models.requests import BaseChatRequest
from .models.responses import DifyPageResult

__all__ = ["pages"]

Q = TypeVar("Q", bound=BaseChatRequest)
T = TypeVar("T")

_CURSORS = ("last_id", "first_id", "page")


def pages(method: Callable[[Q], DifyPageResult[T]], request: Q) -> Iterator[T]:
    """The items of `method(request)` and of all pages behind it, each once.

    `method` is any that returns pages, as in `pages(chat.conversations, request)`. The request says
    where to begin and how large a page is; it is not changed. A page is fetched when its first item
    is wanted, and raises what `method` raises. Messages are given newest first, whatever the page
    size.

    An item that is sent again is recognised by its id and given once: a conversation that is
    written to or renamed moves to the top, and a page that was to begin behind it begins at the top
    again. The end is an empty page, a false `has_more` (where there is none: a page shorter than
    `limit`), or repeated pages with nothing new. A loop that deletes its items needs
    `list(pages(...))`: Dify finds nothing behind a conversation that is gone.

    IllegalArgumentException at once where `request` is not `method`'s or has no cursor.
    """
    expected = _request_class_of(method)
    if not isinstance(request, expected):
        raise IllegalArgumentException(
            f"request must be a {expected.__name__}, not {type(request).__name__}"
        )
    names = {field.name for field in dataclasses.fields(request)}
    cursor = next((name for name in _CURSORS if name in names), None)
    if cursor is None:
        raise IllegalArgumentException(
            f"{type(request).__name__} has none of {', '.join(_CURSORS)}: it asks for no pages"
        )
    return _items(method, dataclasses.replace(request), cursor)


def _request_class_of(method: Any) -> type[BaseChatRequest]:
    """The class that `method`'s first parameter is annotated with, as far as that can be known."""
    if not callable(method):
        raise IllegalArgumentException(f"method must be callable, not {type(method).__name__}")
    try:
        first, *_ = inspect.signature(method, eval_str=True).parameters.values()
    except Exception:  # annotations may be anything; the method itself checks its argument
        return BaseChatRequest
    is_known = dataclasses.is_dataclass(first.annotation)
    return first.annotation if is_known else BaseChatRequest


def _items(method: Callable[[Q], DifyPageResult[T]], request: Q, cursor: str) -> Iterator[T]:
    seen: set[str | None] = set()
    stale_pages = 0  # in a row, with nothing new
    while True:
        page = method(request)
        items = page.data if isinstance(page.data, list) else []
        stale_pages += 1
        for item in reversed(items) if cursor == "first_id" else items:
            item_id = _id_of(item)
            if item_id is None or item_id not in seen:
                stale_pages = 0
                seen.add(item_id)
                yield item
        if not items or not _has_more(page, request, len(items)):
            return
        # new items stand below all those seen, wherever these have moved to
        if stale_pages > (0 if cursor == "page" else len(seen)):
            return
        position: Any = _next(cursor, request, items)
        if position in (None, getattr(request, cursor)):
            return
        request = dataclasses.replace(request, **{cursor: position})


def _id_of(item: Any) -> str | None:
    item_id = getattr(item, "id", None)
    return None if item_id is None else str(item_id)


def _has_more(page: DifyPageResult[Any], request: Any, count: int) -> bool:
    """Whether a page of `count` items has another behind it."""
    if page.has_more is not None:
        return bool(page.has_more)
    limit = page.limit if page.limit is not None else getattr(request, "limit", None)
    return not isinstance(limit, int) or count >= limit


def _next(cursor: str, request: Any, items: list[Any]) -> str | int | None:
    """The cursor for the page behind `items`."""
    if cursor == "page":
        return max(request.page or 1, 1) + 1  # Dify takes page 0 for page 1
    return _id_of(items[0 if cursor == "first_id" else -1])
