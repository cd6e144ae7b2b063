"""50,000 generated messages in 20 channels: from the export to the wiki, and once more with 100 new ones.

python -m tests.benchmarks.channels [messages] [channels]
"""

import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from demo.chat import START, write_export
from supersync_core.clock import utcnow
from supersync_core.connectors.slack_export.config import Config
from supersync_core.domain.execution import Trigger
from supersync_core.ledger.database import migrate, open_ledger
from supersync_core.ledger.embedded import embedded_server
from supersync_core.services.configuration import ChannelSyncConfig
from supersync_core.services.pipelines import register_pipeline
from supersync_core.services.run import run_pipeline

PROCESSES = 2
NEW = 100


def declare(url: str, channels: Sequence[str]) -> None:
    """A pipeline for each channel."""
    ledger = open_ledger(url)
    with ledger.begin() as session:
        for channel in channels:
            text = {"name": channel, "kind": "channel_sync", "source": {"connection": "chat", "channel": channel}}
            register_pipeline(session, ChannelSyncConfig.model_validate(text).declaration(), at=utcnow())
    ledger.dispose()


def sync(url: str, path: Path, channel: str) -> tuple[int, float, int, float]:
    """Messages read, seconds of work, the largest memory of this process in MB, and its processor time in seconds."""
    ledger, began = open_ledger(url), time.process_time()
    report = run_pipeline(ledger, {"chat": Config(path=path)}, channel, trigger=Trigger.MANUAL)
    ledger.dispose()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return report.counts.extracted, report.seconds, peak, time.process_time() - began


def measure(url: str, path: Path, channels: Sequence[str], words: str) -> None:
    """Sync every channel, two at a time, in processes that have loaded everything."""
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("fork")) as pool:
        list(pool.map(_warm, range(PROCESSES)))
        begun = time.monotonic()
        done = list(pool.map(partial(sync, url, path), channels))
        wall = time.monotonic() - begun
    messages, work, ours = (sum(one[place] for one in done) for place in (0, 1, 3))
    print(
        f"{words}: {messages:,} messages, {wall:.2f} s, {messages / wall:,.0f} messages/s, {work:.2f} s of work,"
        f" {ours:.2f} s of our processor time, {max(one[2] for one in done)} MB"
    )


def _warm(_: int) -> None:
    import networkx  # noqa: F401

    import supersync_core.services.channel_sync.work  # noqa: F401

    time.sleep(0.2)


def main() -> None:
    """Measure, and say it."""
    messages, channels = (int(given) for given in (sys.argv[1:] + ["50000", "20"][len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as directory, embedded_server(Path(directory) / "server") as url:
        migrate(url)
        path = Path(directory) / "export.zip"
        ids = write_export(path, channels=channels, messages=messages)
        declare(url, ids)
        measure(url, path, ids, "everything")
        measure(url, path, ids, "nothing new")
        more = Path(directory) / "more.zip"
        write_export(more, channels=channels, messages=NEW, seed=1, start=START + timedelta(minutes=messages + 1440))
        measure(url, more, ids, f"{NEW} new")


if __name__ == "__main__":
    main()
