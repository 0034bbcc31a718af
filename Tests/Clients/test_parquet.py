"""Parquet files that `sluice convert parquet` makes, read back by pyarrow and DuckDB: equal values, right checksums."""

import itertools
import json
import os
import random
import subprocess

import duckdb
import pyarrow
import pyarrow.parquet
import pytest

import parquet_model as model
import serverprocess

CODECS = ["none", "snappy", "zstd"]
SEED = int(os.environ.get("SLUICE_PARQUET_SEED", random.randrange(10**6)))


class Converted:
    """What came of a conversion: the file, the exit status and the lines of failures."""

    def __init__(self, folder, schema, lines, codec="zstd", row_group=None):
        folder.mkdir(exist_ok=True)
        self.path = folder / "out.parquet"
        (folder / "schema.avsc").write_text(json.dumps(schema))
        (folder / "in.json").write_text("".join(line + "\n" for line in lines))
        arguments = ["convert", "parquet", "--schema", folder / "schema.avsc", "--output", self.path, "--codec", codec]
        if row_group:
            arguments += ["--row-group", str(row_group)]
        done = subprocess.run(
            [serverprocess.BINARY, *arguments, folder / "in.json"],
            capture_output=True,
            text=True,
            timeout=120,
            env=serverprocess.clean_environment(),
        )
        self.status = done.returncode
        self.errors = done.stderr.splitlines()

    def arrow_file(self):
        return pyarrow.parquet.ParquetFile(self.path, page_checksum_verification=True)

    def by_arrow(self):
        table = self.arrow_file().read()
        table.validate(full=True)
        return [from_arrow(row, table.schema) for row in table.to_pylist()]

    def by_duckdb(self):
        with duckdb.connect() as database:
            answer = database.execute(f"select * from read_parquet('{self.path}')")
            names = [column[0] for column in answer.description]
            types = [column[1] for column in answer.description]
            return [
                {name: from_duckdb(value, kind) for name, value, kind in zip(names, row, types)}
                for row in answer.fetchall()
            ]


def from_arrow(row, schema):
    return {field.name: arrow_value(row[field.name], field.type) for field in schema}


def arrow_value(value, kind):
    if value is None:
        return None
    if pyarrow.types.is_map(kind):
        return model.Map((key, arrow_value(item, kind.item_type)) for key, item in value)
    if pyarrow.types.is_list(kind):
        return [arrow_value(item, kind.value_type) for item in value]
    if pyarrow.types.is_struct(kind):
        return {field.name: arrow_value(value[field.name], field.type) for field in kind}
    return value


def from_duckdb(value, kind):
    """DuckDB shows maps as dictionaries: its own description of the type tells them from structs."""
    if value is None:
        return None
    if kind.id == "map":
        item = dict(kind.children)["value"]
        return model.Map((key, from_duckdb(each, item)) for key, each in value.items())
    if kind.id == "list":
        return [from_duckdb(each, kind.children[0][1]) for each in value]
    if kind.id == "struct":
        return {name: from_duckdb(value[name], inner) for name, inner in kind.children}
    return value


def check(converted, expected, seed=""):
    assert converted.status == 0, (seed, converted.errors[:5])
    expected = [model.normal(row) for row in expected]
    for reader, rows in (("pyarrow", converted.by_arrow()), ("duckdb", converted.by_duckdb())):
        assert len(rows) == len(expected), (seed, reader)
        for number, (row, wanted) in enumerate(zip(rows, expected)):
            assert model.normal(row) == wanted, (seed, reader, number)


def record_of(*kinds):
    fields = [{"name": f"f{index}", "type": kind.avro} for index, kind in enumerate(kinds)]
    return {"type": "record", "name": "com.example.Row", "fields": fields}


def rows_of(kinds, count, rng):
    lines, expected = [], []
    for _ in range(count):
        made = [kind.make(rng) for kind in kinds]
        lines.append("{" + ",".join(f'"f{index}":{text}' for index, (text, _) in enumerate(made)) + "}")
        expected.append({f"f{index}": value for index, (_, value) in enumerate(made)})
    return lines, expected


@pytest.mark.parametrize("codec", CODECS)
def test_every_type_plain_nullable_and_repeated(tmp_path, codec):
    rng = random.Random(SEED)
    names = model.names()
    kinds = []
    for leaf in model.LEAVES:
        kinds.append(leaf(rng, names))
        kinds.append(model.nullable(leaf(rng, names), rng))
        kinds.append(model.array(model.nullable(leaf(rng, names), rng)))
        kinds.append(model.nullable(model.mapping(leaf(rng, names)), rng))
    lines, expected = rows_of(kinds, 400, rng)
    check(Converted(tmp_path, record_of(*kinds), lines, codec), expected, f"seed {SEED}")


