"""Every operation of huaweicloudsdkdis that is no transfer task, unmodified, against the running server."""

import base64
import time

import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkdis.v2 import model as m


def b64(text):
    return base64.b64encode(text.encode()).decode()


def send(v3, stream, records, **names):
    request = m.SendRecordsRequest(
        body=m.PutRecordsRequest(stream_name=stream, records=[m.PutRecordsRequestEntry(**r) for r in records], **names)
    )
    return v3.send_records(request)


def cursor(v3, stream, partition="shardId-0000000000", kind="TRIM_HORIZON", **more):
    return v3.show_cursor(
        m.ShowCursorRequest(stream_name=stream, partition_id=partition, cursor_type=kind, **more)
    ).partition_cursor


def read(v3, at, **more):
    return v3.consume_records(m.ConsumeRecordsRequest(partition_cursor=at, **more))


def texts(page):
    return [base64.b64decode(r.data).decode() for r in page.records]


def code_of(call):
    with pytest.raises(ClientRequestException) as failure:
        call()
    return failure.value.status_code, failure.value.error_code


# Streams


def test_create_stream(v3, name):
    chosen = name("v3")
    schema = '{"type":"record","name":"M","fields":[{"name":"id","type":"string"}]}'
    answer = v3.create_stream(
        m.CreateStreamRequest(
            body=m.CreateStreamReq(
                stream_name=chosen,
                partition_count=2,
                stream_type="ADVANCED",
                data_type="JSON",
                data_duration=48,
                data_schema=schema,
                auto_scale_enabled=True,
                auto_scale_min_partition_count=1,
                auto_scale_max_partition_count=4,
                tags=[m.Tag("env", "lab")],
                compression_format="gzip",
            )
        )
    )
    assert answer.status_code == 201
    shown = v3.show_stream(m.ShowStreamRequest(stream_name=chosen))
    assert (shown.status, shown.stream_type, shown.data_type, shown.retention_period) == (
        "RUNNING",
        "ADVANCED",
        "JSON",
        48,
    )
    assert shown.data_schema == schema and shown.compression_format == "gzip"
    assert (shown.auto_scale_enabled, shown.auto_scale_min_partition_count, shown.auto_scale_max_partition_count) == (
        True,
        1,
        4,
    )
    assert [(t.key, t.value) for t in shown.tags] == [("env", "lab")]
    assert len(shown.partitions) == 2 and all(p.status == "ACTIVE" for p in shown.partitions)
    again = lambda: v3.create_stream(
        m.CreateStreamRequest(body=m.CreateStreamReq(stream_name=chosen, partition_count=1))
    )
    assert code_of(again) == (400, "DIS.4307")
    v3.delete_stream(m.DeleteStreamRequest(stream_name=chosen))


def test_create_stream_csv(v3, name):
    chosen = name("v3csv")
    v3.create_stream(
        m.CreateStreamRequest(
            body=m.CreateStreamReq(
                stream_name=chosen,
                partition_count=1,
                data_type="CSV",
                csv_properties=m.CSVProperties(delimiter=";"),
                sys_tags=[m.SysTag("_sys_enterprise_project_id", "0")],
            )
        )
    )
    shown = v3.show_stream(m.ShowStreamRequest(stream_name=chosen))
    assert shown.csv_properties.delimiter == ";"
    assert [(t.key, t.value) for t in shown.sys_tags] == [("_sys_enterprise_project_id", "0")]
    v3.delete_stream(m.DeleteStreamRequest(stream_name=chosen))


def test_list_streams(v3, stream):
    made = sorted(stream(prefix="v3list") for _ in range(3))
    found, start = [], None
    while True:
        page = v3.list_streams(m.ListStreamsRequest(limit=2, start_stream_name=start))
        found += page.stream_names
        assert [i.stream_name for i in page.stream_info_list] == page.stream_names
        if not page.has_more_streams:
            break
        start = page.stream_names[-1]
    assert found == sorted(found) and set(made) <= set(found)
    assert page.total_number == len(found)


