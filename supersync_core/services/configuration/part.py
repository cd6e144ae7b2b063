"""What every mapping in a configuration has in common."""

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A mapping in the file: frozen, unknown keys refused, values never shown in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
