"""What a client can get wrong about transfer tasks, against the real binary and real stores: the documented code, and
nothing changed. The rows of each single member are in Tests/SluiceAPITests."""

import json
import socket
import time

import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkdis.v2 import model as m

import serverprocess
from api import Api
from conftest import v3_client
from stores import ACCESS_KEY, REGION, SECRET_KEY

# A destination that does not answer refuses the request after ten seconds; longer than this is a fault (seconds).
REFUSAL_BOUND = 20


def snapshot(api, stream):
    """All that a client sees of the stream's tasks, without what deliveries move."""
    path = f"/v2/{{p}}/streams/{stream}/transfer-tasks"
    listed = api.ok("GET", path)
    shown = [api.ok("GET", f"{path}/{t['task_name']}") for t in listed["tasks"]]
    return json.dumps([listed["total_number"], [[t["task_id"], t["state"], t["obs_destination_description"]] for t in shown]])


def refused(api, stream, answer, code, status=400):
    assert answer.status == status and answer.json["errorCode"] == code, answer
    assert answer.json["error_code"] == code and answer.json["message"] == answer.json["error_msg"]


@pytest.fixture
def places(house, gateway):
    """Destinations that work, that deny and that lead nowhere, each with an agency of its name; a silent one too."""
    silent = socket.create_server(("127.0.0.1", 0))
    plain, there = f"http://{gateway.authority}", ["--region", REGION, "--endpoint"]
    keys = ["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY]
    rows = {
        "good": [*there, plain, *keys],
        "wrong-secret": [*there, plain, "--access-key", ACCESS_KEY, "--secret-key", "wrong"],
        "wrong-key": [*there, plain, "--access-key", "AKUNKNOWN", "--secret-key", SECRET_KEY],
        "region": ["--region", "elsewhere", "--endpoint", plain, *keys],
        "tls": [*there, f"https://{gateway.authority}", *keys],
        "dead": ["--endpoint", "http://127.0.0.1:1", "--access-key", "a", "--secret-key", "b"],
        "nameless": ["--endpoint", "http://no-such-host.invalid", "--access-key", "a", "--secret-key", "b"],
        "silent": ["--endpoint", f"http://127.0.0.1:{silent.getsockname()[1]}", *keys],
        "forbidden": ["--folder", "/proc/sluice-buckets"],
    }
    for agency, arguments in rows.items():
        house.add("--name", agency, "--agency", agency, *arguments)
    yield house
    silent.close()


NOWHERE = {
    "unknown bucket": ("good", "nope", "DIS.4306"),
    "wrong secret key": ("wrong-secret", "lake", "DIS.4310"),
    "unknown access key": ("wrong-key", "lake", "DIS.4310"),
    "other region": ("region", "lake", "DIS.4310"),
    "no tls there": ("tls", "lake", "DIS.4310"),
    "nobody listens": ("dead", "lake", "DIS.4310"),
    "no such host": ("nameless", "lake", "DIS.4310"),
    "no answer": ("silent", "lake", "DIS.4310"),
    "folder that cannot be made": ("forbidden", "lake", "DIS.4310"),
}


def test_destinations_that_resolve_to_nowhere(places):
    house = places
    house.api.create_stream("s")
    assert house.create("s", "kept", agency="good").status == 201
    before = snapshot(house.api, "s")
    for row, (agency, bucket, code) in NOWHERE.items():
        for method, task in [("POST", "other"), ("PUT", "kept")]:
            began = time.monotonic()
            answer = house.create("s", task, agency=agency, bucket=bucket, method=method)
            assert time.monotonic() - began < REFUSAL_BOUND, row
            assert answer.status == 400 and answer.json["errorCode"] == code, (row, answer)
            assert SECRET_KEY not in answer.body.decode()
            assert snapshot(house.api, "s") == before, row
    # The task that was there still delivers.
    house.api.put("s", [{"data": b"x"}])
    house.wait("nothing is delivered", lambda: "last_transfer_timestamp" in house.show("s", "kept"))


def test_a_silent_destination_keeps_nobody_waiting(places):
    """While one creation waits for its destination, the stream's other tasks are started and stopped."""
    house = places
    house.api.create_stream("s")
    assert house.create("s", "kept", agency="good").status == 201
    waiting = Api(house.server.endpoint, house.server.credentials).login()
    body = json.dumps(house.body("other", agency="silent")).encode()
    headers = {"X-Auth-Token": waiting.token, "Content-Type": "application/json", "Content-Length": str(len(body))}
    with socket.create_connection(("127.0.0.1", house.server.port)) as connection:
        head = f"POST /v2/{waiting.project}/streams/s/transfer-tasks HTTP/1.1\r\nHost: {waiting.host}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
        connection.sendall(head.encode() + body)
        for action, state in [("stop", "PAUSED"), ("start", "RUNNING")]:
            began = time.monotonic()
            assert house.act("s", action, "kept").status == 200
            assert time.monotonic() - began < 5
            assert house.show("s", "kept")["state"] in (state, "STARTING")
        connection.settimeout(REFUSAL_BOUND)
        assert b"DIS.4310" in connection.recv(65536)


BODIES = {
    "no bytes": (b"", 400, "DIS.4202"),
    "no JSON": (b"name=x", 400, "DIS.4300"),
    "cut off": (b'{"destination_type":"OBS"', 400, "DIS.4300"),
    "an array": (b"[]", 400, "DIS.4200"),
    "a number": (b"7", 400, "DIS.4200"),
    "no UTF-8": (b'{"destination_type":"\xff"}', 400, "DIS.4300"),
    "nested deeply": (b'{"a":' * 50_000, 400, "DIS.4300"),
    "13 MiB": (b'{"destination_type":"' + b"x" * (13 << 20) + b'"}', 413, "DIS.4200"),
}


@pytest.mark.parametrize("row", BODIES, ids=lambda r: r.replace(" ", "_"))
@pytest.mark.parametrize("method,path", [("POST", ""), ("PUT", ""), ("POST", "/action")])
def test_bodies_that_are_none(api, stream, name, method, path, row):
    chosen = stream(1)
    base = f"/v2/{{p}}/streams/{chosen}/transfer-tasks"
    good = {"task_name": "kept", "obs_bucket_path": "lake"}
    api.ok("POST", base, {"destination_type": "OBS", "obs_destination_descriptor": good})
    before = snapshot(api, chosen)
    body, status, code = BODIES[row]
    refused(api, chosen, api.call(method, base + path, body), code, status)
    assert snapshot(api, chosen) == before


def test_another_project_cannot_touch_tasks(new_server):
    server = new_server().start()
    own = Api(server.endpoint, server.credentials)
    own.create_stream("s")
    base = "/v2/{p}/streams/s/transfer-tasks"
    body = {"destination_type": "OBS", "obs_destination_descriptor": {"task_name": "t", "obs_bucket_path": "lake"}}
    own.ok("POST", base, body)
    before = snapshot(own, "s")
    made = serverprocess.admin(server.data_dir, "project", "add", "stranger", "--output", "json")
    stranger = Api(server.endpoint, json.loads(made.stdout))
    deadline = time.monotonic() + 10
    while True:
        try:
            stranger.login()
            break
        except AssertionError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    action = {"action": "stop", "tasks": [{"id": "t"}]}
    theirs = base.replace("{p}", own.project)
    for method, suffix, sent in [
        ("POST", "", body),
        ("PUT", "", body),
        ("GET", "", None),
        ("GET", "/t", None),
        ("DELETE", "/t", None),
        ("POST", "/action", action),
        ("GET", "/t/deliveries", None),
    ]:
        refused(stranger, "s", stranger.call(method, base + suffix, sent), "DIS.4301")
        refused(stranger, "s", stranger.call(method, theirs + suffix, sent), "DIS.4117")
        unsigned = own.send(method, theirs + suffix, sent and json.dumps(sent).encode())
        refused(own, "s", unsigned, "DIS.4101", 401)
        assert snapshot(own, "s") == before
    assert server.stop() == 0


def test_the_sdk_reads_the_codes(places, gateway):
    """What the official SDK reports is the code of the refusal."""
    house = places
    house.api.create_stream("s")
    v3 = v3_client(house.server.endpoint, house.server.credentials)

    def create(**members):
        given = {"task_name": "t", "agency_name": "good", "obs_bucket_path": "lake", "deliver_time_interval": 30}
        descriptor = m.OBSDestinationDescriptorRequest(**{**given, **members})
        body = m.CreateTransferTaskReq(destination_type="OBS", obs_destination_descriptor=descriptor)
        return v3.create_obs_transfer_task(m.CreateObsTransferTaskRequest(stream_name="s", body=body))

    for members, code in [
        ({"obs_bucket_path": "nope"}, "DIS.4306"),
        ({"agency_name": "dead"}, "DIS.4310"),
        ({"destination_file_type": "carbon"}, "DIS.4200"),
        ({"destination_file_type": "parquet"}, "DIS.4200"),
        ({"deliver_time_interval": 901}, "DIS.4200"),
    ]:
        with pytest.raises(ClientRequestException) as failure:
            create(**members)
        assert (failure.value.status_code, failure.value.error_code) == (400, code)
    assert house.api.ok("GET", "/v2/{p}/streams/s/transfer-tasks")["total_number"] == 0
