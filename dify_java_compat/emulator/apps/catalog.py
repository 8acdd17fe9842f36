"""The apps of the emulator, each with the key that names it."""

from ..version import Version
from .app import App, Moderation
from .parameters import (
    CHAT,
    CHATFLOW,
    COMPLETION,
    NEW_AGENT,
    PLAIN,
    PLAIN_FLOW,
    REQUIRED,
    SPOKEN,
    WORKFLOW,
)

# The emulator's prose quotes the prompt: a prompt with a word of the second list is let in, and
# the reply to it is replaced.
_MODERATION = Moderation(
    ("forbidden", "禁止"), "INPUT BLOCKED 拦截", ("secret", "机密"), "OUTPUT REPLACED 已替换"
)
_KEYWORDS = {"sensitive_word_avoidance": {"configs": [], "enabled": True, "type": "keywords"}}
_SPOKEN = {"text_to_speech": SPOKEN}

APPS = (
    App(
        "app-chat", "chat", "6f1c2c0e-52c7-4a3c-8a7b-0d5c4b1f9a01",
        "Emulator chat", CHAT,
    ),
    App(
        "app-agent", "agent-chat", "b7a4f3d2-1e90-4c58-9d36-7fe2a8c05b02",
        "Emulator agent", CHAT,
    ),
    App(
        "app-chatflow", "advanced-chat", "2d9e6b58-c0f4-4b1a-a6d7-35e81f7c4d03",
        "Emulator chatflow", CHATFLOW, "c4e0a1f7-8b25-4d6e-b913-5a7f02d86e13",
    ),
    App(
        "app-workflow", "workflow", "91b3d7fa-04e6-4f82-8c5d-e2a96b70cf04",
        "Emulator workflow", WORKFLOW, "e85f29c3-7d10-4a9b-9e44-b06c13fa7d14",
    ),
    App(
        "app-plain", "chat", "3a58cf16-b7e2-4d09-9f4c-61d0e8a72b05",
        "Emulator chat plain", PLAIN,
    ),
    App(
        "app-required", "chat", "d40b96e7-25fa-4c83-b1d8-9e7c3f50a106",
        "Emulator chat required", REQUIRED,
    ),
    App(
        "app-moderated", "chat", "58e1a7c3-90d4-4bf6-8e25-b4f6d1c93a07",
        "Emulator chat moderated", PLAIN | _KEYWORDS,
        moderation=_MODERATION,
    ),
    App(
        "app-limited", "chat", "f27d0b94-6c1e-4a58-a3b7-08e95d64fc08",
        "Emulator chat limited", PLAIN, max_runs=1,
    ),
    App(
        "app-disabled", "chat", "1c96e5d8-f30a-4e72-95cb-7a2d48b1e609",
        "Emulator chat disabled", PLAIN, api_enabled=False,
    ),
    App(
        "app-unpublished", "advanced-chat", "a9f3482b-e5d7-4160-8bc9-d83e07f5210a",
        "Emulator chatflow unpublished", CHATFLOW, "70d2c8b5-3f9e-4186-a5e4-1b6c90d7f30b",
        published=False,
    ),
    App(
        "app-completion", "completion", "e6047b1d-8a3c-4f95-b2e0-c59d71f8a40c",
        "Emulator completion", COMPLETION,
    ),
    App(
        "app-rag", "chat", "4be71d60-95a3-4c2f-8d17-f0a6c83be50d",
        "Emulator chat with knowledge", PLAIN, knowledge=True,
    ),
    App(
        "app-tts", "chat", "83c05f9e-2d7b-4a16-b94e-17d8f6a2c30e",
        "Emulator chat that speaks", PLAIN | _SPOKEN,
    ),
    App(
        "app-rich", "advanced-chat", "c7d91a34-6e08-4fb5-a2c9-584e0b37d10f",
        "Emulator chatflow rich", CHATFLOW, "5f60b2ce-81d4-4937-9ac8-e3b7154d0f1f",
        graph="rich",
    ),
    App(
        "app-retry", "advanced-chat", "0d8e4c72-f1b6-4a93-8e50-b96c27fa3d10",
        "Emulator chatflow that retries", PLAIN_FLOW, "e2a87b15-40c9-4d6e-b1f3-7c5d90e86a20",
        graph="retry",
    ),
    App(
        "app-chatflow-rag", "advanced-chat", "97f2b3e8-5c4d-4b70-a6e1-d38c05f9ba11",
        "Emulator chatflow with knowledge", PLAIN_FLOW, "1c7d05fa-b38e-4296-8f4a-60e9d2b7c521",
        knowledge=True,
    ),
    App(
        "app-chatflow-tts", "advanced-chat", "ea615d09-38f7-4ce2-9b04-2f7ac1d68e12",
        "Emulator chatflow that speaks", PLAIN_FLOW | _SPOKEN,
        "b9340e6c-d7a2-4f58-81eb-c50f7396da22",
    ),
    App(
        "app-chatflow-moderated", "advanced-chat", "26b8fd47-a05e-4139-bcd6-918e7fc45013",
        "Emulator chatflow moderated", PLAIN_FLOW | _KEYWORDS,
        "7e0fa9d3-62c5-4b81-9d1e-f84b36ca0523", moderation=_MODERATION,
    ),
    App(
        "app-chatflow-plain", "advanced-chat", "ab53f07d-2e94-4c18-9d6b-f1c8e05a7d1b",
        "Emulator chatflow plain", PLAIN_FLOW, "63e8d1f4-c50b-4a97-8f2d-b97a4c06e52b",
    ),
    App(
        "app-human", "advanced-chat", "f31c6ad9-4e70-4b28-95d3-6a0b8e27cf14",
        "Emulator chatflow with a form", PLAIN_FLOW, "38d5e90b-71fa-4c06-8b2e-c94a16d07f24",
        forms=1,
    ),
    App(
        "app-human-twice", "advanced-chat", "08b7d4e1-9c35-4fa2-a760-e15c2f93d815",
        "Emulator chatflow with two forms", PLAIN_FLOW, "a4e1c7f2-05d9-4b63-9e8a-7f20b6d18c25",
        forms=2, graph="silent",
    ),
    App(
        "app-human-mail", "advanced-chat", "6d92f0b5-c3e8-4a17-8f4d-2b75a90e6c16",
        "Emulator chatflow with a form by e-mail", PLAIN_FLOW,
        "d17b8a36-e9c4-4f50-b2d7-0863f5ce9a26", forms=1, mails_forms=True,
    ),
    App(
        "app-workflow-human", "workflow", "b8e5130c-7f2d-4d96-83ab-9c47e02f5d17",
        "Emulator workflow with a form", WORKFLOW, "52f9c6d8-a017-4e3b-96c5-e8d30b71fa27",
        forms=1,
    ),
    App(
        "app-loop", "advanced-chat", "9a04d7f6-1b8e-4c53-b0f9-53e8c62d7a18",
        "Emulator chatflow with a loop", PLAIN_FLOW, "c06e3b9f-84d2-4a75-a1e3-f7b25d08c928",
        graph="loop",
    ),
    App(
        "app-chatflow-agent", "advanced-chat", "47c2e8a1-d5b0-4f39-8e67-0d1f94b6ac19",
        "Emulator chatflow with an agent", PLAIN_FLOW, "e93a05d7-6f1c-4b8e-94a0-2c8d7b5f1e29",
        graph="agent",
    ),
    App(
        "app-new-agent", "agent", "7fb60e3d-28c9-4d14-a5f8-c6e90d172b1a",
        "Emulator New Agent", NEW_AGENT,
    ),
)  # fmt: skip


def apps_of(version: Version) -> list[App]:
    """The apps that a server of that version can have."""
    return [app for app in APPS if app.mode != "agent" or version.has_new_agent]
