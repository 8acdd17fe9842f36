"""EventStream for annotations. RxPY is loaded with the first stream: other calls do without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .observable import EventStream as EventStream
else:

    class EventStream:
        """Stands for it until annotations are evaluated, as by `typing.get_type_hints`."""

        def __class_getitem__(cls, item: Any) -> Any:
            from .observable import EventStream

            return EventStream[item]
