"""Delivery over HTTP to a real S3 server: every format, read back with boto3 and with esdk-obs-python, byte for byte."""

import json
import random
import signal
import time

import pytest
import serverprocess
import stores
from api import Api
from deliveries import create_task, ledger, prove, shown, wait_for, wait_for_state, wait_until_delivered


@pytest.fixture(scope="module")
def house(store, tmp_path_factory):
    """A running server whose agency `gateway` is the store, and its caller."""
    folder = tmp_path_factory.mktemp("house")
    running = serverprocess.Server(folder, settings=stores.settings({"gateway": (store.endpoint,)})).start()
    api = Api(running.endpoint, running.credentials).login()
    yield running, api
    api.close()
    assert running.stop() == 0


def fill(api, stream, texts, partitions=2):
    for start in range(0, len(texts), 400):
        records = [
            {"data": t, "partition_id": str((start + i) % partitions)} for i, t in enumerate(texts[start : start + 400])
        ]
        assert api.put(stream, records)["failed_record_count"] == 0


FORMATS = {
    "newline": ({"record_delimiter": "\n"}, b"\n"),
    "newline, escaped": ({"record_delimiter": "\\n"}, b"\n"),
    "comma": ({"record_delimiter": ","}, b","),
    "semicolon": ({"record_delimiter": ";"}, b";"),
    "bar": ({"record_delimiter": "|"}, b"|"),
    "none": ({"record_delimiter": ""}, b""),
    "gzip": ({"compression_format": "gzip"}, b"\n"),
    "csv": ({"destination_file_type": "csv"}, b"\n"),
    "by day": ({"partition_format": "yyyy/MM/dd"}, b"\n"),
    "by minute": ({"partition_format": "yyyy/MM/dd/HH/mm", "compression_format": "gzip"}, b"\n"),
}


@pytest.mark.parametrize("row", FORMATS, ids=lambda r: r.replace(" ", "_"))
def test_formats_arrive_and_both_sdks_read_them(house, store, row):
    _, api = house
    change, delimiter = FORMATS[row]
    stream = task = row.replace(" ", "_").replace(",", "")
    api.create_stream(stream, 2, data_type="CSV" if row == "csv" else "BLOB", **SCHEMA_OF.get(row, {}))
    texts = [b"%04d,%s" % (n, random.Random(n).randbytes(40).hex().encode()) for n in range(900)]
    fill(api, stream, texts)
    answer = create_task(api, stream, task, "gateway", **change)
    assert answer.status == 201, answer
    wait_until_delivered(api, stream, task)
    found = stores.objects(store.boto(), "lake", f"{task}/")
    entries = prove(api, stream, task, found, delimiter)
    assert stores.read_with_obs(store, found) == found
    if "partition_format" in change:
        today = time.strftime("/%Y/%m/", time.gmtime())
        assert all(today in e["object"] for e in entries)
    assert all(e["object"].endswith(".gz") for e in entries) == ("compression_format" in change)


SCHEMA_OF = {
    "csv": {"csv_properties": {"delimiter": ","}},
}


def test_record_times_become_directories(house, store):
    _, api = house
    stream, task = "times", "times"
    api.create_stream(stream, 2, data_type="JSON")
    randomness = random.Random(7)
    texts = [
        json.dumps({"n": n, "at": f"2026-01-{randomness.randrange(1, 29):02} 1{randomness.randrange(10)}:00:00"}).encode()
        for n in range(3000)
    ]
    fill(api, stream, texts)
    answer = create_task(
        api,
        stream,
        task,
        "gateway",
        partition_format="yyyy/MM/dd/HH",
        processing_schema={
            "timestamp_name": "at",
            "timestamp_type": "String",
            "timestamp_format": "yyyy-MM-dd HH:mm:ss",
        },
    )
    assert answer.status == 201, answer
    wait_until_delivered(api, stream, task)
    found = stores.objects(store.boto(), "lake", f"{task}/")
    prove(api, stream, task, found, by_directory=True)
    for key, data in found.items():
        times = {json.loads(line)["at"][:13].replace("-", "/").replace(" ", "/") for line in data.splitlines()}
        assert len(times) == 1 and f"{task}/{times.pop()}/" in key, key
    assert stores.read_with_obs(store, list(found)[:20]).items() <= found.items()


def test_large_objects_go_in_parts(house, store):
    _, api = house
    stream, task = "large", "large"
    api.create_stream(stream, 1, data_type="BLOB")
    randomness = random.Random(11)
    for _ in range(11):
        records = [{"data": randomness.randbytes(1_000_000), "partition_id": "0"} for _ in range(3)]
        assert api.put(stream, records)["failed_record_count"] == 0
    assert create_task(api, stream, task, "gateway", record_delimiter="").status == 201
    wait_until_delivered(api, stream, task)
    found = stores.objects(store.boto(), "lake", f"{task}/")
    prove(api, stream, task, found, b"")
    assert max(map(len, found.values())) > 16 << 20
    assert stores.read_with_obs(store, found) == found
    assert not store.boto().list_multipart_uploads(Bucket="lake").get("Uploads")