@pytest.mark.parametrize("number", range(25))
def test_random_schemas(tmp_path, number):
    seed = SEED * 1000 + number
    rng = random.Random(seed)
    names = model.names()
    kind = model.record("com.example.Row", rng, rng.randint(1, 5), names, width=rng.randint(1, 8))
    made = [kind.make(rng) for _ in range(rng.choice([1, 3, 50, 300]))]
    converted = Converted(tmp_path, kind.avro, [text for text, _ in made], rng.choice(CODECS))
    check(converted, [value for _, value in made], f"seed {seed}")


@pytest.mark.parametrize("count", [0, 1])
def test_few_records(tmp_path, count):
    rng = random.Random(SEED)
    kinds = [leaf(rng, names) for names in [model.names()] for leaf in model.LEAVES]
    lines, expected = rows_of(kinds, count, rng)
    converted = Converted(tmp_path, record_of(*kinds), lines)
    check(converted, expected)
    file = converted.arrow_file()
    assert file.metadata.num_row_groups == count
    assert file.metadata.created_by == "sluice version 0.1.0"


def test_lists_of_maps_of_records(tmp_path):
    rng = random.Random(SEED)
    names = model.names()
    inner = model.record("Inner", rng, 2, names)
    kind = model.array(model.nullable(model.mapping(model.nullable(inner, rng)), rng))
    for _ in range(3):
        kind = model.array(kind)
    lines, expected = rows_of([kind, model.integer("int")], 200, rng)
    check(Converted(tmp_path, record_of(kind, model.integer("int")), lines), expected, f"seed {SEED}")


def test_nothing_but_nulls(tmp_path):
    rng = random.Random(SEED)
    kinds = [model.nullable(leaf(rng, names), rng) for names in [model.names()] for leaf in model.LEAVES]
    lines = ["{}", "{" + ",".join(f'"f{index}":null' for index in range(len(kinds))) + "}"] * 30_000
    converted = Converted(tmp_path, record_of(*kinds), lines)
    check(converted, [{f"f{index}": None for index in range(len(kinds))}] * len(lines))
    column = converted.arrow_file().metadata.row_group(0).column(0)
    assert column.statistics.null_count == len(lines) and not column.statistics.has_min_max


MANY = {
    "type": "record",
    "name": "Row",
    "fields": [
        {"name": "number", "type": "long"},
        {"name": "city", "type": "string"},
        {"name": "late", "type": "string"},
        {"name": "unique", "type": ["null", "string"]},
        {"name": "ratio", "type": "double"},
        {"name": "steps", "type": {"type": "array", "items": "int"}},
    ],
}


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """200,000 rows in several row groups; the values of `late` become too many for a dictionary after a while."""
    rows = [
        {
            "number": number * 7 - 5000,
            "city": f"city-{number * number % 50}",
            "late": f"late-{number % 100}" if number < 60_000 else f"a longer value that comes only once: {number:040}",
            "unique": None if number % 3 == 0 else f"unique-{number}",
            "ratio": number / 8,
            "steps": [number % 5] * (number % 4),
        }
        for number in range(200_000)
    ]
    folder = tmp_path_factory.mktemp("many")
    return Converted(folder, MANY, [json.dumps(row) for row in rows], row_group=16), rows


def test_many_records(many):
    converted, rows = many
    check(converted, rows)
    assert converted.arrow_file().metadata.num_row_groups > 1


def test_dictionaries_end_where_they_grow_too_large(many):
    group = many[0].arrow_file().metadata.row_group(0)
    encodings = {group.column(index).path_in_schema: set(group.column(index).encodings) for index in range(6)}
    assert "RLE_DICTIONARY" in encodings["city"]
    assert "RLE_DICTIONARY" not in encodings["unique"]
    late = [many[0].arrow_file().metadata.row_group(index).column(2).encodings for index in range(2)]
    assert any({"RLE_DICTIONARY", "PLAIN"} <= set(each) for each in late)


def test_statistics_are_right(many):
    converted, rows = many
    file = converted.arrow_file()
    start = 0
    for number in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(number)
        part = rows[start : start + group.num_rows]
        start += group.num_rows
        for index, name in enumerate(["number", "city", "late", "unique", "ratio"]):
            statistics = group.column(index).statistics
            values = [row[name] for row in part if row[name] is not None]
            assert statistics.null_count == len(part) - len(values), name
            assert (statistics.min, statistics.max) == (min(values), max(values)), name
    assert start == len(rows)


def test_readers_that_skip_by_statistics_find_the_same_rows(tmp_path):
    rng = random.Random(SEED)
    names = model.names()
    kinds = [leaf(rng, names) for leaf in model.LEAVES if leaf(rng, names).avro not in ("float", "double", "boolean")]
    lines, expected = rows_of(kinds, 500, rng)
    converted = Converted(tmp_path, record_of(*kinds), lines)
    assert converted.status == 0, converted.errors
    with duckdb.connect() as database:
        source = f"read_parquet('{converted.path}')"
        for index in range(len(kinds)):
            column = f"f{index}"
            values = [row[column] for row in expected]
            for value in rng.sample(values, 5) + [min(values), max(values)]:
                # Compared in the engine's own types: one row of the same file gives the bound.
                row = values.index(value)
                bound = f"(select {column} from {source} limit 1 offset {row})"
                for sign, wanted in (
                    ("=", sum(each == value for each in values)),
                    (">=", sum(each >= value for each in values)),
                    ("<", sum(each < value for each in values)),
                ):
                    found = database.execute(f"select count(*) from {source} where {column} {sign} {bound}").fetchone()
                    assert found == (wanted,), (SEED, column, kinds[index].avro, sign)


