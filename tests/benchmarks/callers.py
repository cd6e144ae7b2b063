"""Callers of one address, as many as are asked for, each on a connection that it keeps: what they got, and when."""

import asyncio
import json
import sys
import time
from urllib.parse import urlsplit


async def call(url: str, until: float, times: list[float]) -> None:
    """Ask again and again."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port, limit=1 << 22)
    request = f"GET {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode()
    while time.perf_counter() < until:
        begun = time.perf_counter()
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200"):
            raise SystemExit(head.decode())
        await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        times.append(time.perf_counter() - begun)
    writer.close()


async def main(url: str, callers: int, seconds: float) -> None:
    """Print the number of answers in a second, and how long they took."""
    times: list[float] = []
    begun = time.perf_counter()
    await asyncio.gather(*(call(url, begun + seconds, times) for _ in range(callers)))
    took = time.perf_counter() - begun
    times.sort()
    p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
    print(json.dumps({"per_s": len(times) / took, "p50_ms": p50 * 1000, "p99_ms": p99 * 1000, "n": len(times)}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
