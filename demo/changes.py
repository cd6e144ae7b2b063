"""What happens at the source between the two rounds: known numbers of inserts, updates and deletes.

Rows are picked by the hash of their key: spread over the table, and the same ones each time.
"""

from demo.data import connected
from supersync_core.domain.execution import Counts

STATEMENTS: tuple[tuple[str, str, str], ...] = (
    ("airlines", "inserted", "insert into airlines values ('NK', 'Spirit Air Lines')"),
    ("airlines", "updated", "update airlines set name = 'American Airlines Inc. (US)' where carrier = 'US'"),
    (
        "airports",
        "updated",
        "update airports set alt = alt + 1 where faa in (select faa from airports order by md5(faa) limit 25)",
    ),
    (
        "airports",
        "deleted",
        "delete from airports where faa in (select faa from airports order by md5(faa) offset 25 limit 40)",
    ),
    (
        "planes",
        "inserted",
        """insert into planes select 'NEW' || n, 2013, 'Fixed wing multi engine', 'AIRBUS', 'A350-900', 2, 325, null,
           'Turbo-fan' from generate_series(1, 10) n""",
    ),
    (
        "planes",
        "updated",
        """update planes set seats = seats + 4
           where tailnum in (select tailnum from planes where year < 2013 order by md5(tailnum) limit 300)""",
    ),
    (
        "planes",
        "deleted",
        """delete from planes where tailnum in
           (select tailnum from planes where year < 2013 order by md5(tailnum) offset 300 limit 120)""",
    ),
    # The year's weather ends on December 30: the three airports report one more day.
    (
        "weather",
        "inserted",
        """insert into weather (origin, year, month, day, hour, temp, visib, time_hour)
           select origin, 2013, 12, 31, h, 30 + h % 12, 10, timestamptz '2013-12-31 05:00Z' + h * interval '1 hour'
           from unnest(array['EWR', 'JFK', 'LGA']) origin, generate_series(0, 23) h""",
    ),
    (
        "flights",
        "updated",
        """update flights set arr_delay = coalesce(arr_delay, 0) + 5 where (time_hour, carrier, flight) in
           (select time_hour, carrier, flight from flights order by md5(carrier || flight || time_hour) limit 5000)""",
    ),
    # The schedule of December 31 again, a day later.
    (
        "flights",
        "inserted",
        """insert into flights (year, month, day, sched_dep_time, sched_arr_time, carrier, flight, tailnum, origin,
           dest, distance, hour, minute, time_hour)
           select 2014, 1, 1, sched_dep_time, sched_arr_time, carrier, flight, tailnum, origin, dest, distance, hour,
           minute, time_hour + interval '1 day' from flights where (month, day) = (12, 31)""",
    ),
)


def change(dsn: str) -> dict[str, Counts]:
    """Change the source in one transaction; what the next sync of each table must count."""
    done: dict[str, dict[str, int]] = {}
    with connected(dsn) as link, link.cursor() as cursor:
        for table, kind, statement in STATEMENTS:
            cursor.execute(statement)
            done.setdefault(table, {})[kind] = cursor.rowcount
    return {table: Counts(**counts) for table, counts in done.items()}
