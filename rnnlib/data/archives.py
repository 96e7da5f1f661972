"""What a data set's files look like where they are published and where they are stored:
digests, zip, gzip, tar.

`opened` verifies and opens a stored file, `packed` makes the stored file from what was downloaded.
A `Part` says how the two differ (see `entry.Part`).
"""

import gzip
import hashlib
import importlib.util
import io
import re
import tarfile
import zipfile
import zlib
from pathlib import Path


class Refused(Exception):
    """Why a place does not hold what it should, in one sentence."""


def sha256(blob):
    """Hexadecimal SHA-256 of bytes."""
    return hashlib.sha256(blob).hexdigest()


def joint_digest(files):
    """One SHA-256 over many files {name: bytes}: of the lines "SHA256  NAME", sorted by name, each
    ended by a newline.
    """
    return sha256("".join(f"{sha256(files[name])}  {name}\n" for name in sorted(files)).encode())


def opened(part, blob):
    """The published files {name: bytes} in the stored `blob` of `part`.

    Refused says both digests when one differs.
    """
    if part.sha256:
        _same(part.path, sha256(blob), part.sha256)
        return {part.path.rsplit("/", 1)[-1]: blob}
    files = _unpacked(part.path, blob)
    if part.many:
        pattern, count, digest = part.many
        files = {name: files[name] for name in files if re.fullmatch(pattern, name)}
        _same(
            f"{len(files):,} files (expected {count:,}) in {part.path}", joint_digest(files), digest
        )
        return files
    for name in part.inside:
        if name not in files:
            raise Refused(f"{part.path} holds no file {name}")
        _same(f"{name} in {part.path}", sha256(files[name]), part.inside[name])
    return {name: files[name] for name in part.inside}


def _same(what, got, expected):
    if got != expected:
        raise Refused(f"the SHA-256 of {what} is {got}, expected {expected}")


def _unpacked(path, blob):
    """All files {name: bytes} of a .zip, .tar.gz or .gz;
    the name of the single one in a .gz is that of the .gz.
    """
    try:
        if path.endswith(".zip"):
            with zipfile.ZipFile(io.BytesIO(blob)) as archive:
                return {
                    name: archive.read(name)
                    for name in archive.namelist()
                    if not name.endswith("/")
                }
        if path.endswith((".tar.gz", ".tgz")):
            with tarfile.open(fileobj=io.BytesIO(blob), mode="r:gz") as archive:
                return {
                    item.name: file.read()
                    for item in archive
                    if item.isfile() and (file := archive.extractfile(item)) is not None
                }
        return {path.rsplit("/", 1)[-1].removesuffix(".gz"): gzip.decompress(blob)}
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise Refused(f"{path.rsplit('/', 1)[-1]} is cut short or damaged ({error})") from None


def addresses(part):
    """The addresses that have to be downloaded for `part`."""
    if "{}" not in part.url:
        return [part.url]
    return [part.url.format(name.rsplit("/", 1)[-1]) for name in part.inside or part.names]


def packed(part, pages):
    """The bytes to store for `part`, made from `pages` {address: bytes downloaded}."""
    urls = addresses(part)
    if part.pick is None and part.sha256:
        return pages[urls[0]]
    if part.pick is None:
        files = dict(zip(part.inside or part.names, (pages[url] for url in urls), strict=True))
    else:
        files = _picked(part, pages[urls[0]])
    if part.sha256:
        return next(iter(files.values()))
    if part.path.endswith(".zip"):
        return _zipped(files)
    return gzip.compress(next(iter(files.values())), mtime=0)


def _picked(part, blob):
    """The wanted files of a published archive: those whose whole path matches `pick`, under the
    name in its group 1.
    """
    files = {}
    for member, content in _unpacked(part.url, blob).items():
        match = re.fullmatch(part.pick, member)
        if match:
            if member.endswith(".gz"):
                (plain,) = _unpacked(member, content).values()
            else:
                (plain,) = (content,)
            files[match[1]] = plain
    if not files:
        raise Refused(f"the archive holds nothing that matches {part.pick}")
    return files


def _zipped(files):
    """A zip of {name: bytes}, the same bytes whenever it is made."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name), files[name], compress_type=zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def package_folder(module: str) -> Path:
    """The folder of an installed package, found without importing it; ModuleNotFoundError where
    there is none."""
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"no package {module} is installed", name=module)
    return Path(spec.submodule_search_locations[0])
