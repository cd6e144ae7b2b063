"""A month of an agency's calls, made up, imported as a user of Supabase asks for it."""

import secrets
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import httpx
import jwt
import psycopg2

from demo.calls import write_days

AGENCY, USER = uuid.UUID("7a0c5d1e-0000-4000-8000-000000000001"), uuid.UUID("7a0c5d1e-0000-4000-8000-000000000002")
START, DAYS, PER_DAY = datetime(2025, 1, 1, tzinfo=timezone.utc), 31, 400
WAIT_S, LOOK_S = 120, 0.2
FUNCTIONS = "/functions/v1"


def make_month(folder: Path) -> int:
    """A file for each day; how many calls."""
    return write_days(folder / str(AGENCY), PER_DAY, START, DAYS)


def new_secret() -> str:
    """What signs the tokens of this demo, as a project of Supabase has one."""
    return secrets.token_urlsafe(32)


def import_month(address: str, ledger: str, secret: str, say: Callable[[str], None]) -> dict[str, Any]:
    """Import the month over HTTP; the job at its end. Raises SystemExit where it does not complete."""
    with psycopg2.connect(ledger) as connection, connection.cursor() as cursor:
        user = "insert into supersync.users values (%s, %s) on conflict (id) do nothing"
        cursor.execute(user, (str(USER), str(AGENCY)))
    connection.close()
    claims = {"sub": str(USER), "aud": "authenticated", "role": "authenticated", "exp": int(time.time()) + 3600}
    headers = {"Authorization": f"Bearer {jwt.encode(claims, secret, 'HS256')}"}
    with httpx.Client(base_url=address, headers=headers, timeout=30) as client:
        month = {"date_from": "2025-01-01", "date_to": "2025-02-01"}
        client.post(f"{FUNCTIONS}/start-historical-sync", json=month).raise_for_status()
        return _wait(client, say)


def _wait(client: httpx.Client, say: Callable[[str], None]) -> dict[str, Any]:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        found = client.get(f"{FUNCTIONS}/get-sync-status").raise_for_status().json()
        if not found["active"]:
            job: dict[str, Any] = found["recent_job"]
            if job["status"] != "completed":
                break
            return job
        say(f"{found['job']['status'].replace('_', ' ')}, {found['job']['progress_percent'] or 0} %")
        time.sleep(LOOK_S)
    raise SystemExit(f"the import of calls did not complete: {found}")
