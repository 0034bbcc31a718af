"""Start, stop, restart, refusals to start, credentials, and what a process looks like from outside."""

import base64
import json
import os
import signal
import socket
import stat
import subprocess
import threading
import time

import pytest

import serverprocess
from api import Api, exchange

MEMBERS = {
    "endpoint",
    "region",
    "domain_name",
    "domain_id",
    "project_name",
    "project_id",
    "user_name",
    "password",
    "access_key",
    "secret_key",
}


def sluice(*arguments, timeout=60, environment=None):
    return subprocess.run(
        [serverprocess.BINARY, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**serverprocess.clean_environment(), **(environment or {})},
    )


def test_first_start_writes_credentials(new_server):
    running = new_server().start()
    file = running.data_dir / "credentials.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    written = json.loads(file.read_text())
    assert MEMBERS <= set(written) and all(isinstance(written[m], str) and written[m] for m in MEMBERS)
    assert written["endpoint"].rstrip("/") == running.endpoint
    assert Api(running.endpoint, written).login().ok("GET", "/v2/{p}/streams")["total_number"] == 0
    first_line = running.printed.read_text().splitlines()[0]
    assert json.loads(first_line)["event"] == "ready"
    assert running.stop() == 0


def test_restart_keeps_everything(new_server):
    """Streams, records, positions, apps, checkpoints, tags, policies, tokens, keys and cursors outlive a restart."""
    running = new_server().start()
    before = running.credentials
    api = Api(running.endpoint, before).login()
    identifier = api.create_stream("kept", 3, tags=[{"key": "env", "value": "lab"}], data_duration=72)
    api.put("kept", [{"data": b"r%d" % i, "partition_id": str(i % 3)} for i in range(30)])
    api.ok("PUT", "/v2/{p}/streams/kept", {"stream_name": "kept", "target_partition_count": 2})
    api.ok("POST", "/v2/{p}/apps", {"app_name": "reader"})
    api.ok(
        "POST",
        "/v2/{p}/checkpoints",
        {"app_name": "reader", "stream_name": "kept", "partition_id": "1", "sequence_number": "4", "metadata": "note"},
    )
    api.ok(
        "POST",
        "/v2/{p}/streams/kept/policies",
        {"stream_id": identifier, "principal_name": "partner.*", "action_type": "putRecords", "effect": "accept"},
    )
    cursor = api.cursor("kept", "2")
    everything = lambda a: (
        a.stream("kept"),
        a.ok("GET", "/v2/{p}/streams/kept/policies"),
        a.ok("GET", "/v2/{p}/apps/reader"),
        a.ok("GET", "/v2/{p}/apps/reader/streams/kept"),
        [a.read_all("kept", str(p)) for p in range(3)],
    )
    seen = everything(api)
    assert running.stop() == 0

    running.start()
    after = running.credentials
    assert {k: v for k, v in after.items() if k != "endpoint"} == {k: v for k, v in before.items() if k != "endpoint"}
    again = Api(running.endpoint, after)
    again.token = api.token
    assert everything(again) == seen
    assert len(again.read(cursor)["records"]) == 10
    answer = again.put("kept", [{"data": b"next", "partition_id": "1"}])
    assert answer["records"][0]["sequence_number"] == "10"
    assert running.stop() == 0


def test_sigterm_drains_under_load(new_server):
    """Every put that was answered 200 is there; every put sent before the signal is answered or cleanly refused."""
    running = new_server().start()
    api = Api(running.endpoint, running.credentials).login()
    api.create_stream("drain", 1)
    acknowledged, broken, begun = [], [], threading.Event()

    def write(worker):
        caller = Api(running.endpoint, running.credentials)
        caller.token = api.token
        for number in range(100_000):
            text = f"{worker}-{number}".encode()
            try:
                answer = caller.call(
                    "POST",
                    "/v2/{p}/records",
                    {
                        "stream_name": "drain",
                        "records": [{"data": base64.b64encode(text).decode(), "partition_id": "0"}],
                    },
                )
            except OSError as problem:
                broken.append(problem)
                return
            except Exception as problem:
                broken.append(problem)
                return
            if answer.status != 200:
                return
            acknowledged.append(text)
            if len(acknowledged) > 200:
                begun.set()

    workers = [threading.Thread(target=write, args=(w,)) for w in range(8)]
    for worker in workers:
        worker.start()
    assert begun.wait(30)
    assert running.stop() == 0
    for worker in workers:
        worker.join(30)
    assert acknowledged
    running.start()
    again = Api(running.endpoint, running.credentials)
    stored = [data for _, data in again.read_all("drain", "0")]
    assert len(stored) == len(set(stored)) and set(acknowledged) <= set(stored)
    # A put that was stored was also answered: a drain answers what is in flight.
    assert set(stored) == set(acknowledged)
    assert running.stop() == 0


