"""What the applications have for streams that are resumed; in Redis, where `STREAMS` names one."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from typing import Any

from dify_java_compat import DifyException
from dify_java_compat.operators import do_on_cancel
from dify_java_compat.web.resumable import LostRun, ResumableStreams

from .common import client, stream_of, workflow_client


@functools.cache
def streams() -> ResumableStreams:
    settings: dict[str, Any] = json.loads(os.environ.get("STREAMS", "{}"))
    url, dify = settings.pop("redis", None), settings.pop("take_over_from", None)
    if dify is not None:
        key = settings.pop("key")
        facade: Any = workflow_client(dify) if key == "app-workflow" else client(dify)
        stop = getattr(facade, "stopWorkflowStream", None) or facade.stopMessagesStream

        def take_over(run: LostRun) -> Any:
            return facade.workflowEvents(
                run.workflow_run_id, key, run.user, include_state_snapshot=True
            ).pipe(do_on_cancel(lambda: stop(key, run.task_id, run.user)))

        settings["take_over"] = take_over
    if url is None:
        return ResumableStreams(**settings)
    from dify_java_compat.web.redis import RedisStore

    return ResumableStreams(RedisStore(url), **settings)


def start(query: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": streams().start(stream_of(query), user=query.get("user", "u-1"))}


def follow(query: Mapping[str, Any], last_event_id: str | None) -> Any:
    user = query.get("user", "u-1")
    return streams().event_stream(query["id"], user=user, last_event_id=last_event_id)


def stop(query: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    return _tried(lambda: streams().stop(query["id"], user=query.get("user", "u-1")))


def answer(query: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    return _tried(lambda: streams().answer(query["id"], user=query.get("user", "u-1")).to_dict())


def _tried(call: Any) -> tuple[dict[str, Any], int]:
    try:
        return call() or {}, 200
    except DifyException as error:
        return {"code": getattr(error, "code", None)}, error.status_code or 500
