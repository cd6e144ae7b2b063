"""Callers of the Watcher dialect, as many as are asked for, each on a connection that it keeps.

python watcher_callers.py URL JOB CALLERS SECONDS [ARGUMENT]: one line of JSON with what they got, and when.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

Job = Callable[["Caller"], Awaitable[None]]


class Caller:
    """One connection."""

    def __init__(self, url: str, number: int, argument: str) -> None:
        self._place = urlsplit(url)
        self.number, self.argument, self.turn, self.pipeline_id = number, argument, 0, 0

    async def connect(self) -> None:
        """Open it, with a pipeline of its own."""
        self._reader, self._writer = await asyncio.open_connection(
            self._place.hostname, self._place.port, limit=1 << 22
        )
        self.pipeline_id = json.loads(await self.ask("POST", "/pipeline", _pipeline(f"caller {self.number}")))["id"]

    async def ask(self, method: str, path: str, body: object = None) -> bytes:
        """The body of an answer that is a success."""
        text = json.dumps(body).encode() if body is not None else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._place.netloc}\r\nContent-Type: application/json\r\n"
        self._writer.write(f"{head}Content-Length: {len(text)}\r\n\r\n".encode() + text)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = answer.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        found = await self._reader.readexactly(int(length or 0))
        if not answer.startswith(b"http/1.1 20"):
            raise SystemExit((answer + found).decode())
        return found


def _pipeline(name: str) -> dict[str, object]:
    return {"name": name, "pipeline_type_name": "extraction"}


async def pair(caller: Caller) -> None:
    """A start and its end."""
    body = {"pipeline_id": caller.pipeline_id, "start_date": "2026-11-22T10:00:00Z"}
    started = json.loads(await caller.ask("POST", "/start_pipeline_execution", body))["id"]
    counts = {"total_rows": 1000, "inserts": 800, "updates": 200, "soft_deletes": 0}
    ending = {"id": started, "end_date": "2026-11-22T10:05:00Z", "completed_successfully": True, **counts}
    await caller.ask("POST", "/end_pipeline_execution", ending)


async def get(caller: Caller) -> None:
    """A GET of the path that is the argument."""
    await caller.ask("GET", caller.argument)


async def lineage(caller: Caller) -> None:
    """Twenty sources and twenty targets; with the argument `new`, other ones each time."""
    turn = caller.turn if caller.argument == "new" else 0
    caller.turn += 1
    sides = {
        side: [
            {
                "name": f"{side}.c{caller.number}t{turn}.table_{n}",
                "address_type_name": "postgres",
                "address_type_group_name": "database",
            }
            for n in range(20)
        ]
        for side in ("source", "target")
    }
    body = {"pipeline_id": caller.pipeline_id, "source_addresses": sides["source"], "target_addresses": sides["target"]}
    await caller.ask("POST", "/address_lineage", body)


JOBS: dict[str, Job] = {"pair": pair, "get": get, "lineage": lineage}


async def work(caller: Caller, job: Job, until: float, times: list[float]) -> None:
    """Do it again and again."""
    while time.perf_counter() < until:
        begun = time.perf_counter()
        await job(caller)
        times.append(time.perf_counter() - begun)


async def main(url: str, job: str, callers: int, seconds: float, argument: str) -> None:
    """Print the number in a second, and how long they took."""
    everyone = [Caller(url, number, argument) for number in range(callers)]
    for caller in everyone:
        await caller.connect()
        await JOBS[job](caller)
    times: list[float] = []
    begun = time.perf_counter()
    await asyncio.gather(*(work(caller, JOBS[job], begun + seconds, times) for caller in everyone))
    took = time.perf_counter() - begun
    times.sort()
    p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
    print(json.dumps({"per_s": len(times) / took, "p50_ms": p50 * 1000, "p99_ms": p99 * 1000, "n": len(times)}))


if __name__ == "__main__":
    arguments = sys.argv[1:] + [""]
    asyncio.run(main(arguments[0], arguments[1], int(arguments[2]), float(arguments[3]), arguments[4]))
