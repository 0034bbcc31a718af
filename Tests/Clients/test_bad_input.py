"""Bad input of every kind: each row answers its documented status and code, quickly, and leaves no trace."""

import base64
import json
import time

import pytest

from api import exchange, parse
from signing import Request, Signer

# No refusal takes longer than this, also on a busy machine (seconds); most take a millisecond.
QUICK = 5


def record(**members):
    return {"records": [{"data": "eA==", **members}]}


def puts(**members):
    """A put of one record to the test's stream, with members changed."""
    return {"stream_name": "{s}", "records": [{"data": "eA==", "partition_id": "0"}], **members}


def stream_body(**members):
    return {"stream_name": "{new}", "partition_count": 1, **members}


BIG = "A" * 1398104  # Base64 of one byte more than 1 MB.

# method, target, body (dict: JSON; str or bytes: as it is), status, code.  {s}: a stream, {a}: an app, {new}: a free name.
ROWS = {
    # JSON
    "put: no body": ("POST", "/v2/{p}/records", b"", 400, "DIS.4202"),
    "put: not JSON": ("POST", "/v2/{p}/records", b"{", 400, "DIS.4300"),
    "put: not JSON inside": (
        "POST",
        "/v2/{p}/records",
        b'{"stream_name":"{s}","records":[{"data":"eA=="]}',
        400,
        "DIS.4300",
    ),
    "put: text after JSON": (
        "POST",
        "/v2/{p}/records",
        b'{"stream_name":"{s}","records":[{"data":"eA=="}]} x',
        400,
        "DIS.4300",
    ),
    "put: an array": ("POST", "/v2/{p}/records", b"[]", 400, "DIS.4200"),
    "put: a number": ("POST", "/v2/{p}/records", b"1", 400, "DIS.4200"),
    "put: null": ("POST", "/v2/{p}/records", b"null", 400, "DIS.4200"),
    "put: invalid UTF-8": (
        "POST",
        "/v2/{p}/records",
        b'{"stream_name":"{s}","records":[{"data":"eA==","partition_key":"\xff\xfe"}]}',
        400,
        "DIS.4300",
    ),
    "put: control character in a string": (
        "POST",
        "/v2/{p}/records",
        b'{"stream_name":"{s}","records":[{"data":"eA==","partition_key":"\x01"}]}',
        400,
        "DIS.4300",
    ),
    "put: half a surrogate pair": (
        "POST",
        "/v2/{p}/records",
        b'{"stream_name":"{s}","records":[{"data":"eA==","partition_key":"\\ud800"}]}',
        400,
        "DIS.4300",
    ),
    "put: nested a hundred thousand deep": (
        "POST",
        "/v2/{p}/records",
        b'{"stream_name":"{s}","x":' + b"[" * 100000,
        400,
        "DIS.4300",
    ),
    "put: deep and closed": (
        "POST",
        "/v2/{p}/records",
        b'{"stream_name":"{s}","x":' + b"[" * 50000 + b"]" * 50000 + b"}",
        400,
        ("DIS.4300", "DIS.4200"),
    ),
    # Records
    "put: no stream": ("POST", "/v2/{p}/records", record(), 400, "DIS.4200"),
    "put: unknown stream": ("POST", "/v2/{p}/records", puts(stream_name="unknown"), 400, "DIS.4301"),
    "put: unknown stream id": ("POST", "/v2/{p}/records", {"stream_id": "A" * 20, **record()}, 400, "DIS.4301"),
    "put: stream name of a wrong type": ("POST", "/v2/{p}/records", puts(stream_name=[1]), 400, "DIS.4200"),
    "put: no records": ("POST", "/v2/{p}/records", {"stream_name": "{s}"}, 400, "DIS.4200"),
    "put: empty records": ("POST", "/v2/{p}/records", puts(records=[]), 400, "DIS.4200"),
    "put: records no array": ("POST", "/v2/{p}/records", puts(records={}), 400, "DIS.4200"),
    "put: record no object": ("POST", "/v2/{p}/records", puts(records=["x"]), 400, "DIS.4200"),
    "put: record without data": ("POST", "/v2/{p}/records", puts(records=[{"partition_id": "0"}]), 400, "DIS.4200"),
    "put: data a number": ("POST", "/v2/{p}/records", puts(records=[{"data": 1}]), 400, "DIS.4200"),
    "put: data no Base64": ("POST", "/v2/{p}/records", puts(records=[{"data": "e!=="}]), 400, "DIS.4200"),
    "put: data of an impossible length": (
        "POST",
        "/v2/{p}/records",
        puts(records=[{"data": "eAAAA"}]),
        400,
        "DIS.4200",
    ),
    "put: good record before a bad one": (
        "POST",
        "/v2/{p}/records",
        puts(records=[{"data": "eA=="}, {"data": "*"}]),
        400,
        "DIS.4200",
    ),
    "put: record over 1 MB": (
        "POST",
        "/v2/{p}/records",
        puts(records=[{"data": BIG, "partition_id": "0"}]),
        400,
        "DIS.4200",
    ),
    "put: too many records": ("POST", "/v2/{p}/records", puts(records=[{"data": ""}] * 10001), 400, "DIS.4200"),
    "put: key too long": (
        "POST",
        "/v2/{p}/records",
        puts(records=[{"data": "eA==", "partition_key": "k" * 257}]),
        400,
        "DIS.4200",
    ),
    "put: protobuf that is none": (
        "POST",
        "/v2/{p}/records",
        ("application/x-protobuf", b"\xff\xff\xff"),
        400,
        "DIS.4300",
    ),
    "put: protobuf cut short": ("POST", "/v2/{p}/records", ("application/x-protobuf", b"\x0a\x7fabc"), 400, "DIS.4300"),
    "put: unknown encoding": ("POST", "/v2/{p}/records", ("encoding br", b"xxxx"), 415, "DIS.4200"),
    "put: gzip that is none": ("POST", "/v2/{p}/records", ("encoding gzip", b"xxxx"), 400, "DIS.4300"),
    "put: lz4 that is none": ("POST", "/v2/{p}/records", ("encoding lz4", b"xxxx"), 400, "DIS.4300"),
    "put: zstd that is none": ("POST", "/v2/{p}/records", ("encoding zstd", b"xxxx"), 400, "DIS.4300"),
    "put: snappy that is none": (
        "POST",
        "/v2/{p}/records",
        ("encoding snappy", b"\xff\xff\xff\xff\xff"),
        400,
        "DIS.4300",
    ),
    # Streams
    "create: no body": ("POST", "/v2/{p}/streams", b"", 400, "DIS.4202"),
    "create: no name": ("POST", "/v2/{p}/streams", {"partition_count": 1}, 400, "DIS.4200"),
    "create: empty name": ("POST", "/v2/{p}/streams", stream_body(stream_name=""), 400, "DIS.4200"),
    "create: name with a blank": ("POST", "/v2/{p}/streams", stream_body(stream_name="a b"), 400, "DIS.4200"),
    "create: name of 65 characters": ("POST", "/v2/{p}/streams", stream_body(stream_name="n" * 65), 400, "DIS.4200"),
    "create: no count": ("POST", "/v2/{p}/streams", {"stream_name": "{new}"}, 400, "DIS.4200"),
    "create: count 0": ("POST", "/v2/{p}/streams", stream_body(partition_count=0), 400, "DIS.4200"),
    "create: count negative": ("POST", "/v2/{p}/streams", stream_body(partition_count=-1), 400, "DIS.4200"),
    "create: count a fraction": ("POST", "/v2/{p}/streams", stream_body(partition_count=1.5), 400, "DIS.4200"),
    "create: count text": ("POST", "/v2/{p}/streams", stream_body(partition_count="many"), 400, "DIS.4200"),
    "create: count beyond the quota": ("POST", "/v2/{p}/streams", stream_body(partition_count=100000), 400, "DIS.4308"),
    "create: count beyond 64 bits": (
        "POST",
        "/v2/{p}/streams",
        b'{"stream_name":"{new}","partition_count":99999999999999999999}',
        400,
        ("DIS.4200", "DIS.4308"),
    ),
    "create: unknown type": ("POST", "/v2/{p}/streams", stream_body(stream_type="HUGE"), 400, "DIS.4200"),
    "create: unknown data type": ("POST", "/v2/{p}/streams", stream_body(data_type="XML"), 400, "DIS.4200"),
    "create: retention 23": ("POST", "/v2/{p}/streams", stream_body(data_duration=23), 400, "DIS.4200"),
    "create: retention 169": ("POST", "/v2/{p}/streams", stream_body(data_duration=169), 400, "DIS.4200"),
    "create: schema on BLOB": (
        "POST",
        "/v2/{p}/streams",
        stream_body(data_schema='{"type":"string"}'),
        400,
        "DIS.4360",
    ),
    "create: schema no Avro": (
        "POST",
        "/v2/{p}/streams",
        stream_body(data_type="JSON", data_schema="{no"),
        400,
        "DIS.4360",
    ),
    "create: auto scale min over max": (
        "POST",
        "/v2/{p}/streams",
        stream_body(auto_scale_enabled=True, auto_scale_min_partition_count=5, auto_scale_max_partition_count=2),
        400,
        "DIS.4200",
    ),
    "create: eleven tags": (
        "POST",
        "/v2/{p}/streams",
        stream_body(tags=[{"key": f"k{i}", "value": ""} for i in range(11)]),
        400,
        "DIS.4601",
    ),
    "create: tag key with a blank": (
        "POST",
        "/v2/{p}/streams",
        stream_body(tags=[{"key": "a b", "value": ""}]),
        400,
        "DIS.4200",
    ),
    "create: existing name": ("POST", "/v2/{p}/streams", stream_body(stream_name="{s}"), 400, "DIS.4307"),
    "list: limit 0": ("GET", "/v2/{p}/streams?limit=0", None, 400, "DIS.4200"),
    "list: limit text": ("GET", "/v2/{p}/streams?limit=ten", None, 400, "DIS.4200"),
    "show: unknown": ("GET", "/v2/{p}/streams/unknown", None, 400, "DIS.4301"),
    "show: partition malformed": ("GET", "/v2/{p}/streams/{s}?start_partitionId=shard", None, 400, "DIS.4201"),
    "show: limit 1001": ("GET", "/v2/{p}/streams/{s}?limit_partitions=0", None, 400, "DIS.4200"),
    "scale: to the same": (
        "PUT",
        "/v2/{p}/streams/{s}",
        {"stream_name": "{s}", "target_partition_count": 1},
        400,
        "DIS.4200",
    ),
    "scale: to 0": ("PUT", "/v2/{p}/streams/{s}", {"stream_name": "{s}", "target_partition_count": 0}, 400, "DIS.4200"),
    "scale: to text": (
        "PUT",
        "/v2/{p}/streams/{s}",
        {"stream_name": "{s}", "target_partition_count": "x"},
        400,
        "DIS.4200",
    ),
    "scale: beyond the quota": (
        "PUT",
        "/v2/{p}/streams/{s}",
        {"stream_name": "{s}", "target_partition_count": 100000},
        400,
        "DIS.4308",
    ),
    "scale: unknown": ("PUT", "/v2/{p}/streams/unknown", {"target_partition_count": 2}, 400, "DIS.4301"),
    "update: retention 0": ("PUT", "/v3/{p}/streams/{s}", {"stream_name": "{s}", "data_duration": 0}, 400, "DIS.4200"),
    "update: unknown": ("PUT", "/v3/{p}/streams/unknown", {"data_duration": 24}, 400, "DIS.4301"),
    "delete: unknown": ("DELETE", "/v2/{p}/streams/unknown", None, 400, "DIS.4301"),
    "delete: all at once": ("DELETE", "/v2/{p}/streams", None, (400, 405), "DIS.4200"),
    # Cursors and reads
    "cursor: no stream": ("GET", "/v2/{p}/cursors?partition-id=0", None, 400, "DIS.4200"),
    "cursor: unknown stream": ("GET", "/v2/{p}/cursors?stream-name=unknown&partition-id=0", None, 400, "DIS.4301"),
    "cursor: no partition": ("GET", "/v2/{p}/cursors?stream-name={s}", None, 400, ("DIS.4200", "DIS.4201")),
    "cursor: malformed partition": (
        "GET",
        "/v2/{p}/cursors?stream-name={s}&partition-id=shard-1",
        None,
        400,
        "DIS.4201",
    ),
    "cursor: unknown partition": ("GET", "/v2/{p}/cursors?stream-name={s}&partition-id=7", None, 400, "DIS.4302"),
    "cursor: unknown type": (
        "GET",
        "/v2/{p}/cursors?stream-name={s}&partition-id=0&cursor-type=MIDDLE",
        None,
        400,
        "DIS.4215",
    ),
    "cursor: number no number": (
        "GET",
        "/v2/{p}/cursors?stream-name={s}&partition-id=0&starting-sequence-number=one",
        None,
        400,
        "DIS.4216",
    ),
    "cursor: number of 2^63": (
        "GET",
        "/v2/{p}/cursors?stream-name={s}&partition-id=0&starting-sequence-number=9223372036854775808",
        None,
        400,
        "DIS.4216",
    ),
    "cursor: number out of range": (
        "GET",
        "/v2/{p}/cursors?stream-name={s}&partition-id=0&starting-sequence-number=120",
        None,
        400,
        "DIS.4224",
    ),
    "cursor: timestamp negative": (
        "GET",
        "/v2/{p}/cursors?stream-name={s}&partition-id=0&cursor-type=AT_TIMESTAMP&timestamp=-1",
        None,
        400,
        "DIS.4200",
    ),
    "cursor: timestamp text": (
        "GET",
        "/v2/{p}/cursors?stream-name={s}&partition-id=0&cursor-type=AT_TIMESTAMP&timestamp=now",
        None,
        400,
        "DIS.4200",
    ),
    "cursor: timestamp expired": (
        "GET",
        "/v2/{p}/cursors?stream-name={s}&partition-id=0&cursor-type=AT_TIMESTAMP&timestamp=1000",
        None,
        400,
        "DIS.4300",
    ),
    "read: no cursor": ("GET", "/v2/{p}/records", None, 400, ("DIS.4200", "DIS.4217")),
    "read: nonsense": ("GET", "/v2/{p}/records?partition-cursor=nonsense", None, 400, "DIS.4217"),
    "read: forged": ("GET", "/v2/{p}/records?partition-cursor={forged}", None, 400, "DIS.4217"),
    "read: cursor of 600 characters": ("GET", "/v2/{p}/records?partition-cursor=" + "A" * 600, None, 400, "DIS.4217"),
    "read: max_fetch_bytes 0": (
        "GET",
        "/v2/{p}/records?partition-cursor={cursor}&max_fetch_bytes=0",
        None,
        400,
        "DIS.4200",
    ),
    "read: max_fetch_bytes text": (
        "GET",
        "/v2/{p}/records?partition-cursor={cursor}&max_fetch_bytes=x",
        None,
        400,
        "DIS.4200",
    ),
    "read: limit 0": ("GET", "/v2/{p}/records?partition-cursor={cursor}&limit=0", None, 400, "DIS.4200"),
    # Apps and checkpoints
    "app: no body": ("POST", "/v2/{p}/apps", b"", 400, "DIS.4202"),
    "app: no name": ("POST", "/v2/{p}/apps", {}, 400, "DIS.4200"),
    "app: name with a dot": ("POST", "/v2/{p}/apps", {"app_name": "a.b"}, 400, "DIS.4200"),
    "app: name of 201 characters": ("POST", "/v2/{p}/apps", {"app_name": "n" * 201}, 400, "DIS.4200"),
    "app: existing": ("POST", "/v2/{p}/apps", {"app_name": "{a}"}, 400, "DIS.4330"),
    "app: unknown": ("GET", "/v2/{p}/apps/unknown", None, 400, "DIS.4332"),
    "app: delete unknown": ("DELETE", "/v2/{p}/apps/unknown", None, 400, "DIS.4332"),
    "state: unknown app": ("GET", "/v2/{p}/apps/unknown/streams/{s}", None, 400, "DIS.4332"),
    "state: unknown stream": ("GET", "/v2/{p}/apps/{a}/streams/unknown", None, 400, "DIS.4301"),
    "state: unknown type": ("GET", "/v2/{p}/apps/{a}/streams/{s}?checkpoint_type=FIRST", None, 400, "DIS.4200"),
    "checkpoint: unknown app": (
        "POST",
        "/v2/{p}/checkpoints",
        {"app_name": "unknown", "stream_name": "{s}", "partition_id": "0", "sequence_number": "0"},
        400,
        "DIS.4332",
    ),
    "checkpoint: unknown stream": (
        "POST",
        "/v2/{p}/checkpoints",
        {"app_name": "{a}", "stream_name": "unknown", "partition_id": "0", "sequence_number": "0"},
        400,
        "DIS.4301",
    ),
    "checkpoint: unknown partition": (
        "POST",
        "/v2/{p}/checkpoints",
        {"app_name": "{a}", "stream_name": "{s}", "partition_id": "5", "sequence_number": "0"},
        400,
        "DIS.4302",
    ),
    "checkpoint: beyond the end": (
        "POST",
        "/v2/{p}/checkpoints",
        {"app_name": "{a}", "stream_name": "{s}", "partition_id": "0", "sequence_number": "99"},
        400,
        "DIS.4224",
    ),
    "checkpoint: number -2": (
        "POST",
        "/v2/{p}/checkpoints",
        {"app_name": "{a}", "stream_name": "{s}", "partition_id": "0", "sequence_number": "-2"},
        400,
        "DIS.4216",
    ),
    "checkpoint: number text": (
        "POST",
        "/v2/{p}/checkpoints",
        {"app_name": "{a}", "stream_name": "{s}", "partition_id": "0", "sequence_number": "x"},
        400,
        "DIS.4216",
    ),
    "checkpoint: metadata of 1001": (
        "POST",
        "/v2/{p}/checkpoints",
        {"app_name": "{a}", "stream_name": "{s}", "partition_id": "0", "sequence_number": "0", "metadata": "m" * 1001},
        400,
        "DIS.4200",
    ),
    "checkpoint: unknown type": (
        "POST",
        "/v2/{p}/checkpoints",
        {"app_name": "{a}", "stream_name": "{s}", "partition_id": "0", "sequence_number": "0", "checkpoint_type": "X"},
        400,
        "DIS.4200",
    ),
    # Tags, metrics, policies
    "tag: unknown stream": (
        "POST",
        "/v2/{p}/stream/unknown/tags",
        {"tag": {"key": "k", "value": "v"}},
        400,
        "DIS.4603",
    ),
    "tag: empty key": ("POST", "/v2/{p}/stream/{s}/tags", {"tag": {"key": "", "value": "v"}}, 400, "DIS.4200"),
    "tag: value of 44": ("POST", "/v2/{p}/stream/{s}/tags", {"tag": {"key": "k", "value": "v" * 44}}, 400, "DIS.4200"),
    "tag: unknown key": ("DELETE", "/v2/{p}/stream/{s}/tags/unknown", None, 400, "DIS.4604"),
    "tags: unknown action": (
        "POST",
        "/v2/{p}/stream/{s}/tags/action",
        {"action": "rename", "tags": []},
        400,
        "DIS.4605",
    ),
    "tags: a key twice": (
        "POST",
        "/v2/{p}/stream/{s}/tags/action",
        {"action": "create", "tags": [{"key": "k", "value": "1"}, {"key": "k", "value": "2"}]},
        400,
        "DIS.4200",
    ),
    "resources: limit 0": (
        "POST",
        "/v2/{p}/stream/resource_instances/action",
        {"action": "filter", "limit": "0"},
        400,
        "DIS.4200",
    ),
    "metrics: unknown label": (
        "GET",
        "/v2/{p}/streams/{s}/metrics?label=x&start_time=1&end_time=2",
        None,
        400,
        "DIS.4209",
    ),
    "metrics: end before start": (
        "GET",
        "/v2/{p}/streams/{s}/metrics?label=total_put_bytes_per_stream&start_time=1760000100&end_time=1760000000",
        None,
        400,
        "DIS.4203",
    ),
    "metrics: eight days": (
        "GET",
        "/v2/{p}/streams/{s}/metrics?label=total_put_bytes_per_stream&start_time=1760000000&end_time=1760691201",
        None,
        400,
        "DIS.4204",
    ),
    "metrics: unknown partition": (
        "GET",
        "/v2/{p}/streams/{s}/partitions/9/metrics?label=total_put_bytes_per_partition",
        None,
        400,
        "DIS.4302",
    ),
    "policy: unknown action": (
        "POST",
        "/v2/{p}/streams/{s}/policies",
        {"stream_id": "{id}", "principal_name": "d.*", "action_type": "drop", "effect": "accept"},
        400,
        "DIS.4200",
    ),
    # Paths
    "path: foreign project": ("GET", "/v2/" + "f" * 32 + "/streams", None, 400, "DIS.4117"),
    "path: escape cut short": ("GET", "/v2/{p}/streams/%4", None, 400, ("DIS.4200", "DIS.4301")),
    "path: not UTF-8": ("GET", "/v2/{p}/streams/%ff%fe", None, 400, ("DIS.4200", "DIS.4301")),
    "path: NUL": ("GET", "/v2/{p}/streams/a%00b", None, 400, ("DIS.4200", "DIS.4301")),
}


