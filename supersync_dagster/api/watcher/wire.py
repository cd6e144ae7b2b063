"""Words and error body of the Watcher document.

| there | here |
| --- | --- |
| `active` | the desired state is running |
| `pipeline_metadata`, `execution_metadata`, `address_metadata` | `extra` |
| `total_rows`, `inserts`, `updates`, `soft_deletes` | rows extracted, inserted, updated, deleted |
| `watermark`, `next_watermark` of an execution | watermark before, watermark after |
| `completed_successfully` true, false, null | succeeded, failed, anything else |
| `last_target_insert` and the like | the end of the last success that inserted |
| `input_hash` | the content hash of what was last reported |
"""

import re
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel, model_validator

from supersync_dagster.api.errors import Problem
from supersync_dagster.api.watcher.fields import Id, Name, left_out

END_BEFORE_START = "end_date must be greater than start_date"
COLUMNS: Mapping[str, str] = {
    "pipeline_metadata": "extra",
    "address_metadata": "extra",
    "pipeline_type_id": "type_id",
    "address_type_id": "type_id",
    "mute_freshness_check": "mute_freshness",
    "mute_timeliness_check": "mute_timeliness",
    "metric_field": "metric",
}
"""The ledger's names of columns where the document has others."""


def columns_given(body: BaseModel, *without: str) -> dict[str, Any]:
    """What a request has named, null included, by the ledger's columns."""
    return {COLUMNS.get(name, name): getattr(body, name) for name in body.model_fields_set if name not in without}


def changed_at(row: Any) -> datetime | None:
    """When something was changed; None for what is as it was made."""
    changed: datetime = row.updated_at
    return None if changed == row.created_at else changed


class Patch(BaseModel):
    """What changes of something that is found by `id` or else by `name`; null clears."""

    id: Id | None = None
    name: Name = left_out("")

    @model_validator(mode="after")
    def _says_which(self) -> Any:
        if self.id is None and not self.name:
            raise ValueError("say which: id, or name")
        return self

    def changes(self) -> dict[str, Any]:
        """The columns that were named. A name without an id says which one, and changes nothing."""
        return columns_given(self, "id", *([] if self.id is not None else ["name"]))


class Created(BaseModel):
    """The id of what was there or is new."""

    id: int


class Queued(BaseModel):
    """A check that will be made soon."""

    status: Literal["queued"] = "queued"


class Mistake(BaseModel):
    """One mistake in what was sent."""

    loc: list[str | int]
    msg: str
    type: str


class ErrorBody(BaseModel):
    """What went wrong. `detail`: the message, or each mistake in what was sent. `code`: its kind in capitals."""

    detail: str | list[Mistake]
    message: str
    code: str
    error: str


def error_body(problem: Problem) -> dict[str, Any]:
    """The error body: FastAPI's own `detail`, and the keys in which the document's client looks for words."""
    message = END_BEFORE_START if problem.kind == "OutOfOrder" else problem.message
    code = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", problem.kind).upper()
    detail = [dict(one) for one in problem.details] or message
    return {"detail": detail, "message": message, "code": code, "error": problem.kind}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer beside success, for its OpenAPI document."""
    meanings = {
        HTTPStatus.BAD_REQUEST: END_BEFORE_START,
        HTTPStatus.NOT_FOUND: "There is no such thing",
        HTTPStatus.CONFLICT: "The name is taken, or supersync itself runs the pipeline",
        HTTPStatus.UNPROCESSABLE_ENTITY: "What was sent is wrong",
        HTTPStatus.SERVICE_UNAVAILABLE: "The ledger does not answer: see Retry-After",
    }
    always = (HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE)
    return {
        int(status): {"model": ErrorBody, "description": meanings[HTTPStatus(status)]}
        for status in (*statuses, *always)
    }


def found(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """The answer to a report of something that was there already."""
    return {200: {"model": model, "description": "It was there already"}}
