"""The apps of the emulator: their keys, and what ``GET /parameters`` says of each."""

from typing import Any

from .apps import App, Moderation

_LIMITS = {
    "image_file_size_limit": 10,
    "video_file_size_limit": 100,
    "audio_file_size_limit": 50,
    "file_size_limit": 15,
    "workflow_file_upload_limit": 10,
}
_UPLOADS = {
    "allowed_file_extensions": [".JPG", ".JPEG", ".PNG", ".GIF", ".WEBP", ".TXT"],
    "allowed_file_types": ["image", "document", "audio"],
    "allowed_file_upload_methods": ["remote_url", "local_file"],
    "enabled": True,
}
_FLOW_UPLOADS = {
    **_UPLOADS,
    "fileUploadConfig": {
        "audio_file_size_limit": 50,
        "batch_count_limit": 5,
        "file_size_limit": 15,
        "image_file_size_limit": 10,
        "video_file_size_limit": 100,
        "workflow_file_upload_limit": 10,
    },
    "number_limits": 3,
}


def _text(name: str, label: str, *, kind: str, default: str, max_length: int) -> dict[str, Any]:
    spec = {"default": default, "label": label, "max_length": max_length}
    return {kind: {**spec, "required": False, "variable": name}}


_CHAT = {
    "opening_statement": "Hello {{name}}, 你好!",
    "suggested_questions": ["Who are you?", "你是谁？"],
    "suggested_questions_after_answer": {"enabled": True},
    "speech_to_text": {"enabled": True},
    "text_to_speech": {
        "autoPlay": "disabled",
        "enabled": True,
        "language": "en-US",
        "voice": "alloy",
    },
    "retriever_resource": {"enabled": True},
    "annotation_reply": {"enabled": False},
    "more_like_this": {"enabled": False},
    "user_input_form": [
        _text("name", "Name", kind="text-input", default="World", max_length=48),
        _text("bio", "Bio", kind="paragraph", default="", max_length=500),
        {
            "select": {
                "default": "free",
                "label": "Tier",
                "options": ["free", "pro"],
                "required": False,
                "variable": "tier",
            }
        },
        {"number": {"default": "", "label": "Age", "required": False, "variable": "age"}},
        {"checkbox": {"label": "Agree", "required": False, "variable": "agree"}},
    ],
    "sensitive_word_avoidance": {"configs": [], "enabled": False, "type": ""},
    "file_upload": {
        **_UPLOADS,
        "image": {
            "detail": "low",
            "enabled": True,
            "number_limits": 3,
            "transfer_methods": ["remote_url", "local_file"],
        },
        "number_limits": 3,
    },
    "system_parameters": _LIMITS,
}


def _flow_field(kind: str, name: str, label: str, **more: Any) -> dict[str, Any]:
    spec = {"label": label, "max_length": 48, "options": [], **more}
    spec |= {"required": more.get("required", False), "type": kind, "variable": name}
    return {kind: {key: spec[key] for key in sorted(spec)}}