def code_and_members(answer):
    error = answer.json
    assert {"errorCode", "message", "error_code", "error_msg"} <= set(error), error
    assert error["errorCode"] == error["error_code"] and error["message"] == error["error_msg"]
    assert answer.headers["Content-Type"].startswith("application/json")
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    return error["errorCode"]


def trace(api):
    """All that a refused request might have changed."""
    streams = api.ok("GET", "/v2/{p}/streams?limit=100")
    states = {}
    for name in streams["stream_names"]:
        shown = api.stream(name)
        states[name] = {
            k: shown[k]
            for k in (
                "partitions",
                "tags",
                "retention_period",
                "data_type",
                "last_modified_time",
                "update_partition_counts",
            )
        }
        states[name]["policies"] = api.ok("GET", f"/v2/{{p}}/streams/{name}/policies")["rules"]
    apps = api.ok("GET", "/v2/{p}/apps?limit=100")["apps"]
    return states, apps


@pytest.fixture(scope="module")
def scene(server, credentials):
    """One stream with three records and one app, for all rows."""
    from api import Api

    caller = Api(server.endpoint, credentials)
    caller.create_stream("bad-input", 1)
    caller.put("bad-input", [{"data": b"r%d" % i, "partition_id": "0"} for i in range(3)])
    caller.ok("POST", "/v2/{p}/apps", {"app_name": "bad-input-app"})
    cursor = caller.cursor("bad-input", "0")
    middle = len(cursor) // 2
    words = {
        "s": "bad-input",
        "a": "bad-input-app",
        "new": "bad-input-new",
        "id": caller.stream("bad-input")["stream_id"],
        "cursor": cursor,
        "forged": cursor[:middle] + ("A" if cursor[middle] != "A" else "B") + cursor[middle + 1 :],
        "p": caller.project,
    }
    yield caller, words
    caller.call("DELETE", "/v2/{p}/streams/bad-input")
    caller.call("DELETE", "/v2/{p}/apps/bad-input-app")
    caller.close()


