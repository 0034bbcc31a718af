"""A small S3 server that misbehaves as real stores do, as a seed decides. It checks every signature on the way.

It stores after saying it failed, fails after storing, loses answers, resets connections in the middle of a body, throttles,
delays, cuts answers short, shows objects late, damages one object at rest, gives parts a wrong tag, forgets uploads and
begins an answer with 200 that ends as an error. What it keeps is open to the test: `objects`, `uploads`, `counts`.
"""

import collections
import hashlib
import hmac
import http.server
import random
import re
import socket
import struct
import threading
import time
import urllib.parse
import xml.sax.saxutils

from stores import ACCESS_KEY, REGION, SECRET_KEY

# Nothing the tests write is longer (bytes).
BODY_MAX = 64 << 20
# How long a slow answer takes (seconds).
SLOW = 0.4

# What may go wrong with which request, and how often out of a thousand.
FAULTS = {
    "lost reply": ({"put", "part", "begin", "complete", "abort"}, 30),
    "error after success": ({"put", "part", "begin", "complete"}, 30),
    "throttled after success": ({"put", "complete"}, 15),
    "throttled": ({"put", "part", "begin", "complete", "get", "list", "head"}, 30),
    "reset while uploading": ({"put", "part"}, 30),
    "slow": ({"put", "part", "complete", "get", "head"}, 30),
    "shown late": ({"put", "complete"}, 20),
    "damaged at rest": ({"put", "complete"}, 20),
    "cut short": ({"get"}, 30),
    "shorter than it is": ({"get"}, 15),
    "page of a proxy": ({"put", "part", "get", "complete"}, 15),
    "wrong tag": ({"part"}, 20),
    "upload forgotten": ({"part", "complete"}, 20),
    "fails in the middle": ({"complete"}, 40),
    "lists late": ({"list"}, 200),
}
# Objects that are shown late appear after so long (seconds).
LATE = 0.5


