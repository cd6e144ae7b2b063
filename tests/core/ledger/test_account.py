"""Under which account the embedded server runs, and what it may and may not do to others."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from supersync_core.errors import AccessDenied
from supersync_core.ledger.account import account_for
from supersync_core.ledger.embedded import embedded_server
from tests.core.ledger.conftest import ROOT, USER, User, answers

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@contextmanager
def directory_of(user: str) -> Iterator[Path]:
    """A directory that belongs to `user`, in a place that everybody can reach."""
    path = Path(tempfile.mkdtemp(prefix="supersync-test-"))
    shutil.chown(path, user)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def ordinary() -> dict[str, Any]:
    """Options of a process of the user nobody, with a Python that this user may execute."""
    path = os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")])
    options: dict[str, Any] = {
        "user": "nobody",
        "extra_groups": [],
        "env": {"PATH": "/usr/bin:/bin", "PYTHONPATH": path},
    }
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        with suppress(OSError):
            if subprocess.run([python, "-c", "import sqlalchemy, psycopg2"], cwd=ROOT, **options).returncode == 0:
                return options | {"python": python}
    pytest.skip("the user nobody may not execute any Python of this version")


@as_root
def test_an_ordinary_user_runs_it_as_itself(start: Callable[..., User], ordinary: dict[str, Any]) -> None:
    with directory_of("nobody") as home:
        user = start(home, **ordinary)
        url = user.url()
        assert answers(url)
        user.leave()
        assert not answers(url)


@as_root
def test_root_joins_and_leaves_the_server_of_an_ordinary_user(
    start: Callable[..., User], ordinary: dict[str, Any]
) -> None:
    with directory_of("nobody") as home:
        user = start(home, **ordinary)
        url = user.url()
        root = start(home)
        assert root.url() == url
        user.leave()
        root.leave()
        assert not answers(url)


@as_root
def test_an_ordinary_user_is_told_whose_the_data_is(start: Callable[..., User], ordinary: dict[str, Any]) -> None:
    with directory_of("daemon") as home:
        home.chmod(0o777)
        (home / "postgres").mkdir()
        user = start(home, **ordinary)
        assert "belongs to user root: run supersync as that user" in user.process.communicate()[1]


@as_root
def test_as_root_directories_above_the_data_become_traversable_and_no_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with embedded_server(closed / "data") as url:
        assert answers(url)
    assert closed.stat().st_mode & 0o777 == 0o701
    assert f"letting other accounts through {closed} (o+x)" in caplog.text


@as_root
def test_a_socket_directory_that_somebody_else_prepared_is_refused(tmp_path: Path) -> None:
    account = account_for(tmp_path / "none")
    with directory_of("daemon") as trap, pytest.raises(AccessDenied, match="belongs to user daemon"):
        account.own(trap)


@as_root
def test_root_that_cannot_become_anybody_else_is_told_what_to_do(tmp_path: Path) -> None:
    command = ["unshare", "--map-root-user", sys.executable, "-c", USER, str(tmp_path / "data")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if "unshare:" in done.stderr:
        pytest.skip("this machine allows no user namespaces")
    assert "run supersync as an ordinary user, or set SUPERSYNC_DATABASE_URL" in done.stderr
