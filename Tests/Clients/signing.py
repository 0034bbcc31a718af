"""The signature forms of the public clients, written from their description, for requests that tests change and sign again.

A recorded request tells its form by its Authorization header; `Signer.of` finds the client's deviations (host without
port, empty parameters without "=", double encoding, the query as payload) by trying them against the recorded
signature, so what is sent afterwards is signed exactly as that client would have.
"""

import hashlib
import hmac
import itertools
import re
import urllib.parse

FIELD = re.compile(r"(Access|Credential|SignedHeaders|Signature)=([^,]*)")


def digest(key, text):
    key = key.encode() if isinstance(key, str) else key
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def encode(text):
    """Bytes are carried as latin-1 text; all but the unreserved characters become %XX."""
    return urllib.parse.quote(text.encode("latin-1"), safe="-_.~")


def decode(text):
    return urllib.parse.unquote_to_bytes(text).decode("latin-1")


class Request:
    """A request as it goes over the wire: headers are pairs in order, the body is bytes."""

    def __init__(self, method, target, headers, body):
        self.method = method
        self.target = target
        self.headers = list(headers)
        self.body = body

    def header(self, name):
        return next((v for n, v in self.headers if n.lower() == name), None)

    def set(self, name, value):
        """Replaces a header where it stands, or adds it."""
        for index, (n, _) in enumerate(self.headers):
            if n.lower() == name.lower():
                self.headers[index] = (n, value)
                return
        self.headers.append((name, value))

    def remove(self, name):
        self.headers = [(n, v) for n, v in self.headers if n.lower() != name.lower()]

    def wire(self):
        """The bytes; a chunked body is framed here in a few pieces of uneven length."""
        head = f"{self.method} {self.target} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in self.headers) + "\r\n"
        body = self.body
        if (self.header("transfer-encoding") or "").lower() == "chunked":
            pieces = [body[:7], body[7:100], body[100:]]
            body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces if p) + b"0\r\n\r\n"
        return head.encode("latin-1") + body


class Signer:
    def __init__(self, algorithm, access, scope, names, deviations):
        self.algorithm = algorithm
        self.access = access
        self.scope = scope
        self.names = names
        self.deviations = deviations

    @classmethod
    def of(cls, request, secret):
        """The signer that yields the signature the request carries; None where no known form does."""
        algorithm, _, rest = request.header("authorization").partition(" ")
        fields = {name: value.strip() for name, value in FIELD.findall(rest)}
        access, *scope = (fields.get("Access") or fields["Credential"]).split("/")
        names = fields["SignedHeaders"].split(";")
        for deviations in itertools.product((False, True), repeat=4):
            signer = cls(algorithm, access, scope, names, deviations)
            if signer.signature(request, secret) == fields["Signature"]:
                return signer
        return None

    def canonical(self, request):
        without_port, bare_empty, twice, query_as_payload = self.deviations
        path, _, query = request.target.partition("?")
        if len(self.scope) == 4:
            path = "/".join(part for i, part in enumerate(path.split("/")) if part or i == 0) or "/"
        path = (
            "/".join(encode(part) for part in decode(path).split("/"))
            if not twice
            else encode(path).replace("%2F", "/")
        )
        if not path.endswith("/"):
            path += "/"
        pairs = []
        for part in query.split("&"):
            if part:
                name, _, value = part.partition("=")
                pairs.append((encode(decode(name.replace("+", " "))), encode(decode(value.replace("+", " ")))))
        query = "&".join(n if bare_empty and not v else f"{n}={v}" for n, v in sorted(pairs))
        lines = []
        for name in self.names:
            value = " ".join((request.header(name) or "").split())
            if name == "host" and without_port:
                value = value.split(":")[0]
            lines.append(f"{name}:{value}\n")
        payload = query.encode() if query_as_payload else request.body
        return "\n".join(
            [request.method, path, query, "".join(lines), ";".join(self.names), hashlib.sha256(payload).hexdigest()]
        )

    def signature(self, request, secret):
        parts = [self.algorithm, request.header("x-sdk-date")]
        key = secret
        if self.scope:
            scope = "/".join(self.scope)
            parts.append(scope)
            if self.algorithm.startswith("V11"):
                # HKDF of one block: extract with the access key as salt, expand with the scope.
                region_scope = "/".join(self.scope[:3])
                key = digest(digest(self.access, key), region_scope + "\x01").hex()
            if len(self.scope) == 4:
                key = "SDK" + key
                for part in self.scope:
                    key = digest(key, part)
        parts.append(hashlib.sha256(self.canonical(request).encode()).hexdigest())
        return digest(key, "\n".join(parts)).hex()

    def sign(self, request, access, secret, date):
        """Dates the request and replaces its Authorization header."""
        request.set("X-Sdk-Date", date)
        scope = [date[:8], *self.scope[1:]] if self.scope else []
        fresh = Signer(self.algorithm, access, scope, self.names, self.deviations)
        signature = fresh.signature(request, secret)
        identity = f"Credential={'/'.join([access, *scope])}" if scope else f"Access={access}"
        request.set(
            "Authorization", f"{self.algorithm} {identity}, SignedHeaders={';'.join(self.names)}, Signature={signature}"
        )