def filled(text, words):
    for word, value in words.items():
        text = text.replace("{%s}" % word, value)
    return text


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.replace(" ", "_"))
def test_refused(scene, row):
    api, words = scene
    method, target, body, status, code = ROWS[row]
    headers = {}
    if isinstance(body, tuple):
        kind, body = body
        if kind.startswith("encoding "):
            headers = {"Content-Encoding": kind.split()[1]}
            if headers["Content-Encoding"] in ("lz4", "zstd"):
                headers[f"x-dis-{headers['Content-Encoding']}-content-length"] = "100"
        else:
            headers = {"Content-Type": kind}
    elif isinstance(body, dict):
        body = filled(json.dumps(body), words).encode()
    elif isinstance(body, bytes):
        for word, value in words.items():
            body = body.replace(b"{%s}" % word.encode(), value.encode())
    before = trace(api)
    began = time.monotonic()
    answer = api.call(method, filled(target, words), body, headers)
    took = time.monotonic() - began
    statuses = status if isinstance(status, tuple) else (status,)
    codes = code if isinstance(code, tuple) else (code,)
    assert answer.status in statuses and code_and_members(answer) in codes, f"{answer}"
    assert took < QUICK
    # No other code may stand in the text: the Java SDK looks for them anywhere in the body.
    assert answer.body.count(b"DIS.") == 2
    assert trace(api) == before