class FaultyStore:
    """The server; `rate` 0 makes it an honest one, 1 takes the table above as it is."""

    def __init__(self, seed, rate=1.0, buckets=("lake",)):
        self.seed = seed
        self.rate = rate
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.buckets = set(buckets)
        self.objects = {}  # (bucket, key) -> bytes
        self.visible_at = {}  # (bucket, key) -> monotonic time
        self.uploads = {}  # id -> (bucket, key, {number: (tag, bytes)})
        self.counts = collections.Counter()
        self.next_upload = 0
        self.only = None
        store = self

        class Handler(_Handler):
            pass

        Handler.store = store
        self.server = _Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def start(self):
        print(f"faulty store: seed {self.seed}")
        self.thread.start()
        return self

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def force(self, *wanted):
        """From now on nothing goes wrong but these, each once: (fault, kind of request) at the next request of the kind."""
        with self.lock:
            self.only = list(wanted)

    def fault(self, kind):
        """What goes wrong with this request; None for nothing."""
        with self.lock:
            self.counts[kind] += 1
            if self.only is not None:
                chosen = next((f for f, k in self.only if k == kind), None)
                if chosen is not None:
                    self.only.remove((chosen, kind))
            else:
                draw, chosen = self.random.random() * 1000, None
                for name, (kinds, often) in FAULTS.items():
                    if kind not in kinds:
                        continue
                    draw -= often * self.rate
                    if draw < 0:
                        chosen = name
                        break
            if chosen is not None:
                self.counts[chosen] += 1
            return chosen

    def kept(self, bucket="lake", prefix=""):
        """What a reader would find in the end: key -> bytes."""
        with self.lock:
            return {k: v for (b, k), v in self.objects.items() if b == bucket and k.startswith(prefix)}

    def keep(self, bucket, key, data, fault):
        with self.lock:
            if fault == "damaged at rest" and data:
                at = self.random.randrange(len(data))
                data = data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1 :]
            is_new = (bucket, key) not in self.objects
            self.objects[bucket, key] = data
            if fault == "shown late" and is_new:
                self.visible_at[bucket, key] = time.monotonic() + LATE

    def look(self, bucket, key):
        with self.lock:
            if self.visible_at.get((bucket, key), 0) > time.monotonic():
                return None
            return self.objects.get((bucket, key))


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """Connections that break are what this server is for; everything else is shown."""
        import sys

        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    store = None

    def log_message(self, *_):
        """Silent."""

    # The requests

    def do_PUT(self):
        self.handle_one(self.put)

    def do_POST(self):
        self.handle_one(self.post)

    def do_GET(self):
        self.handle_one(self.get)

    def do_HEAD(self):
        self.handle_one(self.head)

    def do_DELETE(self):
        self.handle_one(self.delete)

    def handle_one(self, act):
        target = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(target.query, keep_blank_values=True))
        _, bucket, *rest = urllib.parse.unquote(target.path).split("/", 2)
        self.bucket, self.key = bucket, rest[0] if rest else ""
        self.fault = self.store.fault(self.kind())
        if self.fault == "reset while uploading":
            self.rfile.read(int(self.headers.get("Content-Length", 0)) // 2)
            return self.reset()
        length = int(self.headers.get("Content-Length", 0))
        if length > BODY_MAX:
            return self.error(400, "EntityTooLarge")
        self.body = self.rfile.read(length)
        if len(self.body) < length:
            self.close_connection = True
            return None
        refusal = self.refusal(target)
        if refusal:
            return self.error(403, refusal)
        if self.bucket not in self.store.buckets:
            return self.error(404, "NoSuchBucket")
        if self.fault == "throttled":
            return self.error(*self.store.random.choice([(503, "SlowDown"), (429, "TooManyRequests")]))
        if self.fault == "page of a proxy":
            return self.answer(502, b"<html><h1>502 Bad Gateway</h1></html>", {"Content-Type": "text/html"})
        if self.fault == "slow":
            time.sleep(SLOW)
        return act()

    def kind(self):
        if self.command == "PUT":
            return "part" if "partNumber" in self.query else "put"
        if self.command == "POST":
            return "begin" if "uploads" in self.query else "complete"
        if self.command == "GET":
            return "get" if self.key else "list"
        return {"HEAD": "head", "DELETE": "abort"}[self.command]

    def put(self):
        tag = '"' + hashlib.md5(self.body).hexdigest() + '"'
        if "partNumber" in self.query:
            with self.store.lock:
                upload = self.upload()
                if upload is None:
                    return self.error(404, "NoSuchUpload")
                if self.fault == "wrong tag":
                    upload[2][int(self.query["partNumber"])] = ('"0123"', self.body)
                else:
                    upload[2][int(self.query["partNumber"])] = (tag, self.body)
        else:
            self.store.keep(self.bucket, self.key, self.body, self.fault)
        return self.succeed(b"", {"ETag": tag})

    def post(self):
        if "uploads" in self.query:
            with self.store.lock:
                self.store.next_upload += 1
                name = f"upload-{self.store.next_upload}"
                self.store.uploads[name] = (self.bucket, self.key, {})
            return self.succeed(
                f"<InitiateMultipartUploadResult><UploadId>{name}</UploadId></InitiateMultipartUploadResult>".encode()
            )
        listed = [
            (int(n), t.replace("&quot;", '"'))
            for n, t in re.findall(r"<PartNumber>(\d+)</PartNumber><ETag>(.*?)</ETag>", self.body.decode())
        ]
        with self.store.lock:
            upload = self.upload()
            if upload is None:
                return self.error(404, "NoSuchUpload")
            if [n for n, _ in listed] != list(range(1, len(listed) + 1)):
                return self.error(400, "InvalidPartOrder")
            for number, tag in listed:
                if number not in upload[2] or upload[2][number][0] != tag:
                    return self.error(400, "InvalidPart")
            parts = [upload[2][number][1] for number, _ in listed]
            if any(len(part) < 5 << 20 for part in parts[:-1]):
                return self.error(400, "EntityTooSmall")
            if self.fault != "fails in the middle":
                del self.store.uploads[self.query["uploadId"]]
        if self.fault == "fails in the middle":
            return self.answer(200, b'<?xml version="1.0"?>\n   <Error><Code>InternalError</Code></Error>')
        self.store.keep(self.bucket, self.key, b"".join(parts), self.fault)
        return self.succeed(b"<CompleteMultipartUploadResult></CompleteMultipartUploadResult>")

    def upload(self):
        name = self.query.get("uploadId")
        if self.fault == "upload forgotten":
            self.store.uploads.pop(name, None)
        found = self.store.uploads.get(name)
        return found if found and found[:2] == (self.bucket, self.key) else None

    def get(self):
        if not self.key:
            return self.list()
        data = self.store.look(self.bucket, self.key)
        if data is None:
            return self.error(404, "NoSuchKey")
        if self.fault == "cut short":
            self.answer(200, data[: len(data) // 2], {}, length=len(data))
            return self.reset()
        if self.fault == "shorter than it is":
            return self.answer(200, data[: len(data) // 2])
        return self.answer(200, data)

    def list(self):
        prefix = self.query.get("prefix", "")
        late = self.fault == "lists late"
        with self.store.lock:
            if "uploads" in self.query:
                rows = [
                    f"<Upload><Key>{xml.sax.saxutils.escape(k)}</Key><UploadId>{i}</UploadId></Upload>"
                    for i, (b, k, _) in self.store.uploads.items()
                    if b == self.bucket and k.startswith(prefix)
                ]
                name = "ListMultipartUploadsResult"
            else:
                rows = [
                    f"<Contents><Key>{xml.sax.saxutils.escape(k)}</Key><Size>{len(v)}</Size></Contents>"
                    for (b, k), v in sorted(self.store.objects.items())
                    if b == self.bucket and k.startswith(prefix)
                ]
                name = "ListBucketResult"
        return self.answer(200, f"<{name}>{''.join(rows[: len(rows) // 2] if late else rows)}</{name}>".encode())

    def head(self):
        if not self.key:
            return self.answer(200, b"")
        data = self.store.look(self.bucket, self.key)
        return self.answer(404, b"") if data is None else self.answer(200, data)

    def delete(self):
        with self.store.lock:
            if "uploadId" in self.query:
                if self.store.uploads.pop(self.query["uploadId"], None) is None:
                    return self.error(404, "NoSuchUpload")
            else:
                self.store.objects.pop((self.bucket, self.key), None)
        return self.succeed(b"", status=204)

    # The answers

    def succeed(self, body, headers=None, status=200):
        if self.fault == "lost reply":
            return self.reset()
        if self.fault == "error after success":
            return self.error(500, "InternalError")
        if self.fault == "throttled after success":
            return self.error(*self.store.random.choice([(503, "SlowDown"), (429, "")]))
        return self.answer(status, body, headers)

    def error(self, status, code):
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>" if code else ""
        return self.answer(status, body.encode(), {"Content-Type": "application/xml"})

    def answer(self, status, body, headers=None, length=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def reset(self):
        """Ends the connection with a reset: the other side learns nothing."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        # The reader shares the descriptor: only when both are closed the system sends the reset.
        self.rfile.close()
        self.connection.close()
        # What the base class does afterwards with these files would fail.
        self.rfile = self.wfile = _Nothing()

    # AWS Signature Version 4, from its public description

    def refusal(self, target):
        given = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8}/[^/]+/s3/aws4_request), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})",
            self.headers.get("Authorization", ""),
        )
        if not given:
            return "AccessDenied"
        access_key, scope, names, signature = given.groups()
        if access_key != ACCESS_KEY:
            return "InvalidAccessKeyId"
        digest = self.headers.get("x-amz-content-sha256", "")
        if digest != hashlib.sha256(self.body).hexdigest():
            return "XAmzContentSHA256Mismatch"
        pairs = sorted(
            (urllib.parse.quote(n, safe="-_.~"), urllib.parse.quote(v, safe="-_.~")) for n, v in self.query.items()
        )
        headers = "".join(f"{n}:{self.headers.get(n, '').strip()}\n" for n in names.split(";"))
        canonical = "\n".join(
            [self.command, target.path, "&".join(f"{n}={v}" for n, v in pairs), headers, names, digest]
        )
        text = "\n".join(
            [
                "AWS4-HMAC-SHA256",
                self.headers.get("x-amz-date", ""),
                scope,
                hashlib.sha256(canonical.encode()).hexdigest(),
            ]
        )
        key = ("AWS4" + SECRET_KEY).encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        if scope.split("/")[1] != REGION:
            return "AccessDenied"
        right = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        return None if hmac.compare_digest(right, signature) else "SignatureDoesNotMatch"


class _Nothing:
    closed = True

    def close(self):
        """Nothing to close."""

    def flush(self):
        """Nothing to flush."""
