"""What plain HTTP callers use: routes without a Python SDK, spellings, encodings, framing, long-lived connections."""

import base64
import gzip
import http.client
import json
import time
import zlib

import lz4.block
import pytest
import snappy
import zstandard

from api import TIMEOUT, exchange, parse
from test_replay import check_framing


class Sent:
    """As much of a request as check_framing looks at."""

    def __init__(self, method, target):
        self.method = method
        self.target = target


# Routes and spellings


@pytest.mark.parametrize("slash", ["", "/", "//"])
def test_trailing_slashes(api, stream, slash):
    chosen = stream(1)
    for target in (
        f"/v2/{{p}}/streams/{chosen}",
        "/v2/{p}/streams",
        "/v2/{p}/apps",
        f"/v2/{{p}}/streams/{chosen}/policies",
    ):
        assert api.call("GET", target + slash).status == 200


@pytest.mark.parametrize(
    "target, status",
    [
        ("/v2/{p}/nothing", 404),
        ("/v2", 404),
        ("/v9/{p}/streams", 404),
        ("/v2/{p}/streams/a/b/c", 404),
        ("/v2/{p}//streams", 404),
        ("/v2/{p}/streams/../streams", 404),
    ],
)
def test_unknown_route(api, target, status):
    answer = api.call("GET", target)
    assert answer.status == status and answer.json["errorCode"] == "DIS.4200"


@pytest.mark.parametrize(
    "method, target",
    [
        ("DELETE", "/v2/{p}/records"),
        ("PUT", "/v2/{p}/apps"),
        ("POST", "/v2/{p}/cursors"),
        ("PATCH", "/v2/{p}/streams"),
        ("DELETE", "/v2/{p}/streams/x/transfer-tasks//"),
        ("DELETE", "/v2/{p}/stream/x/tags/"),
    ],
)
def test_wrong_method(api, method, target):
    answer = api.call(method, target)
    assert answer.status == 405 and answer.json["errorCode"] == "DIS.4200"


def test_query_spellings(api, stream):
    chosen = stream(1)
    api.put(chosen, [{"data": b"x", "partition_id": "0"}])
    for hyphen, more in (("-", ""), ("_", "&&unknown=1&timestamp=")):
        query = f"stream{hyphen}name={chosen}&partition{hyphen}id=0&cursor{hyphen}type=AT_SEQUENCE_NUMBER&starting{hyphen}sequence{hyphen}number=0"
        cursor = api.ok("GET", f"/v2/{{p}}/cursors?{query}{more}&")["partition_cursor"]
        assert len(api.ok("GET", f"/v2/{{p}}/records?partition{hyphen}cursor={cursor}&limit=&")["records"]) == 1


def test_stream_by_id_wherever_a_name_is(api, app, stream):
    chosen, reader = stream(1), app()
    identifier = api.stream(chosen)["stream_id"]
    assert api.stream(identifier)["stream_name"] == chosen
    api.ok("POST", "/v2/{p}/records", {"stream_id": identifier, "records": [{"data": "eA=="}]})
    api.ok(
        "POST",
        "/v2/{p}/checkpoints",
        {"app_name": reader, "stream_id": identifier, "partition_id": 0, "sequence_number": 0},
    )
    state = api.ok("GET", f"/v2/{{p}}/apps/{reader}/streams/{identifier}?checkpoint_type=LAST_READ")
    assert state["partition_consuming_states"][0]["sequence_number"] == "0"
    other = stream(1)
    both = api.call(
        "POST", "/v2/{p}/records", {"stream_id": identifier, "stream_name": other, "records": [{"data": "eA=="}]}
    )
    assert (both.status, both.json["errorCode"]) == (400, "DIS.4200")


def test_numbers_as_text_and_empty_objects(api, name):
    chosen = name("lenient")
    api.ok(
        "POST",
        "/v2/{p}/streams",
        {
            "stream_name": chosen,
            "partition_count": "2",
            "data_duration": "48",
            "csv_properties": {},
            "unknown": [1],
            "auto_scale_enabled": False,
            "data_schema": None,
        },
    )
    assert api.stream(chosen)["retention_period"] == 48
    api.delete_stream(chosen)


