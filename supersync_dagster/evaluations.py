"""What the checks have found, told to Dagster: one evaluation for each check, and one when it passes again."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import dagster as dg

from supersync_core.clock import utcnow
from supersync_core.ledger.database import Ledger
from supersync_core.services.standings import Standing, existing, new_findings, stand

BATCH = 200
"""Findings that are looked up at once; each costs ten milliseconds (measured)."""
PATIENCE = timedelta(seconds=10)
"""A run that has closed its execution reports its materialisation within this time."""


@dataclass
class Told:
    """What Dagster was told: everything up to the result `after`, and which checks fail, by pipeline and check."""

    after: int = 0
    failing: set[tuple[int, str]] = field(default_factory=set)

    @classmethod
    def read(cls, cursor: str | None) -> "Told":
        """From a sensor's cursor; from the beginning where it has none."""
        kept = json.loads(cursor) if cursor else {}
        return cls(kept.get("after", 0), {(pipeline, check) for pipeline, check in kept.get("failing", ())})

    def write(self) -> str:
        """As a sensor's cursor."""
        return json.dumps({"after": self.after, "failing": sorted(self.failing)})


class Teller:
    """Tells Dagster how pipelines stand. `told` is what it has been told; it follows along."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        ledger: Ledger,
        asset_key: Callable[[str], dg.AssetKey],
        page: Callable[[str], str],
        told: Told,
    ) -> None:
        """Nothing is told yet. `asset_key`, `page`: of the pipeline with a name."""
        self._instance, self._ledger, self._asset_key, self._page = instance, ledger, asset_key, page
        self.told = told
        self._looks_back = True

    def look_back(self) -> None:
        """Something has happened by which a check may pass again."""
        self._looks_back = True

    def tell(self, until: float) -> bool:
        """Tell what is found, and once after each `look_back` what is over; whether more may wait."""
        more = self.tell_findings(until)
        if self._looks_back:
            self._looks_back = False
            more |= self.tell_recoveries(until)
        return more

    def tell_findings(self, until: float) -> bool:
        """Tell the newest finding of each check of which there is one; whether more may wait.

        It stops when `until` is over, by `time.monotonic`, and before one whose run has not ended in Dagster yet. That
        an execution passed is told only of a check that fails.
        """
        with self._ledger.begin() as session:
            found = new_findings(session, after=self.told.after, limit=BATCH)
        for standing in found:
            if time.monotonic() > until:
                return True
            if self._is_early(standing):
                return False
            if not standing.passed or _key(standing) in self.told.failing:
                self._tell(standing)
            self.told.after = standing.result_id
        return len(found) == BATCH

    def tell_recoveries(self, until: float) -> bool:
        """Tell of each check that failed and does not any more; whether more may wait. As with findings."""
        ids = {pipeline_id for pipeline_id, _ in self.told.failing}
        if not ids:
            return False
        with self._ledger.begin() as session:
            there, now = existing(session, ids), stand(session, ids, at=utcnow())
        self.told.failing = {key for key in self.told.failing if key[0] in there}
        for key in sorted(self.told.failing):
            if time.monotonic() > until:
                self.look_back()
                return True
            if key not in now or not now[key].passed:
                continue
            if self._is_early(now[key]):
                self.look_back()
            else:
                self._tell(now[key])
        return False

    def _is_early(self, standing: Standing) -> bool:
        """Whether the asset is still to be materialised by the execution, as it will be within a moment.

        Dagster shows an evaluation that is older than the newest materialisation as one of older data.
        """
        if standing.run_id is None or standing.ended_at is None or utcnow() - standing.ended_at > PATIENCE:
            return False
        newest = self._instance.get_latest_materialization_event(self._asset_key(standing.pipeline))
        return newest is None or (newest.run_id != standing.run_id and newest.timestamp < standing.ended_at.timestamp())

    def _tell(self, standing: Standing) -> None:
        key, page = self._asset_key(standing.pipeline), self._page(standing.pipeline)
        self._instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=key,
                check_name=standing.check,
                passed=standing.passed,
                severity=dg.AssetCheckSeverity.WARN,
                description=describe(standing),
                metadata=evaluation_metadata(standing, page),
            )
        )
        (self.told.failing.discard if standing.passed else self.told.failing.add)(_key(standing))


def describe(standing: Standing) -> str | None:
    """A finding in a sentence."""
    known = standing.details
    if {"metric", "value", "low", "high"} <= known.keys():
        return f"{known['metric']} is {known['value']:,.10g}; usual is {known['low']:,.10g} to {known['high']:,.10g}"
    message = known.get("message")
    return str(message) if message is not None else None


def evaluation_metadata(standing: Standing, page: str) -> dict[str, Any]:
    """What a check has found, as metadata: numbers are plotted by the UI over time."""
    found: Mapping[str, Any] = {
        **standing.details,
        "execution_id": None if standing.execution_id is None else str(standing.execution_id),
    }
    said = {name: _value(value) for name, value in found.items() if value is not None}
    return {**said, "page": dg.MetadataValue.url(page)}


def _value(value: Any) -> Any:
    plain = isinstance(value, bool | int | float | str)
    return value if plain else dg.MetadataValue.json(value)


def _key(standing: Standing) -> tuple[int, str]:
    return standing.pipeline_id, standing.check
