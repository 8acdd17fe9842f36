"""The table of operations: where each is, and which handler it has."""

from collections.abc import Callable
from dataclasses import dataclass

from werkzeug.wrappers import Request

from .handlers import (
    annotations,
    app_info,
    completion,
    history,
    human_forms,
    media,
    messages,
    recoup,
    variables,
    workflow_app,
    workflow_runs,
)
from .handlers.call import Call, UserLocation
from .handlers.recoup import Recoup
from .http.reply import Reply


@dataclass(frozen=True)
class Route:
    """One operation: its path, its handler, where its user is, and which apps have it."""

    method: str
    path: str
    handler: Callable[[Call], Reply]
    user: UserLocation = None
    user_required: bool = False
    json: bool = False
    """Whether the body must be JSON although no user is in it."""
    chat_only: bool = False


def _chat_route(
    method: str,
    path: str,
    handler: Callable[[Call], Reply],
    user: UserLocation,
    required: bool = False,
) -> Route:
    return Route(method, path, handler, user, required, chat_only=True)


_CONVERSATION = "/conversations/<uuid:conversation_id>"
_VARIABLES = f"{_CONVERSATION}/variables"
_MESSAGE = "/messages/<uuid:message_id>"
_ANNOTATION = "/apps/annotations/<uuid:annotation_id>"
_REPLY = "/apps/annotation-reply/<string:action>"
ROUTES = (
    _chat_route("POST", "/chat-messages", messages.send, "json", True),
    _chat_route("POST", "/chat-messages/<string:task_id>/stop", messages.stop, "json", True),
    _chat_route("GET", "/messages", history.list_messages, "query"),
    Route("POST", f"{_MESSAGE}/feedbacks", history.rate_message, "json", True),
    _chat_route("GET", f"{_MESSAGE}/suggested", history.suggest_questions, "query", True),
    Route("GET", "/app/feedbacks", history.list_feedbacks),
    _chat_route("GET", "/conversations", history.list_conversations, "query"),
    _chat_route("DELETE", _CONVERSATION, history.delete_conversation, "json"),
    _chat_route("POST", f"{_CONVERSATION}/name", history.rename_conversation, "json"),
    _chat_route("GET", _VARIABLES, variables.list_variables, "query"),
    _chat_route(
        "PUT", f"{_VARIABLES}/<uuid:variable_id>", variables.update_variable, "json"
    ),
    Route("POST", "/text-to-audio", media.text_to_audio, "json"),
    Route("POST", "/audio-to-text", media.audio_to_text, "form"),
    Route("POST", "/files/upload", media.upload, "form"),
    Route("GET", "/files/<uuid:file_id>/preview", media.preview, "query"),
    Route("GET", "/parameters", app_info.parameters),
    Route("GET", "/info", app_info.info),
    Route("GET", "/meta", app_info.meta),
    Route("GET", "/site", app_info.site),
    Route("GET", "/end-users/<uuid:end_user_id>", app_info.end_user),
    Route("GET", "/apps/annotations", annotations.list_annotations),
    Route("POST", "/apps/annotations", annotations.create_annotation, json=True),
    Route("PUT", _ANNOTATION, annotations.update_annotation, json=True),
    Route("DELETE", _ANNOTATION, annotations.delete_annotation),
    Route("POST", _REPLY, annotations.switch_reply, json=True),
    Route("GET", f"{_REPLY}/status/<uuid:job_id>", annotations.reply_status),
    Route("POST", "/completion-messages", completion.complete, "json", True),
    Route(
        "POST", "/completion-messages/<string:task_id>/stop", completion.stop_completion,
        "json", True,
    ),
    Route("POST", "/workflows/run", workflow_app.run_workflow, "json", True),
    Route("POST", "/workflows/<string:workflow_id>/run", workflow_app.run_version, "json", True),
    Route(
        "POST",
        "/workflows/tasks/<string:task_id>/stop",
        workflow_app.stop_workflow,
        "json",
        True,
    ),
    Route("GET", "/workflows/run/<string:run_id>", workflow_runs.show_run),
    Route("GET", "/workflow/<string:run_id>/events", workflow_runs.stream_events, "query", True),
    Route("GET", "/workflows/logs", workflow_runs.list_logs),
    Route("GET", "/form/human_input/<string:form_token>", human_forms.show_form),
    Route("POST", "/form/human_input/<string:form_token>", human_forms.submit_form, "json", True),
)  # fmt: skip


@dataclass(frozen=True)
class OtherRoute:
    """An operation of another server, at the root: it has neither Dify's prefix nor its keys."""

    method: str
    path: str
    handler: Callable[[Request, str, Recoup], Reply]


OTHER_ROUTES = (OtherRoute("POST", "/api/chat/<string:chat_id>/stop", recoup.stop_chat),)
