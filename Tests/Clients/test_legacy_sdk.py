"""Every operation of huaweicloud-sdk-python-dis that is no transfer task, with both of its signatures, and its protobuf mode."""

import json
import os
import subprocess
import time

import pytest
from dis_sdk_python.com.huaweicloud.dis.sdk.python.models.disexception import DisException


def refused(code, call, *arguments, **more):
    with pytest.raises(DisException) as failure:
        call(*arguments, **more)
    assert code in str(failure.value), failure.value


def test_create_stream(legacy, name):
    chosen = name("legacy")
    assert legacy.createStream(chosen, 2, "JSON", "COMMON", data_duration=48).statusCode == 201
    shown = legacy.describeStream(chosen)
    assert (shown.status, shown.streamType, shown.retentionPeriod, shown.currentPartitionCount) == (
        "RUNNING",
        "COMMON",
        48,
        2,
    )
    refused("DIS.4307", legacy.createStream, chosen, 1, "BLOB", "COMMON")
    legacy.deleteStream(chosen)


def test_list_stream(legacy, stream):
    made = sorted(stream(prefix="legacylist") for _ in range(3))
    listed = legacy.listStream()
    assert set(made) <= set(listed.stream_names) or listed.total_number > 100
    after = legacy.listStream(startStreamName=made[0], limit=2)
    assert after.stream_names[:1] > [made[0]] and made[0] not in after.stream_names


def test_describe_stream(legacy, api, stream):
    chosen = stream(3)
    shown = legacy.describeStream(chosen, startPartitionId="shardId-0000000000", limitPartitions=1)
    assert [p["partition_id"] for p in shown.partitions] == ["shardId-0000000001"] and shown.hasMorePartitions is True
    assert legacy.describeStream(chosen, streamId=api.stream(chosen)["stream_id"]).streamName == chosen
    refused("DIS.4301", legacy.describeStream, chosen + "x")


def test_change_partition_quantity(legacy, stream):
    chosen = stream(1)
    assert legacy.changepartitionQuantity(chosen, 3).statusCode == 200
    assert legacy.describeStream(chosen).currentPartitionCount == 3


def test_delete_stream(legacy, api, name):
    chosen = name("legacy")
    api.create_stream(chosen)
    assert legacy.deleteStream(chosen).statusCode == 204
    refused("DIS.4301", legacy.deleteStream, chosen)


def test_put_records(legacy, stream):
    chosen = stream(3)
    answer = legacy.putRecords(
        chosen,
        [
            {"data": "by key", "partition_key": "a"},
            {"data": "by hash", "explicit_hash_key": "9223372036854775807"},
            {"data": "by id", "partition_id": "shardId-0000000001"},
        ],
    )
    assert answer.failedRecordCount == 0
    assert [r["partition_id"][-1] for r in answer.recordResult] == ["0", "2", "1"]
    assert all("error_code" not in r for r in answer.recordResult)


def test_put_records_by_stream_id(legacy, api, stream):
    chosen = stream(1)
    answer = legacy.put_records("", api.stream(chosen)["stream_id"], [{"data": "x", "partition_key": "k"}])
    assert answer.recordResult[0]["sequence_number"] == "0"


def test_put_records_partial_failure(legacy, stream):
    answer = legacy.put_records(
        stream(1), "", [{"data": "good", "partition_id": "0"}, {"data": "nowhere", "partition_id": "9"}]
    )
    assert answer.failedRecordCount == 1
    assert answer.recordResult[1]["error_code"] == "DIS.4302" and "sequence_number" not in answer.recordResult[1]


def test_get_cursor(legacy, api, stream):
    chosen = stream(1)
    legacy.putRecords(chosen, [{"data": f"r{i}", "partition_id": "0"} for i in range(4)])

    def texts(*arguments, **more):
        return [
            r["data"] for r in legacy.getRecords(legacy.getCursor(chosen, "0", *arguments, **more).cursor).recordResult
        ]

    assert texts("TRIM_HORIZON") == ["r0", "r1", "r2", "r3"]
    assert texts("LATEST") == []
    assert texts("AT_SEQUENCE_NUMBER", startSeq="2") == ["r2", "r3"]
    assert texts("AFTER_SEQUENCE_NUMBER", startSeq="2") == ["r3"]
    assert texts("AT_TIMESTAMP", timestamp=int(time.time() * 1000) - 60_000) == ["r0", "r1", "r2", "r3"]
    identifier = api.stream(chosen)["stream_id"]
    assert legacy.getCursor("", "0", "TRIM_HORIZON", streamId=identifier).cursor
    refused("DIS.4224", legacy.getCursor, chosen, "0", "AT_SEQUENCE_NUMBER", startSeq="9")


def test_get_records(legacy, stream):
    chosen = stream(1)
    legacy.putRecords(chosen, [{"data": f"r{i}", "partition_key": "k"} for i in range(25)])
    at, found = legacy.getCursor(chosen, "shardId-0000000000", "TRIM_HORIZON").cursor, []
    for _ in range(3):
        page = legacy.getRecords(at, limit=10)
        found += page.recordResult
        at = page.nextPartitionCursor
    assert [r["data"] for r in found] == [f"r{i}" for i in range(25)]
    assert [r["sequence_number"] for r in found] == [str(i) for i in range(25)]
    assert {(r["partitionKey"], r["timestamp_type"]) for r in found} == {("k", "CreateTime")}
    refused("DIS.4217", legacy.getRecords, "nonsense")


