"""The rows of operations, by the facade's method."""

from __future__ import annotations

from typing import Any

from dify_java_compat._api import operations
from dify_java_compat._api.operation import Operation

ROWS: dict[str, Operation[Any]] = {
    row.name: row for row in vars(operations).values() if isinstance(row, Operation)
}
