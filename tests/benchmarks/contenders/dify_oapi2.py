"""dify-oapi2: pydantic models over httpx; a stream is blocks of bytes.

Its examples take each block for itself and decode it. So does this: the events that lie whole in a
block are read, and what a block cuts is lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from dify_oapi.api.chat.v1.model.chat_request import ChatRequest
from dify_oapi.api.chat.v1.model.chat_request_body import ChatRequestBody
from dify_oapi.api.chat.v1.model.message_history_request import GetMessageHistoryRequest
from dify_oapi.api.dify.v1.model.get_parameters_request import GetParametersRequest
from dify_oapi.api.dify.v1.model.upload_file_body import UploadFileBody
from dify_oapi.api.dify.v1.model.upload_file_request import UploadFileRequest
from dify_oapi.client import Client
from dify_oapi.core.model.request_option import RequestOption

from .protocol import KEY, USER, Contender, serve, text_of


class DifyOapi2(Contender):
    distributions = ("dify-oapi2", "httpx", "pydantic")

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._client = Client.builder().domain(url).build()
        self._option = RequestOption.builder().api_key(KEY).build()

    def items(self, query: str) -> Iterator[Any]:
        builder = ChatRequestBody.builder().inputs({}).query(query).user(USER)
        body = builder.response_mode("streaming").build()
        request = ChatRequest.builder().request_body(body).build()
        for block in self._client.chat.v1.chat.chat(request, self._option, True):
            for line in block.decode("utf-8", "replace").split("\n"):
                if line.startswith("data: "):
                    try:
                        yield json.loads(line[6:])
                    except ValueError:
                        continue  # cut

    def text(self, item: Any) -> str | None:
        return text_of(item)

    def parameters(self) -> str:
        request = GetParametersRequest.builder().user(USER).build()
        opening: str = self._client.dify.v1.info.parameters(request, self._option).opening_statement
        return opening

    def messages(self) -> int:
        builder = GetMessageHistoryRequest.builder().conversation_id("c").user(USER)
        page = self._client.chat.v1.message.history(builder.limit(100).build(), self._option)
        return len(page.data)

    def upload(self, path: str) -> str:
        file = BytesIO(Path(path).read_bytes())
        body = UploadFileBody.builder().user(USER).build()
        request = UploadFileRequest.builder().file(file, "upload.bin").request_body(body).build()
        identity: str = self._client.dify.v1.file.upload(request, self._option).id
        return identity


if __name__ == "__main__":
    serve(DifyOapi2)
