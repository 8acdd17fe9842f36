"""A method gives what its row of operations says: a wrong type is seen, a right one passes."""

from dify_java_compat import (
    AppInfoResponse,
    DifyPageResult,
    FileUploadResponse,
    MessagesRequest,
    MessagesResponseVO,
    ResponseEntity,
    TextToAudioRequest,
)
from dify_java_compat._api import operations
from dify_java_compat._api.base_client import BaseClient
from dify_java_compat._api.operation import Operation, one, page


class Right(BaseClient):
    def info(self) -> AppInfoResponse:
        return self._call(operations.INFO)

    def messages(self, request: MessagesRequest) -> DifyPageResult[MessagesResponseVO]:
        return self._call(operations.MESSAGES, request)

    def textToAudio(self, request: TextToAudioRequest) -> ResponseEntity[bytes]:
        return self._call(operations.TEXT_TO_AUDIO, request)

    def messagesSuggested(self, message_id: str) -> list[str]:
        return self._call(operations.MESSAGES_SUGGESTED, message_id=message_id)


class Wrong(BaseClient):
    def info(self) -> FileUploadResponse:
        return self._call(operations.INFO)  # error

    def messages(self, request: MessagesRequest) -> MessagesResponseVO:
        return self._call(operations.MESSAGES, request)  # error

    def textToAudio(self, request: TextToAudioRequest) -> bytes:
        return self._call(operations.TEXT_TO_AUDIO, request)  # error

    def stopMessagesStream(self, task_id: str) -> str:
        return self._call(operations.STOP, task_id=task_id)  # error


RIGHT: Operation[AppInfoResponse] = Operation("info", "GET", "/info", one(AppInfoResponse))
PAGE = page(AppInfoResponse)
WRONG: Operation[AppInfoResponse] = Operation("info", "GET", "/info", PAGE)  # error
