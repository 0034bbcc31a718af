"""Real kills: SIGKILL at a random moment under load, then every acknowledged record is looked for.

Each round starts the server on the same data, checks that all partitions hold exactly what was acknowledged before (in
order, once, with dense numbers; what was sent but never answered may be there or not), writes over several connections
and kills the process after a random number of answers. Rounds alternate between singles and batches and between
partition ids and keys, and now and then scale the stream, commit checkpoints, create and delete another stream.

SLUICE_KILLS is the number of rounds (default 10; scripts/kill-test: 200), SLUICE_SEED repeats a run.
"""

import base64

import os
import random
import threading
import time

import pytest

from api import Api

KILLS = int(os.environ.get("SLUICE_KILLS", "10"))
SEED = int(os.environ.get("SLUICE_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)
PARTITIONS = 4
WRITERS = 6
# A round that has not had its answers after this is a fault (seconds).
ROUND_BOUND = 60


class Ledger:
    """What writers know: records in the order of their answers, and those that were sent without one."""

    def __init__(self):
        self.acknowledged = {p: {} for p in range(PARTITIONS)}  # partition -> number -> data
        self.unknown = set()
        self.next_text = 0
        self.lock = threading.Lock()
        self.answers = 0

    def texts(self, count):
        with self.lock:
            first = self.next_text
            self.next_text += count
        return [b"%09d-" % n + b"x" * (n % 700) for n in range(first, first + count)]


def write(api, ledger, randomness, stop, faults):
    """Writes until the connection breaks, because the server is gone."""
    while not stop.is_set():
        texts = ledger.texts(randomness.choice((1, 1, 3, 50)))
        if randomness.random() < 0.5:
            where = {"partition_id": str(randomness.randrange(PARTITIONS))}
        else:
            where = {"partition_key": f"k{randomness.randrange(100)}"}
        body = {"stream_name": "kills", "records": [{"data": base64.b64encode(t).decode(), **where} for t in texts]}
        with ledger.lock:
            ledger.unknown.update(texts)
        try:
            answer = api.call("POST", "/v2/{p}/records", body)
        except Exception:
            api.close()
            return
        if answer.status != 200:
            faults.append(repr(answer))
            return
        result = answer.json
        with ledger.lock:
            ledger.answers += 1
            for text, entry in zip(texts, result["records"], strict=True):
                if "error_code" in entry:
                    faults.append(entry)
                    continue
                partition, number = int(entry["partition_id"][-10:]), int(entry["sequence_number"])
                known = ledger.acknowledged[partition]
                if number in known:
                    faults.append(f"partition {partition}: number {number} was given twice")
                known[number] = text
                ledger.unknown.discard(text)


def verify(api, ledger):
    """Looks for every acknowledged record in its place; learns which of the unknown ones are there."""
    for partition in range(PARTITIONS):
        stored = api.read_all("kills", str(partition))
        assert [n for n, _ in stored] == list(range(len(stored))), f"partition {partition} has gaps"
        known = ledger.acknowledged[partition]
        at = dict(stored)
        for number, text in known.items():
            assert at.get(number) == text, (
                f"partition {partition}, number {number}: {text[:12]} was acknowledged, found {str(at.get(number))[:20]}"
            )
        for number, text in stored:
            if number not in known:
                assert text in ledger.unknown, (
                    f"partition {partition}, number {number}: {text[:12]} is there twice or was never sent"
                )
                known[number] = text
                ledger.unknown.discard(text)
    # What has not been found now will never be acknowledged; should it appear later, it is a fault.
    ledger.unknown.clear()


@pytest.mark.slow
def test_every_acknowledged_record_survives_kills(new_server):
    randomness = random.Random(SEED)
    print(f"seed {SEED}, {KILLS} kills")
    running, ledger = new_server(), Ledger()
    checkpoint, side_streams, started = None, set(), []
    for round_number in range(KILLS):
        running.start()
        started.append(running.ready_seconds)
        api = Api(running.endpoint, running.credentials).login()
        if round_number == 0:
            api.create_stream("kills", PARTITIONS)
            api.ok("POST", "/v2/{p}/apps", {"app_name": "reader"})
        verify(api, ledger)
        names = set(api.ok("GET", "/v2/{p}/streams?limit=100")["stream_names"])
        assert names == {"kills"} | side_streams, "a stream that was created is gone, or a deleted one is back"
        if checkpoint is not None:
            shown = api.ok(
                "GET", "/v2/{p}/checkpoints?app_name=reader&stream_name=kills&partition_id=0&checkpoint_type=LAST_READ"
            )
            assert int(shown["sequence_number"]) == checkpoint
        if ledger.acknowledged[0]:
            checkpoint = randomness.choice(sorted(ledger.acknowledged[0]))
            api.ok(
                "POST",
                "/v2/{p}/checkpoints",
                {"app_name": "reader", "stream_name": "kills", "partition_id": "0", "sequence_number": str(checkpoint)},
            )
        if randomness.random() < 0.5:
            for name in list(side_streams):
                api.delete_stream(name)
                side_streams.discard(name)
        else:
            name = f"side-{round_number}"
            api.create_stream(name, 2)
            api.put(name, [{"data": b"y" * 1000}] * 50)
            side_streams.add(name)

        stop, faults = threading.Event(), []
        writers = []
        for number in range(WRITERS):
            caller = Api(running.endpoint, running.credentials)
            caller.token = api.token
            own = random.Random(SEED * 1000 + round_number * 10 + number)
            writers.append(threading.Thread(target=write, args=(caller, ledger, own, stop, faults)))
        goal = ledger.answers + randomness.randrange(1, 150)
        for writer in writers:
            writer.start()
        deadline = time.monotonic() + ROUND_BOUND
        while ledger.answers < goal and time.monotonic() < deadline and any(w.is_alive() for w in writers):
            time.sleep(0.001)
        running.kill()
        stop.set()
        for writer in writers:
            writer.join(ROUND_BOUND)
        api.close()
        assert not faults, faults[:3]
        assert ledger.answers >= goal, "the writers got no answers"
    running.start()
    api = Api(running.endpoint, running.credentials).login()
    verify(api, ledger)
    total = sum(len(k) for k in ledger.acknowledged.values())
    print(f"{KILLS} kills, {total} records in place, slowest start {max(started) * 1000:.0f} ms")
    assert running.stop() == 0
