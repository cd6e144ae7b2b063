"""The sensor that tells receivers of OpenLineage events of our runs.

No `from __future__ import annotations` here: Dagster reads the annotations of resources as objects.
"""

from contextlib import closing

import dagster as dg

from supersync_core.clock import utcnow
from supersync_core.errors import ConfigError
from supersync_core.services.configuration import Configuration
from supersync_dagster.openlineage.client import Sender, client_config, is_configured, job_namespace, require_client
from supersync_dagster.openlineage.telling import Cursor, Teller
from supersync_dagster.resources import SupersyncResource
from supersync_dagster.runs import is_preview

OPENLINEAGE = "supersync_openlineage"


def build_openlineage_sensors(configuration: Configuration | None) -> list[dg.SensorDefinition]:
    """The sensor, where the configuration or the environment says where events go."""
    return [openlineage_sensor()] if is_configured(configuration) else []


def openlineage_sensor() -> dg.SensorDefinition:
    """Send an event for each start and end of our runs, at least once, in the order of each pipeline's runs.

    What the receiver does not take now it gets later: the ledger knows of which runs it was told. Runs that ended
    before the sensor's first tick are not told of.
    """

    @dg.sensor(
        name=OPENLINEAGE,
        minimum_interval_seconds=10,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Sends OpenLineage events of our runs.",
    )
    def openlineage(context: dg.SensorEvaluationContext, supersync: SupersyncResource) -> dg.SensorResult:
        if is_preview(context):
            return dg.SensorResult(skip_reason="a tick that somebody tests changes nothing")
        cursor = Cursor.read(context.cursor, at=utcnow())
        configuration = supersync.configuration()
        connections = configuration.connections if configuration else {}
        try:
            require_client()
            with closing(Sender(client_config(configuration))) as send:
                teller = Teller(supersync.ledger(), connections, job_namespace(configuration), send)
                told = teller.tell(cursor)
        except ConfigError as error:
            # The cursor is kept, so that what ends meanwhile is told of once the configuration is right.
            context.log.warning("%s", error)
            return dg.SensorResult(skip_reason=str(error), cursor=cursor.write())
        for refused in told.refused:
            context.log.warning("not sent again: %s", refused)
        if told.problem:
            context.log.warning("what waits is sent later: %s", told.problem)
        summary = f"told of the ends of {told.runs} runs" + (f"; more later: {told.problem}" if told.problem else "")
        return dg.SensorResult(skip_reason=summary, cursor=told.cursor.write())

    return openlineage
