"""Places where data lives, as somebody names them."""

from typing import Any, NamedTuple

DATABASE = "database"
"""The group of address types whose names are `database.schema.table`."""


class Place(NamedTuple):
    """An address as it is reported: its name, and its type such as `postgres` of the group `database`."""

    name: str
    type_name: str
    group_name: str = DATABASE


def split_name(name: str, group_name: str) -> dict[str, Any]:
    """Database, schema and table of a name in three parts of the group `database`; {} for any other (Watcher).

    >>> split_name("shop.public.orders", "database")
    {'database_name': 'shop', 'schema_name': 'public', 'table_name': 'orders'}
    """
    parts = name.split(".")
    if group_name != DATABASE or len(parts) != 3:
        return {}
    return dict(zip(("database_name", "schema_name", "table_name"), parts, strict=True))
