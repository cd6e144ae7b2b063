"""What all tables of the ledger share: schema, names of constraints, and how Python types become columns."""

from datetime import datetime
from enum import Enum
from typing import Any, ClassVar

from sqlalchemy import BigInteger, ForeignKey, Identity, MetaData, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

from supersync_core.domain.check import CheckKind, DatePart
from supersync_core.domain.execution import ExecutionState, Trigger
from supersync_core.domain.incident import IncidentKind, IncidentState, Level
from supersync_core.domain.pipeline import DesiredState, PipelineKind
from supersync_core.ledger.types import UtcDateTime, words

SCHEMA = "supersync"
AS_ONE = {"render_nulls": True}
"""Options for inserting many rows: SQLAlchemy else makes a statement for each new set of columns that are not null."""

_WORDS: tuple[type[Enum], ...] = (
    *(PipelineKind, DesiredState, ExecutionState, Trigger),
    *(CheckKind, DatePart, IncidentKind, IncidentState, Level),
)


class Base(DeclarativeBase):
    """Base of every model. All tables lie in the PostgreSQL schema `supersync`, beside Dagster's own in `public`."""

    metadata = MetaData(
        schema=SCHEMA,
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        },
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text(),
        datetime: UtcDateTime(),
        dict[str, Any]: JSONB(none_as_null=True),
        list[str]: JSONB(),
        **{enum: words(enum) for enum in _WORDS},
    }


def key() -> Any:
    """The column `id`: numbers that the database gives out."""
    return mapped_column(BigInteger, Identity(always=True), primary_key=True)


def belongs_to(target: str, *, index: bool = False, primary_key: bool = False, on_delete: str = "CASCADE") -> Any:
    """The id of a row of `target`; by default it takes this one with it when it goes."""
    reference = ForeignKey(f"{SCHEMA}.{target}.id", ondelete=on_delete)
    return mapped_column(BigInteger, reference, index=index, primary_key=primary_key)
