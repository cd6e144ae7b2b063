"""A table with every type of MySQL: how each column is declared, filled, mapped, and rendered by either server."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A column: its type, a value for the row number `seq`, the type at the target, and its text on both servers."""

    declared: str
    value: str
    arrives: str
    theirs: str = "cast({} as char)"
    ours: str = "{}::text"


HEX = ("lower(hex({}))", "encode({}, 'hex')")
JSON = (
    "concat_ws('/', json_length({0}), json_value({0}, '$.n'), json_value({0}, '$.list[1]'), json_value({0}, '$.t'))",
    "concat_ws('/', (select nullif(count(*), 0) from jsonb_object_keys({0})), {0}->>'n', {0}->'list'->>1, {0}->>'t')",
)
DATE = (
    "if(year({0}) = 0 or month({0}) = 0 or day({0}) = 0, null, date_format({0}, '%Y-%m-%d'))",
    "to_char({}, 'YYYY-MM-DD')",
)
MOMENT = (
    "if(year({0}) = 0 or month({0}) = 0 or day({0}) = 0, null, date_format({0}, '%Y-%m-%d %H:%i:%s.%f'))",
    "to_char({}, 'YYYY-MM-DD HH24:MI:SS.US')",
)
EPOCH = ("nullif(cast(unix_timestamp({}) as decimal(20,6)), 0)", "extract(epoch from {})::numeric(20,6)::text")
SPAN = ("cast(time_to_sec({}) as decimal(20,6))", "extract(epoch from {})::numeric(20,6)::text")
WORDS = "elt(1 + seq % 5, '', 'tab\\there', 'line\\nfeed\\r', 'back\\\\slash \\\\N', 'žluť 🐎')"
NUMBER = "crc32(seq)"

