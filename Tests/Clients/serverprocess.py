"""One real Sluice process under test: started with a data folder and a free port, ended by its process id."""

import json
import os
import pathlib
import signal
import subprocess
import time

import psutil

BINARY = os.environ.get("SLUICE_BINARY", "")
# A start that takes longer than this is a fault, also on a busy machine (seconds).
READY_BOUND = 30
# SIGTERM answers what is in flight and ends (seconds).
STOP_BOUND = 30
# Between two looks at what a starting process has printed (seconds).
LOOK_AGAIN = 0.002


def clean_environment():
    """The environment without anything that is a setting of Sluice or of a client."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("SLUICE_", "HUAWEICLOUD_"))}


class StartFailed(Exception):
    """The process ended, or said nothing, before it was ready; carries its exit status and what it printed."""

    def __init__(self, status, output):
        super().__init__(f"sluice did not become ready (exit status {status}): {output[-2000:]}")
        self.status = status
        self.output = output


class Server:
    """A running server. `log` is the file with its standard error, `printed` the one with its standard output."""

    def __init__(self, folder, arguments=(), environment=None, settings=None):
        self.folder = pathlib.Path(folder)
        self.data_dir = self.folder / "data"
        self.log = self.folder / "server.log"
        self.printed = self.folder / "printed"
        self.arguments = list(arguments)
        self.environment = dict(environment or {})
        self.settings = settings
        self.process = None
        self.endpoint = None
        self.ready_seconds = None

    def command(self):
        command = [BINARY, "serve", "--data-dir", str(self.data_dir), "--listen", "127.0.0.1:0", "--log-format", "json"]
        if self.settings is not None:
            file = self.folder / "sluice.yaml"
            file.write_text(self.settings)
            command += ["--config", str(file)]
        return command + self.arguments

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        environment = clean_environment()
        environment.update(self.environment)
        began = time.monotonic()
        self.printed.unlink(missing_ok=True)
        with open(self.log, "ab") as log, open(self.printed, "wb") as printed:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=printed, stderr=log, env=environment
            )
        event = json.loads(self._ready_line(began + READY_BOUND))
        self.ready_seconds = time.monotonic() - began
        self.endpoint = event["endpoint"].rstrip("/")
        return self

    def _ready_line(self, deadline):
        """Looks at what has been printed until the ready line is there; log lines may come before it."""
        while True:
            ended = self.process.poll() is not None
            for line in self.printed.read_bytes().split(b"\n")[:-1]:
                if line.startswith(b'{"event":"ready"'):
                    return line
            if ended or time.monotonic() > deadline:
                if not ended:
                    self.process.kill()
                status = self.process.wait()
                output = self.printed.read_text(errors="replace") + self.log.read_text(errors="replace")
                raise StartFailed(status, output)
            time.sleep(LOOK_AGAIN)

    @property
    def credentials(self):
        return json.loads((self.data_dir / "credentials.json").read_text())

    @property
    def pid(self):
        return self.process.pid

    @property
    def port(self):
        return int(self.endpoint.rsplit(":", 1)[1])

    def resident(self):
        """Resident memory in bytes."""
        return psutil.Process(self.pid).memory_info().rss

    def peak(self):
        """The most that was ever resident, in bytes."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmHWM")

    def stop(self):
        """Ends it in order and returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self):
        try:
            status = self.process.wait(STOP_BOUND)
        except subprocess.TimeoutExpired as late:
            self.process.kill()
            self.process.wait()
            raise AssertionError(
                f"still running {STOP_BOUND} s after SIGTERM; log: {self.log.read_text()[-2000:]}"
            ) from late
        return status

    def kill(self):
        """SIGKILL: no code of the server runs any more."""
        self.process.kill()
        self.process.wait()

    def is_running(self):
        return self.process is not None and self.process.poll() is None


def admin(data_dir, *arguments):
    """Runs `sluice admin` and returns the finished process."""
    return subprocess.run(
        [BINARY, "admin", *arguments, "--data-dir", str(data_dir)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        env=clean_environment(),
    )
