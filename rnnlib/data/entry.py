"""What the table says of a data set: what it is, where it comes from, its licence as stated there,
its digests.

The sets that lie inside packages are always there. The others are downloaded once; none of them is
covered by the licence of this book. "NC" in a licence marks what may only be used non-commercially.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

GITHUB = "https://raw.githubusercontent.com"


@dataclass(frozen=True)
class Part:
    """One stored file, and how it comes from what is published.

    path    where it lies under `$RNNLIB_DATA`, under the cache, or inside its package
    url     where it is published; with "{}", one address for each name in `inside` or `names`
    pick    if `url` is an archive: a regular expression for the whole path of its wanted members,
            the name in group 1
    sha256  digest of the stored file, where that is a published file as it is
    inside  else digests {name: SHA-256} of the published files in it, of those that are read
    many    else (expression for their names, how many, their joint digest): see
            `archives.joint_digest`
    names   with `many` and a url with "{}": the names
    """

    path: str
    url: str = ""
    pick: str | None = None
    sha256: str | None = None
    inside: dict = field(default_factory=dict)
    many: tuple | None = None
    names: tuple = ()


@dataclass(frozen=True)
class DataSet:
    """One entry: `loader` turns the files {name: bytes} of all `parts` into what `data.load`
    returns.
    """

    about: str
    licence: str
    source: str
    loader: Callable
    parts: tuple = ()
    # {module: distribution} that carry the data, if any
    packages: dict = field(default_factory=dict)
