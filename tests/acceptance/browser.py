"""Debian's Chromium, driven over its own protocol: https://chromedevtools.github.io/devtools-protocol/."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.acceptance.console import until

CHROMIUM = shutil.which("chromium")
SHOTS = os.environ.get("SUPERSYNC_TEST_SHOTS")
AXE = Path(__file__).parent / "axe/vendor/axe.min.js"
# No name but this machine's is found, so nothing leaves it whatever a page asks for.
OPTIONS = [
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-extensions", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--disable-features=BackForwardCache",
    *("--remote-debugging-port=0", "--remote-allow-origins=*"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


class Page:
    """One page. What it has said and asked for is kept: console, policy violations, addresses of requests."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection, self._number = connection, 0
        self.problems: list[str] = []
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.look()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol; its result."""
        self._number += 1
        self._connection.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._connection.recv(timeout=60))
            if message.get("id") == self._number:
                assert "error" not in message, (method, message["error"])
                result: dict[str, Any] = message["result"]
                return result
            self._note(message.get("method"), message.get("params", {}))

    def open(self, url: str) -> None:
        """Go to an address, and wait until the page is loaded with its scripts."""
        self.call("Page.navigate", url=url)
        until(lambda: self.run("location.href !== 'about:blank' && document.readyState === 'complete'"), 30)

    @contextmanager
    def holding(self, pattern: str) -> Iterator[None]:
        """Requests for addresses like `pattern` are on their way as long as this lasts."""
        self.call("Fetch.enable", patterns=[{"urlPattern": pattern}])
        yield
        self.call("Fetch.disable")

    def leave(self) -> None:
        """Forget what was seen: cookies, storage, cache."""
        self.call("Storage.clearDataForOrigin", origin=self.run("location.origin"), storageTypes="all")
        self.call("Page.navigate", url="about:blank")
        self.call("Network.clearBrowserCookies")
        self.call("Network.clearBrowserCache")

    def run(self, script: str) -> Any:
        """The value of an expression, or of the promise that it is."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, script: str, seconds: float = 30) -> bool:
        """Wait until an expression is true, or something; fails with what the page shows."""
        try:
            return bool(until(lambda: self.run(f"Boolean({script})"), seconds))
        except AssertionError as error:
            raise AssertionError(f"{error}: {script}; the page shows {self.run('document.body.innerText')}") from None

    def look(self, *, dark: bool = False, width: int = 1280, height: int = 900) -> None:
        """Show the page in a window of that size, to somebody who prefers dark. Nothing moves: that takes much time."""
        preferences = {"color-scheme": "dark" if dark else "light", "reduced-motion": "reduce"}
        features = [{"name": f"prefers-{name}", "value": value} for name, value in preferences.items()]
        self.call("Emulation.setEmulatedMedia", features=features)
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )

    def click(self, selector: str) -> None:
        """Click where the element is, as a mouse does."""
        at = json.dumps(selector)
        self.run(f"document.querySelector({at}).scrollIntoView({{block: 'center'}})")
        box = self.run(
            f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])"
            f"(document.querySelector({at}).getBoundingClientRect())"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def key(self, name: str) -> None:
        """Press a key such as Tab."""
        for kind in ("keyDown", "keyUp"):
            code, text = _KEYS[name]
            # Without its text a key moves the focus, and presses nothing.
            typed = {"text": text} if text and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code, **typed)

    def shot(self, name: str) -> None:
        """Keep a picture of the page for who looks at them, in the directory that SUPERSYNC_TEST_SHOTS names."""
        if SHOTS:
            found = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=self._whole())
            Path(SHOTS, f"{name}.png").write_bytes(base64.b64decode(found["data"]))

    def axe(self) -> list[str]:
        """What axe-core finds wrong that is serious or worse."""
        self.run(AXE.read_text() + "; 0")
        found = self.run("axe.run(document, {resultTypes: ['violations']}).then((found) => found.violations)")
        return [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in found
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"][:3]
        ]

    def foreign(self, url: str) -> list[str]:
        """Requests that went elsewhere."""
        ours = urlsplit(url).netloc
        return [one for one in self.requests if urlsplit(one).netloc != ours and not one.startswith("data:")]

    def _whole(self) -> dict[str, Any]:
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        return {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 4000), "scale": 1}

    def _note(self, method: str | None, event: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(event["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.problems.append(str(event["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and event["type"] in ("error", "warning", "assert"):
            self.problems.append(str([argument.get("value") for argument in event["args"]]))
        elif method == "Log.entryAdded" and event["entry"]["level"] in ("error", "warning"):
            self.problems.append(f"{event['entry']['text']} {event['entry'].get('url', '')}")


_KEYS = {
    "Tab": (9, ""),
    "Enter": (13, "\r"),
    "Escape": (27, ""),
    " ": (32, " "),
    "ArrowLeft": (37, ""),
    "ArrowRight": (39, ""),
}


@pytest.fixture(scope="session")
def browser() -> Iterator[str]:
    """The worker's Chromium, which knows no host but this machine's address: where its only page takes commands."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        command = [CHROMIUM, *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            port = until(lambda: _port(Path(profile)), 30)
            yield _target(port)
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture
def page(browser: str) -> Iterator[Page]:
    """The page, which knows nothing of the tests before. A new one would cost as much as a test: its own process."""
    with connect(browser, max_size=None, compression=None) as connection:  # it is this machine, and axe is large
        page = Page(connection)
        yield page
        page.leave()


def _port(profile: Path) -> str | None:
    file = profile / "DevToolsActivePort"
    return file.read_text().split()[0] if file.exists() and file.read_text().strip() else None


def _target(port: str) -> str:
    targets = until(lambda: httpx.get(f"http://127.0.0.1:{port}/json/list").json())
    return str(next(one["webSocketDebuggerUrl"] for one in targets if one["type"] == "page"))