def test_show_stream(v3, stream):
    chosen = stream(3)
    first = v3.show_stream(m.ShowStreamRequest(stream_name=chosen, limit_partitions=2))
    assert [p.partition_id for p in first.partitions] == ["shardId-0000000000", "shardId-0000000001"]
    assert first.has_more_partitions and first.writable_partition_count == first.readable_partition_count == 3
    assert first.partitions[0].hash_range == "[0 : 3074457345618258601]"
    assert first.partitions[0].sequence_number_range == "[0 : 0]"
    rest = v3.show_stream(
        m.ShowStreamRequest(stream_name=chosen, limit_partitions=2, start_partition_id="shardId-0000000001")
    )
    assert [p.partition_id for p in rest.partitions] == ["shardId-0000000002"] and not rest.has_more_partitions


def test_update_partition_count(v3, stream):
    chosen = stream(1)
    v3.update_partition_count(
        m.UpdatePartitionCountRequest(
            stream_name=chosen, body=m.UpdatePartitionCountReq(stream_name=chosen, target_partition_count=3)
        )
    )
    shown = v3.show_stream(m.ShowStreamRequest(stream_name=chosen))
    assert shown.writable_partition_count == 3
    assert shown.partitions[1].parent_partitions == "shardId-0000000000"
    v3.update_partition_count(
        m.UpdatePartitionCountRequest(
            stream_name=chosen, body=m.UpdatePartitionCountReq(stream_name=chosen, target_partition_count=1)
        )
    )
    shown = v3.show_stream(m.ShowStreamRequest(stream_name=chosen))
    assert [p.status for p in shown.partitions] == ["ACTIVE", "DELETED", "DELETED"]
    log = [
        (u.src_partition_count, u.target_partition_count, u.result_code, u.auto_scale)
        for u in shown.update_partition_counts
    ]
    assert log == [(1, 3, 1, False), (3, 1, 1, False)]


def test_update_stream(v3, stream):
    chosen = stream(1)
    v3.update_stream(
        m.UpdateStreamRequest(
            stream_name=chosen,
            body=m.UpdateStreamReq(
                stream_name=chosen,
                data_duration=72,
                data_type="JSON",
                auto_scale_enabled=True,
                auto_scale_min_partition_count=1,
                auto_scale_max_partition_count=3,
            ),
        )
    )
    shown = v3.show_stream(m.ShowStreamRequest(stream_name=chosen))
    assert (shown.retention_period, shown.data_type, shown.auto_scale_enabled) == (72, "JSON", True)
    assert shown.last_modified_time >= shown.create_time


def test_delete_stream(v3, api, name):
    chosen = name("v3del")
    api.create_stream(chosen)
    assert v3.delete_stream(m.DeleteStreamRequest(stream_name=chosen)).status_code == 204
    assert code_of(lambda: v3.show_stream(m.ShowStreamRequest(stream_name=chosen))) == (400, "DIS.4301")
    assert code_of(lambda: v3.delete_stream(m.DeleteStreamRequest(stream_name=chosen))) == (400, "DIS.4301")


# Records


def test_send_records(v3, stream):
    chosen = stream(3)
    answer = send(
        v3,
        chosen,
        [
            {"data": b64("by key"), "partition_key": "a"},
            {"data": b64("by hash"), "explicit_hash_key": "9223372036854775807"},
            {"data": b64("by id"), "partition_id": "shardId-0000000001"},
            {"data": b64("by number"), "partition_id": "1"},
            {"data": b64("anywhere")},
        ],
    )
    assert answer.failed_record_count == 0
    assert [r.partition_id for r in answer.records[:4]] == [
        "shardId-0000000000",
        "shardId-0000000002",
        "shardId-0000000001",
        "shardId-0000000001",
    ]
    assert [r.sequence_number for r in answer.records[2:4]] == ["0", "1"]
    assert all(r.error_code is None for r in answer.records)


def test_send_records_by_stream_id(v3, api, stream):
    chosen = stream(1)
    answer = send(v3, "", [{"data": b64("x"), "partition_key": "k"}], stream_id=api.stream(chosen)["stream_id"])
    assert answer.records[0].sequence_number == "0"


def test_send_records_partial_failure(v3, stream):
    answer = send(
        v3,
        stream(1),
        [
            {"data": b64("good"), "partition_id": "0"},
            {"data": b64("nowhere"), "partition_id": "9"},
            {"data": b64("good too"), "partition_id": "0"},
        ],
    )
    assert answer.failed_record_count == 1
    assert answer.records[1].error_code == "DIS.4302" and answer.records[1].sequence_number is None
    assert [answer.records[i].sequence_number for i in (0, 2)] == ["0", "1"]


