"""Makes up calls of an agency: the same ones for the same seed."""

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

DIRECTIONS, STATUSES = ("inbound", "outbound"), ("completed", "no-answer", "busy", "voicemail")
HEADER = "call_id,started_at,duration_s,direction,from_number,to_number,status,campaign"


def make_calls(count: int, start: datetime, end: datetime, *, seed: int = 1) -> Iterator[dict[str, Any]]:
    """So many calls, evenly spread from `start` to before `end`."""
    chance = random.Random(seed)
    step = (end - start) / count
    for number in range(count):
        began = start + step * number
        yield {
            "call_id": f"c{seed}-{number:08}",
            "started_at": began.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "duration_s": int(chance.expovariate(1 / 180)),
            "direction": chance.choice(DIRECTIONS),
            "from_number": f"+1555{chance.randrange(10_000_000):07}",
            "to_number": "+15550100000",
            "status": chance.choice(STATUSES),
            "campaign": f"spring-{chance.randrange(4)}",
        }


def write_csv(path: Path, count: int, start: datetime, end: datetime, *, seed: int = 1) -> None:
    """A CSV file of them."""
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER + "\n")
        file.writelines(",".join(map(str, call.values())) + "\n" for call in make_calls(count, start, end, seed=seed))


def write_days(folder: Path, per_day: int, start: datetime, days: int, *, seed: int = 1) -> int:
    """A JSON Lines file for each day; how many calls in all. The day decides the ids, so days never share one."""
    folder.mkdir(parents=True, exist_ok=True)
    for day in range(days):
        begin = start + timedelta(days=day)
        calls = make_calls(per_day, begin, begin + timedelta(days=1), seed=seed * 10_000 + day)
        text = "".join(json.dumps(call) + "\n" for call in calls)
        (folder / f"{begin:%Y-%m-%d}.jsonl").write_text(text, encoding="utf-8")
    return per_day * days
