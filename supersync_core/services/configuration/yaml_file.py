"""Reading `supersync.yaml`: nothing but plain data comes out, and every mistake has a line."""

import os
from collections.abc import Mapping
from pathlib import Path as FilePath

import yaml

from supersync_core.errors import ConfigError
from supersync_core.services.configuration.build import build_configuration
from supersync_core.services.configuration.model import Configuration
from supersync_core.services.configuration.problems import Path, Problem
from supersync_core.services.environment import substitute

MAX_BYTES = 1_048_576
MAX_VALUES = 50_000
MAX_DEPTH = 30
"""Limits of a file. Values are counted after aliases are followed: nine lines can stand for a billion values."""


def load_configuration(path: FilePath | str, environment: Mapping[str, str] = os.environ) -> Configuration:
    """Read, substitute and check the file at `path`.

    Raises ConfigError with one line `file:line: what is wrong` for each mistake.
    """
    path = FilePath(path)
    document = _Document(environment)
    try:
        data = document.read(_text(path))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigError(_at(path, mark.line + 1 if mark else 1, _yaml_message(error))) from error
    except yaml.reader.ReaderError as error:
        raise ConfigError(_at(path, 1, f"character {error.position}: {error.reason}")) from error
    configuration, problems = (None, document.problems) if document.problems else build_configuration(data)
    if configuration is None:
        found = sorted((document.line(problem.path), problem.message) for problem in problems)
        raise ConfigError("\n".join(_at(path, line, message) for line, message in dict.fromkeys(found)))
    return configuration


def _text(path: FilePath) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise ConfigError(f"the configuration {path} is longer than {MAX_BYTES} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError(_at(path, line, "not text in UTF-8")) from error


def _at(path: FilePath, line: int, message: str) -> str:
    return f"{path}:{line}: {message}"


def _yaml_message(error: yaml.MarkedYAMLError) -> str:
    message = ", ".join(part for part in (error.context, error.problem) if part)
    if "alias" in message:
        return f"{message}; a value that begins with * goes in quotes, such as cron: '*/5 * * * *'"
    if "cannot start any token" in message:
        return f"{message}; put the value in quotes, and indent with spaces"
    return message


class _Refused(yaml.MarkedYAMLError):
    """YAML that can be read and is not what a configuration may hold."""

    def __init__(self, problem: str, mark: yaml.Mark) -> None:
        super().__init__(problem=problem, problem_mark=mark)


class _Loader(yaml.SafeLoader):
    """The safe loader with limits, checked while it reads: deep nesting would exhaust the stack before the end."""

    depth = 0
    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.depth += 1
        self.nodes += 1
        if self.depth > MAX_DEPTH or self.nodes > MAX_VALUES:
            raise _Refused(_TOO_MUCH, self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


_TOO_MUCH = f"more than {MAX_DEPTH} levels or {MAX_VALUES} values: this is no configuration"
_MERGE = "tag:yaml.org,2002:merge"
_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp")}


class _Document:
    """One file as plain data, with the line of each value and the problems that YAML itself would let pass."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.problems: list[Problem] = []
        self._lines: dict[Path, int] = {}
        self._values = 0
        self._merging = 0

    def read(self, text: str) -> object:
        """The data. Raises yaml.MarkedYAMLError or yaml.reader.ReaderError where the text is no configuration."""
        self._loader = _Loader(text)
        node = self._loader.get_single_node()
        return {} if node is None else self._value(node, (), 1)

    def line(self, path: Path) -> int:
        """The line of `path`, or of the nearest value around it."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def _value(self, node: yaml.Node, path: Path, line: int) -> object:
        self._values += 1
        if self._values > MAX_VALUES or len(path) > MAX_DEPTH:
            raise _Refused(_TOO_MUCH, node.start_mark)
        if node.tag not in _TAGS:
            raise _Refused(f"the tag {node.tag!r} is not allowed", node.start_mark)
        self._lines[path] = line
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            items = enumerate(node.value)
            return [self._value(item, (*path, index), item.start_mark.line + 1) for index, item in items]
        value = self._scalar(node, path)
        return self._text(value, path) if isinstance(value, str) else value

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        merged: dict[str, object] = {}
        found: dict[str, object] = {}
        # Merges first, so that the line of a key is where the file itself says it.
        for key_node, value_node in sorted(node.value, key=lambda pair: pair[0].tag != _MERGE):
            if key_node.tag == _MERGE:
                merged = {**self._merged(value_node, path), **merged}
                continue
            line = key_node.start_mark.line + 1
            key = self._scalar(key_node, path) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                raise _Refused("a key is text: put it in quotes", key_node.start_mark)
            if key in found:
                first = self._lines[(*path, key)]
                self._lines[(*path, key)] = line
                self.problems.append(Problem((*path, key), f"the key {key!r} is here twice; first on line {first}"))
                continue
            found[key] = self._value(value_node, (*path, key), line)
        return {**merged, **found}

    def _merged(self, node: yaml.Node, path: Path) -> dict[str, object]:
        """What `<<: *defaults` or `<<: [*a, *b]` brings; the earlier of a list wins."""
        found: dict[str, object] = {}
        self._merging += 1
        for part in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if not isinstance(part, yaml.MappingNode) or self._merging > MAX_DEPTH:
                raise _Refused("<< takes a mapping or a list of mappings, and never itself", part.start_mark)
            found = {**self._mapping(part, path), **found}
        self._merging -= 1
        return found

    def _scalar(self, node: yaml.Node, path: Path) -> object:
        try:
            value: object = self._loader.construct_object(node)
        except (ValueError, OverflowError):
            raise _Refused("cannot read this value: put it in quotes", node.start_mark) from None
        return value

    def _text(self, text: str, path: Path) -> str:
        try:
            text = substitute(text, self.environment)
            text.encode()
        except UnicodeEncodeError:
            self.problems.append(Problem(path, "holds half a character: a surrogate such as \\ud800"))
        except ConfigError as error:
            self.problems.append(Problem(path, str(error)))
        if "\0" in text:
            self.problems.append(Problem(path, "holds a NUL character, which no database keeps"))
        return text
