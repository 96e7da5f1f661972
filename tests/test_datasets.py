"""Finding, downloading and verifying data, against a server on this machine that also misbehaves."""

import hashlib
import os
import re
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rnnlib import datasets
from rnnlib.sets import REGISTRY, archives
from rnnlib.sets.entry import DataSet, Part

TEXT = b"to be or not to be\n" * 5000


def digest(blob):
    return hashlib.sha256(blob).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves `server.pages` {path: bytes}; the first folder of an address names a fault."""

    def do_GET(self):
        fault, _, page = self.path.lstrip("/").partition("/")
        self.server.asked.append(self.path)
        blob = self.server.pages.get(page)
        if fault == "together":  # answers only when two have asked
            self.server.both.wait()
            fault = "good"
        if fault == "missing" or blob is None:
            return self.send_error(404)
        self.send_response(200)
        if fault != "unsaid":  # the server announces the length, and may then break its word
            self.send_header("Content-Length", str(len(blob)))
        self.end_headers()
        blob = blob.replace(b"not", b"NOT") if fault == "altered" else blob
        self.wfile.write(blob if fault in ("good", "altered") else blob[: len(blob) // 2])
        self.wfile.flush()
        if fault == "stalled":
            self.server.stop.wait(20)
        self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.pages, server.asked, server.stop = {"toy.txt": TEXT}, [], threading.Event()
        server.both = threading.Barrier(2, timeout=60)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.stop.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "other.txt").write_bytes(b"was here before")
    monkeypatch.setenv("RNNLIB_CACHE", str(folder))
    monkeypatch.delenv("RNNLIB_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return folder


def register(monkeypatch, server, *parts, fault="good", loader=dict, **fields):
    """Puts the set "toy" into the table; its addresses begin with the fault that the server shall commit."""
    base = f"http://127.0.0.1:{server.server_port}/{fault}/" if server else "http://127.0.0.1:9/"
    if not parts:
        parts = ({"path": "toy/toy.txt", "url": "toy.txt", "sha256": digest(TEXT)},)
    made = tuple(Part(**{**part, "url": base + part["url"]}) for part in parts)
    monkeypatch.setitem(REGISTRY, "toy", DataSet("a toy", "ours", "here", loader, made, **fields))


def snapshot(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_downloaded_once_then_from_the_cache(monkeypatch, server, cache):
    register(monkeypatch, server)
    assert not datasets.available("toy")
    assert datasets.load("toy") == {"toy.txt": TEXT}
    assert snapshot(cache) == {"other.txt": b"was here before", "toy/toy.txt": TEXT}
    assert datasets.available("toy")
    assert datasets.load("toy") == {"toy.txt": TEXT} and len(server.asked) == 1


@pytest.mark.parametrize(
    "fault, reason",
    [
        ("missing", "the server answers 404"),
        ("cut", "the connection broke off .*47500 bytes read, 47500 more expected"),
        (
            "unsaid",
            f"the SHA-256 of toy/toy.txt is {digest(TEXT[: len(TEXT) // 2])}, expected {digest(TEXT)}",
        ),
        (
            "altered",
            f"the SHA-256 of toy/toy.txt is {digest(TEXT.replace(b'not', b'NOT'))}, expected {digest(TEXT)}",
        ),
        ("stalled", "the connection stalled: no byte for 0.3 s"),
    ],
)
def test_a_bad_download_says_why_and_leaves_the_cache_as_it_was(monkeypatch, server, cache, fault, reason):
    register(monkeypatch, server, fault=fault)
    monkeypatch.setattr(datasets, "TIMEOUT", 0.3)
    before = snapshot(cache)
    started = time.monotonic()
    with pytest.raises(datasets.DatasetUnavailable, match=reason) as caught:
        datasets.load("toy")
    assert time.monotonic() - started < 10
    assert snapshot(cache) == before and not (cache / "toy").exists()
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


def test_the_folder_of_the_reader_comes_first(monkeypatch, tmp_path, server, cache):
    register(monkeypatch, server)
    monkeypatch.setenv("RNNLIB_DATA", str(tmp_path / "mine"))
    with pytest.warns(
        UserWarning, match="passed over .*toy.txt: the SHA-256"
    ):  # damaged: the next place is asked
        (tmp_path / "mine" / "toy").mkdir(parents=True)
        (tmp_path / "mine" / "toy" / "toy.txt").write_bytes(b"damaged")
        assert datasets.load("toy") == {"toy.txt": TEXT} and len(server.asked) == 1
    (tmp_path / "mine" / "toy" / "toy.txt").write_bytes(TEXT)
    (cache / "toy" / "toy.txt").write_bytes(b"not looked at")
    assert datasets.fetch("toy")[1] == [f"$RNNLIB_DATA ({tmp_path / 'mine'})"] and len(server.asked) == 1


def test_a_damaged_copy_in_the_cache_is_replaced_or_kept(monkeypatch, server, cache):
    (cache / "toy").mkdir()
    (cache / "toy" / "toy.txt").write_bytes(b"damaged")
    register(monkeypatch, server, fault="missing")
    with pytest.warns(UserWarning, match="passed over"), pytest.raises(datasets.DatasetUnavailable) as caught:
        datasets.load("toy")
    assert digest(b"damaged") in str(caught.value) and digest(TEXT) in str(caught.value)
    assert (cache / "toy" / "toy.txt").read_bytes() == b"damaged"
    register(monkeypatch, server)
    with pytest.warns(UserWarning, match="passed over"):
        datasets.load("toy")
    assert (cache / "toy" / "toy.txt").read_bytes() == TEXT


def test_a_cache_that_cannot_be_written(monkeypatch, server, cache):
    register(monkeypatch, server)
    (cache / "toy").write_bytes(b"a file where a folder should be")
    with pytest.raises(datasets.DatasetUnavailable, match="cache .*cannot be written"):
        datasets.load("toy")
    assert set(snapshot(cache)) == {"other.txt", "toy"}


def test_only_what_is_missing_is_downloaded(monkeypatch, server, cache):
    server.pages = {"a.txt": b"a", "b.txt": b"b"}
    parts = [
        {"path": f"toy/{name}", "url": name, "sha256": digest(blob)} for name, blob in server.pages.items()
    ]
    register(monkeypatch, server, *parts)
    (cache / "toy").mkdir()
    (cache / "toy" / "a.txt").write_bytes(b"a")
    assert datasets.load("toy") == {"a.txt": b"a", "b.txt": b"b"} and server.asked == ["/good/b.txt"]


def test_one_bad_file_of_several_leaves_none_behind(monkeypatch, server, cache):
    server.pages = {"a.txt": b"a"}
    parts = [
        {"path": f"toy/{name}.txt", "url": f"{name}.txt", "sha256": digest(name.encode())} for name in "ab"
    ]
    register(monkeypatch, server, *parts)
    with pytest.raises(datasets.DatasetUnavailable, match="b.txt: the server answers 404"):
        datasets.load("toy")
    assert set(snapshot(cache)) == {"other.txt"}


def zipped(files):
    return archives.packed(Part("x.zip", "{}", inside=files), {name: blob for name, blob in files.items()})


FILES = {"rec/0.wav": b"zero" * 99, "rec/1.wav": b"one" * 99}
INSIDE = {name: digest(blob) for name, blob in FILES.items()}
JOINT = digest("".join(f"{INSIDE[name]}  {name}\n" for name in sorted(FILES)).encode())


def published(kind):
    """-> pages of the server, part: one way to publish what is stored as toy/rec.zip."""
    import gzip
    import io
    import tarfile
    import zipfile

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
                archive.writestr(name + ".gz" if packed else name, gzip.compress(blob) if packed else blob)
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
from rnnlib import datasets
from rnnlib.sets import REGISTRY
from rnnlib.sets.entry import DataSet, Part
REGISTRY["toy"] = DataSet("", "", "", dict, (Part("toy/toy.txt", sys.argv[1], sha256=sys.argv[2]),))
print("ready", flush=True)
sys.stdin.readline()
assert datasets.load("toy")["toy.txt"][:5] == b"to be"
"""


