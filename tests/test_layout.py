"""What the repository promises about itself: small files, floors that hold, no address or path of a machine."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("supersync_core", "supersync_dagster", "demo")
MAX_LINES = 300
TRACKED = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    if (ROOT / name).is_file()
]
# Written so that the pattern does not match itself.
FOREIGN = re.compile(r"(^|[^\w.])/(wor[k]|far[m]|roo[t])/|https?://[a-z.]*(pyp[i]|pythonhoste[d]|npmj[s]|debia[n])")
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")
needs_import_linter = pytest.mark.skipif(sys.version_info < (3, 11), reason="import-linter needs Python 3.11")


def test_no_python_file_is_longer_than_a_reader_holds() -> None:
    lines = {path: len(path.read_text().splitlines()) for path in TRACKED if path.suffix == ".py"}
    assert {str(path.relative_to(ROOT)): count for path, count in lines.items() if count > MAX_LINES} == {}


def test_no_file_names_a_package_host_or_a_path_of_a_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in TRACKED
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if FOREIGN.search(line)
    ]
    assert found == []


def test_the_lock_holds_names_versions_and_hashes_and_no_address() -> None:
    line = re.compile(r"[A-Za-z0-9._-]+(\[[a-z0-9,_-]+\])?==\S+( ; .+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
    wrong = [text for text in (ROOT / "requirements.lock").read_text().splitlines() if not line.fullmatch(text)]
    assert wrong == []


@needs_import_linter
def test_the_import_contracts_hold() -> None:
    done = subprocess.run([LINT_IMPORTS], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


VIOLATIONS = [
    ("supersync_core knows neither Dagster nor HTTP", "supersync_core/services/health.py", "import dagster"),
    (
        "core: each floor imports only downwards",
        "supersync_core/domain/table.py",
        "import supersync_core.ledger.tables",
    ),
    ("core: each floor imports only downwards", "supersync_core/helpers.py", ""),
    ("domain is plain Python", "supersync_core/domain/table.py", "import sqlalchemy"),
    (
        "connectors share little, and only downwards",
        "supersync_core/connectors/mysql/config.py",
        "import supersync_core.connectors.postgres.catalog",
    ),
    (
        "engines do not know each other",
        "supersync_core/engines/pump.py",
        "import supersync_core.engines.table_sync",
    ),
    (
        "engines know the contracts of connectors, not the systems",
        "supersync_core/engines/table_sync.py",
        "import supersync_core.connectors.postgres.table_sink",
    ),
    ("the psycopg2 driver stays in connectors", "supersync_core/engines/table_sync.py", "import psycopg2"),
    ("drivers of change sinks stay in their connectors", "supersync_core/engines/table_sync.py", "import redis"),
    ("the pymysql driver stays in connectors.mysql", "supersync_core/services/run.py", "import pymysql"),
    (
        "dagster: each floor imports only downwards",
        "supersync_dagster/translator.py",
        "import supersync_dagster.assets",
    ),
    ("dagster: each floor imports only downwards", "supersync_dagster/utils.py", ""),
    ("a one-off sync waits for no large import", "supersync_dagster/commands/output.py", "import sqlalchemy"),
    ("nothing imports the demo", "supersync_dagster/assets.py", "import demo.data"),
    ("no cycles anywhere", "demo/data.py", "import demo.changes"),
]


@needs_import_linter
@pytest.mark.parametrize(("contract", "file", "line"), VIOLATIONS)
def test_a_contract_refuses_what_it_forbids(contract: str, file: str, line: str, tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / file).open("a") as module:
        module.write(f"\n{line}\n")
    done = subprocess.run([LINT_IMPORTS, "--no-cache"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert re.search(rf"^{re.escape(contract)} BROKEN", done.stdout, re.MULTILINE), done.stdout
