"""`sluice destination`: where tasks deliver to, added, tried and removed beside the running server."""

import json
import subprocess
import time

import pytest

import serverprocess
from api import Api
from destinations import QUICK, House, running_gateway, texts
from stores import ACCESS_KEY, REGION, SECRET_KEY

# Between a change by the command and the server's notice of it (seconds).
NOTICE_BOUND = 10


@pytest.fixture(scope="module")
def secure_gateway(tmp_path_factory):
    """The same over TLS, with a certificate that no system trusts: `authority` is its PEM file."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    request += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(request, check=True, capture_output=True)
    running = running_gateway(folder / "s3", "--cert", str(certificate), "--key", str(key))
    running.certificate = certificate
    yield running
    running.stop()


def test_an_added_destination_is_used_by_the_running_server(house, gateway):
    house.add_gateway(gateway, "--agency", "cloud")
    house.api.create_stream("s")
    # The command has returned: a task that is created now goes there.
    assert house.create("s", prefix="added").status == 201
    house.api.put("s", [{"data": b"one"}])
    found = house.wait("no object", lambda: [v for k, v in gateway.texts().items() if k.startswith("added/")])
    assert found == ["one\n"]
    assert not (house.server.data_dir / "buckets").exists()
    # Another agency still has the folders.
    assert house.create("s", "u", agency="other").status == 201
    house.wait("no object", lambda: texts(house.server.data_dir / "buckets" / "lake"))


def test_secrets_are_never_shown_and_lie_sealed(house, gateway):
    house.add_gateway(gateway, "--name", "piped")
    (house.server.folder / "key").write_text(SECRET_KEY + "\n")
    house.add("--endpoint", "http://h", "--access-key", "a", "--secret-key-file", "key", "--name", "filed")
    given = house.add("--endpoint", "http://h", "--access-key", "a", "--secret-key", SECRET_KEY, "--name", "given")
    assert "Warning" in given.stderr
    printed = house.run("list").stdout + json.dumps(house.listed()) + given.stderr + given.stdout
    assert SECRET_KEY not in printed and ACCESS_KEY in printed
    for file in house.server.data_dir.glob("catalog.db*"):
        assert SECRET_KEY.encode() not in file.read_bytes()
    assert SECRET_KEY not in house.server.log.read_text()
    assert [row["name"] for row in house.listed()] == ["piped", "filed", "given"]


def test_the_settings_file_comes_first_then_the_order_of_adding(new_server, tmp_path):
    fixed = f"destinations:\n  - {{type: obs, agency: a, folder: {tmp_path}/fixed}}\n"
    house = House(new_server(settings=QUICK + fixed))
    house.add("--folder", str(tmp_path / "never"), "--agency", "a")
    house.add("--folder", str(tmp_path / "second"), "--agency", "b", "--project", house.api.project)
    house.add("--folder", str(tmp_path / "third"), "--agency", "b")
    listed = house.listed(environment={"SLUICE_CONFIG": str(house.server.folder / "sluice.yaml")})
    assert [row["name"] for row in listed] == ["file-1", "obs-1", "obs-2", "obs-3"]
    house.api.create_stream("s")
    for agency in ["a", "b", "c"]:
        assert house.create("s", agency, agency=agency).status == 201
    house.api.put("s", [{"data": b"x"}])
    places = [tmp_path / "fixed", tmp_path / "second", house.server.data_dir / "buckets"]
    house.wait("an object is missing", lambda: all(texts(place / "lake") for place in places))
    assert not (tmp_path / "never").exists() and not (tmp_path / "third").exists()
    # A restart reads the same.
    assert house.server.stop() == 0
    house = House(house.server)
    house.api.put("s", [{"data": b"y"}])
    house.wait("an object is missing", lambda: all(len(texts(place / "lake")) == 2 for place in places))
    assert house.server.stop() == 0


def test_a_replaced_destination_counts_for_the_next_delivery(house, tmp_path):
    house.add("--name", "store", "--folder", str(tmp_path / "old"))
    house.api.create_stream("s")
    assert house.create("s").status == 201
    house.api.put("s", [{"data": b"x"}])
    house.wait("no object", lambda: texts(tmp_path / "old" / "lake"))
    house.add("--name", "store", "--folder", str(tmp_path / "new"), "--replace")
    assert [row["place"] for row in house.listed()] == [str(tmp_path / "new")]

    def arrived():
        house.api.put("s", [{"data": b"y"}])
        return texts(tmp_path / "new" / "lake")

    house.wait("no object at the new place", arrived)


def test_a_destination_with_tasks_is_refused_or_forced(house, tmp_path):
    house.add("--name", "store", "--folder", str(tmp_path / "store"), "--agency", "cloud")
    house.api.create_stream("s")
    assert house.create("s").status == 201
    house.api.put("s", [{"data": b"x"}])
    house.wait("no object", lambda: texts(tmp_path / "store" / "lake"))
    refused = house.run("remove", "store")
    assert refused.returncode == 1 and "t of stream s" in refused.stderr and "--force" in refused.stderr
    assert [row["name"] for row in house.listed()] == ["store"]

    assert house.run("remove", "store", "--force").returncode == 0
    assert house.listed() == []

    def fault():
        house.api.put("s", [{"data": b"y"}])
        shown = house.show("s")
        return shown if shown["state"] == "ERROR" else None

    assert "removed" in house.wait("no fault", fault)["reason"]
    assert not (house.server.data_dir / "buckets").exists()
    before = len(texts(tmp_path / "store" / "lake"))
    house.add("--name", "again", "--folder", str(tmp_path / "store"), "--agency", "cloud")
    time_of_notice = time.monotonic() + NOTICE_BOUND
    while house.show("s")["state"] != "RUNNING":
        assert time.monotonic() < time_of_notice, house.show("s")
        assert house.act("s", "start").status == 200
        time.sleep(0.2)
    house.wait("nothing more is delivered", lambda: len(texts(tmp_path / "store" / "lake")) > before)
    assert house.run("remove", "none").returncode == 1


def test_a_good_destination_passes_its_test(house, gateway, secure_gateway, tmp_path):
    house.add_gateway(gateway, "--name", "plain")
    house.add("--name", "folder", "--folder", str(tmp_path / "folder"))
    house.add(
        *("--name", "secure", "--endpoint", f"https://{secure_gateway.authority}", "--access-key", ACCESS_KEY),
        *("--region", REGION, "--ca-file", str(secure_gateway.certificate)),
        typed=SECRET_KEY,
    )
    for name in ["plain", "folder", "secure"]:
        done = house.run("test", name, "--bucket", "lake", "--output", "json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["passed"] == ["write", "read back", "bucket", "delete"]
    assert not [k for k in [*gateway.texts(), *secure_gateway.texts()] if "probe" in k]
    assert texts(tmp_path / "folder" / "lake") == {}


FAULTS = {
    "dns": (["--endpoint", "http://no-such-host.invalid"], "does not resolve", 69),
    "port": (["--endpoint", "http://127.0.0.1:1"], "No connection", 69),
    "tls of a plain store": (["--endpoint", "https://{plain}"], "secure connection", 1),
    "certificate": (["--endpoint", "https://{secure}"], "secure connection", 1),
    "secret key": (["--endpoint", "http://{plain}", "--secret-key", "wrong"], "refuses the signature", 77),
    "access key": (["--endpoint", "http://{plain}", "--access-key", "AKUNKNOWN"], "does not know the access key", 77),
    "region": (["--endpoint", "http://{plain}", "--region", "elsewhere"], "another region", 1),
    "bucket": (["--endpoint", "http://{plain}"], "bucket nope does not exist", 1),
}


@pytest.mark.parametrize("row", FAULTS, ids=lambda r: r.replace(" ", "_"))
def test_a_failing_test_names_the_fault(house, gateway, secure_gateway, row):
    arguments, text, code = FAULTS[row]
    arguments = [a.format(plain=gateway.authority, secure=secure_gateway.authority) for a in arguments]
    if "--access-key" not in arguments:
        arguments += ["--access-key", ACCESS_KEY]
    if "--secret-key" not in arguments:
        arguments += ["--secret-key", SECRET_KEY]
    if "--region" not in arguments:
        arguments += ["--region", REGION]
    house.add("--name", "bad", *arguments)
    done = house.run("test", "bad", "--bucket", "nope" if row == "bucket" else "lake")
    assert done.returncode == code and text in done.stderr, done.stderr
    assert SECRET_KEY not in done.stdout + done.stderr


REFUSED_FLAGS = {
    "nothing": ([], "--endpoint"),
    "scheme": (["--endpoint", "ftp://h", "--access-key", "a", "--secret-key", "b"], "--endpoint"),
    "path in endpoint": (["--endpoint", "http://h/p", "--access-key", "a", "--secret-key", "b"], "--endpoint"),
    "no access key": (["--endpoint", "http://h", "--secret-key", "b"], "--access-key"),
    "two secrets": (
        ["--endpoint", "http://h", "--access-key", "a", "--secret-key", "b", "--secret-key-file", "f"],
        "--secret-key-file",
    ),
    "no secret": (["--endpoint", "http://h", "--access-key", "a"], "Secret key"),
    "secret file absent": (
        ["--endpoint", "http://h", "--access-key", "a", "--secret-key-file", "absent"],
        "--secret-key-file",
    ),
    "folder and endpoint": (["--endpoint", "http://h", "--folder", "/f"], "--endpoint"),
    "folder and keys": (["--folder", "/f", "--access-key", "a"], "--access-key"),
    "addressing": (
        ["--endpoint", "http://h", "--access-key", "a", "--secret-key", "b", "--addressing", "dns"],
        "addressing",
    ),
    "signature": (
        ["--endpoint", "http://h", "--access-key", "a", "--secret-key", "b", "--signature", "v2"],
        "signature",
    ),
    "authorities without tls": (
        ["--endpoint", "http://h", "--access-key", "a", "--secret-key", "b", "--ca-file", "sluice.yaml"],
        "--ca-file",
    ),
    "name": (["--folder", "/f", "--name", "a b"], "name"),
    "name of the file's": (["--folder", "/f", "--name", "file-1"], "--name"),
    "project": (["--folder", "/f", "--project", "none"], "--project"),
    "empty agency": (["--folder", "/f", "--agency", ""], "--agency"),
    "replace nothing": (["--folder", "/f", "--name", "n", "--replace"], "no destination n"),
}


def test_bad_flags_are_named_and_add_nothing(house):
    for row, (arguments, text) in REFUSED_FLAGS.items():
        done = house.run("add", "obs", *arguments)
        assert done.returncode in (1, 64) and text in done.stderr, (row, done.stderr)
        assert house.listed() == [], row


def test_without_a_server_s_data_nothing_is_made(tmp_path):
    done = subprocess.run(
        [serverprocess.BINARY, "destination", "add", "obs", "--folder", "/f", "--data-dir", str(tmp_path / "none")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        env=serverprocess.clean_environment(),
    )
    assert done.returncode == 1 and "no server's data" in done.stderr
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("place", ["folder", "endpoint"])
def test_what_was_delivered_stays_when_names_are_used_again(house, gateway, place):
    """A stream and a task of the same names begin at number 0 again; so do those of another project."""
    if place == "endpoint":
        house.add_gateway(gateway)
    bucket = gateway.data / "lake" if place == "endpoint" else house.server.data_dir / "buckets" / "lake"
    prefix = f"again_{place}"

    def delivered():
        return {k: v for k, v in texts(bucket).items() if k.startswith(prefix + "/")}

    for number, text in enumerate(["one", "two", "three"]):
        house.api.create_stream("s")
        house.api.put("s", [{"data": text.encode()}])
        assert house.create("s", prefix=prefix).status == 201
        house.wait("no object", lambda n=number: len(delivered()) == n + 1 and "last_transfer_timestamp" in house.show("s"))
        house.api.delete_stream("s")
    made = serverprocess.admin(house.server.data_dir, "project", "add", "second", "--output", "json")
    house.api = Api(house.server.endpoint, json.loads(made.stdout))
    house.wait("the project is unknown", lambda: logged_in(house.api))
    house.api.create_stream("s")
    house.api.put("s", [{"data": b"four"}])
    assert house.create("s", prefix=prefix).status == 201
    house.wait("no object", lambda: len(delivered()) == 4)
    assert sorted(delivered().values()) == ["four\n", "one\n", "three\n", "two\n"]
    plain = [k for k in delivered() if k.endswith("_00000000000000000000_1.txt")]
    assert [delivered()[k] for k in plain] == ["one\n"]


def logged_in(api):
    try:
        return api.login()
    except AssertionError:
        return None
