"""A real S3 server whose buckets a test can look into, and a running Sluice with the commands on its data directory."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import time

import pytest

import serverprocess
from api import Api

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
S3_HOME = pathlib.Path(os.environ.get("SLUICE_TEST_S3_HOME") or ROOT.parent / "shared" / "servers" / "s3")
ACCESS_KEY = "AKDEST0000000001"
SECRET_KEY = "destination-secret-key-000000001"
REGION = "region1"
# A delivery, or a store's start, that takes longer is a fault (seconds).
BOUND = 60
QUICK = "transfer:\n  minimum_deliver_interval: 1s\n  retry_pause: 50ms\n"


class Gateway:
    """A real S3 server; its buckets are folders of `data`."""

    def __init__(self, folder, *more):
        self.folder = folder
        self.data = folder / "data"
        folder.mkdir(parents=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.authority = f"127.0.0.1:{self.port}"
        keys = ["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY, "--region", REGION]
        with open(folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                [str(S3_HOME / "start"), "--dir", str(folder), "--port", str(self.port), *keys, *more],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + BOUND
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                break
            assert self.process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.01)
        (self.data / "lake").mkdir()

    def stop(self):
        self.process.terminate()
        self.process.wait(BOUND)

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


def running_gateway(folder, *more):
    if not os.access(S3_HOME / "start", os.X_OK):
        pytest.skip(f"{S3_HOME}/start is absent; SLUICE_TEST_S3_HOME names the folder of a real S3 server")
    return Gateway(folder, *more)


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
            "--endpoint", f"http://{gateway.authority}", "--access-key", ACCESS_KEY, *arguments, typed=SECRET_KEY + "\n"
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
