"""The `supersync` command: finds the module of a command, and turns errors into plain lines and exit codes."""

import json
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from supersync_core.errors import SupersyncError
from supersync_dagster.commands.output import Failed

COMMANDS = {
    "dev": "Run everything in one terminal: database, Dagster's UI, schedules.",
    "webserver": "Serve Dagster's UI and the API on one port, for production.",
    "sync": "Sync tables from one URL to another, once, without any configuration.",
    "run": "Run a configured pipeline now.",
    "status": "Show every pipeline: its state, its last run, its next one.",
    "doctor": "Check whether everything that supersync needs is there.",
    "config": "Show the configuration that is in effect.",
    "migrate": "Bring the ledger's schema to this version of supersync.",
    "token": "Make, list and revoke the tokens for the HTTP API.",
}

EXIT_FAILED, EXIT_USAGE = 1, 2

_EPILOG = """\b
Begin with one of:
  supersync sync postgresql://me@db1/shop postgresql://me@db2/lake --table 'sales.*'
  supersync dev

\b
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 works but something needs attention (doctor);
130 and 143: ended by Ctrl-C or SIGTERM. Every command takes --json. Set NO_COLOR for plain text.
"""


class LazyGroup(click.Group):
    """A group that lists its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which one meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"supersync_dagster.commands.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest command for one that is not known."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = " or ".join(repr(name) for name in get_close_matches(args[0], COMMANDS))
            ctx.fail(f"No such command {args[0]!r}." + (f" Did you mean {near}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list for --help."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from importlib.metadata import version

    click.echo(f"supersync {version('supersync')}")
    ctx.exit()


@click.group(cls=LazyGroup, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_show_version, help="Show it.")
def cli() -> None:
    """Syncs of every kind as Dagster assets, over one ledger."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command that `arguments` (default: those of the process) name, and exit."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    # A script's `supersync ... &` starts with SIGINT ignored, and every child would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = cli.main(args=list(arguments), prog_name="supersync", standalone_mode=False)
    except click.ClickException as error:
        code = _report_usage(error, arguments)
    except SupersyncError as error:
        if "--debug" in arguments:
            raise
        _report(type(error).__name__, str(error), arguments)
        code = EXIT_FAILED
    except Failed as failed:
        code = failed.exit_code
    except (KeyboardInterrupt, click.Abort):
        code = 128 + signal.SIGINT
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`): nothing is left to say, not even at interpreter exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_FAILED
    sys.exit(code or 0)


def _report_usage(error: click.ClickException, arguments: Sequence[str]) -> int:
    if "--json" in arguments:
        _report("Usage", error.format_message(), arguments)
    else:
        error.show()
    return EXIT_USAGE if isinstance(error, click.UsageError) else error.exit_code


def _report(kind: str, message: str, arguments: Sequence[str]) -> None:
    """One line on stderr (one per mistake, for a configuration); as JSON for programs."""
    if "--json" in arguments:
        body: dict[str, Any] = {"error": {"type": kind, "message": message}}
        click.echo(json.dumps(body, ensure_ascii=False), err=True)
    else:
        for line in message.splitlines():
            click.echo(f"supersync: {line.strip()}", err=True)


if __name__ == "__main__":
    main()
