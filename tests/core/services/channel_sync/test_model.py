"""Facts by a model in a sync, and by rules where the model fails: then the job says so."""

import json
from collections.abc import Iterator

import pytest

from supersync_core.connectors.config import ConnectorConfig
from supersync_core.connectors.memory.config import Config
from supersync_core.connectors.openai.config import Config as Model
from supersync_core.domain.execution import Trigger
from supersync_core.services.channel_sync.jobs import read_job
from supersync_core.services.configuration import ChannelSyncConfig
from supersync_core.services.pipelines import register_pipeline
from supersync_core.services.run import run_pipeline
from tests.core.services.channel_sync.conftest import NOON, Talk, said
from tests.listener import Answer, Listener, listener

DECIDED = "We decided to move the billing service to PostgreSQL before March."
FACT = {"message": 0, "text": DECIDED, "type": "opinion", "quality": 0.9, "importance": 0.4}


@pytest.fixture
def model() -> Iterator[Listener]:
    with listener() as here:
        content = json.dumps({"facts": [FACT]})
        answer = {"choices": [{"message": {"content": content}}]}
        here.answer = lambda request: Answer(200, json.dumps(answer).encode())
        yield here


def sync(talk: Talk, model: Listener) -> list[str]:
    """Sync with that model; the notes of the job."""
    declared = ChannelSyncConfig.model_validate(
        {"name": "C1", "kind": "channel_sync", "source": {"connection": "chat", "channel": "C1"}, "facts": "model"}
    )
    with talk.ledger.begin() as session:
        register_pipeline(session, declared.declaration(), at=NOON)
    connections: dict[str, ConnectorConfig] = {
        "chat": Config(database=talk.name),
        "model": Model(base_url=f"{model.url}/", model="small", retries=0),
    }
    run_pipeline(talk.ledger, connections, "C1", trigger=Trigger.MANUAL)
    with talk.ledger.begin() as session:
        return list(read_job(session, "C1").notes)


def test_a_model_finds_the_facts(talk: Talk, model: Listener) -> None:
    talk.say(said(1, DECIDED))
    assert sync(talk, model) == []
    # The rules say decision.
    assert talk.rows("SELECT text, kind FROM facts") == [(DECIDED, "opinion")]


@pytest.mark.parametrize("answer", [Answer(500), Answer(401), Answer(200, b"nonsense")])
def test_where_the_model_fails_rules_find_them_and_the_job_says_so(talk: Talk, model: Listener, answer: Answer) -> None:
    model.answer = lambda request: answer
    talk.say(said(1, DECIDED), said(2, "thanks!"))
    (note,) = sync(talk, model)
    assert "the facts of 2 messages were found by rules: the model" in note
    assert talk.rows("SELECT text, kind FROM facts") == [(DECIDED, "decision")]


def test_a_model_that_is_away_is_asked_once(talk: Talk, model: Listener) -> None:
    model.answer = lambda request: Answer(503)
    talk.say(*(said(number, f"{DECIDED} {number}") for number in range(600)))
    sync(talk, model)
    assert len(model.requests) == 1
    assert talk.rows("SELECT count(*) FROM facts") == [600]
