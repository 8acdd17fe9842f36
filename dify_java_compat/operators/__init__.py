"""The operators that Reactor has and RxPY lacks, and two that a chat's stream has a use for.

::

    from dify_java_compat import operators as dify_ops

    stream.pipe(
        dify_ops.retry_when(dify_ops.backoff(3, 0.5, only=ConnectionException)),
        dify_ops.do_on_cancel(lambda: print("the browser has gone")),
    )

Like those of `reactivex.operators` they are arguments of `pipe`, work on any Observable, hot or
cold, and hand the scheduler of `subscribe` on. Those with a timer use it, too, or the one that is
passed to them. What a function of yours raises ends the stream with `on_error`, and the source is
disposed of. An argument that cannot work is an IllegalArgumentException at once.
"""

from ._basic import buffer_until, collected, do_on_cancel, switch_if_empty
from ._heartbeat import heartbeat
from ._retry import backoff, retry_when

__all__ = [
    "backoff",
    "buffer_until",
    "collected",
    "do_on_cancel",
    "heartbeat",
    "retry_when",
    "switch_if_empty",
]
