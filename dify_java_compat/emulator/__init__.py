"""A local Dify server for quick starts, tests and offline development.

>>> from dify_java_compat.emulator import DifyEmulator
>>> with DifyEmulator() as dify:
...     print(dify.base_url, dify.keys["chat"])  # doctest: +SKIP

It has no language model: answers are deterministic prose about the prompt, what ``reply`` lays
down, or those of a model elsewhere. It shares no code with the client, so that one wrong field
name cannot cancel itself out in a test.
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
