"""Random Avro schemas, JSON records for them, and the values that a reader of the Parquet file must find.

Each type makes pairs of a JSON text and the value it stands for. The model knows nothing of how Sluice works.
"""

import datetime
import decimal
import json
import math
import struct
import uuid

EPOCH = datetime.datetime(1970, 1, 1)
UTC_EPOCH = EPOCH.replace(tzinfo=datetime.timezone.utc)
# Numbers that readers can show as Python's datetime.
EARLIEST_SECOND = -62135596800
LATEST_SECOND = 253402300799


def text_of(value):
    return json.dumps(value, ensure_ascii=False)


def float32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


class Type:
    """A type: its Avro schema, and `make(rng)` for a JSON text and its value."""

    # How Avro's JSON names the type in a union.
    branch = None

    def __init__(self, avro, branch, make):
        self.avro = avro
        self.branch = branch
        self.make = make


def integer(kind):
    low, high = (-(2**31), 2**31 - 1) if kind == "int" else (-(2**63), 2**63 - 1)

    def make(rng):
        value = rng.choice([0, 1, -1, low, high, rng.randint(-100, 100), rng.randint(low, high)])
        form = rng.randrange(6)
        if form == 0:
            return f"{value}.0", value
        if form == 1 and value != 0:
            return f"{value}00e-2", value
        if form == 2 and value % 100 == 0:
            return f"{value // 100}E+2", value
        return str(value), value

    return Type(kind, kind, make)


def boolean():
    return Type("boolean", "boolean", lambda rng: rng.choice([("true", True), ("false", False)]))


def floating(kind):
    def make(rng):
        choice = rng.randrange(8)
        if choice == 0:
            return '"NaN"', math.nan
        if choice == 1:
            return rng.choice([('"Infinity"', math.inf), ('"-Infinity"', -math.inf)])
        if choice == 2:
            value = rng.choice([0.0, -0.0, 1.0, 1e22, 1e23, 5e-324 if kind == "double" else 1e-45, 0.1, 123456789012345680.0])
        elif choice == 3 and kind == "double":
            value = struct.unpack("<d", struct.pack("<Q", rng.getrandbits(64)))[0]
            if not math.isfinite(value):
                value = 1.5
        else:
            value = rng.uniform(-1000, 1000)
        if kind == "float":
            value = float32(value)
        text = repr(value)
        return text, value

    return Type(kind, kind, make)


ALPHABET = "abcXYZ 0189_-\"\\/\n\t\b\u0001\u007f\u00e9\u0100\u20ac\u4e2d\U0001f600"


def some_text(rng):
    return "".join(rng.choice(ALPHABET) for _ in range(rng.choice([0, 1, 3, 8, 20, 70])))


def string():
    def make(rng):
        value = some_text(rng) if rng.random() < 0.6 else f"word-{rng.randrange(5)}"
        return json.dumps(value, ensure_ascii=rng.random() < 0.5), value

    return Type("string", "string", make)


def byte_string(rng, size):
    value = bytes(rng.choice([0, 1, 65, 127, 128, 200, 255]) for _ in range(size))
    return json.dumps(value.decode("latin-1"), ensure_ascii=rng.random() < 0.5), value


def byte_array():
    return Type("bytes", "bytes", lambda rng: byte_string(rng, rng.choice([0, 1, 2, 7, 30])))


def fixed(name, rng):
    size = rng.choice([1, 4, 12, 16])
    return Type({"type": "fixed", "name": name, "size": size}, name, lambda rng: byte_string(rng, size))


def enum(name, rng):
    symbols = [f"S{index}" for index in range(rng.randint(1, 6))]

    def make(rng):
        value = rng.choice(symbols)
        return text_of(value), value

    return Type({"type": "enum", "name": name, "symbols": symbols}, name, make)


