"""Connection strings: what may be shown of them, and whether they can be read without guessing."""

import re
from urllib.parse import parse_qsl, urlsplit

from supersync_core.errors import ConfigError

MASK = "********"
# What is not known to be harmless may be a secret.
_SHOWN = {"host", "hostaddr", "port", "dbname", "database", "user", "service", "options", "application_name"} | {
    "sslmode",
    "ssl",
    "charset",
    "connect_timeout",
    "target_session_attrs",
}
# The scheme of any other may be a secret that was put in the wrong place.
_SCHEMES = {"postgresql", "postgres", "redshift", "mysql", "mariadb", "redis", "rediss", "nats"}
# libpq keywords: key = value or key = 'value with \' inside', https://www.postgresql.org/docs/current/libpq-connect.html
_KEYWORD = re.compile(r"\s*([A-Za-z_]+)\s*=\s*('(?:[^'\\]|\\.)*'|[^\s'\\=]*)(?=\s|$)", re.DOTALL)


def masked_dsn(dsn: str) -> str:
    """The DSN without passwords; nothing but a mask when it cannot be read for sure.

    >>> masked_dsn("postgresql://me:hunter2@db/shop?sslmode=require&password=x")
    'postgresql://me:********@db/shop?sslmode=require&password=********'
    >>> masked_dsn("host=db password='a b'")
    'host=db password=********'
    """
    if "://" not in dsn:
        return _masked_keywords(dsn)
    try:
        check_url(dsn)
        parts = urlsplit(dsn)
    except ConfigError:
        return MASK
    if parts.scheme.partition("+")[0] not in _SCHEMES:
        return MASK
    user, at, host = parts.netloc.rpartition("@")
    name, colon, _ = user.partition(":")
    query = "&".join(f"{key}={_shown(key, value)}" for key, value in parse_qsl(parts.query, True))
    shown = f"{parts.scheme}://{name}{colon}{MASK if colon else ''}{at}{host}{parts.path}"
    return f"{shown}?{query}" if query else shown


def check_url(url: str) -> None:
    """Raise ConfigError for a URL that drivers would cut in the wrong place, and then show a part of a password.

    That is one whose password holds an unescaped `/`, `?`, `#`, `@` or `[`, or whose port is no number. Never repeats
    the URL.
    """
    advice = "the URL cannot be read; in a password write @ as %40, / as %2F, : as %3A, ? as %3F, # as %23"
    try:
        parts = urlsplit(url)
        ports = [host.rpartition(":")[2] for host in _hosts(parts.netloc) if ":" in host]
    except ValueError:
        raise ConfigError(advice) from None
    rest = f"{parts.path}?{parts.query}#{parts.fragment}"
    user = parts.netloc.rpartition("@")[0]
    if not parts.scheme or "@" in user or "@" in rest or parts.fragment:
        raise ConfigError(advice)
    if any(port and not port.isdigit() for port in ports):
        raise ConfigError(advice)


def first_host(host: str | None) -> str:
    """Of several hosts the first; this machine where none is named, or a socket of this machine's."""
    first = (host or "").split(",")[0]
    if not first or first.startswith(("/", "@")):
        return "localhost"
    return f"[{first}]" if ":" in first else first


def _hosts(netloc: str) -> list[str]:
    """`host:port` of each, with IPv6 addresses cut out."""
    return [re.sub(r"\[[^]]*\]", "", host) for host in netloc.rpartition("@")[2].split(",")]


def _masked_keywords(dsn: str) -> str:
    found = list(_KEYWORD.finditer(dsn))
    if not found or "".join(match[0] for match in found) != dsn.rstrip():
        return MASK
    return " ".join(f"{match[1]}={_shown(match[1], match[2])}" for match in found)


def _shown(key: str, value: str) -> str:
    return value if key.lower() in _SHOWN else MASK
