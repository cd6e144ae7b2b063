"""CallRail and Twilio as far as their lists of calls go, on this machine."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

START = datetime(2025, 1, 1, tzinfo=timezone.utc)
ACCOUNT, SID = "ACC1", "AC" + "0" * 32
Reply = tuple[int, Any, dict[str, str]]


@dataclass
class Platforms:
    """Knows calls, one an hour. `replies`: what the next requests get instead; `asked`: their queries."""

    count: int
    url: str = ""
    replies: list[Reply] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)

    def begun(self, since: str, until: str) -> list[tuple[int, datetime]]:
        """The calls of a range whose ends both count."""
        low, high = (datetime.fromisoformat(one.replace("Z", "+00:00")) for one in (since, until))
        times = ((number, START + timedelta(hours=number)) for number in range(self.count))
        return [(number, at) for number, at in times if low <= at <= high]

    def answer(self, path: str, headers: Any) -> Reply:
        """Status, body and headers."""
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.asked.append(query)
        self.hold.wait(30)
        if self.replies:
            return self.replies.pop(0)
        if parts.path == f"/v3/a/{ACCOUNT}/calls.json":
            known = headers.get("authorization") == 'Token token="key"'
            return (200, self._callrail(query), {}) if known else (401, {"error": "HTTP Token: Access denied."}, {})
        if parts.path == f"/2010-04-01/Accounts/{SID}/Calls.json":
            known = headers.get("authorization", "").startswith("Basic ")
            return (200, self._twilio(query), {}) if known else (401, {"code": 20003}, {})
        return 404, {}, {}

    def _callrail(self, query: dict[str, str]) -> Any:
        found = self.begun(query["start_date"], query["end_date"])
        page, size = int(query["page"]), int(query["per_page"])
        calls = [
            {
                "id": f"CAL{number}",
                "start_time": at.isoformat(),
                "duration": 60,
                "direction": "inbound",
                "customer_phone_number": "+15550001111",
                "business_phone_number": "+15550002222",
                "answered": True,
            }
            for number, at in found[(page - 1) * size : page * size]
        ]
        pages = max(1, -(-len(found) // size))
        return {"page": page, "per_page": size, "total_pages": pages, "total_records": len(found), "calls": calls}

    def _twilio(self, query: dict[str, str]) -> Any:
        found = self.begun(query["StartTime>"], query["StartTime<"])[::-1]
        page, size = int(query.get("Page", 0)), int(query["PageSize"])
        calls = [
            {
                "sid": f"CA{number:032}",
                "start_time": format_datetime(at),
                "duration": "60",
                "direction": "outbound-api",
                "from": "+15550001111",
                "to": "+15550002222",
                "status": "completed",
                "subresource_uris": {"recordings": "/2010-04-01/..."},
            }
            for number, at in found[page * size : (page + 1) * size]
        ]
        more = (page + 1) * size < len(found)
        following = f"/2010-04-01/Accounts/{SID}/Calls.json?{urlencode({**query, 'Page': page + 1})}"
        return {"calls": calls, "next_page_uri": following if more else None}


@contextmanager
def platforms(count: int) -> Iterator[Platforms]:
    """Both, running."""
    fake = Platforms(count)
    fake.hold.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802  # as the base class has it
            status, body, headers = fake.answer(self.path, self.headers)
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield fake
    finally:
        fake.hold.set()
        server.shutdown()
        server.server_close()
