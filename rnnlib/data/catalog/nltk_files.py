"""What the files that NLTK publishes have in common: their addresses, and how they are opened."""

import io
import zipfile

from rnnlib.data.entry import GITHUB, Part

NLTK = f"{GITHUB}/nltk/nltk_data/gh-pages/packages"


def unzipped(blob):
    with zipfile.ZipFile(io.BytesIO(blob)) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def lines(blob):
    """Lines of UTF-8 text; only newlines end one (str.splitlines would also cut at other
    separators).
    """
    return blob.decode("utf-8").replace("\r\n", "\n").removesuffix("\n").split("\n")


def nltk_part(kind, name, digest):
    """A package of the NLTK index, stored as published where NLTK expects it."""
    return Part(f"nltk_data/{kind}/{name}.zip", f"{NLTK}/{kind}/{name}.zip", sha256=digest)


def nltk_inner_part(kind, name, pick, inside):
    """A package of the NLTK index that grows: the files that are read are pinned one by one."""
    path = f"{kind}/{name}.zip"
    return Part(f"nltk_data/{path}", f"{NLTK}/{path}", pick=pick, inside=inside)