def test_second_server_on_the_same_data_is_refused(new_server):
    first = new_server("one").start()
    second = new_server("two")
    second.data_dir = first.data_dir
    with pytest.raises(serverprocess.StartFailed) as failure:
        second.start()
    assert failure.value.status not in (0, None) and failure.value.status > 0
    assert str(first.data_dir) in failure.value.output
    assert Api(first.endpoint, first.credentials).login().ok("GET", "/v2/{p}/streams") is not None
    assert first.stop() == 0
    assert second.start().stop() == 0


def test_taken_address_is_refused(new_server):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        failed = new_server(arguments=["--listen", f"127.0.0.1:{port}"])
        failed.command = lambda: [
            serverprocess.BINARY,
            "serve",
            "--data-dir",
            str(failed.data_dir),
            "--listen",
            f"127.0.0.1:{port}",
            "--log-format",
            "json",
        ]
        with pytest.raises(serverprocess.StartFailed) as failure:
            failed.start()
    assert failure.value.status > 0 and str(port) in failure.value.output


def test_data_folder_that_cannot_be_written(tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    done = sluice("serve", "--data-dir", str(file / "below"), "--listen", "127.0.0.1:0")
    assert done.returncode > 0 and str(file) in done.stdout + done.stderr


SETTINGS = {
    "unknown flag": (["--no-such-flag", "1"], {}, None),
    "unknown variable": ([], {"SLUICE_LOG_FORMATT": "json"}, None),
    "unknown key": ([], {}, "log:\n  formatt: json\n"),
    "not YAML": ([], {}, "log: [\n"),
    "bad value": (["--log-format", "xml"], {}, None),
    "bad address": (["--listen", "nowhere"], {}, None),
}


@pytest.mark.parametrize("row", SETTINGS, ids=lambda r: r.replace(" ", "_"))
def test_bad_settings_are_refused(tmp_path, row):
    arguments, environment, settings = SETTINGS[row]
    if settings:
        (tmp_path / "c.yaml").write_text(settings)
        arguments = [*arguments, "--config", str(tmp_path / "c.yaml")]
    done = sluice("serve", "--check", "--data-dir", str(tmp_path / "data"), *arguments, environment=environment)
    assert done.returncode > 0 and done.stderr
    if row == "unknown key":
        assert "format" in done.stderr
    assert not (tmp_path / "data" / "credentials.json").exists()


def test_check_validates_and_exits(tmp_path):
    done = sluice("serve", "--check", "--data-dir", str(tmp_path / "data"))
    assert done.returncode == 0, done.stderr


def test_settings_order(new_server, tmp_path):
    """Flags before environment before file: only the flag's address is ours to see, the file's would be refused."""
    running = new_server(settings="listen: 256.0.0.1:1\n").start()
    assert running.endpoint.startswith("http://127.0.0.1:")
    assert running.stop() == 0


def test_version_and_help():
    assert sluice("--version").returncode == 0
    for arguments in (["--help"], ["serve", "--help"], ["admin", "--help"]):
        done = sluice(*arguments)
        assert done.returncode == 0 and "usage" in done.stdout.lower()


def test_tls(new_server, tmp_path):
    """A server with a certificate speaks HTTPS and nothing else on that port."""
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=127.0.0.1",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            str(tmp_path / "key.pem"),
            "-out",
            str(tmp_path / "cert.pem"),
        ],
        check=True,
        capture_output=True,
    )
    running = new_server(
        arguments=["--tls-certificate-file", str(tmp_path / "cert.pem"), "--tls-key-file", str(tmp_path / "key.pem")]
    ).start()
    assert running.endpoint.startswith("https://")
    import requests

    c = running.credentials
    body = {
        "auth": {
            "identity": {
                "methods": ["password"],
                "password": {
                    "user": {"name": c["user_name"], "password": c["password"], "domain": {"name": c["domain_name"]}}
                },
            },
            "scope": {"project": {"id": c["project_id"]}},
        }
    }
    answer = requests.post(
        f"{running.endpoint}/v3/auth/tokens", json=body, verify=str(tmp_path / "cert.pem"), timeout=20
    )
    assert answer.status_code == 201
    listed = requests.get(
        f"{running.endpoint}/v2/{c['project_id']}/streams",
        timeout=20,
        verify=str(tmp_path / "cert.pem"),
        headers={"X-Auth-Token": answer.headers["X-Subject-Token"]},
    )
    assert listed.json()["total_number"] == 0
    assert (
        b"200"
        not in exchange(running.endpoint.split("//")[1], b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", half_close=True)[
            :20
        ]
    )
    assert running.stop() == 0


