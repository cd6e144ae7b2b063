"""A made-up chat export, synced through the HTTP API."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from demo.chat import write_export

CHANNELS, MESSAGES = 3, 900
WAIT_S, LOOK_S = 120, 0.1
ENDED = ("failed", "cancelled")


def make_export(path: Path) -> list[str]:
    """Write the export; the ids of its channels."""
    return write_export(path, channels=CHANNELS, messages=MESSAGES)


def sync_channels(address: str, channels: list[str], say: Callable[[str], None]) -> dict[str, Any]:
    """Sync each channel, as any program would ask for it; how many of everything there are then.

    Raises SystemExit where one does not complete.
    """
    with httpx.Client(base_url=address, timeout=30) as client:
        for channel in channels:
            client.post("/api/sync", json={"channel_id": channel}).raise_for_status()
        for channel in channels:
            _wait(client, channel, say)
        found = client.get("/api/channels").raise_for_status().json()["channels"]
    return {key: sum(one[key] for one in found) for key in ("messages", "facts", "entities", "pages")}


def _wait(client: httpx.Client, channel: str, say: Callable[[str], None]) -> None:
    deadline = time.monotonic() + WAIT_S
    while True:
        status = client.get("/api/sync/status", params={"channel_id": channel}).raise_for_status().json()
        say(f"{channel}: {(status['current_stage'] or status['status']).replace('_', ' ')}")
        if status["status"] == "completed":
            return
        if status["status"] in ENDED or time.monotonic() > deadline:
            raise SystemExit(f"the sync of {channel} is {status['status']}: {status['error']}")
        time.sleep(LOOK_S)
