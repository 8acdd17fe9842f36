"""Plain and TLS, for rows that hold on both."""

from __future__ import annotations

import atexit
import functools
import ssl
import tempfile
from pathlib import Path

import trustme


@functools.cache
def tls() -> tuple[ssl.SSLContext, str]:
    """A server's context for localhost, and the file that makes clients trust it."""
    root = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    root.issue_cert("localhost").configure_cert(context)
    directory = tempfile.TemporaryDirectory()
    atexit.register(directory.cleanup)
    path = Path(directory.name) / "ca.pem"
    root.cert_pem.write_to_path(str(path))
    return context, str(path)
