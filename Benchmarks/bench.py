"""Benchmarks. `ingest`: the disk's own limit, Sluice and its durable peers, alternating, medians. `scale`: starts with
much data, memory, many streams.

Started by scripts/bench, which builds what it needs. Standard library only.
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "PERFORMANCE.md"
SHARED = pathlib.Path(os.environ.get("SLUICE_SHARED", ROOT.parent / "shared"))

RECORD = 1024
BATCH = 500
BATCH_CONNECTIONS = 8
SINGLE_CONNECTIONS = 50
PARTITIONS = 4
START_BOUND = 60


def say(text):
    print(text, file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def settle(folder):
    """Removes what a run has left and lets the disk finish, so that it costs the next run nothing."""
    shutil.rmtree(folder, ignore_errors=True)
    os.sync()
    time.sleep(0.5)


def processor_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_megabytes(pid):
    found = re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())
    return int(found.group(1)) / 1024


@contextlib.contextmanager
def process(command, log, ready=None, port=None, stop=signal.SIGTERM):
    """Runs a server; ready is a text in its output, port one that must accept connections."""
    with open(log, "wb") as output:
        running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + START_BOUND
        while True:
            if running.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(
                    f"{command[0]} did not start: {pathlib.Path(log).read_text(errors='replace')[-800:]}"
                )
            if ready and ready in pathlib.Path(log).read_text(errors="replace"):
                break
            if port:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
            time.sleep(0.02)
        yield running
    finally:
        running.send_signal(stop)
        try:
            running.wait(60)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def output_of(command, bound=600):
    done = subprocess.run(
        [str(c) for c in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=bound
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: {done.stdout[-400:]}{done.stderr[-800:]}")
    return done.stdout


def figure(records_per_second, p50, p99, **more):
    return {"rate": records_per_second, "p50": p50, "p99": p99, **more}


# Sluice


class Sluice:
    def __init__(self, binary, load):
        self.binary = binary
        self.load = load

    def run(self, folder, seconds):
        folder.mkdir(parents=True)
        log = folder / "log"
        command = [
            self.binary,
            "serve",
            "--data-dir",
            str(folder / "data"),
            "--listen",
            "127.0.0.1:0",
            "--log-format",
            "json",
        ]
        with process(command, log, ready='"event":"ready"') as running:
            line = next(x for x in log.read_text().splitlines() if '"ready"' in x)
            endpoint = json.loads(line)["endpoint"].rstrip("/")
            credentials = json.loads((folder / "data" / "credentials.json").read_text())
            token = self.login(endpoint, credentials)
            project = credentials["project_id"]
            base = ["--address", endpoint.split("//")[1], "--project", project, "--seconds", seconds]
            by_token = ["--token", token]
            by_key = ["--sign", f"{credentials['access_key']}:{credentials['secret_key']}"]
            results = {}
            self.create(endpoint, project, token, "bench")

            def measure(name, *arguments):
                before = processor_seconds(running.pid)
                began = time.monotonic()
                found = json.loads(output_of([self.load, *arguments, *base]))
                busy = (processor_seconds(running.pid) - before) / (time.monotonic() - began)
                results[name] = figure(
                    found["records_per_second"],
                    found["p50_ms"],
                    found["p99_ms"],
                    generator=found["generator_processors"],
                    processors=busy,
                    megabytes=found["data_megabytes_per_second"],
                    memory=peak_megabytes(running.pid),
                )

            batch = ["--connections", BATCH_CONNECTIONS, "--records", BATCH, "--size", RECORD, "--stream", "bench"]
            single = ["--connections", SINGLE_CONNECTIONS, "--records", 1, "--size", RECORD, "--stream", "bench"]
            measure("Sluice, token", "put", *batch, *by_token)
            measure("Sluice, signed requests", "put", *batch, *by_key)
            measure("Sluice, single records", "put", *single, *by_token)
            measure("Sluice, single records, signed", "put", *single, *by_key)
            measure(
                "Sluice, reading",
                "read",
                "--stream",
                "bench",
                "--partitions",
                PARTITIONS,
                "--connections",
                PARTITIONS,
                "--warm-up",
                1,
                *by_token,
            )
            return results

    @staticmethod
    def call(method, url, body=None, token=None):
        request = urllib.request.Request(url, method=method, data=json.dumps(body).encode() if body else None)
        request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("X-Auth-Token", token)
        return urllib.request.urlopen(request, timeout=30)

    def login(self, endpoint, c):
        user = {"name": c["user_name"], "password": c["password"], "domain": {"name": c["domain_name"]}}
        body = {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": {"id": c["project_id"]}},
            }
        }
        return self.call("POST", f"{endpoint}/v3/auth/tokens", body).headers["X-Subject-Token"]

    def create(self, endpoint, project, token, stream):
        self.call(
            "POST", f"{endpoint}/v2/{project}/streams", {"stream_name": stream, "partition_count": PARTITIONS}, token
        )


# Peers


class Nats:
    def __init__(self, server, load, always):
        self.server = server
        self.load = load
        self.always = always
        self.name = (
            "NATS JetStream, sync_interval: always"
            if always
            else "NATS JetStream, default (acknowledges before it syncs)"
        )

    def run(self, folder, seconds):
        folder.mkdir(parents=True)
        port = free_port()
        sync = "sync_interval: always, " if self.always else ""
        configuration = folder / "nats.conf"
        configuration.write_text(f'listen: 127.0.0.1:{port}\njetstream {{ {sync}store_dir: "{folder}/store" }}\n')
        with process([self.server, "-c", str(configuration)], folder / "log", ready="Server is ready"):

            def measure(mode, clients, batch, rate):
                # The generator counts messages, not time: a short run first tells how many fill the time.
                def once(messages):
                    where = ["-server", f"nats://127.0.0.1:{port}", "-mode", mode, "-size", RECORD]
                    command = [self.load, "-json", *where, "-msgs", messages, "-clients", clients, "-batch", batch]
                    done = subprocess.run(
                        [str(c) for c in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600
                    )
                    found = json.loads(done.stdout.strip().splitlines()[-1])
                    # The first run's messages may still be counted, which the generator takes for a fault.
                    if found["failed"] or found["held_by_server"] < messages:
                        raise RuntimeError(f"NATS lost messages: {found}")
                    return found

                first = rate_of(once(rate))
                # The generator wants each client to send whole batches.
                step = clients * batch
                return once(max(rate, int(first * seconds) // step * step))

            batch = measure("batch", BATCH_CONNECTIONS, BATCH, 8000)
            single = measure("sync", SINGLE_CONNECTIONS, 1, 2000)
            return {
                self.name: figure(rate_of(batch), number(batch, "p50"), number(batch, "p99")),
                self.name + ", single records": figure(rate_of(single), number(single, "p50"), number(single, "p99")),
            }


def number(found, name):
    for key, value in found.items():
        if key.lower().startswith(name) and isinstance(value, (int, float)):
            return value
    return None


def rate_of(found):
    for key, value in found.items():
        if "per_sec" in key.lower() or key.lower() in ("rate", "msgs_per_s", "msgs/s"):
            return value
    raise RuntimeError(f"no rate in {found}")


class Redis:
    name = "Redis streams, appendfsync always"

    def __init__(self, server, load):
        self.server = server
        self.load = load

    def run(self, folder, seconds):
        folder.mkdir(parents=True)
        port = free_port()
        command = [
            self.server,
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(folder),
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
            "--save",
            "",
            "--auto-aof-rewrite-percentage",
            "0",
        ]
        with process(command, folder / "log", port=port):

            def measure(clients, pipeline, count):
                def once(records):
                    printed = output_of(
                        [
                            self.load,
                            "-p",
                            port,
                            "-c",
                            clients,
                            "-P",
                            pipeline,
                            "-n",
                            records,
                            "--csv",
                            "XADD",
                            "stream",
                            "MAXLEN",
                            "~",
                            "200000",
                            "*",
                            "d",
                            "x" * RECORD,
                        ]
                    )
                    fields = [f.strip('"') for f in printed.strip().splitlines()[-1].rsplit(",", 7)]
                    return [float(f) for f in fields[1:]]

                rate = once(count)[0]
                return once(max(count, int(rate * seconds)))

            batch = measure(BATCH_CONNECTIONS, BATCH, 20000)
            single = measure(SINGLE_CONNECTIONS, 1, 5000)
            return {
                self.name: figure(batch[0], batch[3], batch[5]),
                self.name + ", single records": figure(single[0], single[3], single[5]),
            }


class Kafka:
    def __init__(self, home, flush):
        self.home = home
        self.flush = flush
        self.name = (
            "Apache Kafka, flush before each acknowledgement"
            if flush
            else "Apache Kafka, default (acknowledges before it syncs)"
        )

    def run(self, folder, seconds):
        folder.mkdir(parents=True)
        port = free_port()
        command = [str(self.home / "start"), "--dir", str(folder / "kafka"), "--port", str(port)]
        if self.flush:
            command.append("--flush")
        with process(command, folder / "log", ready="Kafka Server started"):
            output_of([self.home / "topics", port, "--create", "--topic", "bench", "--partitions", PARTITIONS])

            def once(records):
                printed = output_of(
                    [
                        self.home / "perf",
                        "produce",
                        port,
                        "bench",
                        records,
                        "batch.size=524288",
                        "linger.ms=5",
                        "buffer.memory=67108864",
                    ]
                )
                last = printed.strip().splitlines()[-1]
                value = lambda pattern: float(re.search(pattern, last).group(1))
                return figure(value(r"([\d.]+) records/sec"), value(r"([\d.]+) ms 50th"), value(r"([\d.]+) ms 99th"))

            first = once(30000)["rate"]
            return {self.name: once(max(30000, int(first * seconds)))}


# The machine's own limits


def disk_limits(program, folder, seconds):
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for name, kind, size in (
        ("1 MB appends", "append", 1 << 20),
        ("1 MB into preallocated space", "preallocated", 1 << 20),
        ("1 MB into space written before", "rewritten", 1 << 20),
        ("4 KB appends", "append", 4096),
        ("4 KB into space written before", "rewritten", 4096),
    ):
        found[name] = json.loads(output_of([program, folder / "file", kind, size, seconds]))
        settle(folder)
        folder.mkdir(parents=True, exist_ok=True)
    return found


def generator_limits(sink, load, folder, seconds):
    """What the load generator reaches against a server that does nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "sink.port"
    with process([sink], log, ready="\n"):
        base = [
            "--address",
            f"127.0.0.1:{log.read_text().strip()}",
            "--project",
            "p",
            "--token",
            "t",
            "--stream",
            "s",
            "--seconds",
            seconds,
            "--warm-up",
            0.5,
        ]
        batch = json.loads(output_of([load, "put", *base, "--connections", BATCH_CONNECTIONS]))
        single = json.loads(output_of([load, "put", *base, "--connections", SINGLE_CONNECTIONS, "--records", 1]))
    return {"batch": batch["records_per_second"], "single": single["records_per_second"]}