@pytest.mark.parametrize(
    "kind, more, expected",
    [
        ("TRIM_HORIZON", {}, ["r0", "r1", "r2", "r3"]),
        ("LATEST", {}, []),
        ("AT_SEQUENCE_NUMBER", {"starting_sequence_number": "2"}, ["r2", "r3"]),
        ("AT_SEQUENCE_NUMBER", {"starting_sequence_number": "4"}, []),
        ("AFTER_SEQUENCE_NUMBER", {"starting_sequence_number": "2"}, ["r3"]),
        (None, {"starting_sequence_number": "1"}, ["r1", "r2", "r3"]),
        (None, {}, ["r0", "r1", "r2", "r3"]),
    ],
)
def test_show_cursor(v3, stream, kind, more, expected):
    chosen = stream(1)
    send(v3, chosen, [{"data": b64(f"r{i}"), "partition_id": "0"} for i in range(4)])
    assert texts(read(v3, cursor(v3, chosen, kind=kind, **more))) == expected


def test_show_cursor_at_timestamp(v3, stream):
    chosen = stream(1)
    send(v3, chosen, [{"data": b64("before"), "partition_id": "0"}])
    stored = read(v3, cursor(v3, chosen)).records[0].timestamp
    while int(time.time() * 1000) <= stored:
        time.sleep(0.001)
    send(v3, chosen, [{"data": b64("after"), "partition_id": "0"}])
    assert texts(read(v3, cursor(v3, chosen, kind="AT_TIMESTAMP", timestamp=stored + 1))) == ["after"]
    assert texts(read(v3, cursor(v3, chosen, kind="AT_TIMESTAMP", timestamp=stored))) == ["before", "after"]


def test_consume_records(v3, stream):
    chosen = stream(1)
    send(v3, chosen, [{"data": b64(f"r{i:03}"), "partition_key": "k"} for i in range(100)])
    at, found = cursor(v3, chosen), []
    for _ in range(100):
        page = read(v3, at, max_fetch_bytes=40)
        found += texts(page)
        at = page.next_partition_cursor
        if len(found) == 100:
            break
        assert 1 <= len(page.records) <= 10
    assert found == [f"r{i:03}" for i in range(100)]
    record = read(v3, cursor(v3, chosen)).records[0]
    assert (record.partition_key, record.sequence_number, record.timestamp_type) == ("k", "0", "CreateTime")
    assert abs(record.timestamp - time.time() * 1000) < 60_000
    empty = read(v3, at)
    assert empty.records == [] and empty.next_partition_cursor
    assert texts(read(v3, cursor(v3, chosen), max_fetch_bytes=2)) == []


def test_consume_records_across_scaling(v3, stream):
    chosen = stream(2)
    send(v3, chosen, [{"data": b64(f"a{i}"), "partition_id": "1"} for i in range(3)])
    scale = lambda count: v3.update_partition_count(
        m.UpdatePartitionCountRequest(
            stream_name=chosen, body=m.UpdatePartitionCountReq(stream_name=chosen, target_partition_count=count)
        )
    )
    scale(1)
    refused = send(v3, chosen, [{"data": b64("closed"), "partition_id": "1"}])
    assert refused.failed_record_count == 1
    assert texts(read(v3, cursor(v3, chosen, "shardId-0000000001"))) == ["a0", "a1", "a2"]
    scale(3)
    answer = send(v3, chosen, [{"data": b64("a3"), "partition_id": "1"}])
    assert answer.records[0].sequence_number == "3"
    assert texts(read(v3, cursor(v3, chosen, "shardId-0000000001"))) == ["a0", "a1", "a2", "a3"]


# Apps and checkpoints


def test_create_app(v3, name):
    chosen = name("v3app")
    assert v3.create_app(m.CreateAppRequest(body=m.CreateAppReq(app_name=chosen))).status_code == 201
    assert code_of(lambda: v3.create_app(m.CreateAppRequest(body=m.CreateAppReq(app_name=chosen)))) == (400, "DIS.4330")
    v3.delete_app(m.DeleteAppRequest(app_name=chosen))


def test_list_app(v3, app):
    made = sorted(app() for _ in range(3))
    found, start = [], None
    while True:
        page = v3.list_app(m.ListAppRequest(limit=2, start_app_name=start))
        found += [a.app_name for a in page.apps]
        if not page.has_more_app:
            break
        start = found[-1]
    assert found == sorted(found) and set(made) <= set(found) and page.total_number == len(found)


