"""The knowledge base of the apps that have one: three passages, found by the query's words."""

import hashlib
import re
from typing import Any

_WORD = re.compile(r"[\u3400-\u9fff]{2}|[^\W\u3400-\u9fff]+")
_DATASET = {"dataset_id": "0e4b7c19-6a52-4d8f-b3c0-27f19da8e601", "dataset_name": "Emulator 知识库"}
_DOCUMENT = {
    "document_id": "0e4b7c19-6a52-4d8f-b3c0-27f19da8e602",
    "document_name": "facts 事实.txt",
    "data_source_type": "upload_file",
}
_PASSAGES = (
    ("0e4b7c19-6a52-4d8f-b3c0-27f19da8e603", "The quick fox lives in Paris."),
    ("0e4b7c19-6a52-4d8f-b3c0-27f19da8e604", "北京是一座古老的城市，狐狸不住在那里。"),
    (
        "0e4b7c19-6a52-4d8f-b3c0-27f19da8e605",
        "Emoji 😀 are stored as UTF-8 and the moon is far away.",
    ),
)


def _words(text: str) -> set[str]:
    """The words of a text; for Chinese every two adjacent characters."""
    found = {word.lower() for word in _WORD.findall(text)}
    han = re.findall("[\u3400-\u9fff]+", text)
    return found | {run[at : at + 2] for run in han for at in range(len(run) - 1)}


def retrieve(query: str, *, in_flow: bool) -> list[dict[str, Any]]:
    """The passages that share a word with ``query``, the best first, as Dify cites them."""
    words = _words(query)
    scored = []
    for index, (segment_id, content) in enumerate(_PASSAGES, 1):
        shared = len(words & _words(content))
        if shared:
            scored.append((shared / len(words), index, segment_id, content))
    scored.sort(key=lambda one: (-one[0], one[1]))
    cited = []
    for position, (score, index, segment_id, content) in enumerate(scored, 1):
        # Only the node of a flow has these figures.
        counted = {
            "hit_count": 1,
            "word_count": len(content),
            "segment_position": index,
            "index_node_hash": hashlib.sha256(content.encode()).hexdigest(),
        }
        cited.append(
            {
                "position": position,
                **_DATASET,
                **_DOCUMENT,
                "segment_id": segment_id,
                "retriever_from": "workflow" if in_flow else "api",
                "score": score,
                **(counted if in_flow else dict.fromkeys(counted)),
                "content": content,
                "page": None,
                "doc_metadata": None,
                "title": None,
                "files": None,
                "summary": None,
            }
        )
    return cited
