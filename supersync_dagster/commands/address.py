"""Where a web server listens: a free port, and whether it answers there."""

import json
import random
import socket
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from supersync_core.errors import ConfigError

# Below the range from which systems take the ports of outgoing connections: those are taken again at any moment.
FREE_PORTS = range(20_000, 32_000)
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104


@dataclass(frozen=True)
class Address:
    """A host and a port to listen on."""

    host: str
    port: int

    @classmethod
    def free(cls, host: str, port: int) -> "Address":
        """An address nobody listens on; port 0 stands for any. Raises ConfigError when it is taken or not ours."""
        if port:
            problem = _bind(host, port)
            if problem:
                raise ConfigError(f"cannot listen on {host} port {port}: {problem}; choose another with --port, or 0")
            return cls(host, port)
        for candidate in random.sample(FREE_PORTS, 100):
            problem = _bind(host, candidate)
            if not problem:
                return cls(host, candidate)
        raise ConfigError(f"cannot listen on {host}: {problem}")

    @property
    def url(self) -> str:
        """For people on this machine."""
        host = _ANY.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def serves(self) -> bool:
        """Whether a web server answers there, if only that one has to log in."""
        answer = self._get("/server_info")
        return answer is not None and answer[0] < 500

    def has_daemon(self) -> bool:
        """Whether the web server there sees a daemon that starts what is queued."""
        answer = self._get("/health")
        return answer is not None and bool(json.loads(answer[1])["checks"]["daemon"]["status"] == "healthy")

    def _get(self, path: str) -> tuple[int, bytes] | None:
        """Status and body; None: nobody answers."""
        connection = HTTPConnection(_ANY.get(self.host, self.host), self.port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()


def _bind(host: str, port: int) -> str | None:
    """Why one cannot listen there, or None."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        return error.strerror or str(error)
    return None
