"""A schedule for each pipeline whose cadence is a cron."""

from collections.abc import Callable, Sequence

import dagster as dg

from supersync_core.clock import utcnow
from supersync_core.domain.execution import Trigger
from supersync_core.domain.pipeline import DesiredState, PipelineKind
from supersync_core.domain.schedule import Cadence
from supersync_core.errors import Conflict
from supersync_core.services.launches import queue_execution
from supersync_core.services.pipelines import get_pipeline
from supersync_dagster.runs import is_preview, unfinished_keys
from supersync_dagster.translator import EXECUTION, PIPELINE, PipelineData, SupersyncTranslator


def build_pipeline_schedules(
    pipelines: Sequence[PipelineData], *, translator: SupersyncTranslator | None = None
) -> list[dg.ScheduleDefinition]:
    """One schedule per pipeline that runs by a cron, on from the start unless the pipeline is not `scheduled`.

    Times that no cron can say are a sensor's: see `build_pipeline_sensors`.
    """
    translator = translator or SupersyncTranslator()
    return [
        _schedule(data, data.declaration.cadence, translator)
        for data in pipelines
        if data.declaration.kind is not PipelineKind.EXTERNAL
        and data.declaration.cadence is not None
        and data.declaration.cadence.as_cron is not None
    ]


def _schedule(data: PipelineData, cadence: Cadence, translator: SupersyncTranslator) -> dg.ScheduleDefinition:
    status = dg.DefaultScheduleStatus
    return dg.ScheduleDefinition(
        name=translator.get_schedule_name(data),
        job_name=translator.get_job_name(data),
        cron_schedule=cadence.as_cron,
        execution_timezone=cadence.timezone,
        execution_fn=_tick(data),
        required_resource_keys={"supersync"},
        default_status=status.RUNNING if data.scheduled else status.STOPPED,
        description=f"Runs {data.declaration.title or data.declaration.name}.",
        metadata={PIPELINE: data.key},
    )


def _tick(data: PipelineData) -> Callable[[dg.ScheduleEvaluationContext], dg.RunRequest | dg.SkipReason]:
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        # The ledger is asked each time, so that a pause needs no reload of the definitions.
        with context.resources.supersync.ledger().begin() as session:
            pipeline = get_pipeline(session, data.declaration.name)
            if pipeline.desired_state is not DesiredState.RUNNING:
                return dg.SkipReason(f"the pipeline is {pipeline.desired_state.value}")
            # A sync that takes longer than its interval would otherwise fill the queue without end.
            if unfinished_keys(context.instance, [data.key]):
                return dg.SkipReason("the run before this one has not ended yet")
            if is_preview(context):
                return dg.RunRequest()
            try:
                execution = queue_execution(session, pipeline, trigger=Trigger.SCHEDULE, at=utcnow())
            except Conflict as conflict:
                return dg.SkipReason(str(conflict))
        return dg.RunRequest(tags={EXECUTION: str(execution.id)})

    return tick
