"""Transfer tasks through both Python SDKs: the whole wire contract, and the objects that arrive in a folder bucket."""

import time

import pytest
from dis_sdk_python.com.huaweicloud.dis.sdk.python.models.disexception import DisException
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkdis.v2 import model as m

# A delivery that takes longer is a fault (seconds).
DELIVERY_BOUND = 60


def descriptor(task, **more):
    return m.OBSDestinationDescriptorRequest(
        **{
            "task_name": task,
            "agency_name": "dis_admin_agency",
            "obs_bucket_path": "lake",
            "deliver_time_interval": 30,
            "consumer_strategy": "TRIM_HORIZON",
            "file_prefix": task.replace("-", "_"),
            "record_delimiter": "\n",
            **more,
        }
    )


def create(v3, stream, task, **more):
    return v3.create_obs_transfer_task(
        m.CreateObsTransferTaskRequest(
            stream_name=stream,
            body=m.CreateTransferTaskReq(destination_type="OBS", obs_destination_descriptor=descriptor(task, **more)),
        )
    )


def show(v3, stream, task):
    return v3.show_transfer_task(m.ShowTransferTaskRequest(stream_name=stream, task_name=task))


def code_of(call):
    with pytest.raises(ClientRequestException) as failure:
        call()
    return failure.value.status_code, failure.value.error_code


def test_create_obs_transfer_task(v3, stream):
    chosen = stream(2)
    assert create(v3, chosen, "one", partition_format="yyyy/MM/dd").status_code == 201
    shown = show(v3, chosen, "one")
    echoed = shown.obs_destination_description
    assert (shown.stream_name, shown.task_name, shown.destination_type) == (chosen, "one", "OBS")
    assert (echoed.obs_bucket_path, echoed.partition_format, echoed.record_delimiter, echoed.deliver_time_interval) == (
        "lake",
        "yyyy/MM/dd",
        "\n",
        30,
    )
    assert code_of(lambda: create(v3, chosen, "one")) == (400, "DIS.4355")


def test_show_transfer_task(v3, api, stream):
    chosen = stream(2)
    create(v3, chosen, "one", record_delimiter="\\n")
    shown = show(v3, chosen, "one")
    assert shown.state in ("STARTING", "RUNNING") and len(shown.partitions) == 2
    assert shown.obs_destination_description.record_delimiter == "\\n"
    raw = api.ok("GET", f"/v2/{{p}}/stream/{chosen}/transfer-tasks/one")
    assert raw["status"] == raw["state"] and raw["task_id"] and raw["stream_id"]
    assert code_of(lambda: show(v3, chosen, "none")) == (400, "DIS.4354")


def test_list_transfer_tasks(v3, stream):
    chosen = stream(1)
    for number in range(5):
        create(v3, chosen, f"t{number}")
    listed = v3.list_transfer_tasks(m.ListTransferTasksRequest(stream_name=chosen))
    assert (listed.total_number, listed.quota) == (5, 5)
    assert sorted(t.task_name for t in listed.tasks) == [f"t{n}" for n in range(5)]
    assert code_of(lambda: create(v3, chosen, "t5")) == (400, "DIS.4357")


def test_delete_transfer_task(v3, stream):
    chosen = stream(1)
    create(v3, chosen, "one")
    delete = lambda: v3.delete_transfer_task(m.DeleteTransferTaskRequest(stream_name=chosen, task_name="one"))
    assert delete().status_code == 204
    assert code_of(delete) == (400, "DIS.4354")


def tasks_of(api, stream):
    return {t["task_name"]: t for t in api.ok("GET", f"/v2/{{p}}/streams/{stream}/transfer-tasks")["tasks"]}


def test_batch_stop_transfer_task(v3, api, stream):
    chosen = stream(1)
    create(v3, chosen, "one"), create(v3, chosen, "two")
    identifiers = [t["task_id"] for t in tasks_of(api, chosen).values()]
    stop = lambda ids: v3.batch_stop_transfer_task(
        m.BatchStopTransferTaskRequest(
            stream_name=chosen,
            body=m.BatchStopTransferTaskReq(action="stop", tasks=[m.BatchTransferTask(id=i) for i in ids]),
        )
    )
    assert stop(identifiers).status_code == 200
    assert {t["state"] for t in tasks_of(api, chosen).values()} == {"PAUSED"}
    stop(identifiers)
    assert code_of(lambda: stop(identifiers + ["unknown"])) == (400, "DIS.4354")


def test_batch_start_transfer_task(v3, api, stream):
    chosen = stream(1)
    create(v3, chosen, "one")
    identifier = tasks_of(api, chosen)["one"]["task_id"]
    act = lambda action, i: api.ok(
        "POST", f"/v2/{{p}}/streams/{chosen}/transfer-tasks/action", {"action": action, "tasks": [{"id": i}]}
    )
    act("stop", identifier)
    answer = v3.batch_start_transfer_task(
        m.BatchStartTransferTaskRequest(
            stream_name=chosen, body=m.BatchStartTransferTaskReq(action="start", tasks=[m.BatchTransferTask(id="one")])
        )
    )
    assert answer.status_code == 200
    assert tasks_of(api, chosen)["one"]["state"] in ("RUNNING", "STARTING")


