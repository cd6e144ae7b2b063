"""Where a request comes from: the names by which we may be called, and whether one of our own pages sent it.

A page of a stranger can send requests to us from the browser of somebody who may reach us. It cannot choose its
`Origin` and `Sec-Fetch-Site`, and without asking us first it can send bodies of three types only.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from supersync_dagster.api.guard.visit import Refused, Visit

_ANY = {"0.0.0.0", "::", ""}  # noqa: S104  # compared with, not listened on
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


class Origins:
    """The names by which this server may be called."""

    def __init__(self, bound_host: str, base_url: str, allowed: Iterable[str]) -> None:
        """`bound_host`: the address it listens on. `base_url`: its address for people. `allowed`: further names."""
        base = urlsplit(base_url)
        names = {"localhost", base.hostname or "", bound_host.lower(), *(name.lower() for name in allowed)}
        self._names = {name for name in names if not name.startswith("*.")} - _ANY
        self._suffixes = tuple(name[1:] for name in names if name.startswith("*."))
        self._base = (base.hostname, base.port or _PORTS.get(base.scheme))

    def check_host(self, visit: Visit) -> None:
        """Raise Refused when we are called by a name that is not ours: a stranger's name may point at us."""
        host = _split(visit.headers.get("host", ""))[0]
        if host is None:
            raise Refused(400, "BAD_HOST", "the Host header is missing or cannot be read")
        if host in self._names or host.endswith(self._suffixes) or _is_local(host, visit):
            return
        message = f"this server is not called {host}; if it should be, add the name to SUPERSYNC_ALLOWED_HOSTS"
        raise Refused(421, "HOST_NOT_ALLOWED", message)

    def is_own_page(self, visit: Visit) -> bool:
        """Whether a browser says that one of our own pages sent this."""
        site, origin = visit.headers.get("sec-fetch-site"), visit.headers.get("origin")
        if origin is not None and not self._is_ours(origin, visit):
            return False
        return origin is not None if site is None else site == "same-origin"

    def check_not_foreign(self, visit: Visit) -> None:
        """Raise Refused for what a browser says a page of somebody else has sent."""
        site, origin = visit.headers.get("sec-fetch-site", "none"), visit.headers.get("origin")
        if site not in ("same-origin", "none") or (origin is not None and not self._is_ours(origin, visit)):
            raise Refused(403, "CROSS_SITE", "pages of another site cannot do this")

    def check_change(self, visit: Visit) -> None:
        """Raise Refused for a change that a page of somebody else has, or may have, asked for."""
        self.check_not_foreign(visit)
        if "content-type" not in visit.headers or visit.media_type == "application/json" or self.is_own_page(visit):
            return
        raise Refused(415, "UNSUPPORTED_MEDIA_TYPE", "send the body as JSON, with Content-Type: application/json")

    def _is_ours(self, origin: str, visit: Visit) -> bool:
        try:
            parts = urlsplit(origin)
            name, port = parts.hostname, parts.port or _PORTS.get(parts.scheme)
        except ValueError:
            return False
        if parts.scheme not in ("http", "https") or name is None:
            return False
        host, host_port = _split(visit.headers.get("host", ""))
        return (name, port) in ((host, host_port or _PORTS[parts.scheme]), self._base)


def _split(host: str) -> tuple[str | None, int | None]:
    """Name and port of a Host header; no name when it cannot be read."""
    if not host or any(character in host for character in "/@\\?# \t"):
        return None, None
    try:
        parts = urlsplit(f"//{host}")
        return parts.hostname, parts.port
    except ValueError:
        return None, None


def _is_local(host: str, visit: Visit) -> bool:
    """Whether this is an address and not a name, of this machine or the one that the connection came in on.

    An address cannot be made to point elsewhere, so a browser that calls us by it has our own page before it.
    """
    server = visit.scope.get("server")
    address, own = _address(host), _address(str(server[0])) if server else None
    return address is not None and (address.is_loopback or address == own)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # A socket for both families says of an IPv4 address that it is ::ffff:a.b.c.d.
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
