"""Local DTOs and servers of lists, honest ones and liars, as plain functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from dify_java_compat import BaseChatRequest, DifyPageResult
from dify_java_compat._dto.dto import ResponseDto, dto


@dto
class Item(ResponseDto):
    id: str | None = None


@dto
class LastIdRequest(BaseChatRequest):
    last_id: str | None = None
    limit: int | None = 20


@dto
class FirstIdRequest(BaseChatRequest):
    first_id: str | None = None
    limit: int | None = 20


@dto
class NumberedRequest(BaseChatRequest):
    page: int | None = 1
    limit: int | None = 20


Request = LastIdRequest | FirstIdRequest | NumberedRequest
Page = DifyPageResult[Item]


def page(ids: Iterable[str | None], has_more: bool | None, limit: int | None = None) -> Page:
    return DifyPageResult(data=[Item(each) for each in ids], has_more=has_more, limit=limit)


def ids(items: Iterable[Item]) -> list[str | None]:
    return [item.id for item in items]


class Scripted:
    """Gives the pages it was told to, whatever is asked for, and empty ones behind them."""

    def __init__(self, *answers: Page) -> None:
        self._answers: Iterator[Page] = iter(answers)
        self.asked: list[Request] = []

    def __call__(self, request: Request) -> Page:
        self.asked.append(request)
        return next(self._answers, page([], True))


def by_last_id(order: list[str], has_more: Callable[[bool], bool | None]) -> Callable[..., Page]:
    """A list behind a `last_id`; `order` may change meanwhile."""

    def method(request: LastIdRequest) -> Page:
        start = order.index(request.last_id) + 1 if request.last_id else 0
        end = start + (request.limit or 20)
        return page(order[start:end], has_more(end < len(order)))

    return method


def by_first_id(order: list[str], has_more: Callable[[bool], bool | None]) -> Callable[..., Page]:
    """A list behind a `first_id`: the newest, which come last, on the first page."""

    def method(request: FirstIdRequest) -> Page:
        end = order.index(request.first_id) if request.first_id else len(order)
        start = max(0, end - (request.limit or 20))
        return page(order[start:end], has_more(start > 0))

    return method


def by_number(order: list[str], has_more: Callable[[bool], bool | None]) -> Callable[..., Page]:
    """A list of numbered pages; `order` may change meanwhile."""

    def method(request: NumberedRequest) -> Page:
        size = request.limit or 20
        start = (max(request.page or 1, 1) - 1) * size
        return page(order[start : start + size], has_more(start + size < len(order)))

    return method
