"""`sluice task verify` and `watch` with the real binary: objects in a folder bucket that somebody alters."""

import gzip
import json
import os
import re
import subprocess
import time

import pytest

import serverprocess

# A delivery that takes longer is a fault (seconds).
DELIVERY_BOUND = 60
RECORDS = 4000


@pytest.fixture
def sluice(server, credentials):
    """Runs a command of the client against the shared server."""
    environment = serverprocess.clean_environment() | {
        "SLUICE_ENDPOINT": server.endpoint,
        "HUAWEICLOUD_SDK_AK": credentials["access_key"],
        "HUAWEICLOUD_SDK_SK": credentials["secret_key"],
        "SLUICE_PROJECT_ID": credentials["project_id"],
    }

    def run(*words):
        return subprocess.run(
            [serverprocess.BINARY, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            env=environment,
        )

    return run


def create(api, stream, task, **more):
    descriptor = {
        "task_name": task,
        "agency_name": "dis_admin_agency",
        "obs_bucket_path": "verified",
        "deliver_time_interval": 1,
        "consumer_strategy": "TRIM_HORIZON",
        "file_prefix": task.replace("-", "_"),
        "record_delimiter": "\n",
        **more,
    }
    api.ok(
        "POST",
        f"/v2/{{p}}/streams/{stream}/transfer-tasks",
        {"destination_type": "OBS", "obs_destination_descriptor": descriptor},
    )


def shown(api, stream, task):
    return api.ok("GET", f"/v2/{{p}}/streams/{stream}/transfer-tasks/{task}")


def deliver(api, stream, task, records, rounds=4):
    """Puts the records in several rounds and waits after each until nothing lags, so that there are several objects."""
    size = len(records) // rounds
    for start in range(0, len(records), size):
        for first in range(start, start + size, 500):
            api.put(stream, records[first : min(first + 500, start + size)])
        bound = time.monotonic() + DELIVERY_BOUND
        while shown(api, stream, task)["lag"]["records"] > 0:
            assert time.monotonic() < bound, shown(api, stream, task)
            time.sleep(0.05)


def verified(run):
    assert run.returncode == 0, run.stdout + run.stderr
    report = json.loads(run.stdout)
    assert report["verified"] and report["findings"] == [], report
    return report


LAYOUTS = {
    "text": {},
    "gzip": {"compression_format": "gzip"},
    "record-time": {
        "partition_format": "yyyy/MM/dd",
        "processing_schema": {"timestamp_name": "t", "timestamp_type": "Timestamp"},
    },
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_verify_finds_what_was_altered(api, stream, sluice, bucket_root, name, layout):
    chosen, task = stream(2, data_type="JSON"), name("verify")
    create(api, chosen, task, **LAYOUTS[layout])
    day = 86_400_000
    records = [
        {"data": b'{"t":%d,"n":%d}' % (1_767_225_600_000 + n % 3 * day, n), "partition_id": str(n % 2)}
        for n in range(RECORDS)
    ]
    deliver(api, chosen, task, records)

    report = verified(sluice("task", "verify", chosen, task, "--output", "json"))
    assert report["records"] == RECORDS and report["compared_with_stream"] == report["objects"]
    person = sluice("task", "verify", chosen, task)
    assert person.returncode == 0
    assert re.search(r"^4,000 records in \d+ objects: each is there once \(\d+ objects compared", person.stdout, re.M)
    part = verified(sluice("task", "verify", chosen, task, "--partition", "1", "--output", "json"))
    assert part["records"] == RECORDS // 2

    folder = bucket_root / "verified"
    objects = sorted(path for path in folder.rglob(f"{chosen}_{task}_*") if path.is_file())
    assert len(objects) == report["objects"] >= 4
    if layout == "gzip":
        assert sum(gzip.decompress(path.read_bytes()).count(b"\n") for path in objects) == RECORDS

    altered, removed = objects[0], objects[-1]
    original = altered.read_bytes()
    altered.write_bytes(original[:100] + bytes([original[100] ^ 1]) + original[101:])
    run = sluice("task", "verify", chosen, task)
    assert run.returncode == 1
    assert f"{altered.relative_to(folder)} is not as it was delivered" in run.stdout

    kept = removed.read_bytes()
    removed.unlink()
    run = sluice("task", "verify", chosen, task, "--output", "json")
    assert run.returncode == 1
    report = json.loads(run.stdout)
    assert {(f["kind"], f["object"]) for f in report["findings"]} == {
        ("OBJECT_DIFFERS", str(altered.relative_to(folder))),
        ("MISSING_OBJECT", str(removed.relative_to(folder))),
    }

    altered.write_bytes(original)
    removed.write_bytes(kept)
    verified(sluice("task", "verify", chosen, task, "--output", "json"))


def test_verify_while_records_come_in(api, stream, sluice, name):
    chosen, task = stream(1), name("busy")
    create(api, chosen, task)
    for round in range(10):
        api.put(chosen, [{"data": b"%d-%d" % (round, n), "partition_id": "0"} for n in range(500)])
        verified(sluice("task", "verify", chosen, task, "--output", "json"))
    deliver(api, chosen, task, [{"data": b"last", "partition_id": "0"}], rounds=1)
    assert verified(sluice("task", "verify", chosen, task, "--output", "json"))["records"] == 5001


def test_verification_of_a_lost_bucket(api, new_server, tmp_path):
    """A bucket that is gone is part of the answer."""
    from api import Api

    running = new_server(settings="transfer:\n  minimum_deliver_interval: 1s\n").start()
    caller = Api(running.endpoint, running.credentials)
    caller.create_stream("s", 1)
    create(caller, "s", "t")
    deliver(caller, "s", "t", [{"data": b"x", "partition_id": "0"}], rounds=1)
    os.rename(running.data_dir / "buckets" / "verified", tmp_path / "elsewhere")
    answer = caller.ok("GET", "/v2/{p}/streams/s/transfer-tasks/t/verification")
    assert [v["state"] for v in answer["verifications"]] == ["MISSING"]
    caller.close()


def test_watch_and_metrics(api, server, stream, sluice, name):
    chosen, task = stream(1), name("watched")
    create(api, chosen, task, deliver_time_interval=900)
    api.put(chosen, [{"data": b"0123456789", "partition_id": "0"} for _ in range(100)])
    run = sluice("task", "watch", chosen, task, "--count", "2", "--output", "json")
    assert run.returncode == 0, run.stderr
    looks = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(looks) == 2 and looks[1]["records_per_second"] == 0
    assert looks[1]["lag"]["records"] == 100 and looks[1]["lag"]["bytes"] >= 1000 and looks[1]["lag"]["seconds"] > 0
    page = api.send("GET", "/metrics").body.decode()
    label = f'stream="{chosen}",task="{task}"'
    assert re.search(rf"^sluice_transfer_lag_records{{[^}}]*{label}}} 100(\.0)?$", page, re.M), page
    assert re.search(rf"^sluice_transfer_lag_seconds{{[^}}]*{label}}} \d", page, re.M)
    line = sluice("task", "watch", chosen, task, "--count", "1").stdout
    assert line.startswith("RUNNING  lag 100 records, ") and line.endswith("nothing delivered yet\n")
    api.call("DELETE", f"/v2/{{p}}/streams/{chosen}/transfer-tasks/{task}")
    time.sleep(1.1)  # the page's figures are at most a second old
    assert label not in api.send("GET", "/metrics").body.decode()


def test_verify_counts_parked_and_discarded_records(api, stream, sluice, name):
    """Records that make no columns are parked: they are in no object and accounted for all the same."""
    schema = {"type": "record", "name": "r", "fields": [{"name": "n", "type": "long"}]}
    chosen, task = stream(1, data_type="JSON", data_schema=json.dumps(schema)), name("columns")
    create(api, chosen, task, destination_file_type="parquet")
    records = [b'{"n":%d}' % n if n % 10 else b"junk %d" % n for n in range(100)]
    deliver(api, chosen, task, [{"data": r, "partition_id": "0"} for r in records], rounds=2)
    report = verified(sluice("task", "verify", chosen, task, "--output", "json"))
    assert (report["records"], report["partitions"][0]["parked"], report["partitions"][0]["missing"]) == (90, 10, 0)
    assert report["compared_with_stream"] == report["objects"]

    path = f"/v2/{{p}}/streams/{chosen}/transfer-tasks/{task}/parked-records"
    numbers = {"sequence_numbers": ["10", "20", "30"], "partition_id": "0"}
    assert api.ok("POST", path + "/action", {"action": "discard", "filter": numbers})["total_number"] == 3
    report = verified(sluice("task", "verify", chosen, task, "--output", "json"))
    assert (report["partitions"][0]["parked"], report["partitions"][0]["discarded"]) == (7, 3)
    # What fails again stays parked, and no object comes of it.
    api.ok("POST", path + "/action", {"action": "replay", "filter": {}})
    bound = time.monotonic() + DELIVERY_BOUND
    while {r["attempts"] for r in api.ok("GET", path)["parked_records"]} != {2}:
        assert time.monotonic() < bound
        time.sleep(0.05)
    person = sluice("task", "verify", chosen, task)
    assert person.returncode == 0 and "7 records parked. 3 records discarded." in person.stdout, person.stdout