def test_update_stream_three_routes(api, stream):
    chosen = stream(1)
    api.ok("PUT", f"/v3/{{p}}/streams/{chosen}", {"stream_name": chosen, "data_duration": 48})
    assert api.stream(chosen)["retention_period"] == 48
    api.ok("PUT", f"/v2/{{p}}/streams/{chosen}", {"data_duration": 72})
    assert api.stream(chosen)["retention_period"] == 72
    answer = api.ok(
        "PUT",
        f"/v2/{{p}}/streams/{chosen}/update",
        {"update_type": "DATA_TYPE", "stream_name": chosen, "data_type": "JSON", "data_duration": 24},
    )
    assert answer == {"stream_name": chosen, "target_data_type": "JSON"}
    assert (api.stream(chosen)["data_type"], api.stream(chosen)["retention_period"]) == ("JSON", 72)
    neither = api.call("PUT", f"/v2/{{p}}/streams/{chosen}", {"stream_name": chosen})
    assert neither.status == 400 and "[Invalid target_partition_count null.]" in neither.json["message"]


def test_scaling_log(api, stream):
    chosen = stream(1)
    assert api.ok("PUT", f"/v2/{{p}}/streams/{chosen}", {"stream_name": chosen, "target_partition_count": 2}) == {
        "stream_name": chosen,
        "current_partition_count": 1,
        "target_partition_count": 2,
    }
    log = api.ok("GET", f"/v2/{{p}}/streams/{chosen}/update_partition_counts")["update_partition_counts"]
    assert [(e["src_partition_count"], e["target_partition_count"], e["auto_scale"]) for e in log] == [(1, 2, False)]
    assert all(e.get("result_msg") is None for e in log)


def test_quotas(api, stream, app):
    before = {r["type"]: r for r in api.ok("GET", "/v1/{p}/quotas")["quotas"]["resources"]}
    stream(3), app()
    after = {r["type"]: r for r in api.ok("GET", "/v1/{p}/quotas")["quotas"]["resources"]}
    assert after["common_partition"]["used"] == before["common_partition"]["used"] + 3
    assert after["app"]["used"] == before["app"]["used"] + 1
    assert after["advanced_partition"]["quota"] >= 1


def test_partition_quota(api, name):
    left = {r["type"]: r["quota"] - r["used"] for r in api.ok("GET", "/v1/{p}/quotas")["quotas"]["resources"]}
    answer = api.call(
        "POST",
        "/v2/{p}/streams",
        {"stream_name": name("greedy"), "stream_type": "ADVANCED", "partition_count": left["advanced_partition"] + 1},
    )
    assert (answer.status, answer.json["errorCode"]) == (400, "DIS.4308")


def test_source_data_schema(api):
    answer = api.ok(
        "POST",
        "/v1/{p}/schema",
        {"source_data_sample": '{"id":"a","n":1,"f":1.5,"b":true,"in":{"x":1},"l":[1],"z":null}'},
    )
    fields = {f["name"]: f["type"] for f in json.loads(answer["schema"])["fields"]}
    assert (fields["id"], fields["n"], fields["f"], fields["b"]) == ("string", "long", "double", "boolean")
    assert fields["in"]["type"] == "record" and fields["l"]["items"] == "long" and fields["z"] == ["null", "string"]
    bad = api.call("POST", "/v1/{p}/schema", {"source_data_sample": "{no"})
    assert (bad.status, bad.json["errorCode"]) == (400, "DIS.4200")


