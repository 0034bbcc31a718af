"""Delivery: throughput beside a plain upload of the same bytes, freshness, idle tasks, memory with many directories.

Started by `scripts/bench deliver`, which builds what it needs. Standard library only.
"""

import argparse
import base64
import contextlib
import http.client
import json
import os
import pathlib
import statistics
import subprocess
import threading
import time
import urllib.parse

import bench

ACCESS_KEY, SECRET_KEY, REGION = "AKBENCH000000001", "bench-secret-key-000000000000001", "bench-1"
S3_HOME = pathlib.Path(os.environ.get("SLUICE_TEST_S3_HOME") or bench.SHARED / "servers" / "s3")
PARTITIONS = 4
OBJECT = 128 << 20  # transfer.object_size_max
DELIVERY_BOUND = 600
PARQUET_SCHEMA = {
    "type": "record",
    "name": "event",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "name", "type": "string"},
        {"name": "price", "type": "double"},
        {"name": "active", "type": "boolean"},
        {"name": "note", "type": ["null", "string"]},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
    ],
}


class Gateway:
    """The real S3 server on a folder of its own."""

    name = "S3 server"

    def __init__(self, folder):
        self.folder = folder
        self.port = bench.free_port()
        self.running = contextlib.ExitStack()

    def __enter__(self):
        self.folder.mkdir(parents=True)
        keys = ["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY, "--region", REGION]
        command = [S3_HOME / "start", "--dir", self.folder, "--port", self.port, *keys]
        log = self.folder.with_suffix(".log")
        self.running.enter_context(bench.process([str(c) for c in command], log, port=self.port))
        # Buckets of this server are folders.
        (self.folder / "data" / "lake").mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *problem):
        return self.running.__exit__(*problem)

    @property
    def bucket(self):
        return self.folder / "data" / "lake"

    def destinations(self):
        return f"""destinations:
  - type: obs
    endpoint: http://127.0.0.1:{self.port}
    region: {REGION}
    access_key: {ACCESS_KEY}
    secret_key: {SECRET_KEY}
"""

    def words(self):
        return ["endpoint", f"127.0.0.1:{self.port}", REGION, ACCESS_KEY, SECRET_KEY]


class Folder:
    """Buckets in a local folder."""

    name = "folder"

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        (self.folder / "lake").mkdir(parents=True)
        return self

    def __exit__(self, *problem):
        return None

    @property
    def bucket(self):
        return self.folder / "lake"

    def destinations(self):
        return f"destinations:\n  - type: obs\n    folder: {self.folder}\n"

    def words(self):
        return ["folder", str(self.folder)]


class Server:
    """A Sluice with quick deliveries to that store, and a caller."""

    def __init__(self, binary, folder, store, more=""):
        folder.mkdir(parents=True)
        settings = folder / "sluice.yaml"
        settings.write_text(f"transfer:\n  minimum_deliver_interval: 1s\n{more}{store.destinations()}")
        context, self.log = bench.started(binary, folder, "--config", str(settings))
        self.context, self.folder = context, folder

    def __enter__(self):
        self.pid = self.context.__enter__().pid
        self.endpoint = bench.endpoint_in(self.log)
        self.host = self.endpoint.split("//")[1]
        credentials = json.loads((self.folder / "data" / "credentials.json").read_text())
        self.project = credentials["project_id"]
        self.token = bench.Sluice(None, None).login(self.endpoint, credentials)
        self.connection = http.client.HTTPConnection(self.host, timeout=60)
        return self

    def __exit__(self, *problem):
        self.connection.close()
        return self.context.__exit__(*problem)

    def call(self, method, path, body=None):
        headers = {"X-Auth-Token": self.token, "Content-Type": "application/json"}
        self.connection.request(
            method, f"/v2/{self.project}{path}", json.dumps(body) if body is not None else None, headers
        )
        answer = self.connection.getresponse()
        data = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {data[:400]!r}")
        return json.loads(data) if data else None

    def create(self, stream, partitions, **more):
        self.call("POST", "/streams", {"stream_name": stream, "partition_count": partitions, **more})

    def deliver(self, stream, task, **more):
        body = {
            "task_name": task,
            "agency_name": "bench",
            "obs_bucket_path": "lake",
            "deliver_time_interval": 1,
            "consumer_strategy": "TRIM_HORIZON",
            "file_prefix": task,
            **more,
        }
        path = f"/streams/{stream}/transfer-tasks"
        self.call("POST", path, {"destination_type": "OBS", "obs_destination_descriptor": body})

    def put(self, stream, texts, partition=0):
        records = [{"data": base64.b64encode(t).decode(), "partition_id": str(partition)} for t in texts]
        self.call("POST", "/records", {"stream_name": stream, "records": records})

    def wait_until_delivered(self, stream, task, pause=0.1):
        ends = {
            p["partition_id"]: int(p["sequence_number_range"].strip("[]").split(":")[1])
            for p in self.call("GET", f"/streams/{stream}")["partitions"]
        }
        deadline = time.monotonic() + DELIVERY_BOUND
        while True:
            shown = self.call("GET", f"/streams/{stream}/transfer-tasks/{task}")
            if shown["state"] == "ERROR":
                raise RuntimeError(f"the task failed: {shown.get('reason')}")
            reached = {p["partition_id"]: int(p["last_transfer_offset"]) for p in shown["partitions"]}
            if all(reached.get(p, -1) + 1 >= n for p, n in ends.items()):
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"not delivered after {DELIVERY_BOUND} s")
            time.sleep(pause)

    def ledger(self, stream, task):
        entries, after = [], ""
        while True:
            path = f"/streams/{stream}/transfer-tasks/{task}/deliveries?limit=1000"
            page = self.call("GET", path + (f"&next={urllib.parse.quote(after)}" if after else ""))
            entries += page["deliveries"]
            after = page.get("next")
            if not after:
                return entries


