"""A sync of an export, and of a later export of the same chat: with edits, without what was deleted."""

from pathlib import Path

from demo.chat import Habits, write_export
from supersync_core.connectors.slack_export import build_channel_source
from supersync_core.connectors.slack_export.config import Config
from supersync_core.domain.execution import Trigger
from supersync_core.domain.facts import extract_facts
from supersync_core.ledger.database import Ledger
from supersync_core.services.configuration import ChannelSyncConfig
from supersync_core.services.pipelines import register_pipeline
from supersync_core.services.run import ExecutionReport, run_pipeline
from tests.core.services.channel_sync.conftest import NOON, Talk

CHANNEL = "C00001"
MESSAGES = 400


def sync(ledger: Ledger, path: Path, *, full: bool = False) -> ExecutionReport:
    return run_pipeline(ledger, {"chat": Config(path=path)}, CHANNEL, trigger=Trigger.MANUAL, full=full)


def expected(path: Path) -> tuple[int, list[tuple[str, str]]]:
    """How many messages the export has, and the facts in them."""
    messages = [one for page in build_channel_source(Config(path=path)).read(CHANNEL, None) for one in page]
    people = {one.author_name for one in messages}
    return len(messages), sorted((one.id, fact.text) for one in messages for fact in extract_facts(one, people))


def test_a_later_export_leaves_what_a_first_sync_of_it_would_have(talk: Talk, tmp_path: Path) -> None:
    source = {"connection": "chat", "channel": CHANNEL}
    declared = ChannelSyncConfig.model_validate({"name": CHANNEL, "kind": "channel_sync", "source": source})
    with talk.ledger.begin() as session:
        register_pipeline(session, declared.declaration(), at=NOON)
    facts = "SELECT m.message_id, f.text FROM facts f JOIN chat_messages m ON m.id = f.message_id ORDER BY 1, 2"
    path = tmp_path / "export.zip"

    write_export(path, channels=1, messages=MESSAGES, habits=Habits(replies=0.2))
    assert sync(talk.ledger, path).counts.inserted == MESSAGES
    assert sorted(talk.rows(facts)) == expected(path)[1]

    write_export(path, channels=1, messages=MESSAGES, habits=Habits(replies=0.2, edited=0.1, deleted=0.1))
    left, there = expected(path)
    report = sync(talk.ledger, path, full=True)
    assert (report.counts.extracted, report.counts.inserted, report.counts.deleted) == (left, 0, MESSAGES - left)
    assert report.counts.updated > MESSAGES / 20
    assert sorted(talk.rows(facts)) == there
