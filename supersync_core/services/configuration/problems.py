"""What is wrong with a configuration, and where: a path that the reader of a file turns into a line."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

Path = tuple[str | int, ...]
"""The keys and indexes that lead to a value, such as `("pipelines", 0, "source")`."""


@dataclass(frozen=True)
class Problem:
    """One mistake, in words that say what to do. It never holds the value of a connection's key."""

    path: Path
    message: str

    def __str__(self) -> str:
        """As `pipelines[0].source.table: message`."""
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return f"{place.lstrip('.')}: {self.message}" if place else self.message


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` with the nearest of `known`, or a list of them when none is near."""
    choices = sorted(known)
    near = get_close_matches(word, choices, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there are: {', '.join(choices)}" if choices else "; there are none"


def read_problems(error: ValidationError, model: type[BaseModel], at: Path) -> list[Problem]:
    """The problems that pydantic found in a `model` at `at`, in our words."""
    return [
        Problem((*at, *details["loc"]), _message(model, details))
        for details in error.errors(include_url=False, include_input=False, include_context=False)
    ]


_WORDS = {
    "string_type": "text is expected here; put the value in quotes",
    "tuple_type": "a list is expected here",
    "dict_type": "a mapping is expected here",
    "model_type": "a mapping is expected here",
    "mapping_type": "a mapping is expected here",
}


def _message(model: type[BaseModel], details: Any) -> str:
    *parents, last = details["loc"] or ("",)
    if details["type"] == "extra_forbidden":
        return f"unknown key {last!r}" + did_you_mean(str(last), _known_keys(model, parents))
    if details["type"] == "missing":
        return f"the key {last!r} is missing"
    if details["type"] in _WORDS:
        return f"{last}: {_WORDS[details['type']]}"
    message = str(details["msg"]).removeprefix("Value error, ").replace("Input should", "must")
    message = message.replace("String should have", "must have")
    return f"{last}: {message}" if details["loc"] else message


def _known_keys(model: type[BaseModel], parents: Sequence[str | int]) -> list[str]:
    """The keys of the mapping to which `parents` lead from `model`."""
    for step in parents:
        if isinstance(step, str) and step in model.model_fields:
            model = _model_in(model.model_fields[step].annotation) or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The first model within an annotation such as `tuple[Model, ...]` or `Model | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(part) for part in get_args(annotation))
    return next((model for model in found if model is not None), None)
