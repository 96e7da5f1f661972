"""A server on this machine that also misbehaves, a cache to watch, and a set called "toy" for the
tests of downloads.
"""

import hashlib
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from rnnlib.data.catalog import REGISTRY
from rnnlib.data.entry import DataSet, Part

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


@contextmanager
def serving():
    """The server, in a thread of this process."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.pages, server.asked, server.stop = {"toy.txt": TEXT}, [], threading.Event()
        server.both = threading.Barrier(2, timeout=60)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.stop.set()
        server.shutdown()
        thread.join()


def watched_cache(tmp_path, monkeypatch):
    """A cache with one file in it, and no other place to look in."""
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "other.txt").write_bytes(b"was here before")
    monkeypatch.setenv("RNNLIB_CACHE", str(folder))
    monkeypatch.delenv("RNNLIB_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return folder


def register(monkeypatch, server, *parts, fault="good", loader=dict, **fields):
    """Puts the set "toy" into the table; its addresses begin with the fault that the server shall
    commit.
    """
    base = f"http://127.0.0.1:{server.server_port}/{fault}/" if server else "http://127.0.0.1:9/"
    if not parts:
        parts = ({"path": "toy/toy.txt", "url": "toy.txt", "sha256": digest(TEXT)},)
    made = tuple(Part(**{**part, "url": base + part["url"]}) for part in parts)
    monkeypatch.setitem(REGISTRY, "toy", DataSet("a toy", "ours", "here", loader, made, **fields))


def snapshot(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
