"""Many questions, many at once: failures as results, refusals that slow the whole batch."""

from ._ask import ask_all, ask_all_async, ask_all_stream, on_dask
from ._result import Answered

__all__ = ["Answered", "ask_all", "ask_all_async", "ask_all_stream", "on_dask"]
