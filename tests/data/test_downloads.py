"""Downloading data, against a server on this machine that also misbehaves."""

import gzip
import io
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest
import requests
from data_server import TEXT, digest, register, serving, snapshot, watched_cache

from rnnlib.data import archives, datasets


@pytest.fixture
def server():
    with serving() as server:
        yield server


@pytest.fixture
def cache(tmp_path, monkeypatch):
    return watched_cache(tmp_path, monkeypatch)


def test_downloaded_once_then_from_the_cache(monkeypatch, server, cache):
    register(monkeypatch, server)
    assert not datasets.available("toy")
    assert datasets.load("toy") == {"toy.txt": TEXT}
    assert snapshot(cache) == {"other.txt": b"was here before", "toy/toy.txt": TEXT}
    assert (cache / "toy" / "toy.txt").stat().st_mode & 0o444 == 0o444  # a class can share a cache
    assert datasets.available("toy")
    assert datasets.load("toy") == {"toy.txt": TEXT} and len(server.asked) == 1


@pytest.mark.parametrize(
    "fault, reason",
    [
        ("missing", "the server answers 404"),
        ("cut", "the connection broke off .*47500 bytes read, 47500 more expected"),
        (
            "unsaid",
            f"the SHA-256 of toy/toy.txt is {digest(TEXT[: len(TEXT) // 2])}, expected "
            f"{digest(TEXT)}",
        ),
        (
            "altered",
            f"the SHA-256 of toy/toy.txt is {digest(TEXT.replace(b'not', b'NOT'))}, expected "
            f"{digest(TEXT)}",
        ),
        ("stalled", "the connection stalled: no byte for 0.3 s"),
    ],
)
def test_a_bad_download_says_why_and_leaves_the_cache_as_it_was(
    monkeypatch, server, cache, fault, reason
):
    register(monkeypatch, server, fault=fault)
    monkeypatch.setattr(datasets, "TIMEOUT", 0.3)
    closed, close = [], requests.Response.close
    monkeypatch.setattr(
        requests.Response, "close", lambda response: (closed.append(response), close(response))
    )
    before = snapshot(cache)
    started = time.monotonic()
    with pytest.raises(datasets.DatasetUnavailable, match=reason) as caught:
        datasets.load("toy")
    assert time.monotonic() - started < 10
    assert snapshot(cache) == before and not (cache / "toy").exists()
    assert closed
    message = str(caught.value)
    assert f"http://127.0.0.1:{server.server_port}/{fault}/toy.txt" in message
    for said in (
        "'toy'",
        "$RNNLIB_DATA: is not set",
        "no file toy/toy.txt",
        "python -m rnnlib data toy",
        "set RNNLIB_DATA",
    ):
        assert said in message


def test_no_server_at_all(monkeypatch, cache):
    register(monkeypatch, None)
    with pytest.raises(
        datasets.DatasetUnavailable, match="http://127.0.0.1:9/toy.txt: no connection .*refused"
    ):
        datasets.load("toy")


def test_only_what_is_missing_is_downloaded(monkeypatch, server, cache):
    server.pages = {"a.txt": b"a", "b.txt": b"b"}
    parts = [
        {"path": f"toy/{name}", "url": name, "sha256": digest(blob)}
        for name, blob in server.pages.items()
    ]
    register(monkeypatch, server, *parts)
    (cache / "toy").mkdir()
    (cache / "toy" / "a.txt").write_bytes(b"a")
    assert datasets.load("toy") == {"a.txt": b"a", "b.txt": b"b"} and server.asked == [
        "/good/b.txt"
    ]


def test_two_parts_of_one_archive_take_one_download(monkeypatch, server, cache):
    server.pages, part = published("zip")
    one = [
        {
            **part,
            "path": f"toy/{k}.wav",
            "pick": f"repo-master/(rec/{k}.wav)",
            "inside": {},
            "sha256": INSIDE[f"rec/{k}.wav"],
        }
        for k in range(2)
    ]
    register(monkeypatch, server, *one)
    assert datasets.load("toy") == {f"{k}.wav": FILES[f"rec/{k}.wav"] for k in range(2)}
    assert server.asked == ["/good/all.zip"]


def test_one_bad_file_of_several_leaves_none_behind(monkeypatch, server, cache):
    server.pages = {"a.txt": b"a"}
    parts = [
        {"path": f"toy/{name}.txt", "url": f"{name}.txt", "sha256": digest(name.encode())}
        for name in "ab"
    ]
    register(monkeypatch, server, *parts)
    with pytest.raises(datasets.DatasetUnavailable, match="b.txt: the server answers 404"):
        datasets.load("toy")
    assert set(snapshot(cache)) == {"other.txt"}


