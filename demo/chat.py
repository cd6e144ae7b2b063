"""A chat export as Slack makes them, made up: the same for the same numbers."""

import json
import random
import zipfile
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

PEOPLE = ("Ada", "Grace", "Linus", "Margaret", "Ken", "Barbara", "Dennis", "Radia")
CHANNELS = ("general", "engineering", "data-platform", "releases", "support")
SYSTEMS = ("BillingService", "OrderQueue", "SearchIndex", "DataLake", "PaymentGateway", "AuditLog", "MobileApp")
TOOLS = ("PostgreSQL", "Kafka", "Redis", "Dagster", "Kubernetes", "Grafana", "Terraform")
START = datetime(2026, 3, 2, 8, tzinfo=timezone.utc)
SAYINGS = (
    "We decided to move the {system} to {tool} before the end of the quarter.",
    "The {system} depends on {tool}, so the upgrade has to wait until Thursday.",
    "{person} will write the migration guide for the {system} by Friday.",
    "The deploy of the {system} failed twice because {tool} ran out of memory.",
    "We agreed that {person} owns the {system} from next sprint on.",
    "The {system} uses {tool} for everything that has to survive a restart.",
    "Error rates of the {system} went down from {number} to 3 per minute after the fix.",
    "I will prepare the numbers of the {system} for the review on Monday.",
    "The {system} now runs on {tool} {number} in production.",
    "{tool} {number} fixes the leak that we saw in the {system} last week.",
)
CHATTER = (
    "thanks!",
    "Does anybody know why the {system} is slow today?",
    "lol, same here",
    "good morning everybody",
    "Can {person} have a look at this?",
    "+1",
    ":tada:",
    "brb, lunch",
)


@dataclass(frozen=True)
class Habits:
    """Which shares of the messages are replies, have been edited, or are deleted: an export leaves those out."""

    replies: float = 0.0
    edited: float = 0.0
    deleted: float = 0.0


def write_export(
    path: Path,
    *,
    channels: int,
    messages: int,
    seed: int = 0,
    start: datetime = START,
    habits: Habits = Habits(),
) -> list[str]:
    """Write the ZIP, with so many messages in all, a minute apart; the ids of its channels.

    With other shares of edited and deleted ones it is a later export of the same chat.
    """
    dice = random.Random(seed)
    ids = [f"C{number:05}" for number in range(1, channels + 1)]
    names = [_name(number) for number in range(channels)]
    days: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for number in range(messages):
        at = start + timedelta(minutes=number)
        entry = _message(dice, at, number)
        # The first and the last stay: what was deleted after the last cannot be told from what is still to come.
        if not channels <= number < messages - channels or _lives(entry, number, channels, habits):
            days[f"{names[number % channels]}/{at:%Y-%m-%d}.json"].append(entry)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        users = [{"id": f"U{n}", "name": name.lower(), "profile": {"real_name": name}} for n, name in enumerate(PEOPLE)]
        archive.writestr("users.json", json.dumps(users))
        listed = [{"id": id_, "name": name} for id_, name in zip(ids, names, strict=True)]
        archive.writestr("channels.json", json.dumps(listed))
        for name, entries in days.items():
            archive.writestr(name, json.dumps(entries))
    return ids


def _lives(entry: dict[str, Any], number: int, channels: int, habits: Habits) -> bool:
    """Let a message have its fate, and say whether it is still there. Its dice are its own: the others stay."""
    dice = random.Random(f"{entry['ts']}/{number}")
    is_reply, is_edited, is_deleted = (dice.random() for _ in range(3))
    if is_deleted < habits.deleted:
        return False
    if is_reply < habits.replies:
        at = float(entry["ts"].partition(".")[0]) - 60 * channels
        entry["thread_ts"] = f"{int(at)}.{(number - channels) % 1_000_000:06}"
    if is_edited < habits.edited:
        later = f"{int(entry['ts'].partition('.')[0]) + 30}.000000"
        system = SYSTEMS[number % len(SYSTEMS)]
        entry |= {"text": f"We decided to stop the {system} after all.", "edited": {"user": entry["user"], "ts": later}}
    return True


def _name(number: int) -> str:
    return CHANNELS[number] if number < len(CHANNELS) else f"team-{number + 1}"


def _message(dice: random.Random, at: datetime, number: int) -> dict[str, Any]:
    words = {
        "system": dice.choice(SYSTEMS),
        "tool": dice.choice(TOOLS),
        "person": f"<@U{dice.randrange(len(PEOPLE))}>",
        "number": dice.randint(4, 99),
    }
    text = dice.choice(SAYINGS if dice.random() < 0.4 else CHATTER).format(**words)
    user = f"U{dice.randrange(len(PEOPLE))}"
    return {"type": "message", "user": user, "text": text, "ts": f"{int(at.timestamp())}.{number % 1_000_000:06}"}
