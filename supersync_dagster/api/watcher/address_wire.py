"""Bodies of the document about addresses, their types, and lineage."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from supersync_core.services.address_types import AddressType as TypeRow
from supersync_core.services.addresses import Address as AddressRow
from supersync_core.services.addresses import ReportedAddress
from supersync_core.services.lineage import Direction, Drawn, Graph
from supersync_dagster.api.watcher.fields import Id, JsonObject, Moment, Name, Part, Text, left_out
from supersync_dagster.api.watcher.paging import NamedPageQuery
from supersync_dagster.api.watcher.wire import Patch, changed_at, columns_given

MAX_ADDRESSES = 1000
"""On a side of a report: so many on both are a million edges."""


class _Parts(BaseModel):
    database_name: Part | None = None
    schema_name: Part | None = None
    table_name: Part | None = None
    primary_key: Part | None = None


class AddressReport(_Parts):
    """A place where data lives. A name in three parts of the group `database` tells database, schema and table."""

    name: Name
    address_type_name: Name
    address_type_group_name: Name
    address_metadata: JsonObject | None = None

    def reported(self) -> ReportedAddress:
        """As the service takes it."""
        given = columns_given(self, "name", "address_type_name", "address_type_group_name")
        return ReportedAddress(self.name, self.address_type_name, self.address_type_group_name, given)


class AddressTypeReport(BaseModel):
    """A type of addresses."""

    name: Name
    group_name: Name


class AddressPatch(Patch, _Parts):
    """What changes of an address, found by `id` or else by `name`; null clears."""

    address_type_id: Id = left_out(0)
    address_metadata: JsonObject | None = None


class AddressTypePatch(Patch):
    """What changes of a type, found by `id` or else by `name`."""

    group_name: Name = left_out("")


class AddressQuery(NamedPageQuery):
    """Which addresses."""

    address_type_id: Id | None = None


class AddressTypeQuery(NamedPageQuery):
    """Which types."""

    group_name: Text | None = Field(default=None, max_length=150)


class AddressType(BaseModel):
    """A type of addresses."""

    id: int
    name: str
    group_name: str
    created_at: Moment
    updated_at: Moment | None

    @classmethod
    def of(cls, row: TypeRow) -> "AddressType":
        """From the ledger."""
        return cls.model_construct(
            id=row.id,
            name=row.name,
            group_name=row.group_name,
            created_at=row.created_at,
            updated_at=changed_at(row),
        )


class Address(BaseModel):
    """A place where data lives. `input_hash`: of what was last reported of it."""

    id: int
    name: str
    address_type_id: int
    database_name: str | None
    schema_name: str | None
    table_name: str | None
    primary_key: str | None
    address_metadata: dict[str, Any] | None
    input_hash: str | None
    created_at: Moment
    updated_at: Moment | None

    @classmethod
    def of(cls, row: AddressRow) -> "Address":
        """From the ledger."""
        names = ("id", "name", "database_name", "schema_name", "table_name", "primary_key", "created_at")
        return cls.model_construct(
            **{name: getattr(row, name) for name in names},
            address_type_id=row.type_id,
            address_metadata=row.extra,
            input_hash=row.reported_hash,
            updated_at=changed_at(row),
        )


Side = Annotated[list[AddressReport], Field(max_length=MAX_ADDRESSES)]


class LineageReport(BaseModel):
    """Data flows from each source to each target through a pipeline; an empty side: it does not flow."""

    pipeline_id: Id
    source_addresses: Side
    target_addresses: Side


class LineageCreated(BaseModel):
    """How many relationships the pipeline has by this report."""

    pipeline_id: int
    lineage_relationships_created: int
    message: str

    @classmethod
    def of(cls, pipeline_id: int, drawn: Drawn | None) -> "LineageCreated":
        """From the service."""
        message = f"Lineage relationships created for pipeline {pipeline_id}"
        if drawn is None:
            message = f"Pipeline {pipeline_id} does not have load_lineage=True, no relationships created"
        edges = drawn.edges if drawn else 0
        return cls(pipeline_id=pipeline_id, lineage_relationships_created=edges, message=message)


class LineageQuery(BaseModel):
    """Around which address, which way and how far. `address`: its name, in any case."""

    address: Text = Field(min_length=1)
    direction: Direction = Direction.BOTH
    depth: int = Field(default=10, ge=1, le=1000, description="So many edges away at most.")


class LineageNode(BaseModel):
    """An address. `depth`: edges between it and the one that was asked for, negative upstream of it."""

    id: int
    name: str
    address_type_name: str
    depth: int


class LineageEdge(BaseModel):
    """Data flows through a pipeline. `reported`: somebody has said so; else a run of supersync has seen it."""

    source_address_id: int
    target_address_id: int
    pipeline_id: int
    pipeline_name: str
    reported: bool


class LineageGraph(BaseModel):
    """The addresses around one, by depth and name, and the edges between them."""

    address_id: int
    direction: Direction
    depth: int
    addresses: list[LineageNode]
    edges: list[LineageEdge]

    @classmethod
    def of(cls, address_id: int, query: LineageQuery, graph: Graph) -> "LineageGraph":
        """From the service."""
        return cls(
            address_id=address_id,
            direction=query.direction,
            depth=query.depth,
            addresses=[
                LineageNode(id=node.id, name=node.name, address_type_name=node.type_name, depth=node.depth)
                for node in graph.nodes
            ],
            edges=[
                LineageEdge(
                    source_address_id=edge.source_id,
                    target_address_id=edge.target_id,
                    pipeline_id=edge.pipeline_id,
                    pipeline_name=edge.pipeline,
                    reported=edge.reported,
                )
                for edge in graph.edges
            ],
        )
