"""A plain HTTP caller: JSON over http.client with a token, one kept connection, raw bytes where a test wants them."""

import base64
import contextlib
import http.client
import json
import socket
import urllib.parse

TIMEOUT = 60


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:400]!r}"


class Api:
    """Calls one server as one project's user."""

    def __init__(self, endpoint, credentials):
        self.endpoint = endpoint
        self.credentials = credentials
        self.host = urllib.parse.urlsplit(endpoint).netloc
        self.project = credentials["project_id"]
        self.token = None
        self.connection = None

    def login(self):
        c = self.credentials
        body = {
            "auth": {
                "identity": {
                    "methods": ["password"],
                    "password": {
                        "user": {
                            "name": c["user_name"],
                            "password": c["password"],
                            "domain": {"name": c["domain_name"]},
                        }
                    },
                },
                "scope": {"project": {"id": c["project_id"]}},
            }
        }
        answer = self.send("POST", "/v3/auth/tokens", json.dumps(body).encode(), {"Content-Type": "application/json"})
        assert answer.status == 201, answer
        self.token = answer.headers["X-Subject-Token"]
        return self

    def send(self, method, target, body=None, headers=None, connection=None):
        """One request as given, nothing added but Host and the length."""
        own = connection or self.connection
        if own is None:
            own = self.connection = http.client.HTTPConnection(self.host, timeout=TIMEOUT)
        try:
            own.request(method, target, body=body, headers=headers or {})
            response = own.getresponse()
            data = response.read()
        except (http.client.HTTPException, OSError):
            own.close()
            raise
        return Answer(response.status, response.headers, data)

    def call(self, method, target, body=None, headers=None):
        """One request with the token; `{p}` in the target is the project; a dict body becomes JSON."""
        if self.token is None:
            self.login()
        target = target.replace("{p}", self.project)
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        all_headers = {"X-Auth-Token": self.token, "Content-Type": "application/json", **(headers or {})}
        return self.send(method, target, body, {k: v for k, v in all_headers.items() if v is not None})

    def ok(self, method, target, body=None, headers=None):
        answer = self.call(method, target, body, headers)
        assert 200 <= answer.status < 300, f"{method} {target}: {answer}"
        return answer.json if answer.body else None

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    # What most tests prepare and look at.

    def create_stream(self, name, partitions=1, **members):
        self.ok("POST", "/v2/{p}/streams", {"stream_name": name, "partition_count": partitions, **members})
        return self.stream(name)["stream_id"]

    def stream(self, name):
        return self.ok("GET", f"/v2/{{p}}/streams/{name}?limit_partitions=1000")

    def delete_stream(self, name):
        self.ok("DELETE", f"/v2/{{p}}/streams/{name}")

    def put(self, stream, records):
        """`records` are dicts with `data` as bytes."""
        entries = [{**r, "data": base64.b64encode(r["data"]).decode()} for r in records]
        return self.ok("POST", "/v2/{p}/records", {"stream_name": stream, "records": entries})

    def cursor(self, stream, partition, kind="TRIM_HORIZON", **more):
        query = {"stream-name": stream, "partition-id": partition, "cursor-type": kind, **more}
        return self.ok("GET", "/v2/{p}/cursors?" + urllib.parse.urlencode(query))["partition_cursor"]

    def read(self, cursor, **more):
        query = {"partition-cursor": cursor, **more}
        return self.ok("GET", "/v2/{p}/records?" + urllib.parse.urlencode(query))

    def read_all(self, stream, partition, start=0):
        """Every record of a partition from a number on: (sequence number, data) in the order answered."""
        cursor = self.cursor(stream, partition, "AT_SEQUENCE_NUMBER", **{"starting-sequence-number": start})
        found = []
        while True:
            page = self.read(cursor, max_fetch_bytes=10 * 1024 * 1024)
            if not page["records"]:
                return found
            found += [(int(r["sequence_number"]), base64.b64decode(r["data"])) for r in page["records"]]
            cursor = page["next_partition_cursor"]


def exchange(host, data, timeout=20, half_close=False):
    """Sends bytes as they are over a new connection and returns all that comes until the other side closes or is silent."""
    name, port = host.split(":")
    with socket.create_connection((name, int(port)), timeout=timeout) as connection:
        connection.sendall(data)
        if half_close:
            # The other side may have ended the connection already.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
        received = b""
        while True:
            try:
                chunk = connection.recv(65536)
            except (TimeoutError, ConnectionResetError):
                return received
            if not chunk:
                return received
            received += chunk
            if complete(received):
                return received


def complete(data):
    """Whether one whole answer with a length lies in the bytes."""
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        return False
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return len(body) >= int(value)
    return head.startswith(b"HTTP/1.1 204")


def parse(data):
    """An Answer from the bytes of one."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    message = http.client.HTTPMessage()
    for line in lines[1:]:
        name, _, value = line.partition(":")
        message[name.strip()] = value.strip()
    return Answer(int(lines[0].split()[1]), message, body)