def test_policies(api, stream):
    chosen = stream(1)
    identifier = api.stream(chosen)["stream_id"]
    rule = {"stream_id": identifier, "principal_name": "partner.*", "action_type": "putRecords", "effect": "accept"}
    target = f"/v2/{{p}}/streams/{chosen}/policies"
    assert api.call("POST", target, rule).status == 200
    shown = api.ok("GET", target)
    assert shown["stream_id"] == shown["streamId"] == identifier
    assert [(r["principal_name"], r["action_type"], r["effect"]) for r in shown["rules"]] == [
        ("partner.*", "putRecords", "accept")
    ]
    deleted = api.call("DELETE", target, rule)
    assert (deleted.status, deleted.body) == (200, b"")
    assert api.ok("GET", target)["rules"] == []
    assert (
        api.call(
            "POST",
            f"/v3/{{p}}/streams/{chosen}/policies",
            {"stream_id": identifier, "principal_id": "p" * 32, "action_type": "getRecords", "effect": "deny"},
        ).status
        == 200
    )
    assert len(api.ok("GET", target)["rules"]) == 1


def test_metrics_spellings(api, stream):
    chosen = stream(1)
    api.put(chosen, [{"data": b"12345", "partition_id": "0"}])
    now = int(time.time())
    for start, end in ((now - 600, now + 60), ((now - 600) * 1000, (now + 60) * 1000)):
        answer = api.ok(
            "GET",
            f"/v2/{{p}}/streams/{chosen}/metrics?label=total_put_bytes_per_stream&start_time={start}&end_time={end}",
        )
        assert answer["metrics"]["dataPoints"] == answer["metrics"]["data_points"]
        assert sum(p["value"] for p in answer["metrics"]["dataPoints"]) == 5
    api.ok("GET", f"/v2/{{p}}/streams/{chosen}/metrics?label=traffic_controll_put&start_time=&end_time=")


def test_file_upload_state(api, stream):
    answer = api.ok("GET", f"/v2/{{p}}/files/none/state?stream-name={stream(1)}&file-name=f")
    assert answer["state"] == "not found"


# Consumer groups


def test_consumer_group(api, app, stream):
    """The order of calls of the Kafka adapter, with two members and a zombie's commit."""
    group, source = app(), stream(4)

    def call(client, tail, **members):
        return api.ok(
            "POST",
            f"/v2/{{p}}/apps/{group}/consumers/{client}{tail}",
            {"groupId": group, "clientId": client, **members},
        )

    def join(client):
        answer = api.ok(
            "POST",
            f"/v2/{{p}}/apps/{group}/consumers",
            {"groupId": group, "clientId": client, "interestedStream": [source]},
        )
        assert (answer["state"], answer["subscription"]) == ("OK", [source])
        return answer["syncDelayedTimeMs"]

    assert call("one", "/heartbeats", generation=-1)["state"] == "JOINING"
    delays = [join("one"), join("two")]
    deadline = time.monotonic() + 20
    assigned = {}
    time.sleep(max(delays) / 1000)
    while len(assigned) < 2 and time.monotonic() < deadline:
        for client in ("one", "two"):
            answer = call(client, "/partitions", generation=-1)
            if answer["state"] == "OK":
                assigned[client] = answer
            elif answer["state"] == "REJOIN":
                time.sleep(join(client) / 1000)
    assert sorted(sum((a["assignment"].get(source, []) for a in assigned.values()), [])) == [0, 1, 2, 3]
    generation = assigned["one"]["generation"]
    assert {call(c, "/heartbeats", generation=generation)["state"] for c in ("one", "two")} == {"STABLE"}
    assert call("one", "/heartbeats", generation=generation + 7)["state"] == "JOINING"

    mine = assigned["one"]["assignment"][source][0]
    commit = {"app_name": group, "stream_name": source, "partition_id": str(mine), "sequence_number": "0"}
    checked = lambda **more: api.call("POST", "/v2/{p}/checkpoints", {**commit, **more})
    assert checked(client_id="one", generation_id=generation).status == 201
    assert checked(client_id="one", generation_id=generation + 1).json["errorCode"] in ("DIS.4703", "DIS.4701")
    assert checked(client_id="nobody", generation_id=generation).json["errorCode"] in ("DIS.4702", "DIS.4701")
    assert checked().status == 201
    assert api.call("DELETE", f"/v2/{{p}}/apps/{group}").json["errorCode"] == "DIS.4331"
    for client in ("one", "two", "unknown"):
        left = api.call("DELETE", f"/v2/{{p}}/apps/{group}/consumers/{client}")
        assert (left.status, left.body) == (204, b"")