def logged_in(running, credentials):
    """A caller of a project that was made beside the running server, which follows within a second."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return Api(running.endpoint, credentials).login()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def test_admin_projects_are_isolated(new_server):
    """A project made while the server runs has its own streams, and neither sees the other's."""
    running = new_server().start()
    one = Api(running.endpoint, running.credentials).login()
    one.create_stream("mine")
    done = serverprocess.admin(running.data_dir, "project", "add", "second", "--output", "json")
    assert done.returncode == 0, done.stderr
    other = json.loads(done.stdout)
    assert MEMBERS <= set(other)
    two = logged_in(running, other)
    assert two.ok("GET", "/v2/{p}/streams")["total_number"] == 0
    two.create_stream("mine")
    foreign = two.call("GET", f"/v2/{one.project}/streams/mine")
    assert (foreign.status, foreign.json["errorCode"]) == (400, "DIS.4117")
    by_id = two.call(
        "POST", "/v2/{p}/records", {"stream_id": one.stream("mine")["stream_id"], "records": [{"data": "eA=="}]}
    )
    assert by_id.status in (400, 403) and by_id.json["errorCode"] in ("DIS.4301", "DIS.4116")
    listed = serverprocess.admin(running.data_dir, "project", "list")
    assert listed.returncode == 0 and "second" in listed.stdout
    assert running.stop() == 0


def test_policy_lets_another_project_in(new_server):
    """A rule that accepts a domain lets its users put by stream id, and only put."""
    running = new_server().start()
    owner = Api(running.endpoint, running.credentials).login()
    identifier = owner.create_stream("shared")
    other = json.loads(serverprocess.admin(running.data_dir, "project", "add", "partner", "--output", "json").stdout)
    guest = logged_in(running, other)
    put = lambda: guest.call(
        "POST", "/v2/{p}/records", {"stream_id": identifier, "records": [{"data": "eA==", "partition_id": "0"}]}
    )
    assert put().status != 200
    owner.ok(
        "POST",
        "/v2/{p}/streams/shared/policies",
        {
            "stream_id": identifier,
            "principal_name": f"{other['domain_name']}.{other['user_name']}",
            "action_type": "putRecords",
            "effect": "accept",
        },
    )
    answer = put()
    assert answer.status == 200 and answer.json["failed_record_count"] == 0, answer
    assert guest.call("GET", f"/v2/{{p}}/cursors?stream-id={identifier}&partition-id=0").status != 200
    assert [d for _, d in owner.read_all("shared", "0")] == [b"x"]
    assert running.stop() == 0


def test_idle_memory(new_server):
    """A server that has just started stays under 30 MB."""
    running = new_server().start()
    Api(running.endpoint, running.credentials).login().ok("GET", "/v2/{p}/streams")
    assert running.resident() < 30 * 1024 * 1024, f"{running.resident() / 1048576:.1f} MB"
    assert running.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_in_order(new_server, number):
    running = new_server().start()
    began = time.monotonic()
    running.process.send_signal(number)
    assert running.wait() == 0
    assert time.monotonic() - began < 10


def test_idle_connections_do_not_hold_the_stop_up(new_server):
    running = new_server().start()
    host, port = running.endpoint.split("//")[1].split(":")
    idle = [socket.create_connection((host, int(port))) for _ in range(20)]
    began = time.monotonic()
    assert running.stop() == 0
    assert time.monotonic() - began < 10
    for connection in idle:
        connection.close()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 96 MB, where the machine lets us make one."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if made.returncode != 0:
        pytest.skip(f"a full disk needs the right to mount one: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow
def test_full_disk(small_disk):
    """A full disk refuses before it acknowledges, loses nothing, and recovers when a stream is deleted."""
    running = serverprocess.Server(small_disk, arguments=["--storage-segment-size", "4MiB"]).start()
    try:
        api = Api(running.endpoint, running.credentials).login()
        api.create_stream("keep")
        api.create_stream("fill")
        kept = [b"k%d" % n for n in range(100)]
        api.put("keep", [{"data": data, "partition_id": "0"} for data in kept])
        entry = {"data": base64.b64encode(os.urandom(500_000)).decode(), "partition_id": "0"}
        stored, refused = 0, 0
        for _ in range(400):
            answer = api.call("POST", "/v2/{p}/records", {"stream_name": "fill", "records": [entry] * 4})
            if answer.status == 200:
                stored += 4 - answer.json["failed_record_count"]
                refused += answer.json["failed_record_count"]
                assert all(r.get("error_code", "DIS.5250") == "DIS.5250" for r in answer.json["records"])
            else:
                assert answer.status >= 500 and answer.json["errorCode"].startswith("DIS.5"), answer
                refused += 4
            if refused >= 40:
                break
        assert refused >= 40 and stored > 20
        assert api.send("GET", "/healthz").status == 200
        assert [data for _, data in api.read_all("keep", "0")] == kept
        assert len(api.read_all("fill", "0")) == stored
        api.delete_stream("fill")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            answer = api.call("POST", "/v2/{p}/records", {"stream_name": "keep", "records": [entry]})
            if answer.status == 200 and answer.json["failed_record_count"] == 0:
                break
            time.sleep(0.2)
        assert len(api.read_all("keep", "0")) == len(kept) + 1, "no record was taken after space had come back"
        assert running.stop() == 0
        running.start()
        assert len(Api(running.endpoint, running.credentials).read_all("keep", "0")) == len(kept) + 1
        assert running.stop() == 0
    finally:
        if running.is_running():
            running.kill()
