"""A local Dify server for quick starts, tests and offline development.

>>> from dify_java_compat.emulator import DifyEmulator
>>> with DifyEmulator() as dify:
...     print(dify.base_url, dify.keys["chat"])  # doctest: +SKIP

It has no language model: a reply is deterministic prose about the prompt, what a test stubbed
with ``reply``, or the text of a model elsewhere. It shares no code with the client, so that a
test finds a field name that is wrong in one of them.
"""

try:
    import werkzeug as _werkzeug  # noqa: F401
except ImportError as _missing:
    raise ImportError(
        'the Dify emulator needs Werkzeug: pip install "dify-java-compat[emulator]"'
    ) from _missing

from . import faults
from .rules import Rule
from .server import DifyEmulator
from .watch import RecordedRequest

__all__ = ["DifyEmulator", "RecordedRequest", "Rule", "faults"]
