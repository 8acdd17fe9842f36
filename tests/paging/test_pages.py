"""Whatever a server says of its pages, every item comes once, and there is an end."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dify_java_compat import (
    AppAnnotationPageRequest,
    AppFeedbackPageRequest,
    BaseChatRequest,
    ChatMessageSendRequest,
    ConversationVariableRequest,
    DifyPageResult,
    IllegalArgumentException,
    MessageConversationsRequest,
    MessagesRequest,
    RequestsDifyChat,
    WorkflowLogsRequest,
    pages,
)

from .lists import (
    FirstIdRequest,
    Item,
    LastIdRequest,
    NumberedRequest,
    Page,
    Request,
    Scripted,
    by_first_id,
    by_last_id,
    by_number,
    ids,
    page,
)

HAS_MORE: dict[str, Callable[[bool], bool | None]] = {
    "honest": lambda more: more,
    "always": lambda more: True,  # as Dify has it of variables
    "absent": lambda more: None,  # as Dify has it of an app's feedback
}
KINDS: dict[str, tuple[Any, type[Any]]] = {
    "last_id": (by_last_id, LastIdRequest),
    "first_id": (by_first_id, FirstIdRequest),
    "page": (by_number, NumberedRequest),
}


@pytest.mark.parametrize("says", HAS_MORE)
@pytest.mark.parametrize("kind", KINDS)
@given(count=st.integers(0, 30), limit=st.integers(1, 11))
def test_all_items_of_a_list_that_stays(kind: str, says: str, count: int, limit: int) -> None:
    server, request = KINDS[kind]
    order = [f"i-{number}" for number in range(count)]
    got = ids(pages(server(order, HAS_MORE[says]), request(limit=limit)))
    assert got == (order[::-1] if kind == "first_id" else order)


@pytest.mark.parametrize("kind", KINDS)
@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from("abcdef"), max_size=4), st.sampled_from([True, False, None])
        ),
        max_size=8,
    ),
    st.booleans(),
)
def test_any_pages_come_to_an_end_and_no_item_comes_twice(
    kind: str, script: list[tuple[list[str], bool | None]], forever: bool
) -> None:
    answers = [page(names, has_more) for names, has_more in script]
    told = itertools.cycle(answers) if forever and answers else iter(answers)

    def method(request: Request) -> Page:
        return next(told, page([], True))

    got = ids(pages(method, KINDS[kind][1](limit=3)))
    turned = [names[::-1] if kind == "first_id" else names for names, _ in script]
    each_once = list(dict.fromkeys(itertools.chain(*turned)))
    assert got == each_once[: len(got)]
    assert got or not script or not script[0][0]


@given(st.lists(st.lists(st.integers(0, 19), max_size=6), max_size=60), st.integers(1, 6))
def test_nothing_that_stays_is_lost_while_others_move_up(
    moves: list[list[int]], limit: int
) -> None:
    at_first = [f"c-{number}" for number in range(20)]
    order, moved, got = list(at_first), set(), []
    left = iter(moves)
    for item in pages(by_last_id(order, HAS_MORE["honest"]), LastIdRequest(limit=limit)):
        got.append(item.id)
        for name in (at_first[number] for number in next(left, [])):
            order.remove(name)
            order.insert(0, name)
            moved.add(name)
    assert len(got) == len(set(got))
    assert set(at_first) - set(got) <= moved  # which may slip past, upwards, before their turn


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_a_loop_that_moves_up_what_it_is_given_is_given_all(limit: int) -> None:
    order = [f"c-{number}" for number in range(20)]
    got = []
    for item in pages(by_last_id(order, HAS_MORE["honest"]), LastIdRequest(limit=limit)):
        assert item.id is not None
        got.append(item.id)
        order.remove(item.id)
        order.insert(0, item.id)
    assert got == [f"c-{number}" for number in range(20)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_page_for_ever_is_asked_for_twice(kind: str) -> None:
    method = Scripted(*[page("ab", True)] * 9)
    assert len(list(pages(method, KINDS[kind][1](limit=2)))) == 2
    assert len(method.asked) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_more_that_is_promised_and_does_not_come(kind: str) -> None:
    method = Scripted(page("ab", True), page([], True))
    assert sorted(map(str, ids(pages(method, KINDS[kind][1]())))) == ["a", "b"]
    assert len(method.asked) == 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("data", [None, [], {}, "text"])
def test_a_page_without_items_is_the_end(kind: str, data: Any) -> None:
    method = Scripted(DifyPageResult(data=data, has_more=True))
    assert list(pages(method, KINDS[kind][1]())) == []
    assert len(method.asked) == 1


@pytest.mark.parametrize(
    ("answer", "limit", "asked"),
    [
        (page("ab", None), 2, 2),
        (page("ab", None), 3, 1),
        (page("ab", None, limit=2), 20, 2),  # what the server has applied counts
        (page("ab", None, limit=100), 2, 1),
        (page("ab", None), None, 2),
        (page("ab", False), 2, 1),
        (page("ab", True), 20, 2),  # a short page, but more is promised
    ],
)
def test_where_a_numbered_list_ends(answer: Page, limit: int | None, asked: int) -> None:
    method = Scripted(answer)
    assert ids(pages(method, NumberedRequest(limit=limit))) == ["a", "b"]
    assert len(method.asked) == asked


@pytest.mark.parametrize(
    ("given_page", "asked"), [(1, [1, 2]), (None, [None, 2]), (0, [0, 2]), (4, [4, 5])]
)
def test_the_numbers_of_pages(given_page: int | None, asked: list[int | None]) -> None:
    method = Scripted(page("ab", True))
    list(pages(method, NumberedRequest(page=given_page)))
    assert [getattr(request, "page", "") for request in method.asked] == asked


def test_it_begins_where_the_request_says_and_leaves_that_alone() -> None:
    order = [f"c-{number}" for number in range(9)]
    request = LastIdRequest(last_id="c-3", limit=2)
    before = dataclasses.replace(request)
    items = pages(by_last_id(order, HAS_MORE["honest"]), request)
    assert next(items).id == "c-4"
    assert request == before
    request.limit, request.last_id = 1, "c-0"  # comes too late
    assert ids(items) == order[5:]


def test_every_page_is_asked_for_with_the_same_values_but_one() -> None:
    answers = iter([page("ab", True), page("cd", True), page("", True)])
    asked = []

    def method(request: MessageConversationsRequest) -> Page:
        asked.append(request)
        return next(answers)

    list(pages(method, MessageConversationsRequest("key", "u", None, 2, "name")))
    assert asked == [
        MessageConversationsRequest("key", "u", last, 2, "name") for last in (None, "b", "d")
    ]


def test_a_page_is_fetched_when_its_first_item_is_wanted() -> None:
    method = Scripted(page("ab", True), page("cd", True), page("ef", True))
    items = pages(method, LastIdRequest())
    assert len(method.asked) == 0
    for fetched, name in [(1, "a"), (1, "b"), (2, "c"), (2, "d"), (3, "e")]:
        assert (next(items).id, len(method.asked)) == (name, fetched)


def test_what_the_method_raises_comes_out_after_what_came() -> None:
    def method(request: NumberedRequest) -> Page:
        if request.page == 2:
            raise IllegalArgumentException("two")
        return page("ab", True)

    items = pages(method, NumberedRequest())
    assert [next(items).id, next(items).id] == ["a", "b"]
    with pytest.raises(IllegalArgumentException, match="two"):
        next(items)


def test_items_without_an_id_are_all_given_and_lead_on_by_number_alone() -> None:
    method = Scripted(page([None, None], True), page([None], True))
    assert len(list(pages(method, NumberedRequest()))) == 3
    method = Scripted(page([None, None], True), page([None], True))
    assert len(list(pages(method, LastIdRequest()))) == 2


def test_an_id_of_another_type_does_no_harm() -> None:
    odd: Any = [7, {"a": 1}, 7]
    assert ids(pages(Scripted(page(odd, True)), LastIdRequest())) == odd[:2]


CHAT = RequestsDifyChat("http://127.0.0.1:9", api_key="app-test")


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        (CHAT.conversations, MessagesRequest(conversation_id="c")),
        (CHAT.messages, MessageConversationsRequest()),
        (CHAT.messages, None),
        (CHAT.messages, MessagesRequest),
        (CHAT.messages, {"conversation_id": "c"}),
        (CHAT.send, ChatMessageSendRequest(content="x")),
        (CHAT.feedbacks, AppAnnotationPageRequest()),
        (lambda request: page("a", False), ChatMessageSendRequest()),
        (lambda request: page("a", False), BaseChatRequest()),
        (lambda request: page("a", False), Item("a")),
        ("conversations", MessageConversationsRequest()),
        (None, MessageConversationsRequest()),
    ],
)
def test_what_cannot_work_is_refused_at_the_call(method: Any, request_: Any) -> None:
    with pytest.raises(IllegalArgumentException, match=r"request|page|method"):
        pages(method, request_)


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        (CHAT.conversations, MessageConversationsRequest()),
        (CHAT.messages, MessagesRequest(conversation_id="c")),
        (CHAT.feedbacks, AppFeedbackPageRequest()),
        (CHAT.pageAppAnnotation, AppAnnotationPageRequest()),
        (CHAT.conversationVariables, ConversationVariableRequest(conversation_id="c")),
        (CHAT.workflowLogs, WorkflowLogsRequest()),
    ],
)
def test_every_list_of_the_facade_has_pages(method: Any, request_: BaseChatRequest) -> None:
    assert iter(pages(method, request_))