def rate(entries, began_ms):
    """Megabytes a second until the last full object: what follows waits for its interval and measures that."""
    full = [e for e in entries if e["bytes"] > OBJECT * 0.95] or entries
    last = max(e["delivered_at"] for e in full)
    done = sum(e["bytes"] for e in entries if e["delivered_at"] <= last)
    return done / (last - began_ms) / 1000, done


def throughput(arguments, work, make_store):
    """Text of 1 KB records from a backlog, and the plain upload of as many bytes, in turns."""
    delivered, raw, processors, memory = [], [], [], []
    source = work / "source"
    with open(source, "wb") as file:
        for _ in range(OBJECT >> 20):
            file.write(os.urandom(1 << 20))
    for turn in range(arguments.rounds):
        store = make_store(work / "store")
        with store, Server(arguments.binary, work / "server", store) as server:
            server.create("backlog", PARTITIONS, data_type="BLOB")
            wanted, size = arguments.gigabytes * 1e9, 0
            while size < wanted:
                found = json.loads(
                    bench.output_of(
                        [arguments.tools / "load", "put", "--address", server.host, "--project", server.project]
                        + ["--token", server.token, "--stream", "backlog", "--connections", 8, "--records", 500]
                        + ["--size", 1024, "--seconds", 2, "--warm-up", 0]
                    )
                )
                size += found["records"] * 1024
            os.sync()
            objects = max(1, round(size / OBJECT))

            def upload():
                command = [arguments.upload, source, objects, PARTITIONS, "lake", *store.words()]
                found = json.loads(bench.output_of(command))
                raw.append(found["bytes"] / found["seconds"] / 1e6)

            def deliver():
                before = bench.processor_seconds(server.pid)
                began, began_ms = time.monotonic(), time.time() * 1000
                server.deliver("backlog", "text")
                server.wait_until_delivered("backlog", "text")
                processors.append((bench.processor_seconds(server.pid) - before) / (time.monotonic() - began))
                memory.append(bench.peak_megabytes(server.pid))
                delivered.append(rate(server.ledger("backlog", "text"), began_ms)[0])

            # Each round begins with the other one.
            for step in (upload, deliver) if turn % 2 == 0 else (deliver, upload):
                step()
                os.sync()
        bench.say(
            f"round {turn + 1}, {store.name}, {size / 1e9:.1f} GB: delivered {delivered[-1]:.0f} MB/s, "
            f"uploaded {raw[-1]:.0f} MB/s, {processors[-1]:.2f} processors, peak {memory[-1]:.0f} MB"
        )
        bench.settle(work / "server")
        bench.settle(work / "store")
    source.unlink()
    share = statistics.median(delivered) / statistics.median(raw)
    return [
        (
            f"Text, 1 KB records, {PARTITIONS} partitions, to the {store.name}: delivered and read back",
            f"{statistics.median(delivered):.0f} MB/s ({min(delivered):.0f} to {max(delivered):.0f})",
        ),
        (
            f"The same bytes from a file with the same client, not read back, to the {store.name}",
            f"{statistics.median(raw):.0f} MB/s ({min(raw):.0f} to {max(raw):.0f})",
        ),
        (
            f"Delivery's share of it; processors and peak memory of the server, {store.name}",
            f"{share * 100:.0f} %; {statistics.median(processors):.2f}; {max(memory):.0f} MB",
        ),
    ]


def files_below(folder):
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from files_below(entry.path)
            else:
                yield entry.path


