"""Data sets by name: found in a folder, in the user's cache, or downloaded;
verified by SHA-256 every time.

    from rnnlib import data
    y = data.load("sunspots")

`load` looks in the folder that `$RNNLIB_DATA` names, then in the cache (`$RNNLIB_CACHE`, else the
usual place of the operating system), then downloads from the source. Both folders have one layout,
that of `Part.path`, so a cache can serve as `$RNNLIB_DATA` of another machine. The table of sets,
with their loaders, is in `rnnlib.data.catalog`.
"""

import difflib
import importlib.util
import os
import warnings
from pathlib import Path

from rnnlib.core.files import write_bytes
from rnnlib.data import archives
from rnnlib.data.archives import Refused
from rnnlib.data.catalog import REGISTRY

TIMEOUT = 30.0  # seconds without a byte after which a connection counts as stalled


class DatasetUnavailable(RuntimeError):
    """A data set is in no place where it may lie.

    Attributes: `name`; `reasons`, pairs (place, why it failed there); `remedy`, what to do.
    """

    def __init__(self, name, reasons, remedy):
        super().__init__(name, reasons, remedy)
        self.name = name
        self.reasons = reasons
        self.remedy = remedy

    def __str__(self):
        places = "\n".join(f"  {place}: {why}" for place, why in self.reasons)
        return f"data set {self.name!r} is not available:\n{places}\n{self.remedy}"


def load(name):
    """The data set `name`, read and verified; what it returns (arrays, tables, texts;
    units) says `describe(name)`.

    Raises ValueError for a name that is not in `REGISTRY`, and DatasetUnavailable, which lists
    every place that was tried and what failed there, when the data are nowhere. A failed download
    leaves the cache as it was.
    """
    contents, _ = fetch(name)
    return REGISTRY[name].loader(contents)


def describe(name):
    """What the set is, its licence as stated by its source, where it comes from, and what
    `load(name)` returns.
    """
    entry = _entry(name)
    return "\n  ".join(
        [
            f"{name}: {entry.about}",
            f"licence: {entry.licence}",
            f"source: {entry.source}",
            f"gives: {entry.loader.__doc__.strip()}",
        ]
    )


def verify(name):
    """Finds or downloads the files of a set and checks their digests -> the places they came
    from.
    """
    contents, places = fetch(name)
    if not contents:  # the texts themselves are verified: the set has no files of its own
        REGISTRY[name].loader(contents)
    return places


def available(name):
    """Whether `load(name)` would find its files without a download;
    their digests are checked by `load`.
    """
    entry = _entry(name)
    if entry.packages:
        return not _missing_packages(entry)
    folders = [folder for _, folder in _folders()]
    return all(any((folder / part.path).is_file() for folder in folders) for part in entry.parts)


def fetch(name):
    """-> (files, places): the verified bytes of each published file by its name, and the places
    they came from.
    """
    entry = _entry(name)
    if entry.packages:
        return _from_packages(name, entry)
    contents: dict[str, bytes] = {}
    places = set()
    missing = []
    reasons = []
    for part in entry.parts:
        found, place, failures = _stored(part)
        if found is None:
            missing.append(part)
            reasons += [failure for failure in failures if failure not in reasons]
        else:
            contents |= found
            places.add(place)
    if missing:
        contents |= _download(name, missing, reasons)
        places.add(missing[0].url)
    return contents, sorted(places)


def _entry(name):
    if not isinstance(name, str):
        raise TypeError(f"a data set is asked for by its name, a string, got {name!r}")
    if name not in REGISTRY:
        near = difflib.get_close_matches(name, REGISTRY, n=3, cutoff=0.5)
        if near:
            hint = f"did you mean {' or '.join(map(repr, near))}? "
        else:
            hint = ""
        raise ValueError(
            f"unknown data set {name!r}: {hint}There are {', '.join(sorted(REGISTRY))}"
        )
    return REGISTRY[name]


def _folders():
    """Pairs (how an error calls it, folder), in the order in which they are searched."""
    data = os.environ.get("RNNLIB_DATA")
    if data:
        folders = [(f"$RNNLIB_DATA ({data})", Path(data).expanduser())]
    else:
        folders = []
    return [*folders, (f"cache ({cache()})", cache())]


def cache():
    """The folder that downloads go to: `$RNNLIB_CACHE`, else the operating system's place for
    caches.
    """
    if os.environ.get("RNNLIB_CACHE"):
        return Path(os.environ["RNNLIB_CACHE"]).expanduser()
    return Path(_pooch().os_cache("rnnlib"))


