"""`/anomaly_detection_rule`."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from supersync_core.services import anomaly_rules as service
from supersync_dagster.api.audit import AuditDep
from supersync_dagster.api.deps import ClockDep, SessionDep
from supersync_dagster.api.json_route import StrictRoute
from supersync_dagster.api.watcher import wire
from supersync_dagster.api.watcher.reload import ReloadDep
from supersync_dagster.api.watcher.roles import ADMIN, OPERATOR, VIEWER
from supersync_dagster.api.watcher.rule_wire import Rule, RulePatch, RuleQuery, RuleReport

router = APIRouter(prefix="/anomaly_detection_rule", tags=["anomaly detection"], route_class=StrictRoute)


@router.post(
    "", status_code=HTTPStatus.CREATED, dependencies=OPERATOR, responses=wire.found(wire.Created) | wire.errors(404)
)
def post_rule(  # noqa: PLR0913  # what a route needs
    body: RuleReport, session: SessionDep, clock: ClockDep, audit: AuditDep, reload: ReloadDep, response: Response
) -> wire.Created:
    """Get the rule on that metric of the pipeline, or create it: 201. One that is there stays as it is."""
    rule_id, is_new = service.put_rule(
        session, body.pipeline_id, body.metric_field, body.settings(), active=body.active, at=clock()
    )
    response.status_code = HTTPStatus.CREATED if is_new else HTTPStatus.OK
    audit("rule.report", f"rule {rule_id}", result=response.status_code)
    if is_new:
        reload()
    return wire.Created(id=rule_id)


@router.get("", dependencies=VIEWER, responses=wire.errors())
def list_rules(
    request: Request, query: Annotated[RuleQuery, Query()], session: SessionDep, response: Response
) -> Sequence[Rule]:
    """All rules, or those that are asked for."""
    found = service.list_rules(
        session, pipeline_id=query.pipeline_id, metric=query.metric_field, active=query.active, page=query.page
    )
    rows, headers = query.cut(found, request)
    response.headers.update(headers)
    return [Rule.of(row) for row in rows]


@router.get("/{anomaly_detection_rule_id}", dependencies=VIEWER, responses=wire.errors(404))
def get_rule(anomaly_detection_rule_id: int, session: SessionDep) -> Rule:
    """A rule."""
    return Rule.of(service.read_rule(session, anomaly_detection_rule_id))


@router.patch("", dependencies=OPERATOR, responses=wire.errors(404, 409))
def patch_rule(body: RulePatch, session: SessionDep, clock: ClockDep, audit: AuditDep, reload: ReloadDep) -> Rule:
    """Change what is named."""
    changed = service.amend_rule(session, body.id, body.changes(), at=clock())
    audit("rule.change", f"rule {changed.id}")
    reload()
    return Rule.of(changed)


@router.delete(
    "/{anomaly_detection_rule_id}",
    status_code=HTTPStatus.NO_CONTENT,
    dependencies=ADMIN,
    responses=wire.errors(404),
)
def delete_rule(anomaly_detection_rule_id: int, session: SessionDep, audit: AuditDep, reload: ReloadDep) -> None:
    """Delete a rule, with what it has found."""
    service.delete_rule(session, anomaly_detection_rule_id)
    audit("rule.delete", f"rule {anomaly_detection_rule_id}", result=HTTPStatus.NO_CONTENT)
    reload()
