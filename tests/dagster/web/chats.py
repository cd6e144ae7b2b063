"""Two channels for the pages: one that was synced, with hostile messages in it, and one whose sync goes on."""

import random
import uuid

from demo.chat import PEOPLE, SAYINGS, SYSTEMS, TOOLS
from supersync_core.clock import utcnow
from supersync_core.connectors.memory.chat import named_chat
from supersync_core.connectors.memory.config import Config
from supersync_core.domain.channel_sync import ChannelProgress, ChannelStage
from supersync_core.domain.execution import Progress, Trigger
from supersync_core.domain.message import Channel, Message
from supersync_core.ledger.channel_jobs import note_progress
from supersync_core.services.configuration import ChannelSyncConfig
from supersync_core.services.pipelines import register_pipeline
from supersync_core.services.run import run_pipeline
from tests.core.services.channel_sync.conftest import said
from tests.dagster.web.pages import Pages

HOSTILE = (
    "We decided that <script>window.pwned = 1</script> is what the PostgreSQL upgrade needs.",
    "The PostgreSQL upgrade needs [a click](javascript:alert(1)) and **nothing** else from anybody.",
    "The BillingService shows <img src=x onerror=window.pwned=1> since the PostgreSQL upgrade began.",
    "# The PostgreSQL upgrade is [^1] a heading: ](javascript:window.pwned=1) and `code` as well.",
    "The PostgreSQL upgrade reads {{ 7 * 7 }} and {% raw %} from the template of the BillingService.",
)


def talk(count: int) -> list[Message]:
    """Made up, and the same each time."""
    dice = random.Random(7)
    messages = []
    for number in range(count):
        words = {"system": dice.choice(SYSTEMS), "tool": dice.choice(TOOLS), "person": dice.choice(PEOPLE)}
        text = dice.choice(SAYINGS).format(**words, number=dice.randint(4, 99))
        messages.append(said(number, text, author_name=dice.choice(PEOPLE)))
    return messages


def fill_chats(pages: Pages) -> None:
    """Sync C1; let C2 be at its second stage."""
    name = uuid.uuid4().hex
    chat = named_chat(name)
    chat.channels += [Channel("memory", "C1", "general"), Channel("memory", "C2", "releases")]
    chat.messages += talk(120)
    chat.messages += [
        said(200 + number, text, author_name="<b>Mallory</b>", permalink="javascript:window.pwned=1")
        for number, text in enumerate(HOSTILE)
    ]
    for channel in ("C1", "C2"):
        declared = ChannelSyncConfig.model_validate(
            {"name": channel, "kind": "channel_sync", "source": {"connection": "chat", "channel": channel}}
        )
        with pages.ledger.begin() as session:
            register_pipeline(session, declared.declaration(), at=utcnow())
    run_pipeline(pages.ledger, {"chat": Config(database=name)}, "C1", trigger=Trigger.MANUAL)
    running = pages.started("C2", progress=Progress("extract", 1_500))
    now = ChannelProgress(ChannelStage.EXTRACT, 1_500, 1_500, 2, 431, 0, 600, 1_500, ("m7", "m9"))
    with pages.ledger.begin() as session:
        note_progress(session, running, now)