def _pooch():
    """pooch, imported on demand and without tqdm's complaint about a notebook that has no
    ipywidgets.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pooch
    return pooch


def _stored(part):
    """-> files or None, place, [(place, why not)] of one part in the folders of this machine.

    A damaged copy is passed over with a warning: the next place may hold a good one.
    """
    if os.environ.get("RNNLIB_DATA"):
        failures = []
    else:
        failures = [("$RNNLIB_DATA", "is not set")]
    for place, folder in _folders():
        path = folder / part.path
        if not path.is_file():
            failures.append(
                (place, f"no file {part.path}" if folder.is_dir() else "no such folder")
            )
            continue
        try:
            return archives.opened(part, path.read_bytes()), place, failures
        except (Refused, OSError) as error:
            failures.append((place, str(error)))
            warnings.warn(f"passed over {path}: {error}", stacklevel=4)
    return None, None, failures


def _download(name, parts, reasons):
    """Downloads and verifies all `parts`, then puts them into the cache, each by one rename;
    -> their files.
    """
    contents: dict[str, bytes] = {}
    blobs = {}
    pages = {}
    for part in parts:
        for url in archives.addresses(part):
            if url not in pages:
                try:
                    pages[url] = _get(url)
                except Refused as error:
                    raise _unavailable(name, parts, [*reasons, (url, str(error))]) from None
        try:
            blobs[part.path] = archives.packed(part, pages)
            contents |= archives.opened(part, blobs[part.path])
        except Refused as error:
            raise _unavailable(name, parts, [*reasons, (part.url, str(error))]) from None
    for path, blob in blobs.items():
        try:
            _write(cache() / path, blob)
        except OSError as error:
            why = f"cannot be written ({error}): set RNNLIB_CACHE to a folder that can"
            raise _unavailable(name, parts, [*reasons, (f"cache ({cache()})", why)]) from None
    return contents


def _unavailable(name, parts, reasons):
    if len(parts) == 1:
        files = parts[0].path
    else:
        files = f"{parts[0].path} and {len(parts) - 1} more"
    remedy = (
        f"What to do: run `python -m rnnlib data {name}` where there is a network (it fills the "
        f"cache), or set RNNLIB_DATA to a folder that holds {files}."
    )
    return DatasetUnavailable(name, reasons, remedy)


def _get(url):
    """The bytes at `url`, held in memory until they are verified, so that no interruption leaves
    anything behind.
    """
    import io

    import requests

    page = io.BytesIO()
    answers = []
    # pooch leaves a failing connection open
    keep = {"response": lambda answer, **_: answers.append(answer)}
    try:
        _pooch().HTTPDownloader(timeout=TIMEOUT, chunk_size=2**16, hooks=keep)(url, page, None)
    except requests.exceptions.HTTPError as error:
        status = getattr(error.response, "status_code", "with an error")
        reason = getattr(error.response, "reason", "")
        raise Refused(f"the server answers {status} {reason}") from None
    except requests.exceptions.RequestException as error:
        why = _innermost(error)
        if isinstance(error, requests.exceptions.Timeout) or "timed out" in why:
            raise Refused(f"the connection stalled: no byte for {TIMEOUT:g} s") from None
        if answers:
            raise Refused(f"the connection broke off ({why})") from None
        raise Refused(f"no connection ({why})") from None
    finally:
        for answer in answers:
            answer.close()
    return page.getvalue()


def _innermost(error):
    """The cause at the bottom of a chain of wrapped network errors, in one line."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _write(path, blob):
    """A file appears whole or not at all, also when two processes write it at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, blob)


def _missing_packages(entry):
    return [module for module in entry.packages if importlib.util.find_spec(module) is None]


def _from_packages(name, entry):
    """Files that lie inside installed packages, which are found without being imported."""
    remedy = f"What to do: `pip install {' '.join(entry.packages.values())}`."
    missing = _missing_packages(entry)
    if missing:
        raise DatasetUnavailable(
            name, [(entry.packages[module], "is not installed") for module in missing], remedy
        )
    contents: dict[str, bytes] = {}
    for part in entry.parts:
        module = next(iter(entry.packages))
        try:
            path = archives.package_folder(module) / part.path
            contents |= archives.opened(part, path.read_bytes())
        except (Refused, OSError) as error:
            place = f"package {entry.packages[module]} ({part.path})"
            hint = " The book was made with the versions in constraints.txt: install those."
            raise DatasetUnavailable(name, [(place, str(error))], remedy + hint) from None
    return contents, [f"package {distribution}" for distribution in entry.packages.values()]