def test_show_app(v3, app, stream):
    chosen, source = app(), stream(1)
    shown = v3.show_app(m.ShowAppRequest(app_name=chosen))
    assert shown.app_name == chosen and shown.app_id and shown.commit_checkpoint_stream_names == []
    commit(v3, chosen, source, "0")
    assert v3.show_app(m.ShowAppRequest(app_name=chosen)).commit_checkpoint_stream_names == [source]
    assert code_of(lambda: v3.show_app(m.ShowAppRequest(app_name=chosen + "x"))) == (400, "DIS.4332")


def test_delete_app(v3, api, name):
    chosen = name("v3app")
    api.ok("POST", "/v2/{p}/apps", {"app_name": chosen})
    assert v3.delete_app(m.DeleteAppRequest(app_name=chosen)).status_code == 204
    assert code_of(lambda: v3.delete_app(m.DeleteAppRequest(app_name=chosen))) == (400, "DIS.4332")


def commit(v3, app, stream, number, partition="shardId-0000000000", metadata=None):
    return v3.commit_checkpoint(
        m.CommitCheckpointRequest(
            body=m.CommitCheckpointReq(
                app_name=app,
                checkpoint_type="LAST_READ",
                stream_name=stream,
                partition_id=partition,
                sequence_number=number,
                metadata=metadata,
            )
        )
    )


def checkpoint(v3, app, stream, partition="0"):
    return v3.show_checkpoint(
        m.ShowCheckpointRequest(app_name=app, stream_name=stream, partition_id=partition, checkpoint_type="LAST_READ")
    )


def test_show_consumer_state(v3, app, stream):
    chosen, source = app(), stream(3)
    send(v3, source, [{"data": b64("x"), "partition_id": "1"} for _ in range(5)])
    commit(v3, chosen, source, "3", partition="1")
    state = v3.show_consumer_state(
        m.ShowConsumerStateRequest(app_name=chosen, stream_name=source, checkpoint_type="LAST_READ")
    )
    rows = [
        (s.partition_id, s.sequence_number, s.earliest_offset, s.latest_offset)
        for s in state.partition_consuming_states
    ]
    assert rows == [
        ("shardId-0000000000", "-1", 0, 0),
        ("shardId-0000000001", "3", 0, 5),
        ("shardId-0000000002", "-1", 0, 0),
    ]
    page = v3.show_consumer_state(
        m.ShowConsumerStateRequest(
            app_name=chosen, stream_name=source, checkpoint_type="LAST_READ", limit=1, start_partition_id="1"
        )
    )
    assert [s.partition_id for s in page.partition_consuming_states] == ["shardId-0000000001"] and page.has_more


def test_commit_checkpoint(v3, app, stream):
    chosen, source = app(), stream(1)
    send(v3, source, [{"data": b64("x"), "partition_id": "0"} for _ in range(10)])
    assert commit(v3, chosen, source, "9", metadata="note").status_code == 201
    shown = checkpoint(v3, chosen, source)
    assert (shown.sequence_number, shown.metadata) == ("9", "note")
    commit(v3, chosen, source, "4")
    assert checkpoint(v3, chosen, source).sequence_number == "4"
    assert code_of(lambda: commit(v3, chosen, source, "11")) == (400, "DIS.4224")
    assert code_of(lambda: commit(v3, chosen + "x", source, "1")) == (400, "DIS.4332")


def test_show_checkpoint(v3, app, stream):
    chosen, source = app(), stream(1)
    assert checkpoint(v3, chosen, source).sequence_number == "-1"
    assert code_of(lambda: checkpoint(v3, chosen, source, "7")) == (400, "DIS.4302")


def test_delete_checkpoint(v3, app, stream):
    chosen, source = app(), stream(2)
    for partition in ("0", "1"):
        commit(v3, chosen, source, "0", partition=partition)
    delete = lambda **more: v3.delete_checkpoint(
        m.DeleteCheckpointRequest(stream_name=source, app_name=chosen, checkpoint_type="LAST_READ", **more)
    )
    assert delete(partition_id="1").status_code == 204
    assert [checkpoint(v3, chosen, source, p).sequence_number for p in ("0", "1")] == ["0", "-1"]
    delete()
    assert checkpoint(v3, chosen, source).sequence_number == "-1"


