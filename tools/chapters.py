"""A chapter is a pair: notebooks/NAME.md is its source, NAME.ipynb the same cells with recorded
outputs.
"""

import hashlib
import json
from collections import Counter
from pathlib import Path

import jupytext
import nbformat
from jupytext.config import load_jupytext_config

from rnnlib.core.files import write_text

LONGEST_CELL = 30  # lines


def read_source(path):
    """The notebook that NAME.md describes, without outputs."""
    return jupytext.read(path, config=load_jupytext_config(str(path)))


# as JupyterLab writes it, word for word and in this order, so that saving there leaves a header
# alone
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}


def canonical(path):
    """NAME.md as JupyterLab itself would save it; with any other header it would rewrite or refuse
    the pair.
    """
    config = load_jupytext_config(str(path))
    notebook = jupytext.read(path, config=config)
    header = notebook.metadata.get("jupytext", {})
    notebook.metadata["jupytext"] = dict(sorted({**header, "formats": "ipynb,md:myst"}.items()))
    notebook.metadata["kernelspec"] = KERNEL
    return jupytext.writes(notebook, fmt="md:myst", config=config)


def read_recorded(path):
    """The recorded notebook NAME.ipynb."""
    return nbformat.read(path, as_version=4)


def write_atomically(path, text):
    """Write a text file so that nobody ever sees half of it."""
    write_text(path, text)


def code(notebook):
    """The code cells of a notebook."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell):
    """The tags of a cell, in order."""
    return list(cell.metadata.get("tags", []))


def data_sets(notebook):
    """Names of the data sets that cells of a notebook need: `needs-NAME` gives NAME."""
    names = {
        tag.removeprefix("needs-")
        for cell in code(notebook)
        for tag in tags(cell)
        if tag.startswith("needs-")
    }
    return sorted(names)


def outputs_digest(notebook):
    """SHA-256 over what was run and what came out: source, tags, number and outputs of every code
    cell.
    """
    content = [[c.source, tags(c), c.execution_count, c.outputs] for c in code(notebook)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def file_digest(path):
    """The first 16 digits of the SHA-256 of a file, whatever its line ends;
    None where it is not.
    """
    if not path.is_file():
        return None
    content = path.read_bytes().replace(b"\r\n", b"\n")
    return hashlib.sha256(content).hexdigest()[:16]


def file_digests(root, names):
    """{name: digest} of files of the package, by their path from the root."""
    return {name: file_digest(Path(root) / name) for name in sorted(names)}


def why_aged(recorded, root):
    """Why a recorded notebook is older than what it ran of the package: one clause, or None.

    A chapter ages by the modules of rnnlib that its kernel had imported at the end, and by the
    files of rnnlib that it had opened: sources that it shows, stored results.
    """
    files = recorded.metadata.get("rnnlib", {}).get("files")
    if files is None:
        return "does not say which files of rnnlib it ran"
    root = Path(root)
    changed = [name for name, digest in files.items() if file_digest(root / name) != digest]
    if not changed:
        return None
    shown = ", ".join(changed[:3])
    return f"ran with another {shown}" + (f" and {len(changed) - 3} more" if changed[3:] else "")


def why_due(source):
    """Why `make record` is due for the chapter notebooks/NAME.md:
    one clause, or None where nothing is.
    """
    recorded = source.with_suffix(".ipynb")
    if not recorded.exists():
        return "was never recorded"
    old = read_recorded(recorded)
    new = read_source(source)
    before = [(c.source, tags(c)) for c in code(old)]
    after = [(c.source, tags(c)) for c in code(new)]
    if before != after:
        first = next(
            (i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), None
        )
        if first is None:
            return f"has {len(after)} code cells, but {len(before)} are recorded"
        return f"has an edited code cell, number {first}: {summary(after[first][0])}"
    if old.metadata.get("rnnlib", {}).get("outputs") != outputs_digest(old):
        return "holds outputs that `make record` did not write"
    return None


def summary(text, width=60):
    """The first line of a cell, shortened."""
    line = text.strip().split("\n")[0]
    return repr(line if len(line) <= width else line[: width - 1] + "…")


def assemble(source, run, metadata):
    """The text of NAME.ipynb: cells of the source with the outputs of a run of the same code cells.

    Cell ids come from content, so that inserting a paragraph changes nothing below it.
    """
    outputs = iter(code(run))
    seen: Counter[str] = Counter()
    for cell in source.cells:
        digest = hashlib.sha256(cell.source.encode()).hexdigest()[:10]
        seen[digest] += 1
        if seen[digest] == 1:
            cell.id = digest
        else:
            cell.id = f"{digest}-{seen[digest]}"
        if cell.cell_type == "code":
            result = next(outputs)
            cell.outputs = result.outputs
            cell.execution_count = result.execution_count
    # what JupyterLab would leave of it when it saves
    source.metadata["jupytext"] = {"default_lexer": "ipython3", "formats": "ipynb,md:myst"}
    source.metadata.update(metadata)
    source.nbformat = 4
    source.nbformat_minor = 5
    nbformat.validate(source)
    return nbformat.writes(source).rstrip("\n") + "\n"


def refresh_prose(source):
    """Bring an edit of prose from NAME.md into NAME.ipynb; nothing is run.

    True if the file changed.
    """
    recorded = source.with_suffix(".ipynb")
    old = read_recorded(recorded)
    kept = {
        name: old.metadata[name] for name in ("language_info", "rnnlib") if name in old.metadata
    }
    text = assemble(read_source(source), old, kept)
    if text == recorded.read_text(encoding="utf-8"):
        return False
    write_atomically(recorded, text)
    return True


def text_outputs(notebook):
    """(cells with text output, those of them that nbval does not compare)."""
    shown = [cell for cell in code(notebook) if any(has_text(output) for output in cell.outputs)]
    return len(shown), sum("nbval-ignore-output" in tags(cell) for cell in shown)


def has_text(output):
    """Whether an output says something in words or numbers;
    a figure's `<Figure size ...>` does not count.
    """
    if output.output_type == "stream":
        return True
    data = output.get("data", {})
    return any(kind.startswith("text/") for kind in data) and not any(
        kind.startswith("image/") for kind in data
    )


def share_ignored(folder):
    """(cells with text output, those that nbval does not compare) over all recorded chapters."""
    counts = [text_outputs(read_recorded(path)) for path in sorted(folder.glob("*.ipynb"))]
    return sum(shown for shown, _ in counts), sum(ignored for _, ignored in counts)
