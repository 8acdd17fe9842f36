"""The four apps of the emulator: keys, modes, what ``GET /parameters`` says of each."""

from dataclasses import dataclass, field
from typing import Any

CHAT_MODES = ("chat", "agent-chat", "advanced-chat")


@dataclass(frozen=True)
class FormField:
    """One variable of an app's input form."""

    kind: str
    name: str
    required: bool
    default: Any
    max_length: int | None
    options: tuple[str, ...]


@dataclass(frozen=True)
class App:
    """One app: who it is, and its published configuration."""

    key: str
    mode: str
    id: str
    name: str
    parameters: dict[str, Any] = field(repr=False)
    workflow_id: str = ""

    @property
    def chats(self) -> bool:
        return self.mode in CHAT_MODES

    def enabled(self, feature: str) -> bool:
        return bool(self.parameters[feature]["enabled"])

    @property
    def file_limit(self) -> int:
        return int(self.parameters["file_upload"].get("number_limits", 3))

    @property
    def form(self) -> list[FormField]:
        """The input form. Only chatflows apply the defaults they publish."""
        fields = []
        for entry in self.parameters["user_input_form"]:
            for kind, spec in entry.items():
                fields.append(
                    FormField(
                        kind,
                        spec["variable"],
                        spec["required"],
                        spec.get("default") if self.workflow_id else None,
                        spec.get("max_length"),
                        tuple(spec.get("options") or ()),
                    )
                )
        return fields

    def introduction(self, inputs: dict[str, Any]) -> str:
        """The opening statement with the form's values in it."""
        text = str(self.parameters["opening_statement"])
        for variable in self.form:
            value = inputs.get(variable.name)
            shown = "" if value is None else str(value)
            text = text.replace("{{" + variable.name + "}}", shown)
        return text


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
)  # fmt: skip
