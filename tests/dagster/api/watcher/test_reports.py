"""Reports that come at the same time share a commit: none is lost, none suffers from another's mistake."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import text

from tests.dagster.api.table_sync.apis import take_away
from tests.dagster.api.watcher.apis import NOON, Api

END = (NOON + timedelta(minutes=1)).isoformat()


def together(api: Api, path: str, bodies: list[dict[str, Any]]) -> list[httpx.Response]:
    """The answers to requests that are sent at the same time."""

    async def ask() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=len(bodies))
        async with httpx.AsyncClient(base_url=api.client.base_url, limits=limits, timeout=60) as client:
            return await asyncio.gather(*(client.post(path, json=body) for body in bodies))

    return asyncio.run(ask())


def test_many_at_once_are_each_answered_with_their_own(api: Api) -> None:
    pipelines = [api.pipeline(f"p{number}") for number in range(40)]
    answers = together(api, "/start_pipeline_execution", [{"pipeline_id": one} for one in pipelines])
    assert {answer.status_code for answer in answers} == {201}
    for pipeline, answer in zip(pipelines, answers, strict=True):
        assert api.get(f"/pipeline_execution/{answer.json()['id']}")["pipeline_id"] == pipeline


def test_they_are_written_in_fewer_statements_than_there_are(api: Api) -> None:
    pipeline = api.pipeline()
    api.statements.clear()
    together(api, "/start_pipeline_execution", [{"pipeline_id": pipeline}] * 60)
    assert sum("supersync.executions" in one for one in api.statements) < 40


def test_a_mistake_of_one_is_answered_to_that_one(api: Api) -> None:
    pipeline, ours = api.pipeline(), api.declared()
    bodies = [{"pipeline_id": one} for one in (pipeline, 10**12, ours, pipeline)] * 5
    answers = together(api, "/start_pipeline_execution", bodies)
    assert Counter(answer.status_code for answer in answers) == {201: 10, 404: 5, 409: 5}
    started = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    ends = [{"id": one, "end_date": END} for one in started[:5]]
    wrong = [{"id": one, "end_date": "2020-01-01"} for one in started[5:]] + [{"id": 10**12, "end_date": END}]
    answers = together(api, "/end_pipeline_execution", ends + wrong)
    assert [answer.status_code for answer in answers] == [204] * 5 + [400] * 5 + [404]


def test_what_the_database_refuses_of_one_is_refused_to_that_one(api: Api) -> None:
    pipelines = [api.pipeline(name) for name in ("good", "bad")]
    with api.ledger.begin() as session:
        check = f"ALTER TABLE supersync.executions ADD CHECK (pipeline_id <> {pipelines[1]})"
        session.execute(text(check))
    answers = together(api, "/start_pipeline_execution", [{"pipeline_id": pipelines[n % 4 == 0]} for n in range(20)])
    assert Counter(answer.status_code for answer in answers) == {201: 15, 500: 5}
    assert len(api.get("/pipeline_execution")) == 15


def test_many_ends_of_one_execution_are_one_end(api: Api) -> None:
    pipeline = api.pipeline(next_watermark="W")
    execution = api.started(pipeline)
    body = {"id": execution, "end_date": END, "completed_successfully": True, "inserts": 1}
    assert {answer.status_code for answer in together(api, "/end_pipeline_execution", [body] * 8)} == {204}
    found = api.get(f"/pipeline/{pipeline}")
    assert (found["watermark"], found["last_target_insert"]) == ("W", "2026-11-22T12:01:00Z")


def test_of_many_ends_of_one_pipeline_each_counts(api: Api) -> None:
    pipeline = api.pipeline()
    started = [api.started(pipeline) for _ in range(12)]
    counts = ("inserts", "updates", "soft_deletes")
    bodies = [
        {"id": one, "end_date": END, "completed_successfully": True, counts[number % 3]: 1}
        for number, one in enumerate(started)
    ]
    together(api, "/end_pipeline_execution", bodies)
    found = api.get(f"/pipeline/{pipeline}")
    times = [found[f"last_target_{name}"] for name in ("insert", "update", "soft_delete")]
    assert times == ["2026-11-22T12:01:00Z"] * 3


def test_every_report_is_in_the_audit(api: Api) -> None:
    pipeline = api.pipeline("Orders")
    answers = together(api, "/start_pipeline_execution", [{"pipeline_id": pipeline}] * 5)
    started = [answer.json()["id"] for answer in answers]
    together(api, "/end_pipeline_execution", [{"id": one, "end_date": END} for one in [*started, started[0]]])
    api.post("/end_pipeline_execution", id=10**12, end_date=END)
    entries = api.get("/api/v1/audit", limit=100)["audit"]
    counts = Counter((entry["action"], entry["target"], entry["result"]) for entry in entries)
    expected = [("execution.start", f"execution {one} of orders", 201) for one in started]
    expected += [("execution.end", f"execution {one} of orders", 204) for one in [*started, started[0]]]
    expected += [("POST", "/end_pipeline_execution", 404), ("pipeline.report", "orders", 201)]
    assert counts == Counter(expected)
    assert all(entry["request_id"] and entry["remote"] == "127.0.0.1" for entry in entries)


def test_a_report_and_its_entry_are_written_together_or_not_at_all(api: Api) -> None:
    pipeline = api.pipeline()
    with api.ledger.begin() as session:
        session.execute(text("ALTER TABLE supersync.audit ADD CHECK (action NOT LIKE 'execution.%')"))
    (answer,) = together(api, "/start_pipeline_execution", [{"pipeline_id": pipeline}])
    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL")
    assert api.get("/pipeline_execution") == []


def test_a_ledger_that_is_away_is_503(api: Api, server_url: str) -> None:
    api.pipeline()
    take_away(api.ledger, server_url)
    for answer in (api.post("/start_pipeline_execution", pipeline_id=1), api.client.get("/pipeline")):
        assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
        assert int(answer.headers["Retry-After"]) >= 1