def objects(bucket_root, prefix):
    """Objects of the bucket below a prefix, without what the store keeps for itself."""
    found = {}
    folder = bucket_root / "lake"
    for path in sorted(folder.rglob("*")):
        key = str(path.relative_to(folder))
        if (
            path.is_file()
            and key.startswith(prefix + "/")
            and not any(p.startswith(".") for p in path.relative_to(folder).parts)
        ):
            found[key] = path.read_bytes()
    return found


def test_records_arrive_as_text_objects(v3, api, stream, bucket_root, name):
    """What was put lies in the bucket, once and in order, and the task says up to where."""
    chosen, task = stream(2), name("arrive")
    create(v3, chosen, task, deliver_time_interval=1)
    sent = {p: [b"p%d-%04d" % (p, n) for n in range(300)] for p in (0, 1)}
    for partition, texts in sent.items():
        api.put(chosen, [{"data": t, "partition_id": str(partition)} for t in texts])
    prefix = task.replace("-", "_")
    deadline = time.monotonic() + DELIVERY_BOUND
    found = {}
    while time.monotonic() < deadline:
        found = objects(bucket_root, prefix)
        if sum(data.count(b"\n") for data in found.values()) >= 600:
            break
        time.sleep(0.2)
    for partition, texts in sent.items():
        lines = []
        for key in sorted(k for k in found if f"shardId-{partition:010}" in k):
            assert found[key].endswith(b"\n")
            lines += found[key].splitlines()
        assert lines == texts
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        shown = api.ok("GET", f"/v2/{{p}}/streams/{chosen}/transfer-tasks/{task}")
        if [p["last_transfer_offset"] for p in shown["partitions"]] == [299, 299]:
            break
        time.sleep(0.1)
    assert [p["last_transfer_offset"] for p in shown["partitions"]] == [299, 299] and shown[
        "last_transfer_timestamp"
    ] > 0


REFUSED = {
    "no descriptor": ({"destination_type": "OBS"}, "DIS.4200"),
    "unknown type": ({"destination_type": "NOWHERE"}, "DIS.4200"),
    "no bucket": ({"obs_bucket_path": None}, "DIS.4200"),
    "interval 0": ({"deliver_time_interval": 0}, "DIS.4200"),
    "interval 901": ({"deliver_time_interval": 901}, "DIS.4200"),
    "bad format": ({"partition_format": "dd/MM"}, "DIS.4200"),
    "bad name": ({"task_name": "a b"}, "DIS.4200"),
    "bad prefix": ({"file_prefix": "/a"}, "DIS.4200"),
    "carbon": ({"destination_file_type": "carbon"}, "DIS.4200"),
    "parquet on BLOB": ({"destination_file_type": "parquet"}, "DIS.4200"),
}


@pytest.mark.parametrize("row", REFUSED, ids=lambda r: r.replace(" ", "_"))
def test_refused(api, stream, row):
    chosen = stream(1)
    change, code = REFUSED[row]
    body = (
        {"destination_type": "OBS"}
        if "destination_type" in change
        else {
            "destination_type": "OBS",
            "obs_destination_descriptor": {
                "task_name": "t",
                "agency_name": "a",
                "obs_bucket_path": "lake",
                "deliver_time_interval": 60,
                **change,
            },
        }
    )
    body.update({k: v for k, v in change.items() if k == "destination_type"})
    answer = api.call("POST", f"/v2/{{p}}/streams/{chosen}/transfer-tasks", body)
    assert answer.status == 400 and answer.json["errorCode"] == code, answer
    assert tasks_of(api, chosen) == {}


# Legacy SDK


def obs(**more):
    return {
        "agency_name": "dis_admin_agency",
        "obs_bucket_path": "lake",
        "deliver_time_interval": 60,
        "consumer_strategy": "LATEST",
        "file_prefix": "legacy",
        "retry_duration": 0,
        **more,
    }


def test_legacy_add_dump_task(legacy, stream):
    chosen = stream(1)
    assert legacy.add_dump_task(chosen, "one", "OBS", obs()).statusCode == 201
    with pytest.raises(DisException) as failure:
        legacy.add_dump_task(chosen, "one", "OBS", obs())
    assert "DIS.4355" in str(failure.value)


def test_legacy_list_dump_task(legacy, stream):
    chosen = stream(1)
    legacy.add_dump_task(chosen, "one", "OBS", obs())
    listed = legacy.list_dump_task(chosen)
    assert listed.total_number == 1 and listed.tasks[0]["task_name"] == "one"


def test_legacy_describe_dump_task(legacy, stream):
    chosen = stream(2)
    legacy.add_dump_task(chosen, "one", "OBS", obs())
    shown = legacy.describe_dump_task(chosen, "one")
    assert (shown.taskName, shown.streamName, len(shown.partitions)) == ("one", chosen, 2)
    assert shown.status in ("RUNNING", "STARTING")


def test_legacy_delete_dump_task(legacy, stream):
    chosen = stream(1)
    legacy.add_dump_task(chosen, "one", "OBS", obs())
    assert legacy.delete_dump_task(chosen, "one").statusCode == 204
    with pytest.raises(DisException):
        legacy.delete_dump_task(chosen, "")
