"""Build the pages from the recorded chapters; nothing is run: `python -m tools.build`.

Edits of prose are carried from NAME.md into NAME.ipynb first. A chapter whose code cells were
edited, or whose outputs `make record` did not write, stops the build, and so does any warning of
Sphinx.
"""

import hashlib
import shutil
import sys
import time
from pathlib import Path

import yaml

from tools import chapters, environment


def listed(root):
    """Sources of the chapters that _toc.yml lists."""
    contents = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    parts = contents.get("parts", [contents])
    files = [entry["file"] for part in parts for entry in part.get("chapters", [])]
    return [root / f"{name}.md" for name in files if name.startswith("notebooks/")]


def bring_prose(sources):
    """Carry prose into the recorded notebooks; returns the problems that need `make record`, as
    text.
    """
    problems = []
    for source in sources:
        if not source.exists():
            problems.append(f"{source.name} is listed in _toc.yml but is not in notebooks/")
        elif reason := chapters.why_due(source):
            problems.append(f"{source.name} {reason}. Run: make record CH={source.stem}")
        elif chapters.refresh_prose(source):
            print(f"prose of {source.stem} brought to its page")
    return problems


def frame_digest(root):
    """SHA-256 over what shapes every page: where it differs from the last build, pages are read
    anew.
    """
    digest = hashlib.sha256()
    files = [root / "_config.yml", root / "_toc.yml", root / "constraints.txt", Path(__file__)]
    for folder in ("_ext", "_templates"):
        files += sorted(
            path for path in (root / "book" / folder).rglob("*") if path.suffix in (".py", ".html")
        )
    files += sorted((root / "book").glob("*.yml"))
    for path in files:
        digest.update(str(path.name).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def sphinx(root, fresh):
    """Run Sphinx with every warning fatal; returns the number to exit with.

    All pages are written each time, so that a reference broken by an edit elsewhere is found; only
    edited pages are read, unless `fresh`.
    """
    from jupyter_book.sphinx import build_sphinx

    result = build_sphinx(
        root,
        root / "_build" / "html",
        noconfig=True,
        path_config=root / "_config.yml",
        confoverrides={
            "external_toc_path": "_toc.yml",
            "latex_individualpages": False,
            "nitpicky": True,
        },
        force_all=True,
        freshenv=fresh,
        quiet=True,
        warningiserror=True,
        keep_going=True,
    )
    if isinstance(result, BaseException):
        return 1
    return int(result)


def main(root=environment.ROOT):
    """Build the pages and say where they are; 1 if anything is wrong."""
    start = time.perf_counter()
    problems = bring_prose(listed(root))
    if problems:
        print("The pages cannot be built:", *problems, sep="\n  ", file=sys.stderr)
        return 1
    stamp = root / "_build" / "pages"
    state = frame_digest(root)
    fresh = not stamp.exists() or stamp.read_text(encoding="utf-8") != state
    stamp.unlink(missing_ok=True)  # a build that fails or is stopped is followed by a fresh one
    if fresh:
        for folder in ("html", ".doctrees"):
            shutil.rmtree(root / "_build" / folder, ignore_errors=True)
    print("Building the pages" + (" (all of them) ..." if fresh else " ..."), flush=True)
    status = sphinx(root, fresh)
    if status:
        print("The pages were built with warnings; each is an error, see above.", file=sys.stderr)
        return status
    stamp.write_text(state, encoding="utf-8")
    page = root / "_build" / "html" / "index.html"
    print(f"Done in {time.perf_counter() - start:.0f} s. The pages: {page}")
    print(f"Open {page.as_uri()} in a browser, or run `make serve`.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
