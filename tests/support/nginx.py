"""nginx before a server of a test."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .sockets import free_port
from .watching import wait_until

NGINX = shutil.which("nginx")
# all that says nothing of how a response is passed on; of that, each setting is nginx's default
_CONF = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
    uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://127.0.0.1:{behind}; {settings} }}
    }}
}}
"""


@contextlib.contextmanager
def nginx(behind: int, folder: Path, settings: str = "") -> Iterator[int]:
    """Its port; it passes all on to the port `behind`, with more `settings` of that."""
    port = free_port()
    conf = folder / "nginx.conf"
    text = _CONF.format(folder=folder, port=port, behind=behind, settings=settings)
    conf.write_text(text, encoding="utf-8")
    process = subprocess.Popen([str(NGINX), "-e", folder / "error.log", "-c", conf])

    def listens() -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        assert process.poll() is None, (folder / "error.log").read_text()
        return False

    try:
        wait_until(listens)
        yield port
    finally:
        process.terminate()
        process.wait()
