"""Many values in one parameter of a statement, as rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import TableValuedAlias, column, func, literal
from sqlalchemy.dialects.postgresql import JSONB


def unnested_json(rows: Sequence[Mapping[str, Any]], name: str, **types: Any) -> TableValuedAlias:
    """Rows of JSON values as a table with columns of these types; a key that is missing is null."""
    columns = [column(key, type_) for key, type_ in types.items()]
    recordset = func.jsonb_to_recordset(literal(list(rows), JSONB)).table_valued(*columns, name=name)
    return recordset.render_derived(with_types=True)
