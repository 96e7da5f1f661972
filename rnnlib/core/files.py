"""The one writer of files: whole or not at all, whoever writes beside it.

What is written goes to a file of its own beside the target, whose name no other process and no
other thread uses, and takes the target's name in one step.  Readers see the old file or the new
one, a fault leaves the old one and nothing else.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import time
from contextlib import suppress
from pathlib import Path

from rnnlib.core.errors import FileError

TRIES = 20  # Windows refuses to replace a file that another program has open at this moment
PAUSE = 0.05  # seconds between two tries


def write_bytes(path: str | os.PathLike[str], content: bytes | memoryview) -> Path:
    """Write `content` to `path`, whole or not at all; returns where it lies, links followed.

    The file's mode is the one it had, or what the umask leaves of 0666.  FileError (an OSError)
    names the file if there is no such folder, no room, or something else than a plain file.
    """
    target = Path(os.path.realpath(path))
    mode = _mode(path, target)
    scratch = target.with_name(f".{target.name[:100]}.{os.getpid()}.{secrets.token_hex(6)}.part")
    try:
        _fill(scratch, content, mode)
        _replace(scratch, target)
    except OSError as error:
        raise FileError(f"could not write {path}: {error}", "file.write") from error
    finally:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
    _settle(target.parent)
    return target


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Write `text` as UTF-8 with plain line ends, whole or not at all; see `write_bytes`."""
    return write_bytes(path, text.encode("utf-8"))


def _mode(path: str | os.PathLike[str], target: Path) -> int | None:
    """The mode that the file has now; None where there is none.  FileError for what is no file."""
    if not target.parent.is_dir():
        message = (
            f"could not write {path}: no folder {target.parent}: make it first, "
            f"os.makedirs({str(target.parent)!r})"
        )
        raise FileError(message, "file.no_folder")
    try:
        found = os.stat(target)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileError(f"could not write {path}: {error}", "file.write") from error
    if not stat.S_ISREG(found.st_mode):
        message = f"could not write {path}: it is a folder or a device, and no plain file"
        way = f"give another path, os.path.join({str(path)!r}, NAME)"
        raise FileError(f"{message}: {way}", "file.not_plain")
    return stat.S_IMODE(found.st_mode)


def _fill(scratch: Path, content: bytes | memoryview, mode: int | None) -> None:
    """A new file with this content, on the disk when this returns."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    handle = os.open(scratch, flags, 0o666)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if mode is not None:
        os.chmod(scratch, mode)


def _replace(scratch: Path, target: Path) -> None:
    """Give the new file the target's name; on Windows again while somebody reads the old one."""
    for attempt in range(TRIES):
        try:
            os.replace(scratch, target)
            return
        except PermissionError as error:
            busy = os.name == "nt" or error.errno == errno.EBUSY
            if not busy or attempt == TRIES - 1:
                raise
            time.sleep(PAUSE)


def _settle(folder: Path) -> None:
    """Ask the system to keep the new name through a loss of power, where it can."""
    if os.name == "nt":
        return
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