# Tags


def tags_of(v3, stream_id):
    return {t.key: t.value for t in v3.show_stream_tags(m.ShowStreamTagsRequest(stream_id=stream_id)).tags}


def test_create_tag(v3, api, stream):
    identifier = api.stream(stream(1))["stream_id"]
    tag = lambda key, value: v3.create_tag(
        m.CreateTagRequest(stream_id=identifier, body=m.CreateTagReq(tag=m.Tag(key, value)))
    )
    assert tag("env", "lab").status_code == 204
    tag("env", "prod")
    tag("中文", "x.y")
    assert tags_of(v3, identifier) == {"env": "prod", "中文": "x.y"}
    for number in range(8):
        tag(f"k{number}", "v")
    assert code_of(lambda: tag("eleventh", "v")) == (400, "DIS.4601")


def test_delete_tag(v3, api, stream):
    identifier = api.stream(stream(1, tags=[{"key": "中", "value": "1"}]))["stream_id"]
    delete = lambda: v3.delete_tag(m.DeleteTagRequest(stream_id=identifier, key="中"))
    assert delete().status_code == 204
    assert code_of(delete) == (400, "DIS.4604")


def test_batch_create_tags(v3, api, stream):
    identifier = api.stream(stream(1))["stream_id"]
    v3.batch_create_tags(
        m.BatchCreateTagsRequest(
            stream_id=identifier, body=m.BatchCreateTagsReq(action="create", tags=[m.Tag("a", "1"), m.Tag("b", "2")])
        )
    )
    assert tags_of(v3, identifier) == {"a": "1", "b": "2"}


def test_batch_delete_tags(v3, api, stream):
    identifier = api.stream(stream(1, tags=[{"key": k, "value": "1"} for k in "abc"]))["stream_id"]
    v3.batch_delete_tags(
        m.BatchDeleteTagsRequest(
            stream_id=identifier,
            body=m.BatchDeleteTagsReq(action="delete", tags=[m.Tag("a", "1"), m.Tag("c"), m.Tag("unknown", "1")]),
        )
    )
    assert tags_of(v3, identifier) == {"b": "1"}


def test_show_stream_tags(v3, api, stream):
    assert tags_of(v3, api.stream(stream(1))["stream_id"]) == {}
    assert code_of(lambda: tags_of(v3, "unknown0000000000000")) == (400, "DIS.4603")


def test_list_tags(v3, stream, name):
    key = name("key")
    stream(1, tags=[{"key": key, "value": "one"}])
    stream(1, tags=[{"key": key, "value": "two"}])
    stream(1, tags=[{"key": key, "value": "one"}])
    found = {t.key: sorted(t.values) for t in v3.list_tags(m.ListTagsRequest()).tags}
    assert found[key] == ["one", "two"]


def test_list_resources_by_tags(v3, stream, name):
    key = name("key")
    one = stream(1, tags=[{"key": key, "value": "one"}])
    two = stream(1, tags=[{"key": key, "value": "two"}, {"key": key + "x", "value": "y"}])

    def find(**conditions):
        answer = v3.list_resources_by_tags(m.ListResourcesByTagsRequest(body=m.ListResourceInstancesReq(**conditions)))
        return sorted(r.resource_name for r in answer.resources or []), answer.total_count

    tags = lambda k, *values: [m.Tags(key=k, values=list(values))]
    assert find(action="filter", tags=tags(key, "one")) == ([one], 1)
    assert find(action="filter", tags=tags(key)) == (sorted([one, two]), 2)
    assert find(action="filter", tags_any=tags(key, "one", "two")) == (sorted([one, two]), 2)
    assert find(action="filter", tags=tags(key), not_tags=tags(key + "x", "y")) == ([one], 1)
    assert find(action="filter", tags=tags(key), not_tags_any=tags(key + "x", "y")) == ([one], 1)
    assert find(action="count", tags=tags(key)) == ([], 2)
    page = find(action="filter", tags=tags(key), limit="1", offset="1")
    assert len(page[0]) == 1 and page[1] == 2
    assert find(action="filter", matches='[{"key": "resource_name", "value": "%s"}]' % two) == ([two], 1)
    assert find(action="filter", matches=[{"key": "resource_name", "value": one}]) == ([one], 1)


# Metrics and policies


def window():
    now = int(time.time())
    return {"start_time": now - 600, "end_time": now + 60}


