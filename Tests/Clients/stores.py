"""Object stores under test: a real S3 server as a process of its own, and readers that know nothing of Sluice."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

import boto3
import botocore.config

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HOME = pathlib.Path(os.environ.get("SLUICE_TEST_S3_HOME") or ROOT.parent / "shared" / "servers" / "s3")
# The Python that has moto, for machines without the real server; made by Tests/Clients/run.
MOTO_PYTHON = os.environ.get("SLUICE_MOTO_PYTHON", "")
# A store that takes longer to start or to stop is broken (seconds).
START_BOUND = 30
STOP_BOUND = 20

ACCESS_KEY = "AKLAKE0000000001"
SECRET_KEY = "lake-secret-key-0000000000000001"
REGION = "lake-1"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def boto(endpoint, access_key=ACCESS_KEY, secret_key=SECRET_KEY, region=REGION):
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name=region,
        config=botocore.config.Config(
            s3={"addressing_style": "path"}, retries={"max_attempts": 5}, connect_timeout=5, read_timeout=60
        ),
    )


def obs(port, access_key=ACCESS_KEY, secret_key=SECRET_KEY):
    """esdk-obs-python, told to sign as S3 does."""
    from obs import ObsClient

    return ObsClient(
        access_key_id=access_key,
        secret_access_key=secret_key,
        server=f"http://127.0.0.1:{port}",
        signature="v4",
        region=REGION,
        path_style=True,
    )


class Store:
    """The Versity gateway, or moto where that is absent; the same port and folder after each start."""

    def __init__(self, folder, options=()):
        self.folder = pathlib.Path(folder)
        self.options = [str(option) for option in options]  # of the gateway's own
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.is_real = os.access(HOME / "start", os.X_OK)
        self.process = None
        self.log = self.folder / "store.log"

    def command(self):
        if self.is_real:
            keys = ["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY, "--region", REGION]
            return [str(HOME / "start"), "--dir", str(self.folder), "--port", str(self.port), *keys, "--", *self.options]
        print(f"{HOME}/start is absent (SLUICE_TEST_S3_HOME names its folder): moto stands in", file=sys.stderr)
        return [MOTO_PYTHON, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_BOUND
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return self
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop(signal.SIGKILL)
                raise RuntimeError(f"the S3 server did not start: {self.log.read_text(errors='replace')[-800:]}")
            time.sleep(0.01)

    def stop(self, by=signal.SIGTERM):
        if self.process is None:
            return
        self.process.send_signal(by)
        try:
            self.process.wait(STOP_BOUND)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def destroy(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def boto(self):
        return boto(self.endpoint)

    def make(self, bucket):
        client = self.boto()
        with contextlib.suppress(client.exceptions.BucketAlreadyOwnedByYou, client.exceptions.BucketAlreadyExists):
            # Outside of us-east-1 a bucket says where it is to be.
            client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})


def objects(client, bucket, prefix=""):
    """Every object of a bucket below a prefix, read with boto3: key -> bytes."""
    found = {}
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            # The gateway shows the folders it made for keys with slashes.
            if not entry["Key"].endswith("/"):
                found[entry["Key"]] = client.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
    return found


def read_with_obs(store, keys, bucket="lake"):
    """The objects as esdk-obs-python reads them: key -> bytes."""
    client = obs(store.port)
    found = {}
    for key in keys:
        # The gateway wants the time in S3's own header.
        now = {"x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())}
        answer = client.getObject(bucket, key, loadStreamInMemory=True, extensionHeaders=now)
        assert answer.status == 200, (key, answer.errorCode, answer.errorMessage)
        found[key] = bytes(answer.body.buffer)
    client.close()
    return found


def settings(agencies, more=""):
    """Settings that deliver each agency to its store, tried again soon; `more` is further settings of `transfer:`."""
    listed = "\n".join(destination(agency, *where) for agency, where in agencies.items())
    return f"""
transfer:
  minimum_deliver_interval: 1s
  retry_pause: 50ms
  retry_pause_max: 1s
{more}
destinations:
{listed}
"""


def destination(agency, endpoint, access_key=ACCESS_KEY, secret_key=SECRET_KEY, region=REGION, **more):
    """An element of `destinations:` of the settings file."""
    return "\n".join(
        [
            "  - type: obs",
            f"    agency: {agency}",
            f"    endpoint: {endpoint}",
            f"    region: {region}",
            f"    access_key: {access_key}",
            f"    secret_key: {secret_key}",
            *(f"    {name}: {value}" for name, value in more.items()),
        ]
    )