_DOC = {
    "allowed_file_extensions": [],
    "allowed_file_types": ["document", "image"],
    "allowed_file_upload_methods": ["local_file", "remote_url"],
    "label": "Doc",
    "options": [],
    "required": False,
    "type": "file",
    "variable": "doc",
}
_CHATFLOW = {
    "opening_statement": "Chatflow opening 你好",
    "suggested_questions": ["Q1?"],
    "suggested_questions_after_answer": {"enabled": True},
    "speech_to_text": {"enabled": True},
    "text_to_speech": {"enabled": True, "language": "en-US", "voice": "alloy"},
    "retriever_resource": {"enabled": True},
    "annotation_reply": {"enabled": False},
    "more_like_this": {"enabled": False},
    "user_input_form": [
        _flow_field("text-input", "topic", "Topic", default=""),
        _flow_field("select", "style", "Style", options=["short", "long"]),
        _flow_field("number", "n", "N"),
        {"file": _DOC},
    ],
    "sensitive_word_avoidance": {"enabled": False},
    "file_upload": _FLOW_UPLOADS,
    "system_parameters": _LIMITS,
}
_WORKFLOW = {
    **_CHATFLOW,
    "speech_to_text": {"enabled": False},
    "text_to_speech": {"enabled": False, "voice": "", "language": ""},
    "user_input_form": [
        _flow_field("text-input", "query", "Query", max_length=4000, required=True)
    ],
}
_PLAIN = {
    "opening_statement": "",
    "suggested_questions": [],
    "suggested_questions_after_answer": {"enabled": False},
    "speech_to_text": {"enabled": False},
    "text_to_speech": {"enabled": False},
    "retriever_resource": {"enabled": True},
    "annotation_reply": {"enabled": False},
    "more_like_this": {"enabled": False},
    "user_input_form": [],
    "sensitive_word_avoidance": {"configs": [], "enabled": False, "type": ""},
    "file_upload": {"enabled": False, "image": {"enabled": False}},
    "system_parameters": _LIMITS,
}
_REQUIRED_FORM = [
    {
        "text-input": {
            "default": "",
            "label": "Name",
            "max_length": 8,
            "required": True,
            "variable": "name",
        }
    },
    {
        "select": {
            "default": "",
            "label": "Tier",
            "options": ["free", "pro"],
            "required": True,
            "variable": "tier",
        }
    },
    {"number": {"default": "", "label": "Age", "required": False, "variable": "age"}},
]
_COMPLETION_FORM = [
    {"paragraph": {"default": "", "label": "Query", "required": True, "variable": "query"}}
]
# The answers of the emulator quote the prompt: a prompt with a word of the second list is let
# in, and its answer is replaced.
_MODERATION = Moderation(
    ("forbidden", "禁止"), "INPUT BLOCKED 拦截", ("secret", "机密"), "OUTPUT REPLACED 已替换"
)
_KEYWORDS = {"configs": [], "enabled": True, "type": "keywords"}

APPS = (
    App(
        "app-chat", "chat", "6f1c2c0e-52c7-4a3c-8a7b-0d5c4b1f9a01",
        "Emulator chat", _CHAT,
    ),
    App(
        "app-agent", "agent-chat", "b7a4f3d2-1e90-4c58-9d36-7fe2a8c05b02",
        "Emulator agent", _CHAT,
    ),
    App(
        "app-chatflow", "advanced-chat", "2d9e6b58-c0f4-4b1a-a6d7-35e81f7c4d03",
        "Emulator chatflow", _CHATFLOW, "c4e0a1f7-8b25-4d6e-b913-5a7f02d86e13",
    ),
    App(
        "app-workflow", "workflow", "91b3d7fa-04e6-4f82-8c5d-e2a96b70cf04",
        "Emulator workflow", _WORKFLOW, "e85f29c3-7d10-4a9b-9e44-b06c13fa7d14",
    ),
    App(
        "app-plain", "chat", "3a58cf16-b7e2-4d09-9f4c-61d0e8a72b05",
        "Emulator chat plain", _PLAIN,
    ),
    App(
        "app-required", "chat", "d40b96e7-25fa-4c83-b1d8-9e7c3f50a106",
        "Emulator chat required", _PLAIN | {"user_input_form": _REQUIRED_FORM},
    ),
    App(
        "app-moderated", "chat", "58e1a7c3-90d4-4bf6-8e25-b4f6d1c93a07",
        "Emulator chat moderated", _PLAIN | {"sensitive_word_avoidance": _KEYWORDS},
        moderation=_MODERATION,
    ),
    App(
        "app-limited", "chat", "f27d0b94-6c1e-4a58-a3b7-08e95d64fc08",
        "Emulator chat limited", _PLAIN, at_once=1,
    ),
    App(
        "app-disabled", "chat", "1c96e5d8-f30a-4e72-95cb-7a2d48b1e609",
        "Emulator chat disabled", _PLAIN, api_enabled=False,
    ),
    App(
        "app-unpublished", "advanced-chat", "a9f3482b-e5d7-4160-8bc9-d83e07f5210a",
        "Emulator chatflow unpublished", _CHATFLOW, "70d2c8b5-3f9e-4186-a5e4-1b6c90d7f30b",
        published=False,
    ),
    App(
        "app-completion", "completion", "e6047b1d-8a3c-4f95-b2e0-c59d71f8a40c",
        "Emulator completion", _PLAIN | {"user_input_form": _COMPLETION_FORM},
    ),
)  # fmt: skip