def test_two_processes_load_the_same_set_at_once(server, cache):
    arguments = [f"http://127.0.0.1:{server.server_port}/together/toy.txt", digest(TEXT)]
    root = Path(__file__).parents[1]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root
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


def test_a_reader_never_sees_half_a_file(cache):
    """Two threads write, a third reads: whole files only, and no temporary one stays."""
    path, blobs = cache / "sub" / "x", [bytes([i]) * 3_000_000 for i in (1, 2)]
    datasets._write(path, blobs[0])
    writers = [
        threading.Thread(target=lambda b=b: [datasets._write(path, b) for _ in range(20)]) for b in blobs
    ]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert path.read_bytes() in blobs
    for writer in writers:
        writer.join()
    assert os.listdir(path.parent) == ["x"]


def test_an_interrupted_write_leaves_nothing(monkeypatch, cache):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        datasets._write(cache / "x", b"abc")
    assert set(snapshot(cache)) == {"other.txt"}


def test_unknown_names():
    for call in (datasets.load, datasets.available, datasets.describe):
        with pytest.raises(
            ValueError, match="unknown data set 'sunspot': did you mean 'sunspots'. There are beijing_"
        ):
            call("sunspot")
    with pytest.raises(TypeError, match="by its name, a string, got 3"):
        datasets.load(3)


