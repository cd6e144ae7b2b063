"""How a source and a sink of changes in memory are declared."""

from pydantic import BaseModel, ConfigDict, Field

from supersync_core.connectors.sink_config import ChangeSinkBase


class ChangeSourceConfig(BaseModel):
    """A log in this process."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(min_length=1)
    name: str = Field(default="default", description="of the log in this process")


class ChangeSinkConfig(ChangeSinkBase):
    """A list of changes in this process."""

    name: str = Field(default="default", description="of the list in this process")
    stores_position: bool = Field(default=False, description="keep the position with the changes: exactly once")
