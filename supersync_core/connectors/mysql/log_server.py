"""What a server must be set to so that its log can be read, who it is, and how far its log goes."""

from collections.abc import Mapping

from supersync_core.connectors.mysql.connection import Session
from supersync_core.connectors.mysql.places import Place
from supersync_core.errors import AbortError, AccessDenied, ConfigError, NotFound, PositionLost

_WANTED = {
    "log_bin": ("ON", "start the server with log_bin"),
    "binlog_format": ("ROW", "SET GLOBAL binlog_format = 'ROW'"),
    "binlog_row_image": ("FULL", "SET GLOBAL binlog_row_image = 'FULL'"),
    "binlog_row_metadata": ("FULL", "SET GLOBAL binlog_row_metadata = 'FULL'"),
    "binlog_row_value_options": ("", "SET GLOBAL binlog_row_value_options = ''"),
    "binlog_transaction_compression": ("OFF", "SET GLOBAL binlog_transaction_compression = OFF"),
    "log_bin_compress": ("OFF", "SET GLOBAL log_bin_compress = OFF"),
}
"""Settings as they must be, and how to make them so. The last three are not known to every server."""
_OPTIONAL = ("binlog_row_value_options", "binlog_transaction_compression", "log_bin_compress")
_NAMES = (*_WANTED, "server_uuid", "server_uid", "hostname", "port", "server_id")


def settings(session: Session) -> Mapping[str, str]:
    """The settings that matter here, as far as the server has them."""
    names = ", ".join(f"'{name}'" for name in _NAMES)
    rows = session.execute(f"show global variables where variable_name in ({names})")
    return {(name or b"").decode().lower(): (value or b"").decode() for name, value in rows}


def check_settings(known: Mapping[str, str]) -> None:
    """Raise ConfigError that says which setting is wrong, and what to do."""
    for name, (wanted, remedy) in _WANTED.items():
        value = known.get(name)
        if value is None and name in _OPTIONAL:
            continue
        if value is None:
            raise ConfigError(
                f"the server has no setting {name}: its log cannot be read. MySQL from 8.0.14 and MariaDB from 10.5"
                " can be"
            )
        if value.upper() != wanted:
            now = f"{name} is {value!r}" if value else f"{name} is not set"
            raise ConfigError(f"the server's {now}, and its log can be read only with {wanted!r}: {remedy}")


def identity(known: Mapping[str, str]) -> str:
    """Who the server is: its unique id; of a MariaDB that has none, its address and number."""
    unique = known.get("server_uuid") or known.get("server_uid")
    return unique or f"{known.get('hostname')}:{known.get('port')}/{known.get('server_id')}"


def log_end(session: Session) -> tuple[str, int]:
    """File and place where the log ends. Raises ConfigError when there is none."""
    try:
        rows = session.execute("show binary log status")
    except AccessDenied:
        raise
    except (AbortError, NotFound):
        # Its name until MySQL 8.2, and MariaDB's.
        rows = session.execute("show master status")
    if not rows:
        raise ConfigError("the server writes no binary log: start it with log_bin")
    file, pos = rows[0][:2]
    return (file or b"").decode(), int(pos or 0)


def check_place(session: Session, place: Place) -> None:
    """Raise PositionLost when the log has no more, or not yet, what comes after `place`."""
    advice = (
        "Changes may be lost. Compare the targets with the source, or delete the pipeline and create it again with a"
        " snapshot"
    )
    sizes = {(row[0] or b"").decode(): int(row[1] or 0) for row in session.execute("show binary logs")}
    if place.file not in sizes:
        raise PositionLost(f"the server's log has no file {place.file} any more, where our checkpoint is. {advice}")
    if place.pos > sizes[place.file]:
        raise PositionLost(
            f"the server's log file {place.file} ends at {sizes[place.file]}, before our checkpoint {place.pos}: it was"
            f" restored from an older copy, or is another server. {advice}"
        )