def test_damage_is_found(tmp_path):
    lines = [json.dumps({"f0": number}) for number in range(1000)]
    converted = Converted(tmp_path, record_of(model.integer("long")), lines, "none")
    data = bytearray(converted.path.read_bytes())
    data[1000] ^= 1
    converted.path.write_bytes(data)
    with pytest.raises(OSError, match="(?i)crc"):
        converted.by_arrow()


def test_zeros_and_not_a_number_in_statistics(tmp_path):
    schema = record_of(model.floating("double"), model.floating("float"))
    zeros = Converted(tmp_path / "zeros", schema, ['{"f0":0.0,"f1":-0.0}'])
    for index in range(2):
        statistics = zeros.arrow_file().metadata.row_group(0).column(index).statistics
        assert (str(statistics.min), str(statistics.max)) == ("-0.0", "0.0")
    nan = Converted(tmp_path / "nan", schema, ['{"f0":1,"f1":1}', '{"f0":"NaN","f1":"NaN"}', '{"f0":2,"f1":2}'])
    for index in range(2):
        assert not nan.arrow_file().metadata.row_group(0).column(index).statistics.has_min_max


def test_long_values_have_no_bounds(tmp_path):
    for length, has_bounds in ((256, True), (257, False)):
        value = "x" * length
        converted = Converted(tmp_path / str(length), record_of(model.string()), [json.dumps({"f0": value})] * 3)
        statistics = converted.arrow_file().metadata.row_group(0).column(0).statistics
        assert statistics.has_min_max == has_bounds
        check(converted, [{"f0": value}] * 3)


def test_columns_say_what_they_are(tmp_path):
    rng = random.Random(SEED)
    kinds = [leaf(rng, names) for names in [model.names()] for leaf in model.LEAVES]
    schema = Converted(tmp_path, record_of(*kinds), []).arrow_file().schema
    found = [(schema.column(index).physical_type, schema.column(index).converted_type) for index in range(len(kinds))]
    decimal = found.pop(16)
    assert decimal[0] in ("INT32", "INT64", "FIXED_LEN_BYTE_ARRAY") and decimal[1] == "DECIMAL"
    assert found == [
        ("INT32", "NONE"),
        ("INT64", "NONE"),
        ("BOOLEAN", "NONE"),
        ("FLOAT", "NONE"),
        ("DOUBLE", "NONE"),
        ("BYTE_ARRAY", "UTF8"),
        ("BYTE_ARRAY", "NONE"),
        ("FIXED_LEN_BYTE_ARRAY", "NONE"),
        ("BYTE_ARRAY", "UTF8"),
        ("INT32", "DATE"),
        ("INT32", "TIME_MILLIS"),
        ("INT64", "TIME_MICROS"),
        ("INT64", "TIMESTAMP_MILLIS"),
        ("INT64", "TIMESTAMP_MICROS"),
        ("INT64", "NONE"),
        ("INT64", "NONE"),
        ("FIXED_LEN_BYTE_ARRAY", "NONE"),
    ]


def test_records_that_fail_are_named_and_left_out(tmp_path):
    schema = record_of(model.integer("int"), model.nullable(model.string(), random.Random(SEED)))
    lines = ['{"f0":1}', '{"f0":"1"}', "", '{"f0":2,"f1":7}', "no JSON", '{"f1":"x"}', '{"f0":3,"f1":"last"}']
    converted = Converted(tmp_path, schema, lines)
    assert converted.status == 1
    assert converted.errors[:4] == [
        "line 2: field `f0` is not a number",
        "line 4: field `f1` is not text",
        "line 5: the record is not a JSON object",
        "line 6: field `f0` is missing",
    ]
    rows = [{"f0": 1, "f1": None}, {"f0": 3, "f1": "last"}]
    assert converted.by_arrow() == rows and converted.by_duckdb() == rows


@pytest.mark.parametrize(
    "schema, words",
    [
        ('{"type":"record","name":"R","fields":[]}', "has no columns"),
        ('"string"', "is no record"),
        ("{", "the schema is not JSON"),
        ('{"type":"record","name":"R","fields":[{"name":"a","type":["null","R"]}]}', "contains itself"),
    ],
)
def test_schemas_without_columns_are_refused(tmp_path, schema, words):
    (tmp_path / "schema.avsc").write_text(schema)
    done = subprocess.run(
        [serverprocess.BINARY, "convert", "parquet", "-s", tmp_path / "schema.avsc", "-o", tmp_path / "out"],
        input="",
        capture_output=True,
        text=True,
        timeout=30,
        env=serverprocess.clean_environment(),
    )
    assert done.returncode == 1 and words in done.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "schema.avsc"]
