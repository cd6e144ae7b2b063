"""What the documentation shows a receiver to do works on what really arrives."""

import re
from pathlib import Path
from typing import Any

import pytest

from supersync_core.clock import utcnow
from tests.core.services.alerts.conftest import Scene
from tests.core.services.alerts.receiver import SECRET

PAGE = Path(__file__).parents[4] / "docs/how-to/checks-and-alerts.md"


@pytest.fixture
def example() -> Any:
    """The function of the page."""
    (program,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(program, names)
    return names["is_from_supersync"]


def test_the_example_knows_a_genuine_request_from_any_other(scene: Scene, example: Any) -> None:
    scene.now = utcnow()
    scene.find("a")
    scene.deliver()
    (received,) = scene.receiver.received
    headers = {name.title(): value for name, value in received.headers.items()}
    assert example(headers, received.body, SECRET)
    assert not example(headers, received.body, "another")
    assert not example(headers, received.body + b" ", SECRET)
    assert not example(headers | {"X-Supersync-Timestamp": str(int(scene.now.timestamp()) + 1)}, received.body, SECRET)


def test_the_example_refuses_an_old_request(scene: Scene, example: Any) -> None:
    scene.find("a")
    scene.deliver()
    (received,) = scene.receiver.received
    assert received.is_signed
    assert not example({name.title(): value for name, value in received.headers.items()}, received.body, SECRET)


def test_the_page_names_every_key_of_the_body(scene: Scene) -> None:
    scene.find("a")
    scene.deliver()
    body = scene.receiver.received[0].json
    (shown,) = re.findall(r"^```json\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert [key for key in (*body, *body["alerts"][0]) if f'"{key}":' not in shown] == []