def test_create_app(legacy, name):
    chosen = name("legacyapp")
    assert legacy.createApp(chosen).statusCode == 201
    refused("DIS.4330", legacy.createApp, chosen)
    legacy.deleteApp(chosen)


def test_describe_app(legacy, app):
    chosen = app()
    assert legacy.describeApp(chosen).body["app_name"] == chosen
    refused("DIS.4332", legacy.describeApp, chosen + "x")


def test_list_app(legacy, app):
    made = sorted(app() for _ in range(3))
    listed = legacy.listApp(made[0])
    assert made[1:] == [a["app_name"] for a in listed.apps if a["app_name"] in made]
    assert legacy.listApp("", limit=1).has_more_app is True


def test_delete_app(legacy, api, name):
    chosen = name("legacyapp")
    api.ok("POST", "/v2/{p}/apps", {"app_name": chosen})
    assert legacy.deleteApp(chosen).statusCode == 204
    refused("DIS.4332", legacy.deleteApp, chosen)


@pytest.mark.parametrize("by_id", [False, True], ids=["by name", "by id"])
def test_checkpoint(legacy, api, app, stream, by_id):
    chosen, source = app(), stream(1)
    more = {"streamId": api.stream(source)["stream_id"]} if by_id else {}
    legacy.putRecords(source, [{"data": "x", "partition_id": "0"} for _ in range(5)])
    assert legacy.commitCheckpoint(source, chosen, "0", "3", metaData="note", **more).statusCode == 201
    shown = legacy.getCheckpoint(source, chosen, "shardId-0000000000", **more)
    assert (shown.seqNumber, shown.metaData) == ("3", "note")
    assert legacy.deleteCheckpoint(source, chosen, **more).statusCode == 204
    assert legacy.getCheckpoint(source, chosen, "0", **more).seqNumber == "-1"


def test_stream_consume(legacy, api, app, stream):
    chosen, source = app(), stream(2)
    legacy.commitCheckpoint(source, chosen, "1", "0")
    for more in ({}, {"streamId": api.stream(source)["stream_id"]}):
        state = legacy.streamConsume(source, chosen, **more)
        assert [(s["partition_id"], s["sequence_number"]) for s in state.partition_consuming_states] == [
            ("shardId-0000000000", "-1"),
            ("shardId-0000000001", "0"),
        ]
        assert (state.stream_name, state.app_name) == (source, chosen)


def test_stream_monitor(legacy, stream):
    chosen = stream(1)
    legacy.putRecords(chosen, [{"data": "12345", "partition_id": "0"} for _ in range(4)])
    now = int(time.time())
    shown = legacy.streamMonitor(chosen, "total_put_bytes_per_stream", now - 600, now + 60)
    assert sum(p["value"] for p in shown.dataPoints) == 20
    assert legacy.streamMonitor(chosen, "total_put_records_per_stream").label == "total_put_records_per_stream"


def test_partition_monitor(legacy, stream):
    chosen = stream(2)
    legacy.putRecords(chosen, [{"data": "12345", "partition_id": "1"} for _ in range(4)])
    now = int(time.time())
    ask = lambda partition: legacy.partitionMonitor(
        chosen, partition, "total_put_records_per_partition", now - 600, now + 60
    )
    assert [sum(p["value"] for p in ask(x).dataPoints) for x in ("0", "shardId-0000000001")] == [0, 4]


PROTOBUF_PROGRAM = """
import json, sys
from dis_sdk_python import disclient
given = json.load(sys.stdin)
client = disclient(bodySerializeType="protobuf", **given["client"])
stream = given["stream"]
put = client.put_records(stream, "", given["records"])
page = client.getRecords(client.getCursor(stream, "0", "TRIM_HORIZON").cursor)
print(json.dumps({
    "failed": put.failedRecordCount,
    "results": put.recordResult,
    "read": [{k: v.decode() if isinstance(v, bytes) else v for k, v in r.items()} for r in page.recordResult],
    "more": bool(page.nextPartitionCursor),
}))
try:
    client.getRecords("nonsense")
except Exception as problem:
    print(str(problem))
"""


@pytest.mark.parametrize("derived", [True, False], ids=["derived", "classic"])
def test_protobuf(server, credentials, stream, derived):
    """The old generated code needs an old protobuf runtime, so it runs in an environment of its own."""
    chosen = stream(1)
    given = {
        "stream": chosen,
        "client": {
            "endpoint": server.endpoint,
            "ak": credentials["access_key"],
            "sk": credentials["secret_key"],
            "projectid": credentials["project_id"],
            "region": credentials["region"],
            "derivationKeySwitch": derived,
        },
        "records": [
            {"data": "plain", "partition_key": "a"},
            {"data": "中文", "explicit_hash_key": "5"},
            {"data": "nowhere", "partition_id": "9"},
            {"data": "", "partition_id": "0"},
        ],
    }
    done = subprocess.run(
        [os.environ["SLUICE_PROTOBUF_PYTHON"], "-W", "ignore", "-c", PROTOBUF_PROGRAM],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    answer = json.loads(next(line for line in lines if line.startswith('{"failed"')))
    assert answer["failed"] == 1 and answer["more"]
    assert answer["results"][2]["error_code"] == "DIS.4302"
    assert [r["sequence_number"] for r in answer["results"]] == ["0", "1", "", "2"]
    assert [(r["data"], r["partitionKey"], r["timestamp_type"]) for r in answer["read"]] == [
        ("plain", "a", "CreateTime"),
        ("中文", None, "CreateTime"),
        ("", None, "CreateTime"),
    ]
    assert all(r["timestamp"] > 0 for r in answer["read"])
    assert "DIS.4217" in lines[-1]
