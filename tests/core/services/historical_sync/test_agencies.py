"""Who belongs to which agency, and which pipeline imports its calls."""

import uuid
from typing import Any

import pytest
from sqlalchemy.orm import Session

from supersync_core.clock import utcnow
from supersync_core.domain.pipeline import PipelineDeclaration, PipelineKind
from supersync_core.errors import ConfigError, NotFound, SupersyncError, Unavailable
from supersync_core.ledger.historical_tables import User
from supersync_core.services.configuration import Configuration
from supersync_core.services.configuration.build import build_configuration
from supersync_core.services.historical_sync.agencies import agency_of, pipeline_of_agency
from supersync_core.services.pipelines import register_pipeline
from tests.core.engines.tables import query

USER, AGENCY, OTHER = (uuid.UUID(int=number) for number in (1, 2, 3))


def configured(dsn: str, **users: str) -> Configuration:
    configuration, problems = build_configuration(
        {
            "connections": {"app": {"type": "postgres", "dsn": dsn}},
            "supabase": {"users": {"connection": "app", **users}},
        }
    )
    assert configuration is not None, problems
    return configuration


def test_without_another_table_the_ledger_knows(session: Session) -> None:
    session.add(User(id=USER, agency_id=AGENCY))
    session.flush()
    assert [agency_of(session, None, user) for user in (USER, OTHER)] == [AGENCY, None]


@pytest.mark.parametrize("kind", ["uuid", "text"])
def test_users_may_be_in_a_database_of_their_own(session: Session, source_dsn: str, kind: str) -> None:
    query(
        source_dsn,
        f"create schema app; create table app.people (person {kind}, agency {kind});"
        f" insert into app.people values ('{USER}', '{AGENCY}'), ('{OTHER}', null)",
    )
    configuration = configured(source_dsn, table="app.people", id="person", agency="agency")
    asked = (USER, OTHER, uuid.uuid4())
    assert [agency_of(session, configuration, user) for user in asked] == [AGENCY, None, None]


WRONG: list[tuple[dict[str, str], type[SupersyncError]]] = [
    ({"table": "public.nobody"}, NotFound),
    ({"table": "public.users", "agency": "nothing"}, NotFound),
    ({"table": "public.users", "agency": "name"}, ConfigError),
]


@pytest.mark.parametrize(("users", "kind"), WRONG)
def test_a_table_that_says_nothing_of_agencies_is_no_refusal(
    session: Session, source_dsn: str, users: dict[str, str], kind: type[SupersyncError]
) -> None:
    query(source_dsn, f"create table users (id uuid, name text); insert into users values ('{USER}', 'Ada')")
    with pytest.raises(kind):
        agency_of(session, configured(source_dsn, **users), USER)


def test_a_database_that_does_not_answer_is_no_refusal(session: Session) -> None:
    with pytest.raises(Unavailable):
        agency_of(session, configured("postgresql://u@127.0.0.1:1/d"), USER)


def declare(session: Session, name: str, agency: Any, connection: str = "files") -> None:
    spec = {"name": name, "kind": "historical_sync", "source": {"connection": connection}, "agency": str(agency)}
    register_pipeline(session, PipelineDeclaration(name, PipelineKind.HISTORICAL_SYNC, spec=spec), at=utcnow())


def found(session: Session, agency: uuid.UUID, provider: str | None = None) -> tuple[str, bool]:
    pipeline, is_new = pipeline_of_agency(session, agency, provider=provider, at=utcnow())
    return pipeline.name, is_new


def test_an_agency_has_what_is_declared_for_it_or_else_what_is_for_any(session: Session) -> None:
    with pytest.raises(NotFound):
        found(session, AGENCY)
    declare(session, "calls", "any")
    declare(session, "mine", AGENCY)
    assert found(session, AGENCY) == ("mine", False)
    assert [found(session, OTHER) for _ in range(2)] == [(f"calls {OTHER}", True), (f"calls {OTHER}", False)]


def test_a_provider_picks_one_of_several(session: Session) -> None:
    declare(session, "one", AGENCY, "callrail")
    declare(session, "two", AGENCY, "twilio")
    assert [found(session, AGENCY, name)[0] for name in (None, "callrail", "twilio")] == ["one", "one", "two"]
    with pytest.raises(NotFound, match="'other'"):
        found(session, AGENCY, "other")
