"""A Slack workspace of the tests: enough of its web API, over HTTP."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.listener import Answer, Listener, Request, listener

TOKEN = "xoxb-the-tests"


@dataclass
class FakeSlack:
    """`messages`: by channel, replies among them. `page`: how many an answer has at most.

    `raw`: messages are given as they are, whatever is asked for. `limited`: so many of the next requests are
    asked to wait `retry_after` seconds. `failing`: so many get a 500.
    """

    listener: Listener
    channels: list[dict[str, Any]] = field(default_factory=list)
    users: list[dict[str, Any]] = field(default_factory=list)
    messages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    page: int = 100
    limited: int = 0
    failing: int = 0
    retry_after: str = "0"
    refusal: str = ""
    raw: bool = False
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        return f"{self.listener.url}/api/"

    def answer(self, request: Request) -> Answer:
        parts = urlsplit(request.path)
        given = {name: values[-1] for name, values in parse_qs(parts.query + "&" + request.body.decode()).items()}
        method = parts.path.removeprefix("/api/")
        self.calls.append((method, given))
        if self.limited:
            self.limited -= 1
            return _json({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": self.retry_after})
        if self.failing:
            self.failing -= 1
            return Answer(500, b"<html>oops</html>")
        if request.headers.get("authorization") != f"Bearer {TOKEN}" or self.refusal:
            return _json({"ok": False, "error": self.refusal or "invalid_auth"})
        return self._page(method, given)

    def _page(self, method: str, given: dict[str, str]) -> Answer:
        if method in ("conversations.history", "conversations.replies") and given["channel"] not in self.messages:
            return _json({"ok": False, "error": "channel_not_found"})
        key, found = self._found(method, given)
        begin = int(given.get("cursor", "0"))
        end = begin + min(self.page, int(given.get("limit", self.page)))
        following = str(end) if end < len(found) else ""
        return _json({"ok": True, key: found[begin:end], "response_metadata": {"next_cursor": following}})

    def _found(self, method: str, given: dict[str, str]) -> tuple[str, list[dict[str, Any]]]:
        if method == "conversations.list":
            return "channels", self.channels
        if method == "users.list":
            return "members", self.users
        said = self.messages[given["channel"]]
        if self.raw:
            return "messages", said
        if method == "conversations.replies":
            thread = [one for one in said if given["ts"] in (one["ts"], one.get("thread_ts"))]
            oldest = float(given.get("oldest", "0"))
            # As Slack does: the parent comes always.
            return "messages", [one for one in thread if one["ts"] == given["ts"] or float(one["ts"]) > oldest]
        assert method == "conversations.history", method
        bounds = float(given.get("oldest", "0")), float(given.get("latest", "inf"))
        top = [one for one in said if one.get("thread_ts", one["ts"]) == one["ts"]]
        within = [one for one in top if bounds[0] <= float(one["ts"]) <= bounds[1]]
        return "messages", sorted(within, key=lambda one: -float(one["ts"]))


@contextmanager
def fake_slack() -> Iterator[FakeSlack]:
    with listener() as here:
        slack = FakeSlack(here)
        here.answer = slack.answer
        yield slack


def _json(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, json.dumps(content).encode(), {"Content-Type": "application/json", **(headers or {})})
