"""What the configurations of change sinks have in common. Unknown keys are ignored, as DeltaForge does."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

EncodingName = Literal["json"]


class ChangeSinkBase(BaseModel):
    """A sink of a pipeline. Fields that may hold a secret are `SecretStr`; times are in seconds."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    id: str = Field(min_length=1, description="its name within the pipeline; checkpoints go by it")
    required: bool = Field(default=True, description="whether the source waits until this sink has what it read")


class Envelope(BaseModel):
    """What an event looks like: see `domain/envelopes.py`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: Literal["native", "debezium", "cloudevents"] = "native"
    type_prefix: str | None = Field(default=None, description="cloudevents: what stands before `.created` in `type`")

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: Any) -> Any:
        return {"type": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _with_prefix(self) -> "Envelope":
        if self.type == "cloudevents" and not self.type_prefix:
            raise ValueError("cloudevents needs a type_prefix, such as com.example.cdc")
        return self


class EventFilter(BaseModel):
    """Which events a sink takes, by the processor that made them (an event from the source itself has none)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    exclude_synthetic: bool = Field(default=False, description="only events that come from the source")
    synthetic_only: bool = Field(default=False, description="only events that a processor has made")
    producers: tuple[str, ...] = Field(
        default=(), description="of made events only those of these processors; () = all"
    )

    @model_validator(mode="after")
    def _not_both(self) -> "EventFilter":
        if self.exclude_synthetic and self.synthetic_only:
            raise ValueError("exclude_synthetic and synthetic_only together let nothing through")
        return self


class MessageSinkBase(ChangeSinkBase):
    """A sink that takes one message per event."""

    envelope: Envelope = Envelope()
    encoding: EncodingName = "json"
    filter: EventFilter | None = None

    @field_validator("encoding", mode="before")
    @classmethod
    def _only_json(cls, value: Any) -> Any:
        name = value.get("type") if isinstance(value, dict) else value
        if name == "avro":
            raise ValueError("avro is not supported: events are encoded as json")
        return name
