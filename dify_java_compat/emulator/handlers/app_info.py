"""What can be read of an app, and of one of its users."""

from datetime import datetime, timezone

from ..apps.files import TENANT_ID
from ..http.errors import ApiError, app_unavailable
from ..http.reply import Reply, json_reply
from ..version import Version
from .call import DEFAULT_USER, Call


def welcome(version: Version) -> Reply:
    """GET /, which needs no key. Not recorded: after Dify's own description."""
    return json_reply(
        {"welcome": "Dify OpenAPI", "api_version": "v1", "server_version": version.full}
    )


def parameters(call: Call) -> Reply:
    """GET /parameters."""
    if not call.app.published:
        raise app_unavailable()
    published = call.state.annotations.published(call.app.id)
    if published is None:
        return json_reply(call.app.parameters)
    return json_reply(call.app.parameters | {"annotation_reply": published})


def info(call: Call) -> Reply:
    """GET /info."""
    return json_reply(
        {
            "name": call.app.name,
            "description": f"{call.app.name}: a local stand-in 本地模拟",
            "tags": [],
            "mode": call.app.mode,
            "author_name": "emulator",
        }
    )


def meta(call: Call) -> Reply:
    """GET /meta: the icons of an agent's tools."""
    icons = {}
    if call.app.mode == "agent-chat":
        tools = "console/api/workspaces/current/tool-provider/builtin"
        icons["current_time"] = f"{call.request.host_url}{tools}/time/icon"
    return json_reply({"tool_icons": icons})


def site(call: Call) -> Reply:
    """GET /site: the settings of the web page that Dify makes of an app."""
    return json_reply(
        {
            "title": call.app.name,
            "chat_color_theme": None,
            "chat_color_theme_inverted": False,
            "icon_type": "emoji",
            "icon": "🤖",
            "icon_background": "#FFEAD5",
            "description": None,
            "copyright": None,
            "privacy_policy": None,
            "custom_disclaimer": "",
            "default_language": "en-US",
            "show_workflow_steps": True,
            "use_icon_as_answer_icon": False,
            "icon_url": None,
        }
    )


def end_user(call: Call) -> Reply:
    """GET /end-users/{id}."""
    row = call.state.known_user(call.ids["end_user_id"], call.app.id)
    if row is None:
        raise ApiError(404, "end_user_not_found", "End user not found.")
    created = datetime.fromtimestamp(int(row["created_at"]), timezone.utc)
    moment = created.replace(tzinfo=None).isoformat()
    return json_reply(
        {
            "id": row["id"],
            "tenant_id": TENANT_ID,
            "app_id": row["app_id"],
            "type": "service-api",
            "external_user_id": row["name"],
            "name": None,
            "is_anonymous": row["name"] == DEFAULT_USER,
            "session_id": row["name"],
            "created_at": moment,
            "updated_at": moment,
        }
    )
