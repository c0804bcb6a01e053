"""The lab's archive answers as a web server does, counts what it sends, and fails as ordered."""

from __future__ import annotations

import hashlib
import http.client
import json
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import archive, certificates

CONTENT = bytes(range(256)) * 1024
PATH = "/archive/Vivaconda3.sh"


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A directory with one file below `archive`, and a place for faults beside it."""
    (tmp_path / "root/archive").mkdir(parents=True)
    (tmp_path / f"root{PATH}").write_bytes(CONTENT)
    return tmp_path


@pytest.fixture
def server(shelf: Path) -> Iterator[archive.Archive]:
    """The archive without TLS, on a free port."""
    made = archive.Archive(("127.0.0.1", 0), shelf / "root", archive.Ledger(shelf / "log"), shelf / "control")
    yield from running(made)


def running(server: archive.Archive) -> Iterator[archive.Archive]:
    """Serves in a thread until the test is over."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def ask(server: archive.Archive, method: str = "GET", path: str = PATH, **headers: str) -> http.client.HTTPResponse:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    return connection.getresponse()


def order(shelf: Path, **fault: object) -> None:
    """Puts a fault on the file."""
    (shelf / "control").write_text(json.dumps({PATH: fault}))


def test_a_whole_file_arrives_with_its_length_and_etag(server: archive.Archive) -> None:
    answer = ask(server)
    assert (answer.status, answer.read()) == (200, CONTENT)
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["ETag"].startswith('"')


def test_head_sends_the_head_only_and_counts_nothing(server: archive.Archive) -> None:
    answer = ask(server, "HEAD")
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert answer.read() == b""
    assert server.ledger.counts() == {}


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=1000-", 1000, len(CONTENT)),
        ("bytes=-5", len(CONTENT) - 5, len(CONTENT)),
        ("bytes=10-99999999", 10, len(CONTENT)),
    ],
)
def test_a_range_is_sent_and_nothing_else(server: archive.Archive, asked: str, start: int, end: int) -> None:
    answer = ask(server, Range=asked)
    assert (answer.status, answer.read()) == (206, CONTENT[start:end])
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"
    assert server.ledger.counts() == {PATH: end - start}


def test_a_range_behind_the_end_is_not_satisfiable(server: archive.Archive) -> None:
    answer = ask(server, Range=f"bytes={len(CONTENT)}-")
    assert answer.status == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(CONTENT)}"


def test_if_range_with_another_version_gives_the_whole_file(server: archive.Archive) -> None:
    etag = ask(server, "HEAD").headers["ETag"]
    assert ask(server, Range="bytes=5-", If_Range=etag).status == 206
    assert ask(server, Range="bytes=5-", If_Range='"other"').status == 200


def test_the_listing_tells_size_and_sha256(server: archive.Archive) -> None:
    listed = json.loads(ask(server, path="/archive/.files.json").read())["Vivaconda3.sh"]
    assert listed["size"] == len(CONTENT)
    assert listed["sha256"] == hashlib.sha256(CONTENT).hexdigest()


def test_an_installer_may_be_a_link_to_elsewhere_but_a_path_may_not_lead_out(
    server: archive.Archive, shelf: Path
) -> None:
    (shelf / "kept.sh").write_bytes(b"kept")
    (shelf / "root/archive/link.sh").symlink_to(shelf / "kept.sh")
    assert ask(server, path="/archive/link.sh").read() == b"kept"
    assert ask(server, path="/archive/../../kept.sh").status == 404
    assert ask(server, path="/%2e%2e/kept.sh").status == 404


def test_what_was_sent_is_told_by_path(server: archive.Archive) -> None:
    ask(server, Range="bytes=0-99").read()
    ask(server, Range="bytes=100-299").read()
    assert json.loads(ask(server, path="/.lab/counts").read()) == {PATH: 300}


def test_each_request_is_a_line_of_the_log(server: archive.Archive, shelf: Path) -> None:
    ask(server, Range="bytes=0-99").read()
    ask(server, path="/nothing").read()
    lines = [json.loads(line) for line in (shelf / "log").read_text().splitlines()]
    assert [(line["path"], line["status"], line["range"]) for line in lines] == [
        (PATH, 206, "bytes=0-99"),
        ("/nothing", 404, None),
    ]


def test_a_status_holds_for_as_many_requests_as_ordered(server: archive.Archive, shelf: Path) -> None:
    order(shelf, status=503, headers={"Retry-After": "1"}, times=2)
    answers = [ask(server) for _ in range(3)]
    assert [answer.status for answer in answers] == [503, 503, 200]
    assert answers[0].headers["Retry-After"] == "1"


def test_a_cut_body_ends_early_though_its_length_was_promised(server: archive.Archive, shelf: Path) -> None:
    order(shelf, cut=1000)
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(server).read()
    assert caught.value.partial == CONTENT[:1000]
    assert server.ledger.counts() == {PATH: 1000}


def test_a_corrupt_byte_is_at_its_place_whatever_range_it_comes_in(server: archive.Archive, shelf: Path) -> None:
    order(shelf, corrupt=70_000)
    answer = ask(server, Range="bytes=69990-70009").read()
    wrong = [at for at, byte in enumerate(answer) if byte != CONTENT[69_990 + at]]
    assert wrong == [10]


def test_a_stall_sends_what_is_ordered_and_then_nothing(server: archive.Archive, shelf: Path) -> None:
    order(shelf, stall=500)
    answer = ask(server)
    assert answer.read(500) == CONTENT[:500]
    assert server.ledger.counts() == {PATH: 500}
    answer.close()


def test_a_plain_archive_gives_200_for_a_range(server: archive.Archive, shelf: Path) -> None:
    order(shelf, plain=True)
    answer = ask(server, Range="bytes=5-9")
    assert (answer.status, answer.read()) == (200, CONTENT)


def test_it_speaks_tls_with_a_certificate_of_the_lab(shelf: Path) -> None:
    authority = certificates.Authority(shelf / "authority")
    made = authority.issue("localhost")
    plain = archive.Archive(("127.0.0.1", 0), shelf / "root", archive.Ledger(None), None)
    for server in running(archive.with_tls(plain, made.certificate, made.key)):
        trust = ssl.create_default_context(cafile=str(authority.certificate))
        connection = http.client.HTTPSConnection("localhost", server.server_port, context=trust, timeout=20)
        connection.request("GET", PATH)
        assert connection.getresponse().read() == CONTENT
        with pytest.raises(ssl.SSLCertVerificationError):
            http.client.HTTPSConnection("localhost", server.server_port, timeout=20).connect()