def total(metrics):
    return sum(p.value for p in metrics.data_points)


def test_show_stream_metrics(v3, stream):
    chosen = stream(2)
    send(v3, chosen, [{"data": b64("x" * 10), "partition_id": str(i % 2)} for i in range(6)])
    ask = lambda **labels: v3.show_stream_metrics(m.ShowStreamMetricsRequest(stream_name=chosen, **labels, **window()))
    answer = ask(label="total_put_records_per_stream")
    assert answer.metrics.label == "total_put_records_per_stream" and total(answer.metrics) == 6
    answer = ask(label_list="total_put_bytes_per_stream,total_put_req_suc_per_stream,total_get_records_per_stream")
    assert [(x.label, total(x)) for x in answer.metrics_list] == [
        ("total_put_bytes_per_stream", 60),
        ("total_put_req_suc_per_stream", 1),
        ("total_get_records_per_stream", 0),
    ]
    read(v3, cursor(v3, chosen))
    assert total(ask(label="total_get_records_per_stream").metrics) == 3
    assert code_of(lambda: ask(label="nonsense")) == (400, "DIS.4209")


def test_show_partition_metrics(v3, stream):
    chosen = stream(2)
    send(v3, chosen, [{"data": b64("x" * 10), "partition_id": "1"} for _ in range(3)])
    ask = lambda partition: v3.show_partition_metrics(
        m.ShowPartitionMetricsRequest(
            stream_name=chosen, partition_id=partition, label="total_put_bytes_per_partition", **window()
        )
    )
    assert total(ask("0").metrics) == 0
    assert total(ask("shardId-0000000001").metrics) == 30
    assert code_of(lambda: ask("5")) == (400, "DIS.4302")


def test_list_policies(v3, api, stream):
    chosen = stream(1)
    identifier = api.stream(chosen)["stream_id"]
    ask = lambda: v3.list_policies(m.ListPoliciesRequest(stream_name=chosen))
    assert ask().stream_id == identifier and ask().rules == []
    api.ok(
        "POST",
        f"/v2/{{p}}/streams/{chosen}/policies",
        {"stream_id": identifier, "principal_name": "partner.*", "action_type": "putRecords", "effect": "accept"},
    )
    assert [(r.principal_name, r.action_type, r.effect) for r in ask().rules] == [("partner.*", "putRecords", "accept")]


# Around the operations


def test_request_id_and_error_shape(v3, name):
    with pytest.raises(ClientRequestException) as failure:
        v3.show_stream(m.ShowStreamRequest(stream_name=name("absent")))
    assert failure.value.request_id and failure.value.error_code == "DIS.4301"
    assert "stream does not exist" in failure.value.error_msg


def test_derived_signature(server, credentials, stream):
    """V11 keys: the SDK derives them only after this private call (no service name is set in its client)."""
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkdis.v2 import DisClient

    keys = BasicCredentials(credentials["access_key"], credentials["secret_key"], credentials["project_id"])
    keys.with_derived_predicate(lambda request: True)
    keys._process_derived_auth_params("dis", credentials["region"])
    client = DisClient.new_builder().with_credentials(keys).with_endpoint(server.endpoint).build()
    chosen = stream(1)
    assert send(client, chosen, [{"data": b64("x"), "partition_key": "中 +/%"}]).failed_record_count == 0
    assert texts(read(client, cursor(client, chosen))) == ["x"]


def test_large_request(v3, stream):
    """Five records of 1 MB of data fill a request; one byte more in a record refuses it whole."""
    chosen = stream(1)
    megabyte = b"m" * 1048576
    data = base64.b64encode(megabyte).decode()
    answer = send(v3, chosen, [{"data": data, "partition_id": "0"} for _ in range(5)])
    assert answer.failed_record_count == 0
    page = read(v3, cursor(v3, chosen), max_fetch_bytes=10 * 1048576)
    assert [base64.b64decode(r.data) == megabyte for r in page.records] == [True] * 5
    over = base64.b64encode(megabyte + b"m").decode()
    assert code_of(lambda: send(v3, chosen, [{"data": over, "partition_id": "0"}])) == (400, "DIS.4200")
    assert code_of(lambda: send(v3, chosen, [{"data": data, "partition_id": "0"} for _ in range(6)])) == (
        413,
        "DIS.4200",
    )