def date():
    def make(rng):
        days = rng.randint(EARLIEST_SECOND // 86400, LATEST_SECOND // 86400)
        value = (EPOCH + datetime.timedelta(days=days)).date()
        return rng.choice([str(days), text_of(value.isoformat())]), value

    return Type({"type": "int", "logicalType": "date"}, "int", make)


def time_of_day(unit):
    per_second = 1000 if unit == "millis" else 1000000
    base = "int" if unit == "millis" else "long"

    def make(rng):
        value = rng.choice([0, 86400 * per_second - 1, rng.randrange(86400 * per_second)])
        micros = value * (1000000 // per_second)
        shown = (EPOCH + datetime.timedelta(microseconds=micros)).time()
        # Digits finer than the unit are dropped.
        finer = "49" if unit == "millis" else ""
        text = shown.isoformat("milliseconds" if unit == "millis" else "microseconds") + finer
        return rng.choice([str(value), text_of(text)]), shown

    return Type({"type": base, "logicalType": f"time-{unit}"}, base, make)


def timestamp(unit, is_local):
    per_second = 1000 if unit == "millis" else 1000000

    def make(rng):
        # Offsets must not lead out of Python's years.
        value = rng.randint((EARLIEST_SECOND + 86400) * per_second, (LATEST_SECOND - 86400) * per_second)
        if rng.random() < 0.5:
            value = 1760000000 * per_second + rng.randrange(10**9)
        moment = EPOCH + datetime.timedelta(microseconds=value * (1000000 // per_second))
        form = rng.randrange(3)
        if form == 0:
            text = str(value)
        elif is_local or form == 1:
            text = text_of(moment.isoformat(rng.choice("T "), "microseconds") + ("" if is_local else rng.choice(["Z", "z", ""])))
        else:
            minutes = rng.randint(-14 * 60, 14 * 60)
            there = moment + datetime.timedelta(minutes=minutes)
            sign = "-" if minutes < 0 else "+"
            hours, rest = divmod(abs(minutes), 60)
            colon = rng.choice([":", ""])
            text = text_of(f"{there.isoformat('T', 'microseconds')}{sign}{hours:02}{colon}{rest:02}")
        return text, moment if is_local else moment.replace(tzinfo=datetime.timezone.utc)

    name = f"local-timestamp-{unit}" if is_local else f"timestamp-{unit}"
    return Type({"type": "long", "logicalType": name}, "long", make)


def decimal_number(rng, name):
    precision = rng.choice([1, 4, 9, 10, 18, 19, 30, 38])
    scale = rng.randint(0, precision)
    avro = {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}
    branch = "bytes"
    if rng.random() < 0.4:
        avro = {"type": "fixed", "name": name, "size": 16, "logicalType": "decimal", "precision": precision, "scale": scale}
        branch = name

    def make(rng):
        unscaled = rng.choice([0, 1, -1, 10**precision - 1, 1 - 10**precision, rng.randint(1 - 10**precision, 10**precision - 1)])
        value = decimal.Decimal((0 if unscaled >= 0 else 1, tuple(map(int, str(abs(unscaled)))), -scale))
        text = rng.choice([f"{value:f}", f"{unscaled}e-{scale}", f"{value:f}" + ("0" if scale else ".0")])
        return text if rng.random() < 0.5 else text_of(text), value

    return Type(avro, branch, make)


def uuid_text():
    def make(rng):
        value = uuid.UUID(int=rng.getrandbits(128))
        return text_of(rng.choice([str(value), str(value).upper()])), value

    return Type({"type": "string", "logicalType": "uuid"}, "string", make)


def array(item):
    def make(rng):
        items = [item.make(rng) for _ in range(rng.choice([0, 1, 1, 2, 5]))]
        blank = rng.choice(["", " ", "\t "])
        return "[" + f"{blank},{blank}".join(text for text, _ in items) + blank + "]", [value for _, value in items]

    return Type({"type": "array", "items": item.avro}, "array", make)


def mapping(item):
    def make(rng):
        keys = list(dict.fromkeys(some_text(rng) for _ in range(rng.choice([0, 1, 2, 4, 12]))))
        values = {key: item.make(rng) for key in keys}
        members = [f"{text_of(key)}:{text}" for key, (text, _) in values.items()]
        if members and rng.random() < 0.1:
            # The last of several members of one name counts.
            members.insert(0, f"{text_of(keys[-1])}:{item.make(rng)[0]}")
            values = {key: values[key] for key in dict.fromkeys([keys[-1]] + keys)}
        return "{" + ",".join(members) + "}", Map((key, value) for key, (_, value) in values.items())

    return Type({"type": "map", "values": item.avro}, "map", make)


class Map(list):
    """Pairs of a Parquet map, to tell it from a list."""


def record(name, rng, depth, names, width=None):
    fields = []
    for index in range(width or rng.randint(1, 5)):
        kind = any_type(rng, depth - 1, names)
        default = rng.random() < 0.15 and kind.make(rng)
        field = {"name": f"f{index}", "type": kind.avro}
        # A default is in Avro's own encoding: only for those whose JSON is plain.
        if default and kind.avro in ("int", "long", "string", "boolean"):
            field["default"] = json.loads(default[0])
            if isinstance(field["default"], float):
                field["default"] = int(default[1])
        else:
            default = None
        fields.append((field, kind, default))

    def make(rng):
        members, value = [], {}
        for field, kind, default in fields:
            name = field["name"]
            is_nullable = isinstance(kind.avro, list) and "null" in kind.avro
            if (default or is_nullable) and rng.random() < 0.2:
                value[name] = default[1] if default else None
                continue
            text, value[name] = kind.make(rng)
            members.append(f"{text_of(name)}:{text}")
        if rng.random() < 0.3:
            rng.shuffle(members)
        if rng.random() < 0.1:
            members.insert(rng.randint(0, len(members)), '"extra":{"f0":[null,{"a":"\\"}"}]}')
        if members and rng.random() < 0.05:
            members.insert(0, members[-1].split(":", 1)[0] + ":[{}]")
        return "{" + ",".join(members) + "}", value

    return Type({"type": "record", "name": name, "fields": [field for field, _, _ in fields]}, name, make)


def nullable(kind, rng):
    order = [kind.avro, "null"] if rng.random() < 0.3 else ["null", kind.avro]

    def make(rng):
        if rng.random() < 0.3:
            return "null", None
        text, value = kind.make(rng)
        if rng.random() < 0.3:
            text = f"{{{text_of(kind.branch)}: {text}}}"
        return text, value

    return Type(order, None, make)


def several(rng, depth, names):
    """A union of types that differ in JSON."""
    kinds = [rng.choice([integer("long"), floating("double")]), string(), boolean()]
    if depth > 0:
        kinds.append(array(any_type(rng, depth - 1, names)))
        kinds.append(record(next(names), rng, depth, names))
    rng.shuffle(kinds)
    kinds = kinds[: rng.randint(2, len(kinds))]
    has_null = rng.random() < 0.5

    def make(rng):
        if has_null and rng.random() < 0.2:
            return "null", None
        chosen = rng.randrange(len(kinds))
        text, value = kinds[chosen].make(rng)
        # NaN and the infinities are texts: only their type's name tells them from strings.
        if rng.random() < 0.3 or (kinds[chosen].branch == "double" and text[0] == '"'):
            text = f"{{{text_of(kinds[chosen].branch)}:{text}}}"
        elif kinds[chosen].branch == "string" and value in ("NaN", "Infinity", "-Infinity"):
            text = f'{{"string":{text}}}'
        return text, {f"member{index}": value if index == chosen else None for index in range(len(kinds))}

    return Type([kind.avro for kind in kinds] + (["null"] if has_null else []), None, make)


LEAVES = [
    lambda rng, names: integer("int"),
    lambda rng, names: integer("long"),
    lambda rng, names: boolean(),
    lambda rng, names: floating("float"),
    lambda rng, names: floating("double"),
    lambda rng, names: string(),
    lambda rng, names: byte_array(),
    lambda rng, names: fixed(next(names), rng),
    lambda rng, names: enum(next(names), rng),
    lambda rng, names: date(),
    lambda rng, names: time_of_day("millis"),
    lambda rng, names: time_of_day("micros"),
    lambda rng, names: timestamp("millis", False),
    lambda rng, names: timestamp("micros", False),
    lambda rng, names: timestamp("millis", True),
    lambda rng, names: timestamp("micros", True),
    lambda rng, names: decimal_number(rng, next(names)),
    lambda rng, names: uuid_text(),
]


def plain_type(rng, depth, names):
    if depth > 0 and rng.random() < 0.4:
        kind = rng.randrange(3)
        if kind == 0:
            return array(any_type(rng, depth - 1, names))
        if kind == 1:
            return mapping(any_type(rng, depth - 1, names))
        return record(next(names), rng, depth, names)
    return rng.choice(LEAVES)(rng, names)


def any_type(rng, depth, names):
    choice = rng.random()
    if choice < 0.1:
        return several(rng, depth, names)
    kind = plain_type(rng, depth, names)
    return nullable(kind, rng) if choice < 0.5 else kind


def names():
    number = 0
    while True:
        number += 1
        yield f"Type{number}"


def normal(value):
    """Values of the model, pyarrow and DuckDB in one form, so that equal means equal."""
    if isinstance(value, Map):
        return ("map", [(normal(key), normal(item)) for key, item in value])
    if isinstance(value, dict):
        return {key: normal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [normal(item) for item in value]
    if isinstance(value, float):
        return ("nan",) if math.isnan(value) else (value, math.copysign(1, value))
    if isinstance(value, datetime.datetime) and value.tzinfo:
        return ("utc", (value - UTC_EPOCH) // datetime.timedelta(microseconds=1))
    if isinstance(value, datetime.time):
        return ("time", value.replace(tzinfo=None))
    return value
