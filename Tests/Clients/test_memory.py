"""Memory stays bounded under a flood: many connections that send the largest bodies at once."""

import base64
import json
import selectors
import socket
import time

import pytest

from api import Api

CONNECTIONS = 256
DATA = 5 * 1000 * 1000
LIMIT = 512 * 1024 * 1024
# The flood has to be over within this (seconds); a quiet machine needs a few.
BOUND = 240


class Upload:
    """One request that is sent as fast as the server takes it, and its answer."""

    def __init__(self, address, request):
        self.request = memoryview(request)
        self.sent = 0
        self.answer = b""
        self.connection = socket.create_connection(address)
        self.connection.setblocking(False)

    def write(self):
        self.sent += self.connection.send(self.request[self.sent : self.sent + (1 << 20)])
        return self.sent == len(self.request)

    def read(self):
        chunk = self.connection.recv(65536)
        self.answer += chunk
        return not chunk or b"failed_record_count" in self.answer or b"DIS." in self.answer


@pytest.mark.slow
def test_flood_of_large_bodies(new_server):
    running = new_server().start()
    api = Api(running.endpoint, running.credentials).login()
    api.create_stream("flood", 4)
    data = base64.b64encode(b"d" * (DATA // 5)).decode()
    records = [{"data": data, "partition_id": str(i % 4)} for i in range(5)]
    body = json.dumps({"stream_name": "flood", "records": records}).encode()
    head = (
        f"POST /v2/{api.project}/records HTTP/1.1\r\nHost: {api.host}\r\nX-Auth-Token: {api.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    host, port = api.host.split(":")
    with selectors.DefaultSelector() as selector:
        uploads = [Upload((host, int(port)), head + body) for _ in range(CONNECTIONS)]
        for upload in uploads:
            selector.register(upload.connection, selectors.EVENT_READ | selectors.EVENT_WRITE, upload)
        left, deadline = CONNECTIONS, time.monotonic() + BOUND
        while left and time.monotonic() < deadline:
            for key, events in selector.select(1):
                upload = key.data
                # An answer comes before anything else: a refusal may arrive while there is more to send.
                done = False
                try:
                    if events & selectors.EVENT_READ:
                        done = upload.read()
                    elif upload.sent < len(upload.request) and upload.write():
                        selector.modify(upload.connection, selectors.EVENT_READ, upload)
                except BlockingIOError:
                    continue
                except OSError:
                    done = True
                if done:
                    selector.unregister(upload.connection)
                    upload.connection.close()
                    left -= 1
        for upload in uploads:
            upload.connection.close()
    assert left == 0, f"{left} uploads were not answered"
    peak = running.peak()
    stored = sum(len(api.read_all("flood", str(p))) for p in range(4))
    accepted = sum(upload.answer.startswith(b"HTTP/1.1 200") for upload in uploads)
    refused = [u.answer[:200] for u in uploads if not u.answer.startswith(b"HTTP/1.1 200")]
    print(f"peak {peak / 1048576:.0f} MB, {accepted} accepted")
    # Nobody is cut off: what is not taken is refused with an answer of its own.
    assert all(answer.startswith((b"HTTP/1.1 503", b"HTTP/1.1 429", b"HTTP/1.1 400")) for answer in refused), refused[
        :3
    ]
    assert stored == accepted * 5 and accepted > 0
    assert peak < LIMIT, f"{peak / 1048576:.0f} MB"
    assert running.stop() == 0


@pytest.mark.slow
def test_announced_bodies_that_never_come(new_server):
    """Connections that announce 5 MB and send nothing cost almost nothing."""
    running = new_server().start()
    api = Api(running.endpoint, running.credentials).login()
    before = running.resident()
    host, port = api.host.split(":")
    head = (
        f"POST /v2/{api.project}/records HTTP/1.1\r\nHost: {api.host}\r\nX-Auth-Token: {api.token}\r\n"
        f"Content-Length: 5000000\r\n\r\n"
    ).encode()
    waiting = [socket.create_connection((host, int(port))) for _ in range(CONNECTIONS)]
    for connection in waiting:
        connection.sendall(head + b"x")
    api.ok("GET", "/v2/{p}/streams")
    assert running.resident() - before < 128 * 1024 * 1024
    for connection in waiting:
        connection.close()
    assert running.stop() == 0
