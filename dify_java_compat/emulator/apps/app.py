"""What an app is: its identity, its published configuration, its limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

CHAT_MODES = ("chat", "agent-chat", "advanced-chat", "agent")
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
    """The files it takes, where it is one for files."""


@dataclass(frozen=True)
class Moderation:
    """Words that block a prompt or a reply, and the text in place of the reply."""

    input_words: tuple[str, ...]
    input_reply: str
    output_words: tuple[str, ...]
    output_reply: str

    def blocks(self, query: str) -> bool:
        """Whether a prompt is blocked."""
        return any(word in query for word in self.input_words)

    def replaces(self, text: str) -> bool:
        """Whether a reply is replaced."""
        return any(word in text for word in self.output_words)


@dataclass(frozen=True)
class App:
    """One app: its key, its identity, its published configuration."""

    key: str
    mode: str
    id: str
    name: str
    parameters: dict[str, Any] = field(repr=False)
    workflow_id: str = ""
    api_enabled: bool = True
    published: bool = True
    max_runs: int | None = None
    """How many runs it may have at a time; None for any number."""
    moderation: Moderation | None = None
    knowledge: bool = False
    """Whether it searches its knowledge base for the query."""
    forms: int = 0
    """For how many forms its flow waits, whatever the prompt."""
    mails_forms: bool = False
    """Whether its forms go by e-mail."""
    graph: Literal["plain", "rich", "retry", "loop", "agent", "silent"] = "plain"
    """Which nodes every run of its flow has besides start, model and end."""

    @property
    def chats(self) -> bool:
        return self.mode in CHAT_MODES

    @property
    def flows(self) -> bool:
        return self.mode in FLOW_MODES

    @property
    def speaks(self) -> bool:
        """Whether its streams have their text also as speech."""
        return bool(self.parameters["text_to_speech"].get("autoPlay") == "enabled")

    def enabled(self, feature: str) -> bool:
        return bool(self.parameters[feature].get("enabled"))

    @property
    def file_limit(self) -> int:
        """How many files a message may have."""
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
        text = str(self.parameters["opening_statement"] or "")
        for variable in self.form:
            value = inputs.get(variable.name)
            text = text.replace("{{" + variable.name + "}}", "" if value is None else str(value))
        return text