# The table


def median(rows, member):
    values = [row[member] for row in rows if row.get(member) is not None]
    return statistics.median(values) if values else None


def spread(rows):
    values = [row["rate"] for row in rows]
    return f"{min(values):,.0f} to {max(values):,.0f}"


def shown(value, pattern="{:,.0f}"):
    return pattern.format(value) if value is not None else ""


def table(results, disks, generator, absent, arguments):
    disk_row = lambda name: median(disks[name], "megabytes_per_second")
    lines = [
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, {platform.system()} {platform.release().split('-')[0]}, "
        f"{arguments.rounds} alternating rounds of {arguments.seconds} s each, medians. Load generators run on the same cores.",
        "",
        "| Disk, each write followed by `fdatasync` | writes/s | MB/s | p50 ms | p99 ms |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, rows in disks.items():
        lines.append(
            f"| {name} | {shown(median(rows, 'writes_per_second'))} | {shown(disk_row(name))} "
            f"| {shown(median(rows, 'p50_ms'), '{:.2f}')} | {shown(median(rows, 'p99_ms'), '{:.2f}')} |"
        )
    groups = (
        (
            f"{BATCH} records of 1 KB a call, {BATCH_CONNECTIONS} connections",
            lambda n: "single" not in n and "reading" not in n,
        ),
        (f"One record of 1 KB a call, {SINGLE_CONNECTIONS} connections", lambda n: "single" in n),
        (f"Reading from the page cache, {PARTITIONS} connections", lambda n: "reading" in n),
    )
    for title, belongs in groups:
        lines += [
            "",
            f"| {title} | records/s | MB/s of data | p50 ms | p99 ms | lowest to highest round |",
            "|---|---:|---:|---:|---:|---|",
        ]
        rows = [(median(r, "rate"), n, r) for n, r in results.items() if belongs(n)]
        for rate, name, found in sorted(rows, key=lambda row: -row[0]):
            label = f"**{name}**" if name.startswith("Sluice") else name
            lines.append(
                f"| {label} | {shown(rate)} | {shown(rate * RECORD / 1e6)} | {shown(median(found, 'p50'), '{:.2f}')} "
                f"| {shown(median(found, 'p99'), '{:.2f}')} | {spread(found)} |"
            )
    own = {n: r for n, r in results.items() if n.startswith("Sluice")}
    if own:
        lines += [
            "",
            "| Sluice's own cost | processors, server | processors, generator | peak memory MB |",
            "|---|---:|---:|---:|",
        ]
        for name, rows in own.items():
            lines.append(
                f"| {name} | {shown(median(rows, 'processors'), '{:.2f}')} | {shown(median(rows, 'generator'), '{:.2f}')} "
                f"| {shown(median(rows, 'memory'))} |"
            )
    lines += [
        "",
        f"The generator alone, against a server that stores nothing: {generator['batch']:,.0f} records/s in batches, "
        f"{generator['single']:,.0f} single records/s.",
    ]
    if absent:
        lines += ["", "Absent in this run: " + "; ".join(absent) + "."]
    return "\n".join(lines)


def write_page(section, text):
    begin, end = f"<!-- {section}: begin -->", f"<!-- {section}: end -->"
    page = PAGE.read_text()
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    if not rest or not after:
        raise SystemExit(f"{PAGE} lacks the marks {begin} and {end}")
    PAGE.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")


# Scale


def started(binary, folder, *arguments):
    """A server on that folder: the process context, its log and the seconds until it was ready."""
    log = folder / "log"
    command = [binary, "serve", "--data-dir", str(folder / "data"), "--listen", "127.0.0.1:0", "--log-format", "json"]
    return process([*command, *arguments], log, ready='"event":"ready"'), log


def endpoint_in(log):
    line = next(x for x in log.read_text().splitlines() if '"ready"' in x)
    return json.loads(line)["endpoint"].rstrip("/")


def resident_megabytes(pid):
    found = re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())
    return int(found.group(1)) / 1024


