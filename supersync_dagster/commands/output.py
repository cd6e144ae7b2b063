"""What commands print, and the options that every command has."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

from supersync_core.domain.execution import Counts

F = TypeVar("F", bound=Callable[..., Any])


class Failed(Exception):
    """The command has said what is wrong; the process ends with `exit_code`."""

    def __init__(self, exit_code: int) -> None:
        """Keep the exit code."""
        super().__init__(exit_code)
        self.exit_code = exit_code


def common_options(command: F) -> F:
    """`--json`, given to the command as `as_json`, and `--debug`, which `cli.main` sees to."""
    command = click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")(command)
    return click.option("--json", "as_json", is_flag=True, help="Write one JSON object, for programs.")(command)


def print_json(body: Any) -> None:
    """One JSON value on stdout, with two spaces of indent."""
    click.echo(json.dumps(body, ensure_ascii=False, indent=2, default=str))


def one_line(message: str) -> str:
    """A message without its line breaks: drivers like to add advice of their own."""
    return " ".join(message.split())


def bytes_text(size: float) -> str:
    """A size in units of 1000, such as `12.3 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def rate_text(rows: int, size: int, seconds: float) -> str:
    """Such as `1,247 rows, 98.1 kB in 0.3 s (4,156 rows/s)`."""
    return f"{rows:,} rows, {bytes_text(size)} in {seconds:.1f} s ({rows / max(seconds, 0.001):,.0f} rows/s)"


def counts_text(counts: Counts) -> str:
    """What the target did with the rows."""
    return (
        f"{counts.inserted:,} inserted, {counts.updated:,} updated, {counts.unchanged:,} unchanged, "
        f"{counts.deleted:,} deleted"
    )
