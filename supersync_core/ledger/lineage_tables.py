"""Places where data lives, and the edges that pipelines draw between them."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from supersync_core.ledger.base import Base, belongs_to, key


class AddressType(Base):
    """What kind of place an address is, such as `postgres` of the group `database`. Unique without regard to case."""

    __tablename__ = "address_types"
    __table_args__ = (CheckConstraint("char_length(name) BETWEEN 1 AND 150", name="name_length"),)

    id: Mapped[int] = key()
    name: Mapped[str]
    name_key: Mapped[str] = mapped_column(unique=True)
    group_name: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Address(Base):
    """A place where data lives: a table, topic, stream or channel. Unique without regard to case.

    `reported_hash`: content hash of what somebody last reported of it. `extra`: any JSON object.
    """

    __tablename__ = "addresses"
    __table_args__ = (CheckConstraint("name <> ''", name="name_length"),)

    id: Mapped[int] = key()
    name: Mapped[str]
    name_key: Mapped[str] = mapped_column(unique=True)
    type_id: Mapped[int] = belongs_to("address_types", index=True, on_delete="RESTRICT")
    database_name: Mapped[str | None]
    schema_name: Mapped[str | None]
    table_name: Mapped[str | None]
    primary_key: Mapped[str | None]
    extra: Mapped[dict[str, Any] | None]
    reported_hash: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class LineageEdge(Base):
    """Data flows from `source_id` to `target_id` through a pipeline.

    `reported`: somebody said so; else a run of ours has seen it, and the next run says anew what it sees.
    """

    __tablename__ = "lineage_edges"

    pipeline_id: Mapped[int] = belongs_to("pipelines", primary_key=True)
    source_id: Mapped[int] = belongs_to("addresses", primary_key=True, index=True)
    target_id: Mapped[int] = belongs_to("addresses", primary_key=True, index=True)
    reported: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    created_at: Mapped[datetime]
