"""The response of Recoup."""

from .._dto.dto import ResponseDto, dto

__all__ = ["StopChatResponse"]


@dto
class StopChatResponse(ResponseDto):
    """`stopped` is False where the chat had no answer under way; `success` is True either way."""

    success: bool | None = None
    stopped: bool | None = None
