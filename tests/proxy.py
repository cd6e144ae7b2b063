"""A TCP proxy between a client and a server of the tests, whose line can be cut, and go silent."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

CHUNK = 1 << 16


class Proxy:
    """Listens on a port of its own and passes on what comes."""

    def __init__(self, upstream: int | str) -> None:
        """`upstream`: a port of this machine, or the path of a Unix socket."""
        self._upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._cut = self._silent = self._closed = False
        self._obeyed = threading.Event()
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """End all connections, and new ones at once."""
        self._set(cut=True)

    def silence(self) -> None:
        """Keep connections, and pass nothing on."""
        self._set(silent=True)

    def restore(self) -> None:
        """Pass everything on again."""
        self._set()

    def close(self) -> None:
        self._closed = True
        self._wake.send(b"x")
        self._thread.join()
        for end in (self._listener, self._wake, self._woken):
            end.close()

    def _set(self, *, cut: bool = False, silent: bool = False) -> None:
        self._obeyed.clear()
        self._cut, self._silent = cut, silent
        self._wake.send(b"x")
        assert self._obeyed.wait(10)

    def _run(self) -> None:
        # Nobody else closes a socket: `select` must not be asked about one that is no more.
        while not self._closed:
            ends = [] if self._silent else list(self._pairs)
            readable, _, _ = select.select([self._listener, self._woken, *ends], [], [])
            if self._woken in readable:
                self._woken.recv(CHUNK)
                if self._cut:
                    self._drop(list(self._pairs))
                self._obeyed.set()
                continue
            for end in readable:
                if end is self._listener:
                    self._accept()
                elif end in self._pairs:
                    self._pass_on(end)
        self._drop(list(self._pairs))

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        if self._cut:
            client.close()
            return
        try:
            server = self._connect()
        except OSError:
            client.close()
            return
        for end in (client, server):
            if end.family != socket.AF_UNIX:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pairs[client], self._pairs[server] = server, client

    def _connect(self) -> socket.socket:
        if isinstance(self._upstream, int):
            return socket.create_connection(("127.0.0.1", self._upstream))
        server = socket.socket(socket.AF_UNIX)
        server.connect(self._upstream)
        return server

    def _pass_on(self, end: socket.socket) -> None:
        try:
            data = end.recv(CHUNK)
            if data:
                self._pairs[end].sendall(data)
                return
        except OSError:
            pass  # either side has gone: the other one goes too
        self._drop([end])

    def _drop(self, ends: list[socket.socket]) -> None:
        for end in ends:
            other = self._pairs.pop(end, None)
            if other is not None:
                del self._pairs[other]
                other.close()
                end.close()


@contextmanager
def proxy_to(upstream: int | str) -> Iterator[Proxy]:
    """A proxy to a port of this machine, or to a Unix socket."""
    proxy = Proxy(upstream)
    yield proxy
    proxy.close()
