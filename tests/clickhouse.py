"""What a ClickHouse server answers over HTTP, as far as the sink asks it. It checks requests; it is no database."""

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.listener import Answer, Request

_CREATE = re.compile(r"create table if not exists (\S+) \((.*)\) engine = (.*)")
_ALTER = re.compile(r"alter table (\S+) (.*)")
_COLUMN = re.compile(r"`((?:[^`\\]|\\.)+)` [A-Z]")


class Clickhouse:
    """`rows`: what was inserted, by table; `statements`: what was run; `tokens`: of the inserts, in order."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.columns: dict[str, list[str]] = {}
        self.statements: list[str] = []
        self.tokens: list[str] = []
        self.bad: set[object] = set()
        """Rows with one of these ids cannot be parsed."""

    def answer(self, request: Request) -> Answer:
        """As a server would."""
        settings = parse_qs(urlsplit(request.path).query)
        if "query" in settings:
            return self._insert(settings, request.body)
        statement = request.body.decode()
        if statement.endswith(" format JSONCompact"):
            return Answer(body=json.dumps({"data": self._select(statement)}).encode())
        self.statements.append(statement)
        self._run(statement)
        return Answer()

    def _insert(self, settings: dict[str, list[str]], body: bytes) -> Answer:
        (query,), (token,) = settings["query"], settings["insert_deduplication_token"]
        table = query.removeprefix("insert into ").removesuffix(" format JSONEachRow")
        if table not in self.rows:
            return self._refusal(60, "Unknown table")
        rows = [json.loads(line) for line in body.splitlines()]
        for row in rows:
            if unknown := set(row) - set(self.columns[table]):
                return self._refusal(117, f"Unknown field: {unknown}")
            if row.get("id") in self.bad:
                return self._refusal(27, "Cannot parse input")
        self.rows[table] += rows
        self.tokens.append(token)
        return Answer()

    def _select(self, statement: str) -> list[list[str]]:
        if "system.columns" not in statement:
            return [["1"]]
        database, table = re.findall(r"= '([^']+)'", statement)
        return [[name] for name in self.columns.get(f"`{database}`.`{table}`", [])]

    def _run(self, statement: str) -> None:
        if match := _CREATE.fullmatch(statement):
            self.rows[match[1]], self.columns[match[1]] = [], _names(match[2])
        elif match := _ALTER.fullmatch(statement):
            self.columns[match[1]] += _names(match[2])
        else:
            self.rows[statement.removeprefix("truncate table ")].clear()

    @staticmethod
    def _refusal(code: int, words: str) -> Answer:
        body = f"Code: {code}. DB::Exception: {words}"
        return Answer(500, body.encode(), {"X-ClickHouse-Exception-Code": str(code)})


def _names(columns: str) -> list[str]:
    return [re.sub(r"\\(.)", r"\1", name) for name in _COLUMN.findall(columns)]
