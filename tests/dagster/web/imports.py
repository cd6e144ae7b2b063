"""A pipeline that imports calls, halfway, for the tests of its page."""

import uuid
from datetime import timedelta

from supersync_core.clock import utcnow
from supersync_core.domain.historical_sync import CallCounts, Span
from supersync_core.domain.pipeline import PipelineKind, dagster_key
from supersync_core.ledger.historical_jobs import note_counts, note_total
from supersync_core.services.historical_sync.jobs import JobRequest, insert_job
from supersync_core.services.pipelines import get_pipeline
from tests.dagster.web.pages import Pages

NAME = "calls of an agency"
PAGE = f"/supersync/pipelines/{dagster_key(NAME)}"


def fill_import(pages: Pages) -> None:
    """Of 1,500 calls 700 are new, 45 were there and 5 are none."""
    pages.declare(NAME, kind=PipelineKind.HISTORICAL_SYNC)
    now = utcnow()
    with pages.ledger.begin() as session:
        request = JobRequest(Span(now - timedelta(days=30), now))
        job = insert_job(session, get_pipeline(session, NAME), request, agency_id=uuid.uuid4(), at=now)
        assert job is not None
        note_total(session, job.id, 1500)
        note_counts(session, job.id, CallCounts(imported=700, skipped=45, failed=5), at=now)
