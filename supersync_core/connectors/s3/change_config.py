"""How a sink of files is declared."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from supersync_core.connectors.sink_config import ChangeSinkBase, EventFilter


class FileRoll(BaseModel):
    """When a file is complete: whichever comes first."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    max_bytes: int = Field(default=256 << 20, gt=0, description="bytes of events, before they are compressed")
    max_events: int = Field(default=1_000_000, gt=0)
    max_age_secs: float = Field(default=300, gt=0, description="seconds since its first event")
    idle_age_secs: float = Field(default=600, gt=0, description="seconds since its last event")


class ChangeSinkConfig(ChangeSinkBase):
    """A bucket of S3 or of something that speaks its protocol; with `local`, a directory of this machine."""

    bucket: str = Field(min_length=1, description="the bucket's name; with `local`, a directory")
    prefix: str = ""
    region: str | None = None
    endpoint: str | None = Field(default=None, description="http://host:port of another store than AWS")
    access_key_id: str | None = Field(default=None, description="without it, the environment's credentials")
    secret_access_key: SecretStr | None = None
    virtual_hosted_style: bool = False
    local: bool = False
    format: Literal["parquet", "jsonl"] = "parquet"
    compression: Literal["snappy", "gzip", "zstd", "none"] = "snappy"
    file_roll: FileRoll = FileRoll()
    send_timeout_secs: float = Field(default=60, gt=0, description="seconds for one request")
    spool_directory: Path | None = Field(default=None, description="where files grow; by default the system's own")
    filter: EventFilter | None = None

    @model_validator(mode="before")
    @classmethod
    def _lines_are_not_snappy(cls, value: object) -> object:
        if isinstance(value, dict) and value.get("format") == "jsonl":
            if value.get("compression") == "snappy":
                raise ValueError("lines of JSON are compressed with gzip, zstd or none, not with snappy")
            return {"compression": "gzip", **value}
        return value