# Signatures and tokens

DATE = "%Y%m%dT%H%M%SZ"


def signed(
    api, credentials, change=lambda r: None, at=None, secret=None, access=None, algorithm="SDK-HMAC-SHA256", scope=None
):
    request = Request(
        "GET", f"/v2/{api.project}/streams?limit=5", [("Host", api.host), ("X-Project-Id", api.project)], b""
    )
    date = time.strftime(DATE, time.gmtime(at if at is not None else time.time()))
    signer = Signer(
        algorithm, credentials["access_key"], scope or [], ["host", "x-project-id", "x-sdk-date"], (False,) * 4
    )
    signer.sign(request, access or credentials["access_key"], secret or credentials["secret_key"], date)
    change(request)
    request.set("Connection", "close")
    return parse(exchange(api.host, request.wire()))


def test_signature_control(api, credentials):
    assert signed(api, credentials).status == 200
    scope = ["", credentials["region"], "dis", "sdk_request"]
    for algorithm in ("SDK-HMAC-SHA256", "V11-HMAC-SHA256"):
        assert signed(api, credentials, algorithm=algorithm, scope=scope).status == 200
    assert signed(api, credentials, algorithm="V11-HMAC-SHA256", scope=scope[:3]).status == 200
    assert signed(api, credentials, scope=["", "", "", "sdk_request"]).status == 200


