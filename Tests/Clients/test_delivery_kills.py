"""Real kills while delivering: SIGKILL at a random moment, again and again, with two object stores at the other end.

Writers put all the time over several connections and remember what was acknowledged. Five tasks deliver the stream with
an interval of a second: text, gzip in directories by time, and objects of a few megabytes in parts go to a real S3
server and to one that lies and loses answers (faultystore.py). After each kill the server starts again on the same data.
In the end every acknowledged record lies in the stream once, and the objects of each task are the stream: byte for byte,
in order per partition, nothing doubled, nothing beside what the ledger names.

SLUICE_DELIVERY_KILLS is the number of kills (default 20; scripts/kill-test deliver: 100), SLUICE_SEED repeats a run.
"""

import base64
import json
import os
import random
import threading
import time

import faultystore
import pytest
import stores
from api import Api
from deliveries import create_task, ledger, prove, wait_until_delivered

KILLS = int(os.environ.get("SLUICE_DELIVERY_KILLS", "20"))
SEED = int(os.environ.get("SLUICE_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)
PARTITIONS = 3
WRITERS = 3
STREAM = "deliveries"
# Between two requests of one writer (seconds): the objects of a thousand rounds have to fit into a test.
PAUSE = 0.02
# One kill in so many follows a burst that fills an object of several parts.
BURST_EVERY = 8
# A server that takes longer to answer anything is broken (seconds).
ROUND_BOUND = 60
# All that has been put is delivered within this when nothing is killed any more (seconds).
CATCH_UP_BOUND = 300
HOUR = 3_600_000

TASKS = {
    "text": ("gateway", {}),
    "zipped": ("faulty", {"compression_format": "gzip", "partition_format": "yyyy/MM/dd"}),
    "times": (
        "gateway",
        {
            "partition_format": "yyyy/MM/dd/HH",
            "processing_schema": {"timestamp_name": "at", "timestamp_type": "Timestamp"},
        },
    ),
    "sized": ("faulty", {"deliver_size_interval": 7}),
    "parts": ("gateway", {"record_delimiter": "|", "deliver_size_interval": 20}),
}


class Records:
    """What writers know: what was acknowledged under which number, and what was sent without an answer."""

    def __init__(self):
        self.lock = threading.Lock()
        self.acknowledged = {p: {} for p in range(PARTITIONS)}
        self.unknown = set()
        self.next = 0
        self.faults = []

    def make(self, count, size, randomness):
        with self.lock:
            first = self.next
            self.next += count
        return [
            json.dumps(
                {
                    "n": n,
                    "at": 1_767_225_600_000 + randomness.randrange(5) * HOUR,
                    "more": randomness.randbytes(randomness.randrange(1, size) // 2).hex(),
                }
            ).encode()
            for n in range(first, first + count)
        ]

    def put(self, api, texts, where):
        body = {"stream_name": STREAM, "records": [{"data": base64.b64encode(t).decode(), **where} for t in texts]}
        with self.lock:
            self.unknown.update(texts)
        answer = api.call("POST", "/v2/{p}/records", body)
        if answer.status != 200:
            self.faults.append(repr(answer))
            return
        with self.lock:
            for text, entry in zip(texts, answer.json["records"], strict=True):
                if "error_code" in entry:
                    self.faults.append(repr(entry))
                    continue
                known = self.acknowledged[int(entry["partition_id"][-10:])]
                if int(entry["sequence_number"]) in known:
                    self.faults.append(f"a number was given twice: {entry}")
                known[int(entry["sequence_number"])] = text
                self.unknown.discard(text)


class Writer(threading.Thread):
    """Puts records until it is stopped; when the server is gone it waits for the next one and goes on with new records."""

    def __init__(self, house, records, number):
        super().__init__(daemon=True)
        self.house, self.records, self.number = house, records, number
        self.randomness = random.Random(SEED * 100 + number)
        self.stopped = threading.Event()

    def run(self):
        api, endpoint = None, None
        while not self.stopped.is_set():
            if api is None or endpoint != self.house.endpoint:
                endpoint = self.house.endpoint
                api = Api(endpoint, self.house.credentials)
                api.token = self.house.token
            texts = self.records.make(self.randomness.choice((1, 5, 40)), 2000, self.randomness)
            where = (
                {"partition_id": str(self.randomness.randrange(PARTITIONS))}
                if self.randomness.random() < 0.5
                else {"partition_key": f"k{self.randomness.randrange(100)}"}
            )
            try:
                self.records.put(api, texts, where)
            except Exception:  # noqa: BLE001
                api.close()
                api = None
                self.stopped.wait(5 * PAUSE)
            self.stopped.wait(PAUSE)


class House:
    """The server's address as the writers know it; changes with every start."""

    def __init__(self):
        self.endpoint = self.credentials = self.token = None


def start(running, house):
    running.start()
    api = Api(running.endpoint, running.credentials).login()
    house.credentials, house.token, house.endpoint = running.credentials, api.token, running.endpoint
    return api


def check_stream(api, records):
    """Every acknowledged record lies where it was said to be; what was never answered may be there once."""
    for partition in range(PARTITIONS):
        stored = api.read_all(STREAM, str(partition))
        assert [n for n, _ in stored] == list(range(len(stored))), f"partition {partition} has gaps"
        known, at = records.acknowledged[partition], dict(stored)
        for number, text in known.items():
            assert at.get(number) == text, f"partition {partition}, number {number}: {text[:30]} was acknowledged"
        for number, text in stored:
            assert number in known or text in records.unknown, f"partition {partition}, number {number}: {text[:30]}"
            records.unknown.discard(text)


@pytest.mark.slow
def test_deliveries_survive_kills(delivering, store):
    randomness = random.Random(SEED)
    print(f"seed {SEED}, {KILLS} kills, {len(TASKS)} tasks")
    faulty = faultystore.FaultyStore(SEED, rate=0.5).start()
    running = delivering({"gateway": (store.endpoint,), "faulty": (faulty.endpoint,)})
    house, records, starts = House(), Records(), []
    store.make("kills")
    api = start(running, house)
    api.create_stream(STREAM, PARTITIONS, data_type="JSON")
    faulty.buckets.add("kills")
    for task, (agency, more) in TASKS.items():
        answer = create_task(api, STREAM, task, agency, bucket="kills", **more)
        while answer.status == 400 and agency == "faulty" and "DIS.4310" in str(answer.json):
            # The store failed when it was looked at, as it does.
            answer = create_task(api, STREAM, task, agency, bucket="kills", **more)
        assert answer.status == 201, answer
    writers = [Writer(house, records, n) for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    for number in range(KILLS):
        if number % BURST_EVERY == 0:
            for _ in range(6):
                records.put(api, records.make(3, 1_000_000, randomness), {"partition_id": "0"})
        # Deliveries come about once a second and task: a second and a half meets all of their moments.
        time.sleep(randomness.uniform(0.05, 1.5))
        running.kill()
        api.close()
        api = start(running, house)
        starts.append(running.ready_seconds)
        assert not records.faults, records.faults[:3]
        if number % 10 == 9:
            delivered = sum(len(ledger(api, STREAM, task)) for task in TASKS)
            print(f"{number + 1} kills, {records.next} records, {delivered} deliveries", flush=True)
    for writer in writers:
        writer.stopped.set()
    for writer in writers:
        writer.join(ROUND_BOUND)
    assert not records.faults, records.faults[:3]
    check_stream(api, records)
    for task in TASKS:
        wait_until_delivered(api, STREAM, task, CATCH_UP_BOUND)
    entries = 0
    for task, (agency, more) in TASKS.items():
        found = (
            stores.objects(store.boto(), "kills", f"{task}/")
            if agency == "gateway"
            else faulty.kept("kills", f"{task}/")
        )
        delimiter = more.get("record_delimiter", "\n").encode()
        entries += len(prove(api, STREAM, task, found, delimiter, by_directory=task == "times"))
    total = sum(len(k) for k in records.acknowledged.values())
    print(
        f"{KILLS} kills, {total} acknowledged records in each of {len(TASKS)} tasks, {entries} objects, "
        f"slowest start {max(starts) * 1000:.0f} ms; the faulty store: {dict(faulty.counts)}"
    )
    assert entries >= KILLS, "hardly anything was delivered between the kills"
    api.close()
    assert running.stop() == 0
    faulty.stop()
