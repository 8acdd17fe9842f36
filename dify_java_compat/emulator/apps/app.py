"""What an app is: who it is, its published configuration, its limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

CHAT_MODES = ("chat", "agent-chat", "advanced-chat")
FLOW_MODES = ("advanced-chat", "workflow")


@dataclass(frozen=True)
class FormField:
    """One variable of an app's input form."""

    kind: str
    name: str
    required: bool
    default: Any
    max_length: int | None
    options: tuple[str, ...]
    uploads: Mapping[str, Any]
    """What it takes where it is a file."""


@dataclass(frozen=True)
class Moderation:
    """Words that must not be said, to the app or by it, and what is said instead."""

    input_words: tuple[str, ...]
    input_reply: str
    output_words: tuple[str, ...]
    output_reply: str

    def blocks(self, query: str) -> bool:
        return any(word in query for word in self.input_words)

    def replaces(self, answer: str) -> bool:
        return any(word in answer for word in self.output_words)


@dataclass(frozen=True)
class App:
    """One app: who it is, and its published configuration."""

    key: str
    mode: str
    id: str
    name: str
    parameters: dict[str, Any] = field(repr=False)
    workflow_id: str = ""
    api_enabled: bool = True
    published: bool = True
    at_once: int | None = None
    """How many answers may be under way at a time."""
    moderation: Moderation | None = None
    knowledge: bool = False
    """Whether it looks the query up in its knowledge base."""
    graph: Literal["plain", "rich", "retry"] = "plain"
    """What every run of a workflow has besides a start, a model and an end."""

    @property
    def chats(self) -> bool:
        return self.mode in CHAT_MODES

    @property
    def flows(self) -> bool:
        return self.mode in FLOW_MODES

    @property
    def speaks(self) -> bool:
        """Whether its streams carry their text as speech, too."""
        return bool(self.parameters["text_to_speech"].get("autoPlay") == "enabled")

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
                        spec,
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