def test_buckets_in_the_host_name(new_server, tmp_path):
    """Virtual-host addressing, small objects and parts, against a server that takes the bucket from the host."""
    gateway = stores.Store(tmp_path / "virtual")
    if not gateway.is_real:
        pytest.skip("moto takes the bucket from the path alone here")
    gateway.options = ["--virtual-domain", f"localhost:{gateway.port}"]
    gateway.start()
    try:
        (gateway.folder / "data" / "lake").mkdir(parents=True)
        where = stores.destination("virtual", f"http://localhost:{gateway.port}", addressing="virtual")
        running = new_server(settings=stores.settings({}) + where + "\n").start()
        api = Api(running.endpoint, running.credentials).login()
        api.create_stream("hosts", 1, data_type="BLOB")
        randomness = random.Random(13)
        small = [b"%d" % n for n in range(500)]
        fill(api, "hosts", small, 1)
        for _ in range(6):
            large = [{"data": randomness.randbytes(1_000_000), "partition_id": "0"} for _ in range(3)]
            assert api.put("hosts", large)["failed_record_count"] == 0
        for delimiter in ["", ","]:
            task = "none" if delimiter == "" else "comma"
            assert create_task(api, "hosts", task, "virtual", record_delimiter=delimiter).status == 201
            wait_until_delivered(api, "hosts", task)
        files = {str(f.relative_to(gateway.folder / "data" / "lake")): f.read_bytes()
                 for f in (gateway.folder / "data" / "lake").rglob("*.txt")}
        for task, delimiter in [("none", b""), ("comma", b",")]:
            prove(api, "hosts", task, {k: v for k, v in files.items() if k.startswith(f"{task}/")}, delimiter)
        assert max(map(len, files.values())) > 16 << 20
        api.close()
    finally:
        gateway.stop()


def test_a_wrong_key_is_refused_at_creation(delivering, store):
    if not store.is_real:
        pytest.skip("moto checks no signatures")
    running = delivering({"wrong": (store.endpoint, stores.ACCESS_KEY, "not the secret key")}).start()
    api = Api(running.endpoint, running.credentials).login()
    api.create_stream("wrong", 1, data_type="BLOB")
    answer = create_task(api, "wrong", "task", "wrong")
    assert answer.status == 400 and answer.json["errorCode"] == "DIS.4310", answer
    assert stores.ACCESS_KEY not in str(answer.json), answer
    assert api.ok("GET", "/v2/{p}/streams/wrong/transfer-tasks")["tasks"] == []
    assert "not the secret key" not in running.log.read_text()
    api.close()


def test_a_missing_bucket_is_refused_at_creation(house):
    _, api = house
    api.create_stream("nowhere", 1, data_type="BLOB")
    answer = create_task(api, "nowhere", "task", "gateway", bucket="nowhere")
    assert answer.status == 400 and answer.json["errorCode"] == "DIS.4306", answer
    assert api.ok("GET", "/v2/{p}/streams/nowhere/transfer-tasks")["tasks"] == []


def test_a_bucket_that_is_deleted_is_an_error_that_a_start_heals(house, store):
    _, api = house
    client = store.boto()
    store.make("fleeting")
    api.create_stream("fleeting", 1, data_type="BLOB")
    assert create_task(api, "fleeting", "task", "gateway", bucket="fleeting").status == 201
    client.delete_bucket(Bucket="fleeting")
    fill(api, "fleeting", [b"one", b"two"], 1)
    assert "fleeting" in wait_for_state(api, "fleeting", "task", "ERROR")["reason"]
    store.make("fleeting")
    api.ok("POST", "/v2/{p}/streams/fleeting/transfer-tasks/action", {"action": "start", "tasks": [{"id": "task"}]})
    wait_until_delivered(api, "fleeting", "task")
    prove(api, "fleeting", "task", stores.objects(client, "fleeting"))


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_a_store_that_is_away_makes_the_task_abnormal_and_heals(delivering, tmp_path, by):
    own = stores.Store(tmp_path / "own").start()
    try:
        own.make("lake")
        running = delivering({"gateway": (own.endpoint,)}).start()
        api = Api(running.endpoint, running.credentials).login()
        api.create_stream("away", 2, data_type="BLOB")
        assert create_task(api, "away", "task", "gateway").status == 201
        fill(api, "away", [b"before %d" % n for n in range(500)])
        wait_until_delivered(api, "away", "task")
        own.stop(by)
        fill(api, "away", [b"while it is away %d" % n for n in range(500)])
        away = wait_for_state(api, "away", "task", "ABNORMAL")
        assert away["reason"] if "reason" in away else True
        own.start()
        if not own.is_real:
            own.make("lake")
        wait_until_delivered(api, "away", "task")
        wait_for_state(api, "away", "task", "RUNNING")
        if own.is_real:
            prove(api, "away", "task", stores.objects(own.boto(), "lake"))
        api.close()
        assert running.stop() == 0
    finally:
        own.destroy()


def test_the_ledger_answers_in_both_directions(house, store):
    _, api = house
    api.create_stream("directions", 2, data_type="BLOB")
    assert create_task(api, "directions", "task", "gateway").status == 201
    fill(api, "directions", [b"record %d" % n for n in range(200)])
    wait_until_delivered(api, "directions", "task")
    fill(api, "directions", [b"record %d" % n for n in range(200, 300)])
    wait_until_delivered(api, "directions", "task")
    entries = ledger(api, "directions", "task")
    for entry in entries:
        for number in (entry["first_sequence_number"], entry["last_sequence_number"]):
            assert ledger(api, "directions", "task", partition_id=entry["partition_id"], sequence_number=number) == [entry]
        assert ledger(api, "directions", "task", object=entry["object"]) == [entry]
    assert ledger(api, "directions", "task", object="no/such") == []
    state = wait_for("the figures", lambda: shown(api, "directions", "task"))
    assert sum(int(p["last_transfer_offset"]) + 1 for p in state["partitions"]) == 300
