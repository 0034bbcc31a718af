"""What a test of delivery does: create a task, wait until it has caught up, and prove its objects against the stream."""

import gzip
import re
import time
import urllib.parse

import crc32c

# A delivery that takes longer is a fault, also on a busy machine (seconds).
BOUND = 120


def create_task(api, stream, task, agency, bucket="lake", **more):
    body = {
        "destination_type": "OBS",
        "obs_destination_descriptor": {
            "task_name": task,
            "agency_name": agency,
            "obs_bucket_path": bucket,
            "deliver_time_interval": 1,
            "consumer_strategy": "TRIM_HORIZON",
            "file_prefix": task.replace("-", "_"),
            **more,
        },
    }
    return api.call("POST", f"/v2/{{p}}/streams/{stream}/transfer-tasks", body)


def shown(api, stream, task):
    return api.ok("GET", f"/v2/{{p}}/streams/{stream}/transfer-tasks/{task}")


def wait_for(what, look, bound=BOUND, pause=0.05):
    """Asks until the answer is true, and returns it."""
    deadline = time.monotonic() + bound
    while True:
        answer = look()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"waited {bound} s for {what}"
        time.sleep(pause)


def wait_for_state(api, stream, task, *states, bound=BOUND):
    def look():
        answer = shown(api, stream, task)
        return answer if answer["state"] in states else None

    return wait_for(f"{task} to be {' or '.join(states)}", look, bound)


def wait_until_delivered(api, stream, task, bound=BOUND):
    """Until the task is done with every record the stream has."""

    def next_numbers():
        page = api.ok("GET", f"/v2/{{p}}/streams/{stream}?limit_partitions=1000")
        # "[0 : n]": from the first number to the next one.
        return {
            p["partition_id"]: int(re.findall(r"\d+", p["sequence_number_range"])[1]) for p in page["partitions"]
        }

    wanted = next_numbers()

    def look():
        answer = shown(api, stream, task)
        assert answer["state"] != "ERROR", answer
        reached = {p["partitionId"]: int(p["last_transfer_offset"]) for p in answer["partitions"]}
        return all(reached.get(p, -1) + 1 >= n for p, n in wanted.items())

    wait_for(f"{task} to deliver up to {wanted}", look, bound)


def ledger(api, stream, task, **query):
    """Every entry of the task's ledger."""
    entries, after = [], None
    while True:
        more = {"limit": 1000, **query, **({"next": after} if after else {})}
        page = api.ok(
            "GET", f"/v2/{{p}}/streams/{stream}/transfer-tasks/{task}/deliveries?{urllib.parse.urlencode(more)}"
        )
        entries += page["deliveries"]
        after = page.get("next")
        if after is None:
            return entries


def partition_of(entry):
    return int(entry["partition_id"][-10:])


def prove(api, stream, task, found, delimiter=b"\n", by_directory=False):
    """Proves that the objects are exactly what the ledger says and hold exactly the stream; returns the ledger.

    `found` maps keys to bytes. Each object's length and CRC-32C agree with the ledger, no object lies outside it, and
    for each partition the objects in the order of their numbers are the stream's records, byte for byte. With
    `by_directory` (record times) a delivery has several objects, so records are matched one by one instead.
    """
    entries = ledger(api, stream, task)
    names = [e["object"] for e in entries]
    assert len(set(names)) == len(names), "the ledger names an object twice"
    assert set(names) == set(found), (
        f"not in the ledger: {sorted(set(found) - set(names))[:3]}, not in the bucket: {sorted(set(names) - set(found))[:3]}"
    )
    for entry in entries:
        data = found[entry["object"]]
        assert entry["bytes"] == len(data), entry
        assert entry["checksum"] == f"crc32c:{crc32c.crc32c(data):08x}", entry
    for partition in range(len(api.stream(stream)["partitions"])):
        stored = api.read_all(stream, str(partition))
        own = sorted(
            (e for e in entries if partition_of(e) == partition), key=lambda e: int(e["first_sequence_number"])
        )
        assert sum(e["records"] for e in own) == len(stored), f"{task}, partition {partition}"
        plain = [opened(e["object"], found[e["object"]]) for e in own]
        if not by_directory:
            assert b"".join(plain) == b"".join(data + delimiter for _, data in stored), f"{task}, partition {partition}"
            numbers = [n for e in own for n in range(int(e["first_sequence_number"]), int(e["last_sequence_number"]) + 1)]
            assert numbers == [n for n, _ in stored], f"{task}, partition {partition}: the ranges are not the stream"
        else:
            number_of = {data: number for number, data in stored}
            assert len(number_of) == len(stored), "records of this proof must differ"
            seen = []
            for entry, text in zip(own, plain, strict=True):
                assert text.endswith(delimiter), entry
                numbers = [number_of[line] for line in text[: -len(delimiter)].split(delimiter)]
                assert numbers == sorted(numbers) and len(numbers) == entry["records"], entry
                assert numbers[0] == int(entry["first_sequence_number"]), entry
                assert numbers[-1] == int(entry["last_sequence_number"]), entry
                seen += numbers
            assert sorted(seen) == [n for n, _ in stored], f"{task}, partition {partition}"
    return entries


def opened(key, data):
    return gzip.decompress(data) if key.endswith(".gz") else data
