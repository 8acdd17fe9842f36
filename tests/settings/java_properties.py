"""Java's properties: every key, its default there, and a value that is another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dify_java_compat import DifyProperties
from dify_java_compat._settings.binder import Setting, settings_of

# read in DifyProperties.java of the SDK; None for a null
JAVA: dict[str, Any] = {
    "url": None,
    "dataset.apiKey": None,
    "server.email": None,
    "server.password": None,
    "server.passwordEncryption": True,
    "clientConfig.skipNull": True,
    "clientConfig.logging": True,
    "clientConfig.loggingMaskEnabled": True,
    "clientConfig.connectTimeout": 30,
    "clientConfig.readTimeout": 30,
    "clientConfig.writeTimeout": 30,
    "clientConfig.maxIdleConnections": 5,
    "clientConfig.keepAliveSeconds": 300,
    "clientConfig.maxRequests": 64,
    "clientConfig.maxRequestsPerHost": 5,
    "clientConfig.callTimeout": 0,
    "clientConfig.sseReadTimeout": 0,
    "clientConfig.logBodyMaxBytes": 4096,
    "clientConfig.logBinaryBody": False,
    "status.healthIndicatorEnabled": False,
    "status.healthIndicatorInitByServer": True,
    "status.apiKey": None,
    "status.datasetApiKey": None,
    "status.chatApiKey": None,
    "status.workflowApiKey": None,
}
# where ours is another, and safer
OURS: dict[str, Any] = {
    "clientConfig.connectTimeout": 10,
    "clientConfig.readTimeout": 120,
    "clientConfig.sseReadTimeout": 60,
    "clientConfig.keepAliveSeconds": None,
    "clientConfig.maxIdleConnections": 10,
    "clientConfig.maxRequests": 0,
    "clientConfig.maxRequestsPerHost": 0,
}
PLACES = list(settings_of(DifyProperties).values())


def at(properties: DifyProperties, java: str) -> Any:
    value: Any = properties
    for name in java.split("."):
        value = getattr(value, name)
    return value


def of(properties: DifyProperties, place: Setting) -> Any:
    return at(properties, ".".join(place.fields))


def samples(place: Setting) -> tuple[str, Any]:
    """A value as text, and as the field has it."""
    hint = str(place.hint)
    if "list" in hint:
        return "a, b", ["a", "b"]
    if hint == "<class 'bool'>":
        return "on", True
    if "int" in hint:
        return "17", 17
    if "float" in hint:
        return "2.5", 2.5
    return "some text", "some text"


def simple_places() -> Iterator[Setting]:
    """All but the one that is a map."""
    return (place for place in PLACES if "dict" not in str(place.hint))