def test_a_package_that_is_missing_or_another(monkeypatch):
    register(
        monkeypatch,
        None,
        {"path": "a.csv", "url": "", "sha256": "0" * 64},
        packages={"no_such_module": "no-such"},
    )
    assert not datasets.available("toy")
    with pytest.raises(
        datasets.DatasetUnavailable, match="no-such: is not installed\nWhat to do: `pip install no-such`"
    ):
        datasets.load("toy")
    register(
        monkeypatch,
        None,
        {"path": "__init__.py", "url": "", "sha256": "0" * 64},
        packages={"rnnlib": "rnnlib"},
    )
    with pytest.raises(
        datasets.DatasetUnavailable, match="package rnnlib .__init__.py.: the SHA-256 .* expected 0000"
    ):
        datasets.load("toy")


def test_every_set_says_what_it_is():
    for name, entry in REGISTRY.items():
        assert re.fullmatch("[a-z0-9_]+", name)
        said = datasets.describe(name)
        assert entry.about in said and entry.licence in said and "gives: " in said
        for part in entry.parts:
            pinned = [part.sha256, *part.inside.values(), part.many and part.many[2]]
            assert all(re.fullmatch("[0-9a-f]{64}", one) for one in pinned if one) and any(pinned)
            assert bool(part.sha256) + bool(part.inside) + bool(part.many) == 1
            assert part.url.startswith("https://") or entry.packages


def run(*arguments, **environment):
    command = [sys.executable, "-m", "rnnlib", *arguments]
    root = Path(__file__).parents[1]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=root, env={**os.environ, **environment}, timeout=120
    )


def test_the_command_helps_describes_and_refuses(tmp_path):
    elsewhere = {"RNNLIB_CACHE": str(tmp_path), "RNNLIB_DATA": ""}
    shown = run("data", "--help")
    assert shown.returncode == 0 and "$RNNLIB_DATA" in shown.stdout and "fsdd" in shown.stdout
    wrong = run("data", "sunspots", "nosuch")
    assert wrong.returncode == 2 and "unknown data set 'nosuch'" in wrong.stderr and wrong.stdout == ""
    good = run("data", "sunspots", **elsewhere)
    assert (
        good.returncode == 0
        and "public domain" in good.stdout
        and "verified: package statsmodels" in good.stdout
    )
    assert not any(tmp_path.iterdir())


def test_the_command_describes_without_fetching(monkeypatch, capsys, server, cache):
    from rnnlib.__main__ import main

    register(monkeypatch, server)
    assert main(["data", "--describe", "toy", "fsdd"]) == 0
    shown = capsys.readouterr().out
    assert "a toy" in shown and "CC BY-SA 4.0" in shown and "verified" not in shown and not server.asked


def test_the_command_says_what_could_not_be_had(monkeypatch, capsys, server, cache):
    from rnnlib.__main__ import main

    register(monkeypatch, server, fault="missing")
    assert main(["data", "toy", "sunspots"]) == 1
    shown = capsys.readouterr().out
    assert "NOT AVAILABLE: data set 'toy'" in shown and "verified: package statsmodels" in shown
    assert shown.endswith("1 of 2 could not be had, for the reasons above: toy\n")
