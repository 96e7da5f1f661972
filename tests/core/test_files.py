"""The one writer of files: whole or not at all, with the right mode, beside other writers."""

import os
import stat
import struct
import subprocess
import sys
import threading

import numpy as np
import pytest

from rnnlib.core import errors, files, weight_files

posix = pytest.mark.skipif(os.name == "nt", reason="modes, links and devices are those of POSIX")


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@posix
@pytest.mark.parametrize("umask", [0o022, 0o002, 0o077])
def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path, umask):
    before = os.umask(umask)
    try:
        files.write_text(tmp_path / "a.txt", "a")
    finally:
        os.umask(before)
    assert mode(tmp_path / "a.txt") == 0o666 & ~umask


@posix
@pytest.mark.parametrize("own", [0o600, 0o644, 0o664])
def test_a_file_keeps_its_mode(tmp_path, own):
    path = tmp_path / "a.st"
    path.write_bytes(b"old")
    path.chmod(own)
    weight_files.write_weights(path, {"w": np.zeros(3)}, {})
    assert mode(path) == own


@posix
def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "store").mkdir()
    link = tmp_path / "now.txt"
    link.symlink_to(tmp_path / "store" / "run.txt")
    files.write_text(link, "first")
    files.write_text(link, "second")
    assert link.is_symlink() and (tmp_path / "store" / "run.txt").read_text() == "second"
    assert sorted(os.listdir(tmp_path)) == ["now.txt", "store"]
    assert os.listdir(tmp_path / "store") == ["run.txt"]


@posix
@pytest.mark.parametrize("kind", ["device", "folder", "pipe"])
def test_what_is_no_plain_file_is_refused(tmp_path, kind):
    path = {"device": "/dev/null", "folder": tmp_path / "f", "pipe": tmp_path / "p"}[kind]
    if kind == "folder":
        path.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(errors.FileError, match="no plain file: give another path") as caught:
        files.write_text(path, "a")
    assert caught.value.code == "file.not_plain"
    assert os.path.exists(path)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(errors.FileError, match="could not write .*no folder") as caught:
        files.write_text(tmp_path / "no" / "a.txt", "a")
    assert caught.value.code == "file.no_folder"
    (tmp_path / "no").mkdir()  # what the message says to do
    files.write_text(tmp_path / "no" / "a.txt", "a")


@pytest.mark.parametrize("fault", ["write", "fsync", "replace"])
def test_a_fault_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, fault):
    path = tmp_path / "a.txt"
    files.write_text(path, "old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(
        os, {"write": "fdopen", "fsync": "fsync", "replace": "replace"}[fault], full
    )
    with pytest.raises(OSError, match="could not write .*No space left"):
        files.write_text(path, "new")
    monkeypatch.undo()
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]


def test_names_as_long_as_the_system_takes(tmp_path):
    path = tmp_path / ("n" * 250 + ".txt")
    files.write_text(path, "a")
    assert path.read_text() == "a"


def test_threads_that_write_one_file_leave_one_whole_file(tmp_path):
    path = tmp_path / "a.bin"
    contents = [bytes([k]) * 50_000 for k in range(8)]
    faults = []

    def write(content):
        try:
            for _ in range(20):
                files.write_bytes(path, content)
        except OSError as fault:
            faults.append(fault)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == [] and path.read_bytes() in contents and os.listdir(tmp_path) == ["a.bin"]


def test_processes_that_write_one_file_leave_one_whole_file(tmp_path):
    code = (
        "import sys; from rnnlib.core import files\n"
        "for _ in range(100): files.write_text(sys.argv[1], sys.argv[2] * 9999)"
    )
    path = tmp_path / "a.txt"
    started = [subprocess.Popen([sys.executable, "-c", code, str(path), c]) for c in "abc"]
    assert [process.wait() for process in started] == [0, 0, 0]
    assert set(path.read_text()) in ({"a"}, {"b"}, {"c"}) and len(path.read_text()) == 9999
    assert os.listdir(tmp_path) == ["a.txt"]


def test_bfloat16_of_other_programs_is_read_as_float32(tmp_path):
    values = np.array([[1.5, -2.0, 0.0078125]], "float32")  # all of them bfloat16 too
    upper = (values.view("uint32") >> 16).astype("<u2").tobytes()
    head = b'{"w":{"dtype":"BF16","shape":[1,3],"data_offsets":[0,6]}}'
    (tmp_path / "b.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + upper)
    arrays, about = weight_files.read_weights(tmp_path / "b.safetensors")
    assert about == {} and arrays["w"].dtype == "float32"
    np.testing.assert_array_equal(arrays["w"], values)
