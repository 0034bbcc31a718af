"""The whole life of a task, driven by the official SDKs, with the results opened from the bucket by boto3 and esdk-obs."""

import base64

import pytest
import serverprocess
import stores
from api import Api
from conftest import v3_client
from deliveries import prove, wait_until_delivered
from huaweicloudsdkdis.v2 import model as m


@pytest.fixture(scope="module")
def house(store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("life")
    running = serverprocess.Server(folder, settings=stores.settings({"cloud": (store.endpoint,)})).start()
    api = Api(running.endpoint, running.credentials).login()
    yield running, api
    api.close()
    assert running.stop() == 0


def descriptor(task, **more):
    return {
        "task_name": task,
        "agency_name": "cloud",
        "obs_bucket_path": "lake",
        "deliver_time_interval": 1,
        "consumer_strategy": "TRIM_HORIZON",
        "file_prefix": task,
        "record_delimiter": "\n",
        **more,
    }


def lines(store, task):
    """What a user would see: boto3 lists and opens the objects, and esdk-obs opens the same bytes."""
    found = stores.objects(store.boto(), "lake", f"{task}/")
    assert stores.read_with_obs(store, found) == found
    return [line for key in sorted(found) for line in found[key].splitlines()]


def test_v3_sdk_life(house, store):
    running, api = house
    v3, stream, task = v3_client(running.endpoint, running.credentials), "v3life", "v3life"
    v3.create_stream(
        m.CreateStreamRequest(
            body=m.CreateStreamReq(stream_name=stream, partition_count=1, data_type="BLOB", stream_type="COMMON")
        )
    )

    def put(texts):
        answer = v3.send_records(
            m.SendRecordsRequest(
                body=m.PutRecordsRequest(
                    stream_name=stream,
                    records=[
                        m.PutRecordsRequestEntry(data=base64.b64encode(t).decode(), partition_key="k") for t in texts
                    ],
                )
            )
        )
        assert answer.failed_record_count == 0

    def batch(request, body, action):
        # The SDK's model of a listed task leaves its id out; a name serves as well.
        tasks = [m.BatchTransferTask(id=listed().task_name)]
        return request(stream_name=stream, body=body(action=action, tasks=tasks))

    def listed():
        answer = v3.list_transfer_tasks(m.ListTransferTasksRequest(stream_name=stream))
        assert answer.total_number == 1
        return answer.tasks[0]

    def reached():
        # The SDK's model of a partition leaves this member out.
        answer = api.ok("GET", f"/v2/{{p}}/streams/{stream}/transfer-tasks/{task}")
        return answer["partitions"][0]["last_transfer_offset"]

    def shown():
        return v3.show_transfer_task(m.ShowTransferTaskRequest(stream_name=stream, task_name=task))

    first = [b"before %03d" % n for n in range(100)]
    put(first)
    made = v3.create_obs_transfer_task(
        m.CreateObsTransferTaskRequest(
            stream_name=stream,
            body=m.CreateTransferTaskReq(
                destination_type="OBS",
                obs_destination_descriptor=m.OBSDestinationDescriptorRequest(**descriptor(task)),
            ),
        )
    )
    assert made.status_code == 201
    wait_until_delivered(api, stream, task)
    assert lines(store, task) == first
    assert len(shown().partitions) == 1 and reached() == 99 and listed().last_transfer_timestamp > 0

    v3.batch_stop_transfer_task(batch(m.BatchStopTransferTaskRequest, m.BatchStopTransferTaskReq, "stop"))
    assert (listed().state, shown().state) == ("PAUSED", "PAUSED")
    second = [b"while paused %03d" % n for n in range(50)]
    put(second)
    assert reached() == 99
    v3.batch_start_transfer_task(batch(m.BatchStartTransferTaskRequest, m.BatchStartTransferTaskReq, "start"))
    wait_until_delivered(api, stream, task)
    assert listed().state == "RUNNING" and lines(store, task) == first + second
    prove(api, stream, task, stores.objects(store.boto(), "lake", f"{task}/"))

    # This SDK has no update; the request is the public one.
    changed = descriptor(task, file_prefix="v3changed", record_delimiter="|")
    api.ok(
        "PUT",
        f"/v2/{{p}}/streams/{stream}/transfer-tasks",
        {"destination_type": "OBS", "obs_destination_descriptor": changed},
    )
    put([b"after the update"])
    wait_until_delivered(api, stream, task)
    assert lines(store, "v3changed") == [b"after the update|"] and lines(store, task) == first + second
    assert shown().obs_destination_description.file_prefix == "v3changed"

    deleted = v3.delete_transfer_task(m.DeleteTransferTaskRequest(stream_name=stream, task_name=task))
    assert deleted.status_code == 204
    assert v3.list_transfer_tasks(m.ListTransferTasksRequest(stream_name=stream)).total_number == 0
    assert lines(store, task) == first + second, "delivered objects stay"
    v3.delete_stream(m.DeleteStreamRequest(stream_name=stream))


@pytest.mark.parametrize("derived", [True, False], ids=["derived", "classic"])
def test_legacy_sdk_life(house, store, derived):
    from dis_sdk_python import disclient

    running, api = house
    credentials = running.credentials
    legacy = disclient(
        endpoint=running.endpoint,
        ak=credentials["access_key"],
        sk=credentials["secret_key"],
        projectid=credentials["project_id"],
        region=credentials["region"],
        derivationKeySwitch=derived,
    )
    stream = task = "legacy_derived" if derived else "legacy_classic"
    assert legacy.createStream(stream, 1, "BLOB", "COMMON").statusCode == 201
    first = [f"before {n:03}" for n in range(100)]
    assert legacy.putRecords(stream, [{"data": t, "partition_key": "k"} for t in first]).failedRecordCount == 0
    given = descriptor(task)
    del given["task_name"]
    assert legacy.add_dump_task(stream, task, "OBS", given).statusCode == 201
    wait_until_delivered(api, stream, task)
    assert lines(store, task) == [t.encode() for t in first]
    listed = legacy.list_dump_task(stream)
    assert [t["task_name"] for t in listed.tasks] == [task] and listed.tasks[0]["state"] == "RUNNING"
    shown = legacy.describe_dump_task(stream, task)
    assert shown.status == "RUNNING" and shown.partitions[0]["last_transfer_offset"] == 99

    # This SDK has neither stop and start nor update; the requests are the public ones.
    act = f"/v2/{{p}}/streams/{stream}/transfer-tasks/action"
    api.ok("POST", act, {"action": "stop", "tasks": [{"id": listed.tasks[0]["task_id"]}]})
    assert legacy.describe_dump_task(stream, task).status == "PAUSED"
    assert legacy.putRecords(stream, [{"data": "while paused", "partition_key": "k"}]).failedRecordCount == 0
    api.ok("POST", act, {"action": "start", "tasks": [{"id": task}]})
    wait_until_delivered(api, stream, task)
    assert lines(store, task) == [t.encode() for t in first] + [b"while paused"]
    assert legacy.delete_dump_task(stream, task).statusCode == 204
    assert legacy.list_dump_task(stream).total_number == 0
    assert len(lines(store, task)) == 101, "delivered objects stay"
    assert legacy.deleteStream(stream).statusCode == 204
