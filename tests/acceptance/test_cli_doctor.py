import pytest

from tests.acceptance.project import Project


def test_the_doctor_finds_nothing_where_all_is_well(project: Project) -> None:
    done = project("doctor", "--json")
    assert (done.code, done.json["healthy"]) == (0, True)
    assert {check["name"] for check in done.json["checks"]} >= {
        "python",
        "packages",
        "environment",
        "data directory",
        "configuration",
        "ledger",
        "ledger schema",
        "connection shop",
        "connection lake",
        "dagster home",
    }


@pytest.mark.parametrize(
    ("variables", "check", "message"),
    [
        pytest.param({"SHOP": "postgresql://x@127.0.0.1:1/x"}, "connection shop", "refused", id="connection"),
        pytest.param({"LAKE": "postgresql://x@192.0.2.1/x"}, "connection lake", "", id="silent connection"),
        pytest.param({"SUPERSYNC_DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}, "ledger", "refused", id="ledger"),
        pytest.param({"SUPERSYNC_DATABASE_URL": "mysql://x/y"}, "ledger", "PostgreSQL", id="no PostgreSQL"),
        pytest.param({"SUPERSYNC_CONFIG": "no.yaml"}, "configuration", "No such file", id="configuration"),
        pytest.param({"SUPERSYNC_DATA_DIR": "/dev/null/x"}, "data directory", "no directory", id="data directory"),
        pytest.param({"DAGSTER_HOME": "not/there"}, "dagster home", "make it", id="Dagster home"),
    ],
)
def test_the_doctor_names_what_fails_and_ends_with_3(
    project: Project, variables: dict[str, str], check: str, message: str
) -> None:
    done = project("doctor", "--json", **variables)
    assert (done.code, done.json["healthy"]) == (3, False)
    failed = {found["name"]: found["message"] for found in done.json["checks"] if found["state"] == "fail"}
    assert list(failed) == [check]
    assert message in failed[check]


def test_the_doctor_knows_a_ledger_that_waits_for_migrate(project: Project, empty_database_url: str) -> None:
    done = project("doctor", SUPERSYNC_DATABASE_URL=empty_database_url)
    assert done.code == 3
    assert "FAIL  ledger schema: the ledger's schema is missing: run supersync migrate" in done.out


def test_the_doctor_warns_of_a_variable_that_is_no_setting(project: Project) -> None:
    done = project("doctor", SUPERSYNC_DATABSE_URL="x")
    assert done.code == 0
    assert "did you mean 'SUPERSYNC_DATABASE_URL'?" in done.out
