"""Sensors that look at what pipelines have done: they tell Dagster of it, judge it, and ask whether it was in time.

No `from __future__ import annotations` here: Dagster reads the annotations of resources as objects.
"""

import threading
from collections import Counter
from collections.abc import Callable, Sequence, Sized
from functools import cache
from importlib import import_module

import dagster as dg

from supersync_core.clock import utcnow
from supersync_core.domain.check import CheckKind, Method
from supersync_core.domain.pipeline import PipelineDeclaration, PipelineKind, fold_name
from supersync_core.services.check_requests import answer_requests, run_check
from supersync_core.services.judging import BATCH, judge
from supersync_core.services.settings import Settings
from supersync_dagster.alerts import alerts_sensor
from supersync_dagster.evaluations import Teller, Told
from supersync_dagster.reports import report_executions
from supersync_dagster.resources import SupersyncResource
from supersync_dagster.runs import PREVIEW, is_preview
from supersync_dagster.streams import retention_sensor
from supersync_dagster.translator import PipelineData, SupersyncTranslator
from supersync_dagster.turns import patience, take_turns

CHECKS = "supersync_checks"
FRESHNESS = "supersync_freshness"
TIMELINESS = "supersync_timeliness"


def build_check_sensors(
    pipelines: Sequence[PipelineData],
    *,
    translator: SupersyncTranslator | None = None,
    settings: Settings | None = None,
) -> list[dg.SensorDefinition]:
    """What judges, what tells Dagster and people, and what asks every now and then whether all is fresh and in time.

    Whoever runs `pipelines`. `settings` say how often that is; where they are not given they are the environment's.
    """
    settings = settings or Settings()
    return [
        checks_sensor(pipelines, translator=translator or SupersyncTranslator()),
        expectation_sensor(FRESHNESS, CheckKind.FRESHNESS, settings.freshness_every_s),
        expectation_sensor(TIMELINESS, CheckKind.TIMELINESS, settings.timeliness_every_s),
        alerts_sensor(),
        *([retention_sensor()] if any(data.declaration.kind is PipelineKind.CDC for data in pipelines) else []),
    ]


def checks_sensor(pipelines: Sequence[PipelineData], *, translator: SupersyncTranslator) -> dg.SensorDefinition:
    """Judge the executions that have succeeded, and tell Dagster what is found and what others have reported."""
    asset_key = asset_keys(pipelines, translator)
    robust = any(rule.method is Method.MAD for data in pipelines for rule in data.declaration.anomalies)

    @dg.sensor(
        name=CHECKS,
        minimum_interval_seconds=1,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Judges finished executions, shows findings as asset checks, and executions of pipelines that "
        "others run as materializations.",
    )
    def checks(context: dg.SensorEvaluationContext, supersync: SupersyncResource) -> dg.SensorResult:
        if is_preview(context):
            return dg.SensorResult(skip_reason=PREVIEW)
        if robust:
            load_statistics()
        observer = _Observer(context, supersync, asset_key)
        seconds, rest_s = patience(context.instance)
        take_turns([observer.judge, observer.answer, observer.tell, observer.report], seconds=seconds, rest_s=rest_s)
        return dg.SensorResult(skip_reason=observer.summary, cursor=observer.cursor)

    return checks


class _Observer:
    """What the checks sensor does in turns. Each has the time until which it may go on."""

    def __init__(
        self, context: dg.SensorEvaluationContext, supersync: SupersyncResource, key: Callable[[str], dg.AssetKey]
    ) -> None:
        self._ledger, self._instance, self._key = supersync.ledger(), context.instance, key
        self._page = supersync.pages()
        self._teller = Teller(self._instance, self._ledger, key, self._page, Told.read(context.cursor))
        self._count = Counter[str]()

    def judge(self, until: float) -> bool:
        """One batch; a time is not needed."""
        judged = judge(self._ledger, at=utcnow())
        self._count.update(judged=len(judged), unusual=sum(bool(one.unusual) for one in judged))
        self._look_back_if(judged)
        return len(judged) == BATCH

    def answer(self, until: float) -> bool:
        """All requests for checks in one go."""
        answered = answer_requests(self._ledger, at=utcnow())
        self._count.update(answered=answered)
        self._look_back_if(answered)
        return False

    def tell(self, until: float) -> bool:
        """What was found, and what is over."""
        return self._teller.tell(until)

    def report(self, until: float) -> bool:
        """What others have run."""
        return report_executions(self._instance, self._ledger, self._key, self._page, until=until)

    @property
    def summary(self) -> str:
        """What was done."""
        return (
            f"{self._count['judged']} executions were judged, {self._count['unusual']} are unusual; "
            f"{self._count['answered']} requests for checks were answered"
        )

    @property
    def cursor(self) -> str:
        """What the next tick has to know."""
        return self._teller.told.write()

    def _look_back_if(self, happened: Sized | int) -> None:
        if happened:
            self._teller.look_back()


def expectation_sensor(name: str, kind: CheckKind, every_s: int) -> dg.SensorDefinition:
    """Ask whether what is expected of all pipelines is so; the checks sensor tells Dagster of what is found."""

    @dg.sensor(
        name=name,
        minimum_interval_seconds=every_s,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=_QUESTIONS[kind],
    )
    def expectations(context: dg.SensorEvaluationContext, supersync: SupersyncResource) -> dg.SkipReason:
        if is_preview(context):
            return dg.SkipReason(PREVIEW)
        with supersync.ledger().begin() as session:
            found = run_check(session, kind, {}, at=utcnow())
        return dg.SkipReason(f"{len(found)} are newly found")

    return expectations


_QUESTIONS = {
    CheckKind.FRESHNESS: "Looks for pipelines whose newest change is older than is expected.",
    CheckKind.TIMELINESS: "Looks for executions that take or took longer than is expected.",
}


@cache
def load_statistics() -> None:
    """Begin to load what judges by medians: it takes seconds, and nobody shall wait for it."""
    threading.Thread(target=import_module, args=("scipy.stats",), name="statistics", daemon=True).start()


def asset_keys(pipelines: Sequence[PipelineData], translator: SupersyncTranslator) -> Callable[[str], dg.AssetKey]:
    """The key of the asset of a pipeline by its name, also of one that is newer than `pipelines`."""
    known = {fold_name(data.declaration.name): data for data in pipelines}

    @cache
    def asset_key(name: str) -> dg.AssetKey:
        data = known.get(fold_name(name)) or PipelineData(PipelineDeclaration(name, PipelineKind.EXTERNAL))
        return translator.get_asset_spec(data).key

    return asset_key
