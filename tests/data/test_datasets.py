"""Finding data in folders, in the cache and inside packages; the command line."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from data_server import TEXT, digest, register, serving, snapshot, watched_cache

from rnnlib.data import datasets
from rnnlib.data.catalog import REGISTRY


@pytest.fixture
def server():
    with serving() as server:
        yield server


@pytest.fixture
def cache(tmp_path, monkeypatch):
    return watched_cache(tmp_path, monkeypatch)


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
    assert (
        datasets.fetch("toy")[1] == [f"$RNNLIB_DATA ({tmp_path / 'mine'})"]
        and len(server.asked) == 1
    )


def test_a_damaged_copy_in_the_cache_is_replaced_or_kept(monkeypatch, server, cache):
    (cache / "toy").mkdir()
    (cache / "toy" / "toy.txt").write_bytes(b"damaged")
    register(monkeypatch, server, fault="missing")
    with (
        pytest.warns(UserWarning, match="passed over"),
        pytest.raises(datasets.DatasetUnavailable) as caught,
    ):
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
    with pytest.raises(
        datasets.DatasetUnavailable, match="cache .*cannot be written .*set RNNLIB_CACHE"
    ):
        datasets.load("toy")
    assert set(snapshot(cache)) == {"other.txt", "toy"}


def test_a_reader_never_sees_half_a_file(cache):
    """Two threads write, a third reads: whole files only, and no temporary one stays."""
    path, blobs = cache / "sub" / "x", [bytes([i]) * 3_000_000 for i in (1, 2)]
    datasets._write(path, blobs[0])
    writers = [
        threading.Thread(target=lambda b=b: [datasets._write(path, b) for _ in range(20)])
        for b in blobs
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
            ValueError,
            match="unknown data set 'sunspot': did you mean 'sunspots'. There are beijing_",
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
        datasets.DatasetUnavailable,
        match="no-such: is not installed\nWhat to do: `pip install no-such`",
    ):
        datasets.load("toy")
    register(
        monkeypatch,
        None,
        {"path": "__init__.py", "url": "", "sha256": "0" * 64},
        packages={"rnnlib": "rnnlib"},
    )
    with pytest.raises(
        datasets.DatasetUnavailable,
        match="package rnnlib .__init__.py.: the SHA-256 .* expected 0000",
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
    root = Path(__file__).parents[2]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=root,
        env={**os.environ, **environment},
        timeout=120,
    )


def test_the_command_helps_describes_and_refuses(tmp_path):
    elsewhere = {"RNNLIB_CACHE": str(tmp_path), "RNNLIB_DATA": ""}
    shown = run("data", "--help")
    assert shown.returncode == 0 and "$RNNLIB_DATA" in shown.stdout and "fsdd" in shown.stdout
    wrong = run("data", "sunspots", "nosuch")
    assert (
        wrong.returncode == 2 and "unknown data set 'nosuch'" in wrong.stderr and wrong.stdout == ""
    )
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
    assert (
        "a toy" in shown
        and "CC BY-SA 4.0" in shown
        and "verified" not in shown
        and not server.asked
    )


def test_the_command_says_what_could_not_be_had(monkeypatch, capsys, server, cache):
    from rnnlib.__main__ import main

    register(monkeypatch, server, fault="missing")
    assert main(["data", "toy", "sunspots"]) == 1
    shown = capsys.readouterr().out
    assert "NOT AVAILABLE: data set 'toy'" in shown and "verified: package statsmodels" in shown
    assert shown.endswith("1 of 2 could not be had, for the reasons above: toy\n")
