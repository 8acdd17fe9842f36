"""The apps of the emulator, each with the key that names it."""

from .app import App, Moderation
from .parameters import CHAT, CHATFLOW, COMPLETION, PLAIN, PLAIN_FLOW, REQUIRED, SPOKEN, WORKFLOW

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
)  # fmt: skip