SIGNATURES = {
    "wrong secret": (dict(secret="x" * 40), "DIS.4112"),
    "unknown access key": (dict(access="UNKNOWN"), "DIS.4107"),
    "clock an hour behind": (dict(at=-3600), "DIS.4105"),
    "clock an hour ahead": (dict(at=3600), "DIS.4105"),
    "changed query": (dict(change=lambda r: setattr(r, "target", r.target.replace("5", "6"))), "DIS.4112"),
    "changed method": (dict(change=lambda r: setattr(r, "method", "DELETE")), "DIS.4112"),
    "changed host": (dict(change=lambda r: r.set("Host", "other.example:1")), "DIS.4112"),
    "no date": (dict(change=lambda r: r.remove("X-Sdk-Date")), "DIS.4103"),
    "bad date": (dict(change=lambda r: r.set("X-Sdk-Date", "yesterday")), "DIS.4104"),
    "no signature": (
        dict(change=lambda r: r.set("Authorization", "SDK-HMAC-SHA256 Access=A, SignedHeaders=host")),
        ("DIS.4109", "DIS.4110"),
    ),
    "empty signature": (
        dict(change=lambda r: r.set("Authorization", "SDK-HMAC-SHA256 Access=A, SignedHeaders=host, Signature=")),
        ("DIS.4110", "DIS.4109"),
    ),
    "unknown algorithm": (dict(change=lambda r: r.set("Authorization", "Basic eA==")), "DIS.4102"),
    "empty authorization": (dict(change=lambda r: r.set("Authorization", "")), ("DIS.4101", "DIS.4102")),
    "empty access key": (
        dict(change=lambda r: r.set("Authorization", r.header("authorization").replace("Access=", "Access=,x="))),
        ("DIS.4106", "DIS.4102", "DIS.4109"),
    ),
    "nothing": (dict(change=lambda r: r.remove("Authorization")), "DIS.4101"),
    "empty token": (
        dict(change=lambda r: (r.remove("Authorization"), r.set("X-Auth-Token", ""))),
        ("DIS.4113", "DIS.4101"),
    ),
    "wrong token": (dict(change=lambda r: (r.remove("Authorization"), r.set("X-Auth-Token", "nonsense"))), "DIS.4114"),
    "token of 30 KB": (
        dict(change=lambda r: (r.remove("Authorization"), r.set("X-Auth-Token", "t" * 30000))),
        ("DIS.4114", "DIS.4200"),
    ),
}


