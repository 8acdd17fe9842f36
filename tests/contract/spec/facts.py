"""What is known of Dify's API: the frozen facts, and those of the description where it is here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .digest import OPERATIONS, STREAMS, Facts, digest

WHOLE = Path(__file__).resolve().parents[4] / "shared" / "spec" / "dify-chat-openapi.json"

FROZEN: Facts = json.loads(OPERATIONS.read_text("utf-8"))
FROZEN_STREAMS: dict[str, list[dict[str, Any]]] = json.loads(STREAMS.read_text("utf-8"))

# None where this checkout has no description beside it
DESCRIPTION: Facts | None = json.loads(WHOLE.read_bytes()) if WHOLE.exists() else None
_LIVE = digest(DESCRIPTION) if DESCRIPTION else {"operations": {}, "events": {}}

DOCUMENTED: dict[str, Facts] = {**FROZEN["operations"], **_LIVE["operations"]}
EVENTS: dict[str, list[str]] = {**FROZEN["events"], **_LIVE["events"]}
