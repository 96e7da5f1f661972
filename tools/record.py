"""Run chapters and keep what they print: `python -m tools.record [--stale] [NAME ...]`.

A chapter is refused, and its old recording left as it was, if a data set it can use is absent, a
cell raises, or anything is written to stderr.
"""

import argparse
import ast
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
    from rnnlib.data import datasets

    try:
        absent = [name for name in names if not datasets.available(name)]
    except ValueError as error:  # a tag names a data set that the registry does not know
        raise Refused(str(error)) from None
    if absent:
        sets = ", ".join(absent)
        raise Refused(
            f"data not here: {sets}. Fetch with `make data`, or set RNNLIB_DATA to where it is"
        )


WATCH = """
import os, sys
opened = set()
def note(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, os.PathLike)):
        opened.add(os.path.abspath(arguments[0]))
sys.addaudithook(note)
sys._opened_since_the_start = opened
"""

# an expression that the kernel computes: the files of rnnlib that it ran or read, from the
# folder that holds the package
USED = """
(lambda sys, os: (lambda home: sorted(
    os.path.relpath(path, home).replace(os.sep, "/")
    for path in {
        *(module.__file__ for name, module in list(sys.modules.items())
          if name.split(".")[0] == "rnnlib" and getattr(module, "__file__", None)),
        *sys._opened_since_the_start,
    }
    if path.startswith(os.path.join(home, "rnnlib") + os.sep)
    and "__pycache__" not in path and os.path.isfile(path)
))(os.path.dirname(os.path.dirname(sys.modules["rnnlib"].__file__)))
if "rnnlib" in sys.modules else [])(__import__("sys"), __import__("os"))
"""


def ask(client, code, expression="None"):
    """Run code in a kernel, beside its cells and their names -> the value of an expression."""
    message = client.kc.execute(
        f"exec({code!r}, {{}})",
        silent=True,
        store_history=False,
        user_expressions={"value": " ".join(expression.split())},
    )
    answer = client.wait_for_reply(message)["content"]["user_expressions"]["value"]
    if answer["status"] != "ok":
        raise Refused(f"the kernel did not say what it ran: {answer['ename']}: {answer['evalue']}")
    return ast.literal_eval(answer["data"]["text/plain"])


def run(notebook, folder):
    """A copy of the notebook, executed in `folder`, and the files of rnnlib that it used."""
    ran = copy.deepcopy(notebook)
    client = NotebookClient(
        ran,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        coalesce_streams=True,
        # the data is here, so cells tagged raises-exception must not raise either
        force_raise_errors=True,
        store_widget_state=False,
    )
    try:
        # what libraries write past Python is not for the page
        with client.setup_kernel(stderr=subprocess.DEVNULL):
            ask(client, WATCH)
            client.execute(cleanup_kc=False)
            used = ask(client, "", USED)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise Refused(f"a cell raised:\n{error}") from None
    return ran, used


def check_outputs(ran):
    """Refuse what a recording must not hold: stderr, widgets, empty code cells."""
    for number, cell in enumerate(chapters.code(ran)):
        if cell.execution_count is None:
            raise Refused(f"code cell {number} is empty")
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                raise Refused(f"code cell {number} wrote to stderr:\n{output.text.rstrip()}")
            if any("widget" in kind for kind in output.get("data", {})):
                raise Refused(
                    f"code cell {number} shows a widget, which needs scripts from elsewhere"
                )


def record(source, root=environment.ROOT):
    """Execute notebooks/NAME.md and replace NAME.ipynb in one step;
    raise Refused and touch nothing.
    """
    text = chapters.canonical(source)
    if text != source.read_text(encoding="utf-8"):
        chapters.write_atomically(source, text)
        print(f"  {source.name} rewritten as jupytext saves it")
    notebook = chapters.read_source(source)
    check_data(notebook)
    ran, used = run(notebook, source.parent)
    check_outputs(ran)
    language = {k: v for k, v in ran.metadata.get("language_info", {}).items() if k != "version"}
    origin = {
        "files": chapters.file_digests(root, used),
        "outputs": chapters.outputs_digest(ran),
        "processor": processor.describe(),
        "versions": versions(),
    }
    about = {"language_info": language, "rnnlib": origin}
    chapters.write_atomically(source.with_suffix(".ipynb"), chapters.assemble(notebook, ran, about))


def why_stale(source, root=environment.ROOT):
    """Why a chapter is due, or older than what it ran of the package: one clause, or None."""
    due = chapters.why_due(source)
    if due:
        return due
    return chapters.why_aged(chapters.read_recorded(source.with_suffix(".ipynb")), root)


def choose(names, folder):
    """The chapters' sources: those named (NAME, NAME.md and notebooks/NAME.md are one), or all."""
    known = {path.stem: path for path in sorted(folder.glob("*.md"))}
    wanted = [
        name.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".md").removesuffix(".ipynb")
        for name in names
    ]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise SystemExit(
            f"no chapter {', '.join(unknown)}; there are: {', '.join(known) or 'none'}"
        )
    if wanted:
        return [known[name] for name in wanted]
    return list(known.values())


def main(arguments=None, root=environment.ROOT):
    """Record chapters; 1 if any was refused."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.record", description=__doc__.split("\n")[0]
    )
    parser.add_argument("names", nargs="*", help="chapters to record; all without")
    parser.add_argument(
        "--stale",
        action="store_true",
        help="only those that an edit or a change of rnnlib has aged",
    )
    options = parser.parse_args(arguments)
    environment.apply(root)
    sources = choose(options.names, root / "notebooks")
    reasons = {}
    if options.stale:
        reasons = {source: why_stale(source, root) for source in sources}
        sources = [source for source in sources if reasons[source]]
    refused = 0
    for number, source in enumerate(sources, 1):
        if source in reasons:
            reason = f" ({reasons[source]})"
        else:
            reason = ""
        print(f"[{number}/{len(sources)}] {source.stem}{reason}", flush=True)
        start = time.perf_counter()
        try:
            record(source, root)
        except Refused as problem:
            refused += 1
            print(f"  refused, the old recording stays: {problem}", file=sys.stderr)
        else:
            print(f"  recorded in {time.perf_counter() - start:.0f} s", flush=True)
    print(f"{len(sources) - refused} of {len(sources)} chapters recorded")
    if refused:
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