@pytest.mark.parametrize("row", SIGNATURES, ids=lambda r: r.replace(" ", "_"))
def test_signature_refused(api, credentials, row):
    options, code = SIGNATURES[row]
    options = dict(options)
    if "at" in options:
        options["at"] += time.time()
    answer = signed(api, credentials, **options)
    codes = code if isinstance(code, tuple) else (code,)
    assert code_and_members(answer) in codes, answer
    assert answer.status == 401 or answer.status in (400, 431)


def test_signed_body_is_what_counts(api, credentials, stream):
    """A body that was changed on the way is refused and nothing of it is stored."""
    chosen = stream(1)
    body = json.dumps({"stream_name": chosen, "records": [{"data": "eA==", "partition_id": "0"}]}).encode()
    request = Request(
        "POST",
        f"/v2/{api.project}/records",
        [("Host", api.host), ("Content-Type", "application/json"), ("Content-Length", str(len(body)))],
        body,
    )
    Signer("SDK-HMAC-SHA256", "", [], ["host", "x-sdk-date"], (False,) * 4).sign(
        request, credentials["access_key"], credentials["secret_key"], time.strftime(DATE, time.gmtime())
    )
    assert parse(exchange(api.host, request.wire())).status == 200
    request.body = body.replace(b"eA==", b"eQ==")
    assert code_and_members(parse(exchange(api.host, request.wire()))) == "DIS.4112"
    assert [d for _, d in api.read_all(chosen, "0")] == [b"x"]


