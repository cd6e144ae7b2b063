"""A connection to NATS with an event loop in a thread of its own, so that calls to it are plain ones."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError

from supersync_core.connectors.nats.change_config import ChangeSinkConfig
from supersync_core.errors import AbortError, AccessDenied, Cancelled, NotFound, SupersyncError, Unavailable

T = TypeVar("T")
_STATUS, _NO_RESPONDERS = "Status", "503"
_DENIED = ("authorization violation", "permissions violation", "authentication", "nkey", "user credentials")


class NatsConnection:
    """One connection. It does not reconnect by itself: a lost one is told, and the next call makes another."""

    def __init__(self, config: ChangeSinkConfig) -> None:
        """Connect. Raises Unavailable, AccessDenied or NotFound."""
        self._config = config
        self._loop = asyncio.new_event_loop()
        self._running: Future[Any] | None = None
        self._client = Client()
        self.last_error = ""
        self._inbox = self._client.new_inbox()
        self._sent = 0
        self._waiting: dict[int, asyncio.Future[None]] = {}
        threading.Thread(target=self._loop.run_forever, name="supersync nats", daemon=True).start()
        try:
            self.call(self._connect())
        except SupersyncError:
            self.close()
            raise

    @property
    def max_payload(self) -> int:
        """What the server takes in one message with its headers, in bytes."""
        return self._client.max_payload

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it in the loop. Raises our errors only."""
        running: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        self._running = running
        try:
            return running.result()
        except CancelledError:
            raise Cancelled("cancelled on request") from None
        except SupersyncError:
            raise
        except Exception as error:
            raise self.translated(error) from error

    async def publish(self, subject: str, payload: bytes, headers: dict[str, str]) -> "asyncio.Future[None]":
        """Send a message; the future is done when the stream has it, and fails when it will not."""
        # nats-py's own asynchronous publishing leaves the future of a refused message waiting for ever.
        self._sent += 1
        acknowledged: asyncio.Future[None] = self._loop.create_future()
        self._waiting[self._sent] = acknowledged
        await self._client.publish(subject, payload, reply=f"{self._inbox}.{self._sent}", headers=headers)
        return acknowledged

    async def _on_reply(self, reply: Msg) -> None:
        waiting = self._waiting.pop(int(reply.subject.rpartition(".")[2]), None)
        if waiting is None or waiting.done():
            return
        if reply.headers and reply.headers.get(_STATUS) == _NO_RESPONDERS:
            waiting.set_exception(NoStreamResponseError())
            return
        error = orjson.loads(reply.data).get("error")
        try:
            if error:
                APIError.from_error(error)
            waiting.set_result(None)
        except APIError as refused:
            waiting.set_exception(refused)

    def interrupt(self) -> None:
        """End a running call. From any thread."""
        if running := self._running:
            running.cancel()

    def close(self) -> None:
        """Disconnect and end the loop."""
        if self._loop.is_closed():
            return
        try:
            asyncio.run_coroutine_threadsafe(asyncio.wait_for(self._client.close(), 0.5), self._loop).result(1)
        except Exception as gone:  # whatever it is, the connection is not wanted any more
            self.last_error = str(gone)
        self._loop.call_soon_threadsafe(self._loop.stop)

    def translated(self, error: BaseException) -> SupersyncError:
        """The driver's error as ours."""
        words = f"{self.last_error} {error}".strip() or type(error).__name__
        if any(hint in words.lower() for hint in _DENIED):
            return AccessDenied(f"NATS refuses us: {words}")
        if isinstance(error, NotFoundError):
            return NotFound(f"NATS has no stream {self._config.stream!r}")
        if isinstance(error, NoStreamResponseError):
            return Unavailable("no stream of NATS takes the subject: make one, or wait until JetStream has started")
        if isinstance(error, APIError):
            return Unavailable(f"JetStream does not take it: {error.description or error}")
        if isinstance(error, nats.errors.Error | OSError | asyncio.TimeoutError):
            return Unavailable(f"NATS cannot be reached or does not answer: {words}")
        return AbortError(f"NATS: {type(error).__name__}: {words}")

    async def _connect(self) -> None:
        config = self._config

        async def keep(error: Exception) -> None:
            self.last_error = str(error)

        await asyncio.wait_for(
            self._client.connect(
                servers=[server.strip() for server in config.url.get_secret_value().split(",")],
                name="supersync",
                error_cb=keep,
                allow_reconnect=False,
                max_reconnect_attempts=0,
                connect_timeout=max(1, round(config.connect_timeout_secs)),
                user=config.username,
                password=config.password.get_secret_value() if config.password else None,
                token=config.token.get_secret_value() if config.token else None,
                user_credentials=str(config.credentials_file) if config.credentials_file else None,
            ),
            config.connect_timeout_secs,
        )
        await self._client.subscribe(f"{self._inbox}.*", cb=self._on_reply)
        if config.stream:
            await self._client.jetstream(timeout=config.send_timeout_secs).stream_info(config.stream)
