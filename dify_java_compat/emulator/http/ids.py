"""The ids of Dify, which are UUIDs."""

import re
import uuid
from typing import Any

_ID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def as_uuid(value: Any) -> str | None:
    """``value`` in canonical form, or None where it is no UUID."""
    try:
        return str(uuid.UUID(value))
    except (ValueError, TypeError, AttributeError):
        return None


def without_ids(path: str) -> str:
    """The path of a request with ``<id>`` in place of each id."""
    return _ID.sub("<id>", path)