# Sizes, framing, slow and broken uploads


def head(api, method, target, *lines):
    api.token or api.login()
    target = target.replace("{p}", api.project)
    return (
        f"{method} {target} HTTP/1.1\r\nHost: {api.host}\r\nX-Auth-Token: {api.token}\r\n"
        + "".join(line + "\r\n" for line in lines)
        + "\r\n"
    ).encode("latin-1")


def test_body_over_the_limit_announced(api):
    """Refused by its announced length, and the answer arrives although the client is still sending."""
    answer = parse(
        exchange(api.host, head(api, "POST", "/v2/{p}/records", "Content-Length: 20000000") + b"x" * 13_000_000)
    )
    assert answer.status == 413 and code_and_members(answer) == "DIS.4200"


def test_body_over_the_limit_chunked(api):
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    answer = parse(exchange(api.host, head(api, "POST", "/v2/{p}/records", "Transfer-Encoding: chunked") + chunk * 300))
    assert answer.status == 413 and code_and_members(answer) == "DIS.4200"


def test_data_over_five_megabytes(api, stream):
    chosen = stream(1)
    data = base64.b64encode(b"m" * 1048576).decode()
    answer = api.call(
        "POST", "/v2/{p}/records", {"stream_name": chosen, "records": [{"data": data, "partition_id": "0"}] * 6}
    )
    assert answer.status == 413 and code_and_members(answer) == "DIS.4200"
    assert api.read_all(chosen, "0") == []


