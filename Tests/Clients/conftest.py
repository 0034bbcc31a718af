"""What all tests share: one server for the whole run, servers of their own for those that stop or kill, the clients."""

import itertools
import os
import pathlib

import pytest

import destinations
import serverprocess
import stores
from api import Api

NAMES = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def binary():
    path = pathlib.Path(serverprocess.BINARY)
    if not path.is_file() or not os.access(path, os.X_OK):
        pytest.exit("SLUICE_BINARY names no executable; start these tests with Tests/Clients/run", returncode=2)
    return path


# Deliveries and groups as quick as a test wants them.
QUICK = """
groups:
  join_window: 300ms
transfer:
  minimum_deliver_interval: 1s
"""


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The server that most tests share. It has to end in order when they are done."""
    running = serverprocess.Server(tmp_path_factory.mktemp("shared"), settings=QUICK).start()
    yield running
    assert running.is_running(), f"the shared server died: {running.log.read_text()[-2000:]}"
    assert running.stop() == 0


@pytest.fixture(scope="session")
def bucket_root(server):
    """The folder that holds the buckets of the shared server."""
    return server.data_dir / "buckets"


@pytest.fixture
def new_server(tmp_path):
    """Makes servers that the test may stop and kill; what still runs afterwards is ended."""
    made = []

    def make(name="server", **options):
        running = serverprocess.Server(tmp_path / name, **options)
        made.append(running)
        return running

    yield make
    for running in made:
        if running.is_running():
            running.kill()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """A real S3 server with the bucket `lake`, its folder in sight."""
    running = destinations.running_gateway(tmp_path_factory.mktemp("s3") / "plain")
    yield running
    running.stop()


@pytest.fixture
def house(new_server):
    """A running server of the test's own, and the commands on its data directory."""
    made = destinations.House(new_server(settings=destinations.QUICK))
    yield made
    assert made.server.stop() == 0


@pytest.fixture(scope="session")
def credentials(server):
    return server.credentials


@pytest.fixture
def api(server, credentials):
    caller = Api(server.endpoint, credentials)
    yield caller
    caller.close()


@pytest.fixture
def name():
    """Makes names that no other test has."""
    return lambda prefix="s": f"{prefix}-{os.getpid()}-{next(NAMES)}"


@pytest.fixture
def stream(api, name):
    """Makes streams that are deleted after the test."""
    made = []

    def make(partitions=1, prefix="stream", **members):
        chosen = name(prefix)
        api.create_stream(chosen, partitions, **members)
        made.append(chosen)
        return chosen

    yield make
    for chosen in made:
        api.call("DELETE", f"/v2/{{p}}/streams/{chosen}")


@pytest.fixture
def app(api, name):
    """Makes apps that are deleted after the test."""
    made = []

    def make():
        chosen = name("app")
        api.ok("POST", "/v2/{p}/apps", {"app_name": chosen})
        made.append(chosen)
        return chosen

    yield make
    for chosen in made:
        api.call("DELETE", f"/v2/{{p}}/apps/{chosen}")


@pytest.fixture
def v3(server, credentials):
    return v3_client(server.endpoint, credentials)


def v3_client(endpoint, credentials, credential_type=None):
    """huaweicloudsdkdis as its documentation builds it."""
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkcore.http.http_config import HttpConfig
    from huaweicloudsdkdis.v2 import DisClient

    keys = BasicCredentials(credentials["access_key"], credentials["secret_key"], credentials["project_id"])
    return (
        DisClient.new_builder()
        .with_credentials(keys)
        .with_endpoint(endpoint)
        .with_http_config(HttpConfig.get_default_config())
        .build()
    )


@pytest.fixture(params=[True, False], ids=["derived", "classic"])
def legacy(request, server, credentials):
    """huaweicloud-sdk-python-dis with either of its signatures."""
    from dis_sdk_python import disclient

    return disclient(
        endpoint=server.endpoint,
        ak=credentials["access_key"],
        sk=credentials["secret_key"],
        projectid=credentials["project_id"],
        region=credentials["region"],
        derivationKeySwitch=request.param,
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A real S3 server with one bucket, `lake`."""
    running = stores.Store(tmp_path_factory.mktemp("store")).start()
    running.make("lake")
    yield running
    running.destroy()


@pytest.fixture
def delivering(new_server):
    """Starts a server that delivers to the given stores: agency -> what `stores.destination` wants beside it."""

    def make(agencies, more="", folder="server"):
        return new_server(folder, settings=stores.settings(agencies, more))

    return make
