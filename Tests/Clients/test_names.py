"""Names with a blank, plus, colon, slash and %2F over both Python SDKs: signed one way, routed another.

Stream and app names may hold none of these characters, so what proves the signature is that the refusal is the
service's own answer about the name (or the route), never one about the signature. A tag's key goes through as it is.
"""

import pytest
from dis_sdk_python.com.huaweicloud.dis.sdk.python.models.disexception import DisException
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkdis.v2 import model as m

NAMES = ["a b", "a+b", "a:b", "a;b", "a%b", "a%2Fb", "a%20b", "中文", "ä%"]


@pytest.mark.parametrize("given", NAMES + ["a/b"])
def test_v3_sdk(v3, given):
    for call in (
        lambda: v3.show_stream(m.ShowStreamRequest(stream_name=given)),
        lambda: v3.show_app(m.ShowAppRequest(app_name=given)),
        lambda: v3.delete_tag(m.DeleteTagRequest(stream_id="unknown", key=given)),
    ):
        with pytest.raises(ClientRequestException) as failure:
            call()
        assert failure.value.status_code in (400, 404), failure.value
        assert failure.value.error_code in ("DIS.4301", "DIS.4332", "DIS.4603", "DIS.4200"), failure.value


@pytest.mark.parametrize("given", NAMES)
def test_legacy_sdk(legacy, given):
    for call in (legacy.describeStream, legacy.describeApp, legacy.deleteStream):
        with pytest.raises(DisException) as failure:
            call(given)
        assert any(code in str(failure.value) for code in ("DIS.4301", "DIS.4332", "DIS.4200")), failure.value


@pytest.mark.parametrize("given", ["a/b", "a//b", "a/../b"])
def test_legacy_sdk_raw_slash(legacy, given):
    """The legacy SDK leaves a slash as it is, so that the path names no route."""
    with pytest.raises(DisException) as failure:
        legacy.describeStream(given)
    assert "DIS.4200" in str(failure.value) or "DIS.4301" in str(failure.value)
    assert "DIS.4112" not in str(failure.value)


@pytest.mark.parametrize("given", NAMES)
def test_query_values(legacy, v3, given):
    """The same characters in a query, where a blank is a plus for one SDK and %20 for the other."""
    assert legacy.listStream(startStreamName=given).statusCode == 200
    assert v3.list_streams(m.ListStreamsRequest(start_stream_name=given)).status_code == 200


@pytest.mark.parametrize("key", ["a-b", "a_b", "中文", "0"])
def test_tag_keys(v3, api, stream, key):
    identifier = api.stream(stream(1))["stream_id"]
    v3.create_tag(m.CreateTagRequest(stream_id=identifier, body=m.CreateTagReq(tag=m.Tag(key, "v"))))
    assert v3.delete_tag(m.DeleteTagRequest(stream_id=identifier, key=key)).status_code == 204


@pytest.mark.parametrize("key", ["a b", "a+b", "a:b", "a/b", "a%2Fb", "中 +/%"])
def test_partition_keys(v3, legacy, stream, key):
    """In a body every text is allowed; what was put is what is read."""
    chosen = stream(1)
    v3.send_records(
        m.SendRecordsRequest(
            body=m.PutRecordsRequest(
                stream_name=chosen, records=[m.PutRecordsRequestEntry(data="eA==", partition_key=key)]
            )
        )
    )
    legacy.put_records(chosen, "", [{"data": "x", "partition_key": key}])
    page = legacy.getRecords(legacy.getCursor(chosen, "0", "TRIM_HORIZON").cursor)
    assert [r["partitionKey"] for r in page.recordResult] == [key, key]
