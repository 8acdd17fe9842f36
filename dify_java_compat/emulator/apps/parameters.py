"""The response of ``GET /parameters`` for each kind of app: features, input form, limits."""

from typing import Any

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


CHAT: dict[str, Any] = {
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
CHATFLOW: dict[str, Any] = {
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
WORKFLOW: dict[str, Any] = {
    **CHATFLOW,
    "speech_to_text": {"enabled": False},
    "text_to_speech": {"enabled": False, "voice": "", "language": ""},
    "user_input_form": [
        _flow_field("text-input", "query", "Query", max_length=4000, required=True)
    ],
}
PLAIN: dict[str, Any] = {
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
SPOKEN: dict[str, Any] = {
    "autoPlay": "enabled",
    "enabled": True,
    "language": "en-US",
    "voice": "alloy",
}
REQUIRED: dict[str, Any] = PLAIN | {"user_input_form": _REQUIRED_FORM}
COMPLETION: dict[str, Any] = PLAIN | {"user_input_form": _COMPLETION_FORM}
PLAIN_FLOW: dict[str, Any] = CHATFLOW | {
    "opening_statement": "",
    "suggested_questions": [],
    "suggested_questions_after_answer": {"enabled": False},
    "user_input_form": [],
}
NEW_AGENT: dict[str, Any] = PLAIN | {
    "opening_statement": None,
    "sensitive_word_avoidance": {"enabled": False, "type": "", "config": {}},
    "file_upload": {
        "image": {
            "enabled": False,
            "number_limits": 3,
            "detail": "high",
            "transfer_methods": ["remote_url", "local_file"],
        }
    },
}
