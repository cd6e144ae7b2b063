"""A sync of a channel, from messages to the wiki, in a real ledger."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from supersync_core.engines.channel_sync.engine import TooManyFailures
from supersync_core.engines.channel_sync.store import NewFact, Pending
from supersync_core.errors import NotFound, Unavailable
from supersync_core.ledger import chats, facts, wiki
from supersync_core.services.channel_sync.extraction import RuleExtraction
from tests.core.services.channel_sync.conftest import MADE, Talk, said

DECIDED = "We decided to move the billing service to PostgreSQL before March."
REPORTED = "The deploy of the billing service takes forty minutes on Fridays."


def test_messages_become_facts_entities_and_pages(talk: Talk) -> None:
    talk.say(said(1, DECIDED), said(2, REPORTED))
    report = talk.sync()
    assert (report.counts.extracted, report.counts.inserted, report.complete) == (2, 2, True)
    assert talk.rows("SELECT message_id FROM chat_messages ORDER BY id") == ["m1", "m2"]
    assert len(talk.rows("SELECT id FROM facts WHERE graphed")) == 2
    assert "PostgreSQL" in " ".join(talk.rows("SELECT name FROM entities"))
    assert "general.overview" in talk.rows("SELECT slug FROM wiki_pages")


def test_a_second_sync_creates_nothing_twice(talk: Talk) -> None:
    talk.say(said(1, DECIDED), said(2, REPORTED))
    talk.sync()
    state = "SELECT (SELECT count(*) FROM facts), (SELECT count(*) FROM entities), (SELECT count(*) FROM wiki_versions)"
    before = talk.rows(state)
    assert talk.sync().counts.extracted == 0
    assert talk.sync(full=True).counts.unchanged == 2
    assert talk.rows(state) == before


def test_a_sync_reads_on_where_the_last_one_ended(talk: Talk) -> None:
    talk.say(said(1, DECIDED))
    talk.sync()
    talk.say(said(2, REPORTED))
    report = talk.sync()
    assert (report.counts.extracted, report.counts.inserted, report.complete) == (1, 1, False)


def test_an_edited_message_has_the_facts_of_its_new_text(talk: Talk) -> None:
    talk.say(said(1, DECIDED), said(2, REPORTED))
    talk.sync()
    talk.change("m1", text="We decided to move the billing service to MariaDB after all.")
    assert talk.sync(full=True).counts.updated == 1
    texts = " ".join(talk.rows("SELECT text FROM facts"))
    assert "MariaDB" in texts and "PostgreSQL" not in texts
    assert "PostgreSQL" not in " ".join(talk.rows("SELECT name FROM entities"))


def test_a_message_that_is_gone_takes_its_facts_along(talk: Talk) -> None:
    talk.say(said(1, REPORTED), said(2, DECIDED), said(3, REPORTED))
    talk.sync()
    del talk.chat.messages[1]
    assert talk.sync(full=True).counts.deleted == 1
    assert talk.rows("SELECT text FROM chat_messages WHERE is_deleted") == [""]
    assert not [text for text in talk.rows("SELECT text FROM facts") if "decided" in text]


def test_the_cursor_is_past_what_is_stored_and_nothing_else(talk: Talk) -> None:
    talk.say(*(said(number, REPORTED) for number in range(1200)))
    talk.chat.failure, talk.chat.failing_at = Unavailable("the platform is away"), "m700"
    with pytest.raises(Unavailable):
        talk.sync()
    assert talk.rows("SELECT count(*) FROM chat_messages") == [500]
    talk.chat.failure = None
    assert talk.sync().counts.extracted == 700
    assert talk.rows("SELECT count(*) FROM facts") == [1200]


def test_a_channel_that_is_not_there_is_not_found(talk: Talk) -> None:
    talk.chat.channels.clear()
    with pytest.raises(NotFound, match="C1"):
        talk.sync()


def break_for(monkeypatch: pytest.MonkeyPatch, *ids: str) -> None:
    """Let extraction fail for these messages."""
    usual = RuleExtraction.__call__

    def extract(rules: RuleExtraction, batch: Sequence[Pending]) -> list[NewFact]:
        if any(one.message.id in ids for one in batch):
            raise ValueError("cannot be read")
        return usual(rules, batch)

    monkeypatch.setattr(RuleExtraction, "__call__", extract)


def test_a_message_that_breaks_its_batch_is_counted_named_and_tried_again(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk.say(*(said(number, REPORTED) for number in range(30)))
    break_for(monkeypatch, "m7", "m9")
    report = talk.sync()
    assert report.counts.inserted == 30
    assert talk.rows("SELECT failing, failing_ids FROM channel_jobs") == [(2, ["m7", "m9"])]
    assert talk.rows("SELECT count(*) FROM facts") == [28]
    assert talk.rows("SELECT failure FROM chat_messages WHERE message_id = 'm7'") == ["ValueError: cannot be read"]
    monkeypatch.undo()
    talk.sync()
    assert talk.rows("SELECT count(*) FROM facts") == [30]
    assert talk.rows("SELECT count(*) FROM chat_messages WHERE failure IS NOT NULL") == [0]


def test_a_sync_fails_when_too_many_messages_do(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    talk.say(*(said(number, REPORTED) for number in range(20)))
    break_for(monkeypatch, *(f"m{number}" for number in range(6)))
    with pytest.raises(TooManyFailures, match="6 messages.*m0"):
        talk.sync()
    assert talk.rows("SELECT count(*) FROM facts") == [14]


def test_what_a_database_cannot_hold_is_left_out_of_a_message(talk: Talk) -> None:
    talk.say(said(1, "half \ud800 and\0 none", author_name="A\0da"))
    talk.sync()
    assert talk.rows("SELECT author_name, text FROM chat_messages") == [("Ada", "half ? and none")]


def test_a_message_that_comes_twice_in_a_page_is_one(talk: Talk) -> None:
    talk.say(said(1, DECIDED), said(1, REPORTED))
    assert talk.sync().counts.inserted == 1
    assert talk.rows("SELECT count(*) FROM chat_messages") == [1]


def test_a_channel_with_many_pages_in_the_wiki_keeps_one_of_each(talk: Talk) -> None:
    depends = "The Service{}X depends on the Gateway{}Y now."
    talk.say(*(said(number, depends.format(number % 40, number % 7)) for number in range(400)))
    talk.sync()
    slugs = talk.rows("SELECT slug FROM wiki_pages WHERE removed_at IS NULL")
    assert len(slugs) == len(set(slugs)) > 40
    talk.chat.messages.clear()
    talk.say(said(500, DECIDED))
    talk.sync(full=True)
    assert len(talk.rows("SELECT slug FROM wiki_pages WHERE removed_at IS NULL")) > 40


PLACES = [
    pytest.param(chats, "put_messages", 2, id="while messages are stored"),
    pytest.param(chats, "note_extracted", 2, id="while facts are stored"),
    pytest.param(facts, "graph_facts", 1, id="while the graph is made"),
    pytest.param(facts, "replace_topics", 1, id="while topics are found"),
    pytest.param(wiki, "put_pages", 1, id="while pages are written"),
    pytest.param(wiki, "remove_pages", 1, id="before the end"),
]


@pytest.mark.parametrize(("module", "name", "call"), PLACES)
def test_a_sync_that_dies_anywhere_and_goes_on_ends_as_one_that_was_never_disturbed(
    talk: Talk, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, call: int
) -> None:
    depends = "The Service{}X depends on the Gateway{}Y now."
    talk.say(*(said(number, depends.format(number % 9, number % 5)) for number in range(700)))
    usual, calls = getattr(module, name), list[int]()

    def dying(*given: Any, **named: Any) -> Any:
        done = usual(*given, **named)
        calls.append(1)
        if len(calls) == call:
            raise RuntimeError("dies before its commit")
        return done

    monkeypatch.setattr(module, name, dying)
    with pytest.raises(RuntimeError):
        talk.sync()
    monkeypatch.undo()
    talk.sync()
    made = talk.rows(MADE)
    with talk.ledger.begin() as session:
        session.execute(text("TRUNCATE supersync.chat_channels, supersync.checkpoints CASCADE"))
    talk.sync()
    assert made == talk.rows(MADE)
    assert len(made) > 2_000