def start_seconds(binary, folder, *arguments):
    """The median of five starts, from the command to the ready line, and the memory of the last."""
    found = []
    for _ in range(5):
        began = time.monotonic()
        context, _ = started(binary, folder, *arguments)
        with context as running:
            found.append(time.monotonic() - began)
            memory = resident_megabytes(running.pid)
    return statistics.median(found), memory


def scale(arguments, tools, work):
    """Rows of what, figure."""
    sluice = Sluice(arguments.binary, tools / "load")
    rows = []
    folder = work / "empty"
    folder.mkdir(parents=True)
    seconds, memory = start_seconds(arguments.binary, folder)
    rows += [("Start on an empty folder", f"{seconds * 1000:.0f} ms"), ("Resident, idle", f"{memory:.1f} MB")]
    say(rows)

    folder = work / "full"
    folder.mkdir(parents=True)
    context, log = started(arguments.binary, folder)
    with context as running:
        endpoint = endpoint_in(log)
        credentials = json.loads((folder / "data" / "credentials.json").read_text())
        token, project = sluice.login(endpoint, credentials), credentials["project_id"]
        sluice.create(endpoint, project, token, "full")
        written = 0
        while written < arguments.gigabytes * 1e9:
            found = json.loads(
                output_of(
                    [
                        tools / "load",
                        "put",
                        "--address",
                        endpoint.split("//")[1],
                        "--project",
                        project,
                        "--token",
                        token,
                        "--stream",
                        "full",
                        "--seconds",
                        10,
                        "--warm-up",
                        0,
                    ]
                )
            )
            written += found["records"] * RECORD
        memory = peak_megabytes(running.pid)
    seconds, resident = start_seconds(arguments.binary, folder)
    size = f"{written / 1e9:.0f} GB of records"
    rows += [
        (f"Start with {size}", f"{seconds * 1000:.0f} ms"),
        (f"Resident after a start with {size}", f"{resident:.1f} MB"),
        ("Peak memory while they were written", f"{memory:.0f} MB"),
    ]
    say(rows)
    settle(folder)

    folder = work / "many"
    folder.mkdir(parents=True)
    quota = ["--streams-common-partition-quota", "1000000"]
    context, log = started(arguments.binary, folder, *quota)
    with context as running:
        endpoint = endpoint_in(log)
        credentials = json.loads((folder / "data" / "credentials.json").read_text())
        token, project = sluice.login(endpoint, credentials), credentials["project_id"]
        base = f"{endpoint}/v2/{project}/streams"

        def create(number):
            sluice.call("POST", base, {"stream_name": f"stream-{number:06}", "partition_count": 10}, token).read()

        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            list(pool.map(create, range(arguments.streams)))
        rows.append(
            (
                f"Creating {arguments.streams:,} streams of 10 partitions, 16 callers",
                f"{arguments.streams / (time.monotonic() - began):,.0f} streams/s",
            )
        )
        times, start, seen = [], "", 0
        while True:
            began = time.monotonic()
            query = f"?limit=100&start_stream_name={start}" if start else "?limit=100"
            page = json.loads(sluice.call("GET", base + query, None, token).read())
            times.append((time.monotonic() - began) * 1000)
            seen += len(page["stream_names"])
            if not page["has_more_streams"]:
                break
            start = page["stream_names"][-1]
        assert seen == arguments.streams, (seen, arguments.streams)
        tenth = max(1, len(times) // 10)
        rows.append(
            (
                "Listing them, a page of 100: first tenth of the pages, last tenth",
                f"{statistics.median(times[:tenth]):.1f} ms, {statistics.median(times[-tenth:]):.1f} ms",
            )
        )
        rows.append(("Resident with them", f"{resident_megabytes(running.pid):.0f} MB"))
    seconds, memory = start_seconds(arguments.binary, folder, *quota)
    rows.append((f"Start with {arguments.streams:,} streams", f"{seconds * 1000:.0f} ms, {memory:.0f} MB resident"))
    settle(folder)
    lines = [f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores.", "", "| What | Figure |", "|---|---:|"]
    return "\n".join(lines + [f"| {name} | {value} |" for name, value in rows])


def peers(tools):
    """The peers that are here, and a sentence for each that is not."""
    found, absent = [], []
    nats, natsload = tools / "nats-server", tools / "natsload"
    if nats.exists() and natsload.exists():
        found += [Nats(nats, natsload, True), Nats(nats, natsload, False)]
    else:
        absent.append("NATS JetStream (its server or its load generator was not found)")
    redis, redis_load = shutil.which("redis-server"), shutil.which("redis-benchmark")
    if redis and redis_load:
        found.append(Redis(redis, redis_load))
    else:
        absent.append("Redis (redis-server is not installed)")
    kafka = pathlib.Path(os.environ.get("SLUICE_TEST_KAFKA_HOME", SHARED / "servers" / "kafka"))
    if (kafka / "start").exists() and shutil.which("java"):
        found += [Kafka(kafka, True), Kafka(kafka, False)]
    else:
        absent.append("Apache Kafka (its folder or Java was not found)")
    return found, absent


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("what", choices=["ingest", "scale"])
    parser.add_argument("--seconds", type=float, default=8, help="length of each measurement (default 8)")
    parser.add_argument("--rounds", type=int, default=3, help="alternating rounds (default 3)")
    parser.add_argument("--dir", type=pathlib.Path, default=ROOT / ".build" / "bench", help="where data is written")
    parser.add_argument("--only", choices=["sluice", "peers", "disk"], help="a part of it; the page is not written")
    parser.add_argument("--no-write", action="store_true", help="print the table, leave docs/PERFORMANCE.md alone")
    parser.add_argument("--gigabytes", type=float, default=10, help="scale: data before the start (default 10)")
    parser.add_argument("--streams", type=int, default=10_000, help="scale: streams (default 10000)")
    parser.add_argument("--tools", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--binary", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    tools, work = arguments.tools, arguments.dir
    settle(work)

    if arguments.what == "scale":
        text = scale(arguments, tools, work)
        print(text)
        if not arguments.no_write:
            write_page("scale", text)
        settle(work)
        return

    contenders, absent = ([], []) if arguments.only in ("sluice", "disk") else peers(tools)
    if arguments.only not in ("peers", "disk"):
        contenders.insert(0, Sluice(arguments.binary, tools / "load"))
    generator = generator_limits(tools / "sink", tools / "load", work, min(arguments.seconds, 3))
    settle(work)
    results, disks = {}, {}
    for turn in range(arguments.rounds):
        for name, found in disk_limits(tools / "disk", work, min(arguments.seconds, 3)).items():
            disks.setdefault(name, []).append(found)
        settle(work)
        # Each round begins with another contender, so that nobody always follows the same one.
        order = contenders[turn % len(contenders) :] + contenders[: turn % len(contenders)] if contenders else []
        for contender in order:
            folder = work / "run"
            try:
                for name, found in contender.run(folder, arguments.seconds).items():
                    results.setdefault(name, []).append(found)
                    say(f"round {turn + 1}: {name}: {found['rate']:,.0f}/s, p99 {shown(found['p99'], '{:.2f}')} ms")
            except (RuntimeError, OSError, subprocess.TimeoutExpired) as problem:
                if isinstance(contender, Sluice):
                    raise
                sentence = f"{contender.name} (failed: {str(problem)[:120]})"
                say(sentence)
                if sentence not in absent:
                    absent.append(sentence)
            settle(folder)
    text = table(results, disks, generator, absent, arguments)
    print(text)
    if not arguments.only and not arguments.no_write:
        write_page("ingest", text)
        say(f"written into {PAGE.relative_to(ROOT)}")
    settle(work)


if __name__ == "__main__":
    main()