def test_decompressed_over_the_limit(api):
    import zstandard

    bomb = zstandard.ZstdCompressor().compress(b" " * 200_000_000)
    answer = api.call(
        "POST", "/v2/{p}/records", bomb, {"Content-Encoding": "zstd", "x-dis-zstd-content-length": "200000000"}
    )
    assert answer.status in (400, 413) and code_and_members(answer) in ("DIS.4200", "DIS.4300")
    answer = api.call("POST", "/v2/{p}/records", bomb, {"Content-Encoding": "zstd", "x-dis-zstd-content-length": "100"})
    assert answer.status in (400, 413) and code_and_members(answer) in ("DIS.4200", "DIS.4300")


MALFORMED = {
    "two lengths": ("Content-Length: 1", "Content-Length: 2"),
    "length and chunked": ("Content-Length: 5", "Transfer-Encoding: chunked"),
    "negative length": ("Content-Length: -1",),
    "length with a sign": ("Content-Length: +5",),
    "length no number": ("Content-Length: five",),
    "length beyond 64 bits": ("Content-Length: 99999999999999999999",),
    "unknown transfer encoding": ("Transfer-Encoding: gzip, chunked",),
    "identity transfer encoding": ("Transfer-Encoding: identity",),
    "second host": ("Host: other",),
    "blank in a name": ("Bad Name: x",),
    "blank before the colon": ("Name : x",),
    "folded line": ("X-A: b\r\n c",),
    "NUL in a value": ("X-A: b\0c",),
    "header of 100 KB": ("X-A: " + "b" * 100_000,),
    "thousands of headers": tuple(f"X-{i}: v" for i in range(5000)),
}


@pytest.mark.parametrize("row", MALFORMED, ids=lambda r: r.replace(" ", "_"))
def test_malformed_head(api, row):
    """Refused with the service's JSON, and the server goes on."""
    received = exchange(api.host, head(api, "POST", "/v2/{p}/records", *MALFORMED[row]) + b"0\r\n\r\n", half_close=True)
    answer = parse(received)
    assert answer.status in (400, 413, 417, 431, 501), answer
    code_and_members(answer)
    assert received.count(b"HTTP/1.1 ") == 1, "a request was smuggled"
    api.ok("GET", "/v2/{p}/streams")


@pytest.mark.parametrize(
    "line",
    [
        "GET /v2/{p}/streams HTTP/3.0",
        "GET /v2/{p}/streams",
        "get /v2/{p}/streams HTTP/1.1",
        "GET  /v2/{p}/streams HTTP/1.1",
        "GET http://[ HTTP/1.1",
        "\x16\x03\x01\x02\x00",
        "GET /" + "a" * 100_000 + " HTTP/1.1",
    ],
)
def test_malformed_request_line(api, line):
    data = (line.replace("{p}", api.project) + f"\r\nHost: {api.host}\r\n\r\n").encode("latin-1")
    received = exchange(api.host, data, half_close=True)
    if received:
        assert 400 <= parse(received).status < 600
        code_and_members(parse(received))
    api.ok("GET", "/v2/{p}/streams")


def test_no_host(api):
    received = exchange(api.host, b"GET /v2/x/streams HTTP/1.1\r\n\r\n", half_close=True)
    assert parse(received).status == 400 and code_and_members(parse(received)) == "DIS.4200"


def test_upload_cut_short(api, stream):
    """A body that ends before its announced length stores nothing."""
    chosen = stream(1)
    body = json.dumps({"stream_name": chosen, "records": [{"data": "eA==", "partition_id": "0"}] * 100}).encode()
    for cut in (1, len(body) // 2, len(body) - 1):
        exchange(
            api.host,
            head(api, "POST", "/v2/{p}/records", f"Content-Length: {len(body)}") + body[:cut],
            timeout=2,
            half_close=True,
        )
    assert api.read_all(chosen, "0") == []
    # The same without an end of file: the client is silent, then gone.
    exchange(api.host, head(api, "POST", "/v2/{p}/records", f"Content-Length: {len(body)}") + body[:-1], timeout=0.5)
    assert api.read_all(chosen, "0") == []


def test_refusal_while_still_sending(api, stream):
    """An unauthenticated upload of 5 MB gets its 401, not a reset connection."""
    body = b"x" * 5_000_000
    request = (
        f"POST /v2/{api.project}/records HTTP/1.1\r\nHost: {api.host}\r\nX-Auth-Token: wrong\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    for _ in range(10):
        answer = parse(exchange(api.host, request))
        assert answer.status == 401 and code_and_members(answer) == "DIS.4114"
