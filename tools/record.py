"""Run chapters and keep what they print: `python -m tools.record [--stale] [NAME ...]`.

A chapter is refused, and its old recording left as it was, if a data set it can use is absent, a cell
raises, or anything is written to stderr.
"""

import argparse
import copy
import platform
import subprocess
import sys
import time
from importlib import metadata

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from tools import chapters, environment, processor

CELL_SECONDS = 600
PACKAGES = "numpy scipy pandas matplotlib scikit-learn statsmodels torch tensorflow keras".split()


class Refused(Exception):
    """A chapter cannot be recorded; the text says why and what to do."""


def versions():
    """Versions of Python and of the packages that numbers in chapters depend on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def check_data(notebook):
    """Refuse a chapter whose data sets are not all there."""
    names = chapters.data_sets(notebook)
    if not names:
        return
    from rnnlib import datasets

    try:
        absent = [name for name in names if not datasets.available(name)]
    except ValueError as error:  # a tag names a data set that the registry does not know
        raise Refused(str(error)) from None
    if absent:
        sets = ", ".join(absent)
        raise Refused(f"data not here: {sets}. Fetch with `make data`, or set RNNLIB_DATA to where it is")


def run(notebook, folder):
    """A copy of the notebook, executed in `folder`; every cell has run and none has raised."""
    ran = copy.deepcopy(notebook)
    client = NotebookClient(
        ran,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        coalesce_streams=True,
        force_raise_errors=True,  # the data is here, so cells tagged raises-exception must not raise either
        store_widget_state=False,
    )
    try:
        client.execute(stderr=subprocess.DEVNULL)  # what libraries write past Python is not for the page
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise Refused(f"a cell raised:\n{error}") from None
    return ran


def check_outputs(ran):
    """Refuse what a recording must not hold: stderr, widgets, empty code cells."""
    for number, cell in enumerate(chapters.code(ran)):
        if cell.execution_count is None:
            raise Refused(f"code cell {number} is empty")
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                raise Refused(f"code cell {number} wrote to stderr:\n{output.text.rstrip()}")
            if any("widget" in kind for kind in output.get("data", {})):
                raise Refused(f"code cell {number} shows a widget, which needs scripts from elsewhere")


def record(source, library):
    """Execute notebooks/NAME.md and replace NAME.ipynb in one step; raise Refused and touch nothing."""
    text = chapters.canonical(source)
    if text != source.read_text(encoding="utf-8"):
        chapters.write_atomically(source, text)
        print(f"  {source.name} rewritten as jupytext saves it")
    notebook = chapters.read_source(source)
    check_data(notebook)
    ran = run(notebook, source.parent)
    check_outputs(ran)
    language = {k: v for k, v in ran.metadata.get("language_info", {}).items() if k != "version"}
    origin = {
        "library": library,
        "outputs": chapters.outputs_digest(ran),
        "processor": processor.describe(),
        "versions": versions(),
    }
    about = {"language_info": language, "rnnlib": origin}
    chapters.write_atomically(source.with_suffix(".ipynb"), chapters.assemble(notebook, ran, about))


def aged(source, library):
    """Whether a chapter is due, or was recorded with another state of the package."""
    if chapters.why_due(source):
        return True
    recorded = chapters.read_recorded(source.with_suffix(".ipynb"))
    return recorded.metadata["rnnlib"]["library"] != library


def choose(names, folder):
    """The chapters' sources: those named (NAME, NAME.md and notebooks/NAME.md are one), or all."""
    known = {path.stem: path for path in sorted(folder.glob("*.md"))}
    wanted = [
        name.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".md").removesuffix(".ipynb")
        for name in names
    ]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise SystemExit(f"no chapter {', '.join(unknown)}; there are: {', '.join(known) or 'none'}")
    return [known[name] for name in wanted] if wanted else list(known.values())


def main(arguments=None, root=environment.ROOT):
    """Record chapters; 1 if any was refused."""
    parser = argparse.ArgumentParser(prog="python -m tools.record", description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="chapters to record; all without")
    parser.add_argument(
        "--stale", action="store_true", help="only those that an edit or a change of rnnlib has aged"
    )
    options = parser.parse_args(arguments)
    environment.apply(root)
    library = chapters.library_digest(root)
    sources = choose(options.names, root / "notebooks")
    if options.stale:
        sources = [source for source in sources if aged(source, library)]
    refused = 0
    for number, source in enumerate(sources, 1):
        print(f"[{number}/{len(sources)}] {source.stem}", flush=True)
        start = time.perf_counter()
        try:
            record(source, library)
        except Refused as problem:
            refused += 1
            print(f"  refused, the old recording stays: {problem}", file=sys.stderr)
        else:
            print(f"  recorded in {time.perf_counter() - start:.0f} s", flush=True)
    print(f"{len(sources) - refused} of {len(sources)} chapters recorded")
    return 1 if refused else 0


if __name__ == "__main__":
    raise SystemExit(main())
