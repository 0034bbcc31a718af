"""A real S3 server whose buckets a test can look into, and a running Sluice with the commands on its data directory."""

import json
import subprocess
import time

import pytest

import serverprocess
import stores
from api import Api
from stores import ACCESS_KEY, REGION, SECRET_KEY

# A delivery, or a store's start, that takes longer is a fault (seconds).
BOUND = 60
QUICK = "transfer:\n  minimum_deliver_interval: 1s\n  retry_pause: 50ms\n"


class Gateway(stores.Store):
    """The real S3 server with the bucket `lake`; its buckets are folders of `data`. Over TLS with further options."""

    def __init__(self, folder, *options):
        super().__init__(folder, options)
        self.data = folder / "data"
        self.authority = f"127.0.0.1:{self.port}"

    def texts(self):
        return texts(self.data / "lake")


def texts(folder):
    """What the objects of a bucket's folder say, without what the store keeps for itself."""
    found = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith(".") for part in parts):
            found["/".join(parts)] = path.read_text()
    return found


def running_gateway(folder, *options):
    running = Gateway(folder, *options)
    if not running.is_real:
        pytest.skip(f"{stores.HOME}/start is absent; SLUICE_TEST_S3_HOME names the folder of a real S3 server")
    running.start()
    (running.data / "lake").mkdir()
    return running


class House:
    """A running server and the commands on its data directory."""

    def __init__(self, server):
        self.server = server.start()
        self.api = Api(server.endpoint, server.credentials)

    def run(self, *arguments, typed=None, environment=None):
        return subprocess.run(
            [serverprocess.BINARY, "destination", *arguments, "--data-dir", str(self.server.data_dir)],
            input=typed,
            stdin=subprocess.DEVNULL if typed is None else None,
            capture_output=True,
            text=True,
            timeout=60,
            env={**serverprocess.clean_environment(), **(environment or {})},
            cwd=self.server.folder,
        )

    def add(self, *arguments, typed=None):
        done = self.run("add", "obs", *arguments, typed=typed)
        assert done.returncode == 0, done.stderr
        return done

    def add_gateway(self, gateway, *arguments):
        return self.add(
            "--endpoint", f"http://{gateway.authority}", "--access-key", ACCESS_KEY,
            *("--region", REGION), *arguments, typed=SECRET_KEY + "\n"
        )

    def listed(self, **more):
        done = self.run("list", "--output", "json", **more)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @staticmethod
    def body(task="t", agency="cloud", prefix="", bucket="lake"):
        return {
            "destination_type": "OBS",
            "obs_destination_descriptor": {
                "task_name": task,
                "agency_name": agency,
                "obs_bucket_path": bucket,
                "file_prefix": prefix,
                "deliver_time_interval": 1,
                "consumer_strategy": "TRIM_HORIZON",
            },
        }

    def create(self, stream, *arguments, method="POST", **more):
        path = f"/v2/{{p}}/streams/{stream}/transfer-tasks"
        return self.api.call(method, path, self.body(*arguments, **more))

    def show(self, stream, task="t"):
        return self.api.ok("GET", f"/v2/{{p}}/streams/{stream}/transfer-tasks/{task}")

    def act(self, stream, action, task="t"):
        body = {"action": action, "tasks": [{"id": task}]}
        return self.api.call("POST", f"/v2/{{p}}/streams/{stream}/transfer-tasks/action", body)

    def wait(self, what, condition, bound=BOUND):
        deadline = time.monotonic() + bound
        while not (found := condition()):
            assert time.monotonic() < deadline, what
            time.sleep(0.02)
        return found
