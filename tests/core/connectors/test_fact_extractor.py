"""A model behind an API like OpenAI's finds facts: what it is asked, what is taken of its answers. Against a fake."""

import json
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from supersync_core.connectors.openai import build_fact_extractor
from supersync_core.connectors.openai.config import Config
from supersync_core.domain.facts import FactKind, Proposal
from supersync_core.domain.message import Message
from supersync_core.errors import AccessDenied, BadData, Cancelled, PlatformError, RateLimited, SupersyncError
from tests.listener import Answer, Listener, Request, listener

KEY = "sk-the-tests"
NOON = datetime(2026, 3, 2, 12, tzinfo=timezone.utc)
FACT = {"message": 0, "text": "Ada fixed the build", "type": "observation", "quality": 0.9, "importance": 0.4}


def said(*texts: str) -> list[Message]:
    return [Message("slack", "C1", str(n), None, "U1", "Ada", text, NOON) for n, text in enumerate(texts)]


def answering(content: Any) -> Answer:
    text = content if isinstance(content, str) else json.dumps(content)
    return Answer(200, json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode())


@pytest.fixture
def model() -> Iterator[Listener]:
    with listener() as here:
        here.answer = lambda request: answering({"facts": [FACT]})
        yield here


def config(model: Listener, **given: Any) -> Config:
    values = {"base_url": f"{model.url}/v1/", "model": "small", "api_key": SecretStr(KEY), "retries": 0}
    return Config(**(values | given))


def test_the_model_is_shown_messages_as_data_and_the_form_of_the_answer(model: Listener) -> None:
    found = build_fact_extractor(config(model)).propose(said("I fixed the build", "hi"))
    assert found == [[Proposal("Ada fixed the build", FactKind.OBSERVATION, 0.9, 0.4)], []]
    (request,) = model.requests
    body = json.loads(request.body)
    assert (request.path, request.headers["authorization"]) == ("/v1/chat/completions", f"Bearer {KEY}")
    assert (body["model"], body["temperature"], body["response_format"]["type"]) == ("small", 0, "json_schema")
    assert json.loads(body["messages"][1]["content"])[1] == {"message": 1, "author": "Ada", "text": "hi"}


def test_many_messages_are_asked_about_in_parts(model: Listener) -> None:
    found = build_fact_extractor(config(model, messages_per_request=2)).propose(said(*"abcde"))
    assert len(model.requests) == 3
    assert [len(one) for one in found] == [1, 0, 1, 0, 1]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("no json", id="no JSON"),
        pytest.param({}, id="no facts"),
        pytest.param({"facts": [FACT | {"message": 7}]}, id="of a message that there is not"),
        pytest.param({"facts": [FACT | {"message": -1}]}, id="of a message before the first"),
        pytest.param({"facts": [FACT | {"type": "joke"}]}, id="of a type that there is not"),
        pytest.param({"facts": [FACT | {"quality": 7}]}, id="too good"),
        pytest.param({"facts": [FACT | {"quality": "0.9"}]}, id="a number as text"),
        pytest.param({"facts": [FACT | {"more": 1}]}, id="something else beside"),
        pytest.param({"facts": [{"text": "x"}]}, id="half a fact"),
        pytest.param({"facts": [FACT], "more": 1}, id="something else around"),
    ],
)
def test_an_answer_in_another_form_is_refused(model: Listener, content: Any) -> None:
    model.answer = lambda request: answering(content)
    with pytest.raises(BadData):
        build_fact_extractor(config(model)).propose(said("I fixed the build"))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(401), AccessDenied),
        (Answer(429, headers={"Retry-After": "7"}), RateLimited),
        (Answer(503), PlatformError),
        (Answer(400), BadData),
        (Answer(302, headers={"Location": "http://127.0.0.1:9/"}), BadData),
        (Answer(200, b"<html>"), BadData),
        (Answer(200, b"[]"), BadData),
        (Answer(200, b'{"choices": []}'), BadData),
        (Answer(200, b" " * (5 << 20)), BadData),
    ],
)
def test_what_is_no_answer_is_an_error_of_ours(model: Listener, answer: Answer, error: type[SupersyncError]) -> None:
    model.answer = lambda request: answer
    with pytest.raises(error) as raised:
        build_fact_extractor(config(model)).propose(said("I fixed the build"))
    assert KEY not in str(raised.value)


def test_a_request_that_fails_is_repeated_as_late_as_it_is_asked_to(model: Listener) -> None:
    answers = [Answer(503), Answer(429, headers={"Retry-After": "0"})]
    model.answer = lambda request: answers.pop(0) if answers else answering({"facts": []})
    assert build_fact_extractor(config(model, retries=2)).propose(said("hello")) == [[]]
    assert len(model.requests) == 3


def test_a_server_that_is_not_there_is_an_error_of_the_platform() -> None:
    with pytest.raises(PlatformError):
        build_fact_extractor(Config(base_url="http://127.0.0.1:9/", model="small", retries=0)).propose(said("hello"))


def test_a_cancel_does_not_wait_for_the_model(model: Listener) -> None:
    asked, over = threading.Event(), threading.Event()

    def answer(request: Request) -> Answer:
        asked.set()
        over.wait(20)
        return answering({"facts": []})

    model.answer = answer
    extractor = build_fact_extractor(config(model))
    threading.Thread(target=lambda: asked.wait(10) and extractor.cancel(), daemon=True).start()
    begun = time.monotonic()
    with pytest.raises(Cancelled):
        extractor.propose(said("hello"))
    assert time.monotonic() - begun < 5
    over.set()


@pytest.mark.parametrize("given", [{"model": ""}, {"base_url": "api"}, {"messages_per_request": 0}, {"colour": 1}])
def test_a_configuration_that_cannot_work_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config(**({"model": "small"} | given))


def test_a_key_is_not_shown() -> None:
    assert KEY not in repr(Config(model="small", api_key=SecretStr(KEY)))
