"""`supersync webserver` started in a way that cannot work says so, before anything is served."""

from pathlib import Path

import pytest

from tests.acceptance.console import supersync


@pytest.mark.parametrize(
    ("arguments", "variables", "code", "says"),
    [
        pytest.param([], {"DAGSTER_HOME": "/"}, 1, "there is no workspace file workspace.yaml", id="no workspace"),
        pytest.param(["-w", "present.yaml"], {}, 1, "DAGSTER_HOME is not set", id="no instance"),
        pytest.param(["--path-prefix", "dagster"], {}, 2, "begins with a slash", id="a prefix without a slash"),
        pytest.param(["--path-prefix", "/dagster/"], {}, 2, "ends without one", id="a prefix with one too many"),
    ],
)
def test_a_mistake_is_named(
    tmp_path: Path,
    database_url: str,
    arguments: list[str],
    variables: dict[str, str],
    code: int,
    says: str,
) -> None:
    (tmp_path / "present.yaml").write_text("load_from: []\n")
    given = {"SUPERSYNC_DATABASE_URL": database_url, **variables}
    done = supersync("webserver", "--port", "0", *arguments, cwd=tmp_path, env=given)
    assert (done.code, says in done.err) == (code, True), done.err