def test_consumer_group_unknown(api, name, stream):
    group = name("nogroup")
    answer = api.ok(
        "POST",
        f"/v2/{{p}}/apps/{group}/consumers",
        {"groupId": group, "clientId": "c", "interestedStream": [stream(1)]},
    )
    assert answer["state"] == "GROUP_NOT_EXIST" and isinstance(answer["syncDelayedTimeMs"], int)


# Encodings and framing

ENCODERS = {
    "lz4": (lambda b: lz4.block.compress(b, store_size=False), "x-dis-lz4-content-length"),
    "zstd": (lambda b: zstandard.ZstdCompressor().compress(b), "x-dis-zstd-content-length"),
    "snappy": (snappy.compress, None),
    "gzip": (gzip.compress, None),
    "deflate": (zlib.compress, None),
}


@pytest.mark.parametrize("encoding", ENCODERS)
def test_body_compression(api, stream, encoding):
    chosen = stream(1)
    encoder, header = ENCODERS[encoding]
    data = base64.b64encode(b"compressed " * 1000).decode()
    body = json.dumps({"stream_name": chosen, "records": [{"data": data, "partition_id": "0"}] * 3}).encode()
    headers = {"Content-Encoding": encoding, "Accept-Encoding": encoding}
    if header:
        headers[header] = str(len(body))
    answer = api.call("POST", "/v2/{p}/records", encoder(body), headers)
    assert answer.status == 200 and answer.json["failed_record_count"] == 0, answer
    if encoding not in ("gzip", "deflate"):
        assert answer.headers["Content-Encoding"] is None
    assert [d for _, d in api.read_all(chosen, "0")] == [b"compressed " * 1000] * 3


