"""Delivery to a store that lies, loses answers and fails in every way of faultystore.FAULTS: exactly once all the same."""

import json
import os
import random

import faultystore
import pytest
import serverprocess
import stores
from api import Api
from deliveries import create_task, prove, wait_until_delivered

SEED = int(os.environ.get("SLUICE_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A server, its caller and the store it delivers to; each test has its own stream and prefix."""
    faulty = faultystore.FaultyStore(SEED).start()
    folder = tmp_path_factory.mktemp("faulty")
    running = serverprocess.Server(folder, settings=stores.settings({"faulty": (faulty.endpoint,)})).start()
    api = Api(running.endpoint, running.credentials).login()
    yield api, faulty
    api.close()
    assert running.stop() == 0
    faulty.stop()


def put_large(api, stream, megabytes, seed):
    randomness = random.Random(seed)
    for _ in range(megabytes // 4):
        records = [{"data": randomness.randbytes(1_000_000), "partition_id": "0"} for _ in range(4)]
        assert api.put(stream, records)["failed_record_count"] == 0


# One fault each, at its worst moment; with `large` in an upload of parts.
ONE = [
    (fault, kind)
    for fault, (kinds, _) in faultystore.FAULTS.items()
    for kind in sorted(kinds)
    if kind not in ("head", "abort", "list")
]


@pytest.mark.parametrize("fault, kind", ONE, ids=lambda v: v.replace(" ", "_"))
def test_one_fault_is_survived(house, name, fault, kind):
    api, faulty = house
    stream = task = name("one")
    before = faulty.counts[fault]
    is_large = kind in ("part", "begin", "complete")
    faulty.force()
    api.create_stream(stream, 1, data_type="BLOB")
    if is_large:
        put_large(api, stream, 12, 3)
    else:
        api.put(stream, [{"data": b"record %d" % n, "partition_id": "0"} for n in range(100)])
    # Only the kind that is meant can meet it: the others are not sent before it.
    faulty.force((fault, kind))
    assert create_task(api, stream, task, "faulty").status == 201
    wait_until_delivered(api, stream, task)
    assert faulty.counts[fault] == before + 1, faulty.counts
    prove(api, stream, task, faulty.kept(prefix=task.replace("-", "_")))
    assert faulty.uploads == {}
    api.delete_stream(stream)


def test_all_faults_at_once(house):
    """Four tasks while records come and everything goes wrong now and then."""
    api, faulty = house
    faulty.rate, faulty.only = 0.0, None
    api.create_stream("all", 3, data_type="JSON")
    tasks = {
        "text": {},
        "gzip": {"compression_format": "gzip", "partition_format": "yyyy/MM/dd"},
        "sized": {"deliver_size_interval": 7},
        "times": {
            "partition_format": "yyyy/MM/dd/HH",
            "processing_schema": {"timestamp_name": "at", "timestamp_type": "Timestamp"},
        },
    }
    for task, more in tasks.items():
        assert create_task(api, "all", task, "faulty", **more).status == 201
    faulty.rate = 1.5
    randomness = random.Random(SEED)
    for round_number in range(12):
        records = [
            {
                "data": json.dumps(
                    {
                        "n": f"{round_number}-{n}",
                        "at": 1_767_225_600_000 + randomness.randrange(6) * 3_600_000,
                        "more": randomness.randbytes(size // 2).hex(),
                    }
                ).encode(),
                "partition_id": str(n % 3),
            }
            for n, size in enumerate([20] * 100 + ([900_000] * 3 if round_number % 2 else []))
        ]
        assert api.put("all", records)["failed_record_count"] == 0
    # And one delivery with an upload of many parts.
    for burst in range(4):
        records = [
            {
                "data": json.dumps({"n": f"burst-{burst}-{n}", "more": randomness.randbytes(480_000).hex()}).encode(),
                "partition_id": "1",
            }
            for n in range(4)
        ]
        assert api.put("all", records)["failed_record_count"] == 0
    for task in tasks:
        wait_until_delivered(api, "all", task)
    print(dict(faulty.counts))
    for task in tasks:
        prove(api, "all", task, faulty.kept(prefix=f"{task}/"), by_directory=task == "times")
    assert sum(faulty.counts[f] for f in faultystore.FAULTS) > 20, faulty.counts