def freshness(arguments, work, make_store):
    """One record every 15 ms; from its acknowledgement until its object is there under its final name."""
    store = make_store(work / "store")
    acknowledged, latencies = {}, []
    with store, Server(arguments.binary, work / "server", store) as server:
        server.create("fresh", 1, data_type="BLOB")
        server.deliver("fresh", "fresh")
        stop = threading.Event()

        def watch():
            seen = set()
            (store.bucket / "fresh").mkdir(exist_ok=True)
            while not stop.is_set():
                for path in files_below(store.bucket / "fresh"):
                    if path in seen:
                        continue
                    seen.add(path)
                    now = time.monotonic()
                    first, count = path.removesuffix(".txt").rsplit("_", 2)[1:]
                    for number in range(int(first), int(first) + int(count)):
                        latencies.append(now - acknowledged.get(number, now))
                time.sleep(0.005)

        watcher = threading.Thread(target=watch)
        watcher.start()
        end, number = time.monotonic() + arguments.seconds, 0
        while time.monotonic() < end:
            began = time.monotonic()
            server.put("fresh", [b"x" * 200])
            acknowledged[number] = time.monotonic()
            number += 1
            time.sleep(max(0, 0.015 - (time.monotonic() - began)))
        deadline = time.monotonic() + 30
        while len(latencies) < number and time.monotonic() < deadline:
            time.sleep(0.05)
        stop.set()
        watcher.join()
        if len(latencies) < number:
            raise RuntimeError(f"{number - len(latencies)} of {number} records did not arrive")
    bench.settle(work / "server")
    bench.settle(work / "store")
    latencies.sort()
    p50, p99 = latencies[len(latencies) // 2], latencies[int(len(latencies) * 0.99)]
    bench.say(f"freshness, {store.name}: p50 {p50:.2f} s, p99 {p99:.2f} s, worst {latencies[-1]:.2f} s")
    return [
        (
            f"Acknowledged until readable in the {store.name}, interval 1 s, {number} records: p50, p99, worst",
            f"{p50:.2f} s, {p99:.2f} s, {latencies[-1]:.2f} s",
        )
    ]


def idle(arguments, work):
    """Fifty tasks on ten streams with nothing to do."""
    store = Folder(work / "store")
    with store, Server(arguments.binary, work / "server", store) as server:
        for stream in range(10):
            server.create(f"idle-{stream}", 2, data_type="BLOB")
            for task in range(5):
                server.deliver(f"idle-{stream}", f"task{task}")
            server.put(f"idle-{stream}", [b"x"] * 10)
        for stream in range(10):
            for task in range(5):
                server.wait_until_delivered(f"idle-{stream}", f"task{task}")
        time.sleep(3)
        before, began = bench.processor_seconds(server.pid), time.monotonic()
        time.sleep(30)
        share = (bench.processor_seconds(server.pid) - before) / (time.monotonic() - began)
        memory = bench.resident_megabytes(server.pid)
    bench.settle(work / "server")
    bench.settle(work / "store")
    bench.say(f"fifty idle tasks: {share * 100:.2f} % of a processor, {memory:.0f} MB")
    return [("Fifty idle tasks over 30 s", f"{share * 100:.2f} % of a processor, {memory:.0f} MB resident")]


def directories(arguments, work, make_store):
    """One delivery that names 5,000 directories by record time."""
    store = make_store(work / "store")
    count, each, data = 5000, 20, b"y" * 400
    with store, Server(arguments.binary, work / "server", store) as server:
        server.create("times", 1, data_type="JSON")
        for start in range(0, count * each, 500):
            server.put(
                "times",
                [
                    json.dumps({"at": 1_767_225_600_000 + (n * 7919 % count) * 60_000, "n": n, "d": data.decode()}).encode()
                    for n in range(start, start + 500)
                ],
            )
        idle_megabytes = bench.resident_megabytes(server.pid)
        # The high-water mark begins again here.
        pathlib.Path(f"/proc/{server.pid}/clear_refs").write_text("5")
        began = time.monotonic()
        server.deliver(
            "times",
            "times",
            partition_format="yyyy/MM/dd/HH/mm",
            processing_schema={"timestamp_name": "at", "timestamp_type": "Timestamp"},
        )
        server.wait_until_delivered("times", "times")
        seconds = time.monotonic() - began
        peak = bench.peak_megabytes(server.pid)
        made = len(server.ledger("times", "times"))
    bench.settle(work / "server")
    bench.settle(work / "store")
    bench.say(f"{made} directories, {store.name}: {seconds:.1f} s, {idle_megabytes:.0f} MB before, peak {peak:.0f} MB")
    return [
        (
            f"One delivery into {made:,} directories by record time, {count * each:,} records, to the {store.name}",
            f"{seconds:.1f} s, peak {peak:.0f} MB ({peak - idle_megabytes:.0f} MB above {idle_megabytes:.0f})",
        )
    ]


def parquet(arguments, work):
    """JSON records to Parquet with zstd, into a folder."""
    rates, processors = [], []
    for _ in range(arguments.rounds):
        store = Folder(work / "store")
        with store, Server(arguments.binary, work / "server", store) as server:
            try:
                server.create("events", 1, data_type="JSON", data_schema=json.dumps(PARQUET_SCHEMA))
                size, number = 0, 0
                while size < arguments.parquet_megabytes * 1e6:
                    texts = []
                    for _ in range(500):
                        number += 1
                        texts.append(
                            json.dumps(
                                {
                                    "id": number,
                                    "at": 1_767_225_600_000 + number,
                                    "name": f"customer {number * 7919 % 10_007}",
                                    "price": number % 1000 / 7,
                                    "active": number % 3 == 0,
                                    "note": None if number % 5 else f"note {number:040}",
                                    "tags": [f"tag-{number % 17}", f"tag-{number % 5}"],
                                }
                            ).encode()
                        )
                    server.put("events", texts)
                    size += sum(map(len, texts))
                before, began = bench.processor_seconds(server.pid), time.monotonic()
                server.deliver("events", "parquet", destination_file_type="parquet")
                server.wait_until_delivered("events", "parquet", 0.02)
                # One interval passes before the object is closed.
                seconds = time.monotonic() - began - 1
                processors.append(size / 1e6 / (bench.processor_seconds(server.pid) - before))
                rates.append(size / 1e6 / seconds)
            except RuntimeError as problem:
                bench.say(f"Parquet is left out: {problem}")
                return []
        bench.settle(work / "server")
        bench.settle(work / "store")
        bench.say(f"Parquet: {rates[-1]:.0f} MB/s of JSON, {processors[-1]:.0f} MB a processor second")
    return [
        (
            f"JSON to Parquet (zstd), 1 partition, {arguments.parquet_megabytes} MB, to a folder: JSON a second, and a "
            "second of one processor",
            f"{statistics.median(rates):.0f} MB/s, {statistics.median(processors):.0f} MB",
        )
    ]


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench deliver")
    parser.add_argument("--gigabytes", type=float, default=1.5, help="backlog of the throughput rounds (default 1.5)")
    parser.add_argument("--rounds", type=int, default=3, help="alternating rounds (default 3)")
    parser.add_argument("--seconds", type=float, default=60, help="length of the freshness runs (default 60)")
    parser.add_argument("--parquet-megabytes", type=int, default=200, help="JSON for the Parquet rate (default 200)")
    parser.add_argument("--dir", type=pathlib.Path, default=bench.ROOT / ".build" / "bench", help="where data is written")
    parser.add_argument("--only", help="a comma-separated part of throughput,freshness,idle,directories,parquet")
    parser.add_argument("--store", choices=["folder", "s3"], help="only that store")
    parser.add_argument("--no-write", action="store_true", help="print the table, leave docs/PERFORMANCE.md alone")
    parser.add_argument("--tools", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--binary", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--upload", required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    work = arguments.dir
    bench.settle(work)
    work.mkdir(parents=True)
    wanted = set((arguments.only or "throughput,freshness,idle,directories,parquet").split(","))
    stores, absent = [], []
    if arguments.store != "s3":
        stores.append(Folder)
    if arguments.store != "folder":
        if os.access(S3_HOME / "start", os.X_OK):
            stores.append(Gateway)
        else:
            absent.append(f"Absent in this run: the S3 server ({S3_HOME}/start was not found).")
    rows = []
    for name, measure in (("throughput", throughput), ("freshness", freshness), ("directories", directories)):
        for store in stores if name in wanted else []:
            rows += measure(arguments, work, store)
    if "idle" in wanted:
        rows += idle(arguments, work)
    if "parquet" in wanted:
        rows += parquet(arguments, work)
    load = os.getloadavg()
    lines = [
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, {arguments.rounds} alternating rounds, medians; load "
        f"average at the end {load[0]:.1f}.",
        "",
        "| What | Figure |",
        "|---|---:|",
        *[f"| {name} | {value} |" for name, value in rows],
    ]
    text = "\n".join([*lines, *(["", *absent] if absent else [])])
    print(text)
    if not arguments.only and not arguments.store and not arguments.no_write:
        bench.write_page("deliver", text)
    bench.settle(work)


if __name__ == "__main__":
    main()
