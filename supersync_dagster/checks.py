"""The rules of pipelines as checks on their assets, so that Dagster shows what is found beside the data.

No `from __future__ import annotations` here: Dagster reads the annotations of `context` and of resources as objects.
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from supersync_core.clock import utcnow
from supersync_core.domain.pipeline import fold_name
from supersync_core.services.standings import Standing, ids_of, stand
from supersync_dagster.evaluations import describe, evaluation_metadata
from supersync_dagster.resources import SupersyncResource
from supersync_dagster.translator import PipelineData, SupersyncTranslator

STEP = "read_checks"
"""The step that says how checks stand, where somebody asks for it in the UI."""


def build_pipeline_checks(
    pipelines: Sequence[PipelineData], *, translator: SupersyncTranslator | None = None
) -> list[dg.AssetChecksDefinition]:
    """A check on its asset for each rule of a pipeline, whoever runs that; all in one step, of which any may be run.

    What is found is told by the sensor `supersync_checks`: the step repeats what the ledger says, and judges nothing.
    """
    translator = translator or SupersyncTranslator()
    owners = {spec.key: (data, spec) for data in pipelines for spec in translator.get_check_specs(data)}
    if not owners:
        return []

    @dg.multi_asset_check(
        name=STEP,
        specs=[spec for _, spec in owners.values()],
        can_subset=True,
        description="Says how the checks stand, as the ledger has it.",
    )
    def read_checks(
        context: dg.AssetCheckExecutionContext, supersync: SupersyncResource
    ) -> Iterator[dg.AssetCheckResult]:
        names = {key: owners[key][0].declaration.name for key in context.selected_asset_check_keys}
        with supersync.ledger().begin() as session:
            ids = ids_of(session, set(names.values()))
            standings = stand(session, set(ids.values()), at=utcnow())
        page = supersync.pages()
        for key, name in names.items():
            standing = standings.get((ids.get(fold_name(name), 0), key.name))
            yield _result(key, standing, page(name))

    return [read_checks]


def _result(key: dg.AssetCheckKey, standing: Standing | None, page: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=standing is None or standing.passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=describe(standing) if standing else "Nothing has been found.",
        metadata=evaluation_metadata(standing, page) if standing else {"page": dg.MetadataValue.url(page)},
    )
