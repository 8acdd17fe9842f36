"""Whether a request may come from a web site that is open in the developer's browser.

The keys of the emulator are known to everybody, so that only this keeps a site from reading what
was said, deleting it, and asking the model behind it at the developer's expense.
"""

import ipaddress
import re
from urllib.parse import urlsplit

from werkzeug.datastructures import Headers

# names that no site can have: reserved for a machine, a network, or a test
_LOCAL_ENDS = (".localhost", ".local", ".internal", ".test", ".lan", ".home.arpa")


def is_local_name(host: str) -> bool:
    """Whether a host, with or without a port, is an address or a name that is no site's.

    A site's name may be made to lead to 127.0.0.1, and then the browser takes the emulator for it.
    """
    name = re.sub(r":\d*$", "", host).strip("[]").lower().rstrip(".")
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." not in name or name.endswith(_LOCAL_ENDS)
    return True


def is_foreign(headers: Headers, path: str, *, strict: bool) -> bool:
    """Whether to refuse a request: it is sent by a page of another site, or to a site's name.

    A page of this machine, under another port too, is not another site, nor is one that came from
    the host it asks, unless that is `strict`. Older browsers name an origin and no more.
    """
    host = headers.get("Host", "")
    if not is_local_name(host):
        return True
    site = headers.get("Sec-Fetch-Site", "none")
    origin = headers.get("Origin")
    if origin is not None:
        is_same = site == "same-origin" or origin == f"http://{host}"
        return not _is_local_origin(origin) and (strict or not is_same)
    # a page of this machine may show its pictures: their addresses are signed
    return site not in ("none", "same-origin") and not path.startswith("/files/")


def _is_local_origin(origin: str) -> bool:
    try:
        host = urlsplit(origin).hostname
    except ValueError:
        return False
    if not host:  # `null`: a page in a sandbox, or a file
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