FILES = {"rec/0.wav": b"zero" * 99, "rec/1.wav": b"one" * 99}
INSIDE = {name: digest(blob) for name, blob in FILES.items()}
JOINT = digest("".join(f"{INSIDE[name]}  {name}\n" for name in sorted(FILES)).encode())


def published(kind):
    """-> pages of the server, part: one way to publish what is stored as toy/rec.zip."""
    members = {
        "repo-master/README": b"read me",
        **{f"repo-master/{name}": blob for name, blob in FILES.items()},
    }
    if kind == "plain files":
        pages = {name.split("/")[1]: blob for name, blob in FILES.items()}
        return pages, {"path": "toy/rec.zip", "url": "{}", "inside": INSIDE}
    buffer = io.BytesIO()
    if kind == "tar":
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for name, blob in members.items():
                item = tarfile.TarInfo(name)
                item.size = len(blob)
                archive.addfile(item, io.BytesIO(blob))
    else:
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, blob in members.items():
                packed = kind == "zip of gzip" and name.endswith("wav")
                archive.writestr(
                    name + ".gz" if packed else name, gzip.compress(blob) if packed else blob
                )
    url = "all.tar.gz" if kind == "tar" else "all.zip"
    part = {
        "path": "toy/rec.zip",
        "url": url,
        "pick": r"repo-master/(rec/\d\.wav)(?:\.gz)?",
        "inside": INSIDE,
    }
    if kind == "many":
        part = {**part, "inside": {}, "many": (r"rec/\d\.wav", 2, JOINT)}
    return {url: buffer.getvalue()}, part


@pytest.mark.parametrize("kind", ["plain files", "zip", "zip of gzip", "tar", "many"])
def test_published_in_another_form_than_stored(monkeypatch, server, cache, kind):
    server.pages, part = published(kind)
    register(monkeypatch, server, part)
    assert datasets.load("toy") == FILES
    asked = len(server.asked)
    assert datasets.load("toy") == FILES and len(server.asked) == asked
    assert set(snapshot(cache)) == {"other.txt", "toy/rec.zip"}


@pytest.mark.parametrize("kind", ["plain files", "zip", "many"])
def test_an_altered_file_inside_is_refused(monkeypatch, server, cache, kind):
    changed = {**FILES, "rec/1.wav": b"uno"}
    monkeypatch.setitem(FILES, "rec/1.wav", b"uno")
    server.pages, part = published(kind)
    register(monkeypatch, server, part)
    expected = JOINT if kind == "many" else INSIDE["rec/1.wav"]
    got = archives.joint_digest(changed) if kind == "many" else digest(b"uno")
    with pytest.raises(datasets.DatasetUnavailable, match=f"is {got}, expected {expected}"):
        datasets.load("toy")
    assert set(snapshot(cache)) == {"other.txt"}


def test_a_damaged_archive_is_refused(monkeypatch, server, cache):
    server.pages, part = published("zip")
    server.pages["all.zip"] = server.pages["all.zip"][:-40]
    register(monkeypatch, server, part)
    with pytest.raises(datasets.DatasetUnavailable, match="all.zip is cut short or damaged"):
        datasets.load("toy")
    server.pages, part = published("zip")
    register(monkeypatch, server, {**part, "pick": "nothing"})
    with pytest.raises(datasets.DatasetUnavailable, match="holds nothing that matches nothing"):
        datasets.load("toy")


CHILD = """
import sys, threading
from rnnlib.data import datasets
from rnnlib.data.catalog import REGISTRY
from rnnlib.data.entry import DataSet, Part
REGISTRY["toy"] = DataSet("", "", "", dict, (Part("toy/toy.txt", sys.argv[1], sha256=sys.argv[2]),))
print("ready", flush=True)
sys.stdin.readline()
assert data.load("toy")["toy.txt"][:5] == b"to be"
"""


def test_two_processes_load_the_same_set_at_once(server, cache):
    arguments = [f"http://127.0.0.1:{server.server_port}/together/toy.txt", digest(TEXT)]
    root = Path(__file__).parents[2]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=root,
        )
        for _ in range(2)
    ]
    for process in started:
        assert process.stdout.readline() == b"ready\n"
    for process in started:
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in started:
        process.communicate(timeout=60)
    assert [process.returncode for process in started] == [0, 0] and len(server.asked) == 2
    assert snapshot(cache) == {"other.txt": b"was here before", "toy/toy.txt": TEXT}