@pytest.mark.parametrize("pieces", [1, 3, 500])
def test_chunked_upload(api, stream, pieces):
    chosen = stream(1)
    api.login()
    body = json.dumps({"stream_name": chosen, "records": [{"data": "eA==", "partition_id": "0"}] * 20}).encode()
    size = max(1, len(body) // pieces)
    chunks = [body[i : i + size] for i in range(0, len(body), size)]
    framed = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(c), c) for c in chunks) + b"0\r\nTrailer: x\r\n\r\n"
    head = (
        f"POST /v2/{api.project}/records HTTP/1.1\r\nHost: {api.host}\r\nX-Auth-Token: {api.token}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()
    answer = parse(exchange(api.host, head + framed))
    assert answer.status == 200 and answer.json["failed_record_count"] == 0, answer


def test_expect_continue(api, stream):
    chosen = stream(1)
    api.login()
    body = json.dumps({"stream_name": chosen, "records": [{"data": "eA=="}]}).encode()
    head = (
        f"POST /v2/{api.project}/records HTTP/1.1\r\nHost: {api.host}\r\nX-Auth-Token: {api.token}\r\n"
        f"Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    received = exchange(api.host, head + body)
    if received.startswith(b"HTTP/1.1 100"):
        received = received.partition(b"\r\n\r\n")[2] or exchange(api.host, head + body).partition(b"\r\n\r\n")[2]
    assert parse(received).status == 200


def test_pipelined_requests_in_order(api, stream):
    """Twenty puts and as many reads sent at once are answered one after the other, in order."""
    chosen = stream(1)
    api.login()
    request = b""
    for number in range(20):
        body = json.dumps(
            {
                "stream_name": chosen,
                "records": [{"data": base64.b64encode(b"%d" % number).decode(), "partition_id": "0"}],
            }
        ).encode()
        last = "Connection: close\r\n" if number == 19 else ""
        request += (
            f"POST /v2/{api.project}/records HTTP/1.1\r\nHost: {api.host}\r\nX-Auth-Token: {api.token}\r\n"
            f"Content-Type: application/json\r\n{last}Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body
    import socket

    with socket.create_connection(
        tuple([api.host.split(":")[0], int(api.host.split(":")[1])]), timeout=30
    ) as connection:
        connection.sendall(request)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    numbers = [part.split(b'"')[0] for part in received.split(b'"sequence_number":"')[1:]]
    assert numbers == [b"%d" % n for n in range(20)]
    assert [d for _, d in api.read_all(chosen, "0")] == [b"%d" % n for n in range(20)]


def test_more_than_a_hundred_deletes_on_one_connection(api, name):
    """A body in an answer to DELETE would leak pooled connections of the Java SDK; one connection serves them all."""
    api.login()
    connection = http.client.HTTPConnection(api.host, timeout=TIMEOUT)
    connection.connect()
    local = connection.sock.getsockname()
    headers = {"X-Auth-Token": api.token, "Content-Type": "application/json"}
    for _ in range(120):
        chosen = name("doomed")
        answer = api.send("POST", f"/v2/{api.project}/apps", json.dumps({"app_name": chosen}), headers, connection)
        assert (answer.status, answer.body) == (201, b"")
        answer = api.send("DELETE", f"/v2/{api.project}/apps/{chosen}/?app_name={chosen}&", None, headers, connection)
        assert (answer.status, answer.body, answer.headers["Content-Length"]) == (204, b"", None)
    assert connection.sock.getsockname() == local
    connection.close()


def test_framing_of_every_kind_of_answer(api, stream, app):
    chosen, reader = stream(1), app()
    for method, target, body in (
        ("GET", f"/v2/{{p}}/streams/{chosen}", None),
        ("POST", "/v2/{p}/records", {"stream_name": chosen, "records": [{"data": "eA=="}]}),
        (
            "POST",
            "/v2/{p}/checkpoints",
            {"app_name": reader, "stream_name": chosen, "partition_id": "0", "sequence_number": "0"},
        ),
        ("DELETE", f"/v2/{{p}}/checkpoints?app_name={reader}&stream_name={chosen}", None),
        ("POST", f"/v2/{{p}}/stream/{chosen}/tags", {"tag": {"key": "k", "value": "v"}}),
        ("GET", "/v2/{p}/streams/unknown", None),
        ("GET", "/v2/{p}/nowhere", None),
    ):
        check_framing(Sent(method, target), api.call(method, target, body))


def test_errors_have_four_members(api):
    answer = api.call("GET", "/v2/{p}/streams/unknown")
    error = answer.json
    assert answer.status == 400
    assert error["errorCode"] == error["error_code"] == "DIS.4301"
    assert error["message"] == error["error_msg"] == f"The stream does not exist. [unknown][{api.project}]"


def test_keystone_errors(api):
    for body in (
        b"{",
        json.dumps(
            {
                "auth": {
                    "identity": {
                        "methods": ["password"],
                        "password": {"user": {"name": "nobody", "password": "x", "domain": {"name": "nowhere"}}},
                    }
                }
            }
        ).encode(),
    ):
        answer = api.send("POST", "/v3/auth/tokens", body, {"Content-Type": "application/json"})
        assert answer.status in (400, 401) and answer.json["error"]["code"] == answer.status
    answer = api.send("GET", "/v3/auth/catalog", None, {"X-Auth-Token": "wrong"})
    assert answer.status == 401 and answer.json["error"]["title"] == "Unauthorized"


# Around the service


def test_health_and_metrics(api):
    assert api.send("GET", "/healthz").status == 200
    assert api.send("GET", "/readyz").status == 200
    answer = api.send("GET", "/metrics")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain")
    lines = [line for line in answer.body.decode().splitlines() if line and not line.startswith("#")]
    assert lines and all(line.rpartition(" ")[2] for line in lines)
    assert any(line.startswith("sluice_") for line in lines)


def test_head_and_options_do_no_harm(api):
    for method in ("HEAD", "OPTIONS"):
        assert 200 <= api.call(method, "/v2/{p}/streams").status < 500
