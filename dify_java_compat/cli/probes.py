"""What the doctor looks at below HTTP: names, connections, certificates, proxies."""

from __future__ import annotations

import socket
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

from .._stream.driver import monotonic
from .language import N_, tr, translated

_SECONDS = 10.0  # for a name, and for each address of it
_HANDSHAKE_SECONDS = 2.0  # with a server that may wait for something else
_SLICE = 0.2  # an endless wait would keep Windows from seeing Ctrl-C


def origin_of(url: str) -> tuple[str, int]:
    """The host and the port of an address. ValueError for a port that is none."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme.lower() == "https" else 80)


def proxy_of(url: str) -> str | None:
    """The proxy that the environment has for it, without its password."""
    parts = urlsplit(url)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme.lower()) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(parts.netloc):
        return None
    scheme, mark, rest = proxy.rpartition("://")
    return (scheme + mark or "http://") + rest.partition("/")[0].rpartition("@")[2]


def look_up(host: str, port: int) -> list[str]:
    """The addresses of a name, each once. Raises OSError, TimeoutError among them."""
    found: list[list[str] | OSError | UnicodeError] = []
    done = threading.Event()

    def run() -> None:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.append(list(dict.fromkeys(str(entry[4][0]) for entry in entries)))
        except (OSError, UnicodeError) as error:
            found.append(error)
        done.set()

    # the system's own wait sees no Ctrl-C
    threading.Thread(target=run, daemon=True).start()
    end = monotonic() + _SECONDS
    while not done.wait(_SLICE):
        if monotonic() > end:
            raise TimeoutError(f"no answer from the name servers within {_SECONDS:g} s")
    [result] = found
    if isinstance(result, UnicodeError):
        raise OSError(str(result))
    if isinstance(result, OSError):
        raise result
    return result


def connect(host: str, port: int) -> float:
    """Open a connection and close it; the seconds that it took. Raises OSError."""
    began = monotonic()
    socket.create_connection((host, port), _SECONDS).close()
    return monotonic() - began


def speaks_tls(host: str, port: int) -> bool:
    """Whether a handshake succeeds there, with whatever certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), _HANDSHAKE_SECONDS) as sock:
            context.wrap_socket(sock, server_hostname=host).close()
    except (OSError, ValueError):
        return False
    return True


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it is wrapped around, in whichever way."""
    seen: list[BaseException] = []
    open_ones: list[BaseException] = [error]
    while open_ones:
        link = open_ones.pop(0)
        if any(link is other for other in seen):
            continue
        seen.append(link)
        yield link
        wrapped = (getattr(link, "reason", None), *link.args, link.__cause__, link.__context__)
        open_ones += [inner for inner in wrapped if isinstance(inner, BaseException)]


def tls_error(error: BaseException) -> ssl.SSLError | None:
    """The failure of TLS in it, if there is one."""
    return next((link for link in causes(error) if isinstance(link, ssl.SSLError)), None)


_UNTRUSTED = N_(
    "have whoever runs the server send its whole chain; where the certificate is of your own or"
    " your company's authority, name its file: REQUESTS_CA_BUNDLE=/path/ca.pem in the environment,"
    ' in Python ClientConfig(verify="/path/ca.pem")'
)
# by OpenSSL's number of the reason
_CERTIFICATES = {
    9: N_("the clock of this machine, or the certificate, is wrong: it is not valid yet"),
    10: N_("renew the certificate on the server; is the clock of this machine right?"),
    18: N_(
        "the server signed its certificate itself: name the certificate's file with"
        " REQUESTS_CA_BUNDLE=/path/cert.pem in the environment, in Python"
        ' ClientConfig(verify="/path/cert.pem"), or have it signed by an authority'
    ),
    19: _UNTRUSTED,
    20: _UNTRUSTED,
    21: _UNTRUSTED,
    62: N_("use the name that the certificate is for, or have one made for this name"),
    64: N_("use the name that the certificate is for, or have one made for this address"),
}


def explained_tls(error: ssl.SSLError) -> tuple[str, str]:
    """What went wrong in TLS, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = translated(error.verify_message)
        text = tr("the certificate is not accepted: {reason}", reason=reason)
        return text, tr(_CERTIFICATES.get(error.verify_code, _UNTRUSTED))
    reason = str(error.reason or error).replace("_", " ").lower()
    text = tr("no TLS connection comes about: {reason}", reason=reason)
    if "wrong version" in reason or "record layer" in reason or "http request" in reason:
        return text, tr("this port speaks without TLS: write http:// in place of https://")
    return text, tr("look for a proxy, a firewall or an old TLS version on the way to the server")


def refused(error: OSError, host: str, port: int) -> tuple[str, str]:
    """What kept a connection from being made, and what to do."""
    cause = translated(error.strerror or str(error) or type(error).__name__)
    if isinstance(error, ConnectionRefusedError):
        return (
            tr("{host} refuses connections to port {port}", host=host, port=port),
            tr(
                "is Dify running there (docker compose ps), and is that its port? Its web server"
                " has 80 or 443, its API alone 5001"
            ),
        )
    if isinstance(error, TimeoutError):
        return (
            tr("{host} does not respond on port {port}", host=host, port=port),
            tr("is the port right? Else a firewall or a VPN stands in between"),
        )
    text = tr("no connection to {host}, port {port}: {cause}", host=host, port=port, cause=cause)
    return text, tr("is this machine on the network, and the address reachable from it?")
