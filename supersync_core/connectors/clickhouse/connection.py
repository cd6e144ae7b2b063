"""ClickHouse's HTTP interface (https://clickhouse.com/docs/interfaces/http)."""

import re
from typing import Any

import httpx

from supersync_core.connectors.clickhouse.change_config import ChangeSinkConfig
from supersync_core.errors import (
    AccessDenied,
    BadData,
    ConfigError,
    NotFound,
    SchemaMismatch,
    SupersyncError,
    Unavailable,
)

# By the number of the error (https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp).
_BY_CODE: dict[int, type[SupersyncError]] = {
    **dict.fromkeys((192, 193, 194, 497, 516), AccessDenied),
    **dict.fromkeys((60, 81), NotFound),
    **dict.fromkeys((6, 26, 27, 32, 33, 38, 41, 53, 69, 72, 131, 349, 407), BadData),
    **dict.fromkeys((16, 47, 117), SchemaMismatch),
    62: ConfigError,
}
_CODE = re.compile(r"Code: (\d+)")
_SHOWN = 500


class ClickhouseConnection:
    """One server, over one connection that is kept."""

    def __init__(self, config: ChangeSinkConfig) -> None:
        """Nothing is connected yet."""
        headers = {"X-ClickHouse-Database": config.database}
        if config.user:
            headers["X-ClickHouse-User"] = config.user
        if config.password:
            headers["X-ClickHouse-Key"] = config.password.get_secret_value()
        self._client = httpx.Client(
            base_url=config.url,
            headers=headers,
            timeout=config.send_timeout_secs,
            verify=not config.tls.insecure_skip_verify,
            limits=httpx.Limits(max_connections=1),
        )

    def ask(self, query: str) -> list[Any]:
        """The rows of a query. Raises our errors."""
        response = self._post({}, f"{query} format JSONCompact".encode())
        rows: list[Any] = response.json()["data"]
        return rows

    def run(self, statement: str) -> None:
        """Run a statement without rows."""
        self._post({}, statement.encode())

    def insert(self, into: str, lines: bytes, token: str) -> None:
        """Insert lines of JSON; those that come again with the same `token` are left out where the table can tell."""
        settings = {
            "query": f"insert into {into} format JSONEachRow",
            "insert_deduplication_token": token,
            "async_insert": "0",
            "date_time_input_format": "best_effort",
        }
        self._post(settings, lines)

    def close(self) -> None:
        """Disconnect."""
        self._client.close()

    def _post(self, settings: dict[str, str], body: bytes) -> httpx.Response:
        try:
            response = self._client.post("/", params=settings, content=body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(f"ClickHouse cannot be reached: {error or type(error).__name__}") from error
        if response.status_code != httpx.codes.OK:
            raise translated(response)
        return response


def translated(response: httpx.Response) -> SupersyncError:
    """The server's refusal as our error; one that is not known may get better."""
    text = response.text.strip()[:_SHOWN]
    match = _CODE.search(text)
    code = int(response.headers.get("x-clickhouse-exception-code", 0) or (match[1] if match else 0))
    if not code and response.status_code in (401, 403):
        return AccessDenied(f"ClickHouse refuses us: {text}")
    return _BY_CODE.get(code, Unavailable)(f"ClickHouse: {text or response.status_code}")
