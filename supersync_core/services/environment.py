"""`${NAME}` and `${NAME:-default}` in the values of a configuration; secrets may come from files."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from supersync_core.errors import ConfigError

_REFERENCE = re.compile(r"(\$?)\$\{([^}]*)(\}?)")
_NAME = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.DOTALL)
MAX_FILE_BYTES = 65_536
"""The longest value that is read from a file: a mistyped path must not fill the memory."""


def substitute(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """`text` with each `${NAME}` replaced by its value; `$${NAME}` stands for the text `${NAME}` itself.

    `${NAME:-default}` takes the default when the variable is unset or empty, as a shell does. Where NAME is unset and
    NAME_FILE is set, the value is read from the file of that name, without the line break at its end. Raises
    ConfigError for a variable that is not set and for a reference that cannot be read.
    """

    def value(match: re.Match[str]) -> str:
        escape, inside, end = match.groups()
        if escape:
            return match[0][1:]
        reference = _NAME.fullmatch(inside)
        if reference is None or not end:
            raise ConfigError("cannot read a reference: write ${NAME} or ${NAME:-default}, and $${ for a plain ${")
        name, default = reference["name"], reference["default"]
        found = lookup(name, environment)
        if default is not None:
            return found or default
        if found is None:
            raise ConfigError(f"the environment variable {name} is not set (nor {name}_FILE)")
        return found

    return _REFERENCE.sub(value, text)


def lookup(name: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """The variable `name`, or what the file holds that `<name>_FILE` names, or None. Raises ConfigError."""
    if name in environment:
        return environment[name]
    path = environment.get(f"{name}_FILE")
    return read_secret(Path(path), f"{name}_FILE") if path else None


def read_secret(path: Path, origin: str) -> str:
    """What the file holds, without the line break at its end. Raises ConfigError naming `origin`, never the content."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise ConfigError(f"{origin}: {path} is longer than {MAX_FILE_BYTES} bytes")
        return content.decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise ConfigError(f"{origin}: cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigError(f"{origin}: {path} is not text in UTF-8") from None