KINDS = {
    "t": Kind("tinyint", f"{NUMBER} % 256 - 128", "smallint"),
    "t1": Kind("tinyint(1)", "seq % 3", "smallint"),
    "tu": Kind("tinyint unsigned", "seq % 256", "smallint"),
    "s": Kind("smallint", f"{NUMBER} % 65536 - 32768", "smallint"),
    "su": Kind("smallint unsigned", f"{NUMBER} % 65536", "integer"),
    "m": Kind("mediumint", f"{NUMBER} % 16777216 - 8388608", "integer"),
    "mu": Kind("mediumint unsigned", f"{NUMBER} % 16777216", "integer"),
    "i": Kind("int", f"{NUMBER} - 2147483648", "integer"),
    "iu": Kind("int unsigned zerofill", NUMBER, "bigint", "cast({} + 0 as char)"),
    "b": Kind("bigint", f"{NUMBER} * 2000000000 - 4000000000000000000", "bigint"),
    "bu": Kind("bigint unsigned", f"18446744073709551615 ^ {NUMBER}", "numeric(20,0)"),
    "dec4": Kind("decimal(18,4)", f"({NUMBER} - 2000000000) / 7", "numeric(18,4)"),
    "dec0": Kind("decimal(65,0)", f"pow(10, 60) - {NUMBER}", "numeric(65,0)"),
    "dec30": Kind("decimal(38,30) unsigned", "1 / (seq + 1)", "numeric(38,30)"),
    "bit1": Kind("bit(1)", "seq % 2", "bit(1)", "lpad(bin({} + 0), 1, '0')"),
    "bit12": Kind("bit(12)", "seq % 4096", "bit(12)", "lpad(bin({} + 0), 12, '0')"),
    "bit64": Kind("bit(64)", f"18446744073709551615 ^ {NUMBER}", "bit(64)", "lpad(bin({} + 0), 64, '0')"),
    "ch": Kind("char(20)", WORDS, "character varying(20)"),
    "latin": Kind("varchar(20) character set latin1", "elt(1 + seq % 3, '', 'café', 'Größe')", "character varying(20)"),
    "vc": Kind("varchar(100)", f"concat({WORDS}, seq)", "character varying(100)"),
    "tt": Kind("tinytext", WORDS, "text"),
    "tx": Kind("text", f"repeat({WORDS}, 3)", "text"),
    "mt": Kind("mediumtext", WORDS, "text"),
    "lt": Kind("longtext", f"concat({WORDS}, md5(seq))", "text"),
    "en": Kind("enum('', 'a', 'B,b', 'ž')", "elt(1 + seq % 4, '', 'a', 'B,b', 'ž')", "text"),
    "st": Kind("set('a', 'b', 'ž')", "seq % 8", "text"),
    "js": Kind(
        "json", f"json_object('n', seq / 4, 'list', json_array(seq, '{{}}', null), 't', {WORDS})", "jsonb", *JSON
    ),
    "bin": Kind("binary(16)", "unhex(md5(seq))", "bytea", *HEX),
    "vb": Kind("varbinary(40)", "left(unhex(concat(md5(seq), '00', sha(seq))), seq % 40)", "bytea", *HEX),
    "tb": Kind("tinyblob", "char(0, 9, 10, 92, 255)", "bytea", *HEX),
    "bl": Kind("blob", "unhex(md5(seq))", "bytea", *HEX),
    "mb": Kind("mediumblob", "''", "bytea", *HEX),
    "lb": Kind("longblob", "unhex(sha2(seq, 512))", "bytea", *HEX),
    "da": Kind("date", f"'0001-01-01' + interval ({NUMBER} % 3652000) day", "date", *DATE),
    "dt": Kind("datetime", f"'1000-01-01' + interval {NUMBER} second", "timestamp without time zone", *MOMENT),
    "dt6": Kind(
        "datetime(6)", f"'2001-01-01' + interval {NUMBER} * 1001 microsecond", "timestamp without time zone", *MOMENT
    ),
    "ts": Kind("timestamp null", f"from_unixtime(1 + {NUMBER} % 2147000000)", "timestamp with time zone", *EPOCH),
    "ts6": Kind(
        "timestamp(6) null", f"from_unixtime(1 + seq / 7 + {NUMBER} % 2000000000)", "timestamp with time zone", *EPOCH
    ),
    "ti": Kind("time", f"sec_to_time({NUMBER} % 6000000 - 3000000)", "interval", *SPAN),
    "ti6": Kind("time(6)", f"sec_to_time(({NUMBER} % 6000000 - 3000000) / 7)", "interval", *SPAN),
    "ye": Kind("year", "1901 + seq % 255", "smallint", "cast({} + 0 as char)"),
    "uu": Kind("uuid", "md5(seq)", "uuid"),
    "i4": Kind("inet4", f"inet_ntoa({NUMBER})", "inet", "cast({} as char)", "host({})"),
    "i6": Kind(
        "inet6",
        "inet6_ntoa(unhex(md5(seq)))",
        "inet",
        "lower(hex(cast({} as binary(16))))",
        "substr(encode(inet_send({}), 'hex'), 9)",
    ),
    "po": Kind("point", "point(seq / 3, -seq)", "bytea", "lower(hex(st_aswkb({})))", "encode({}, 'hex')"),
    "ge": Kind(
        "geometry",
        "st_geomfromtext('GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1.5 1))', 4326)",
        "bytea",
        "lower(hex(st_aswkb({})))",
        "encode({}, 'hex')",
    ),
}
FLOATS = {
    "fl": Kind("float", f"{NUMBER} / 7 - 300000000", "real"),
    "fl2": Kind("float(10,2)", "seq / 7", "real"),
    "db": Kind("double", f"exp(seq % 1400 - 700.0) * if(seq % 2, 1, -1) / ({NUMBER} + 1)", "double precision"),
    "db2": Kind("double(20,3)", "seq / 7", "double precision"),
}
# Rows after the computed ones: what lies at the ends, and what only a lenient server takes.
EDGES: list[dict[str, object]] = [
    {name: None for name in (*KINDS, *FLOATS)},
    {"da": "0000-00-00", "dt": "0000-00-00 00:00:00", "ts": "0000-00-00 00:00:00", "dt6": "2020-00-00 10:00:00"},
    {"da": "2020-01-00", "dt": "2020-00-01 00:00:00", "dt6": "0000-01-01 00:00:00", "ti": "00:00:00", "ye": 0},
    {"da": "9999-12-31", "dt6": "9999-12-31 23:59:59.999999", "ts6": "1970-01-01 00:00:01.000001"},
    {"ti": "838:59:59", "ti6": "-838:59:59.999999", "da": "0001-01-01", "ts": "2038-01-19 03:14:07"},
    {"t": -128, "b": -(2**63), "bu": 2**64 - 1, "dec0": "9" * 65, "dec4": "-99999999999999.9999", "i": -(2**31)},
    {"fl": 3.4028234663852886e38, "db": 1.7976931348623157e308, "fl2": -0.0, "db2": 0.001},
    {"fl": 1.401298464324817e-45, "db": 2.2250738585072014e-308},
    {"fl": -0.0, "db": -0.0, "en": "ž", "st": "", "ch": "trailing ", "vc": "trailing  ", "lt": "x" * 1_000_000},
    {"js": '{"a": {"b": []}, "n": -1.5, "t": "\\u017e \\\\ \\""}', "bin": b"", "lb": b"\x00\\" * 100_000},
    {"lt": "\\.", "tx": "\\N", "vc": "\x01\x1f\x7f", "tt": "\t", "mt": "\r\n"},
]
