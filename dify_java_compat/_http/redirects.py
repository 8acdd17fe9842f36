"""Where a redirect may lead: a rule, no I/O."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from requests.utils import requote_uri

MAX_REDIRECTS = 3


def redirect_target(method: str, url: str, status: int, location: str | None) -> str | None:
    """Where to send the same request again; None where it must not be repeated there.

    301, 302 and 303 make a GET of a POST, which would lose its body. The key goes to no other
    scheme, host or port.
    """
    repeats = status in (307, 308) or (status in (301, 302, 303) and method == "GET")
    # a backslash is part of the path to some parsers and leads to another host for others
    if not repeats or not location or "\\" in location:
        return None
    try:
        target = requote_uri(urljoin(url, location))
        return target if urlsplit(target)[:2] == urlsplit(url)[:2] else None
    except ValueError:  # not a URL, as `http://[`
        return None
