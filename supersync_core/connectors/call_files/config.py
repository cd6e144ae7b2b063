"""How a folder of call files is declared."""

from typing import Literal

from pydantic import Field, model_validator

from supersync_core.connectors.config import ConnectorConfig

AGENCY = "{agency}"


class Config(ConnectorConfig):
    """Files `*.csv` and `*.jsonl` in a folder and those below it; `{agency}` in the path stands for an agency's id."""

    type: Literal["call_files"] = "call_files"
    path: str = Field(min_length=1, description="a folder, such as data/calls/{agency}; or a single file")
    provider: str = Field(default="files", min_length=1, max_length=100, description="of calls that name none")
    columns: dict[str, str] = Field(
        default={}, description="names in the files by ours: provider, call_id, started_at, duration_s, direction, ..."
    )

    @model_validator(mode="after")
    def _names_what_a_call_has(self) -> "Config":
        from supersync_core.connectors.call_records import FIELDS

        for name in self.columns:
            if name not in FIELDS:
                raise ValueError(f"columns: a call has no {name!r}; it has: {', '.join(FIELDS)}")
        return self

    def is_for_one(self) -> bool:
        """Whether all of it is one agency's."""
        return AGENCY not in self.path
