"""The book's pages with one more chapter, a sample that has one of everything a chapter may use;
built once.
"""

import functools
import shutil
import subprocess
import sys
import tempfile
from base64 import b64encode
from pathlib import Path

import nbformat
import nbformat.v4 as nb

ROOT = Path(__file__).resolve().parent.parent
PIXEL = b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
        "0000000d49444154789c6360000000000500010d0a2db40000000049454e44ae426082"
    )
).decode()

INTRODUCTION = """\
# A sample chapter

:::{admonition} At a glance
:class: at-a-glance
- **Question** Does the page work?
:::

The {term}`hidden state` of {cite:t}`elman1990` (see {doc}`/book/notation`),
{cite:p}`werbos1990,bengio1994`:

$$
h_t = \\phi(a_t)
$$ (sample-hidden)

and {eq}`sample-hidden` again. See {chapter}`sample` and {chapter}`data-quality`.
"""
EXERCISES = """\
## Exercises

:::{exercise} Count
:label: sample-count
How many?
:::

:::{solution} sample-count
:label: sample-count-solution
:class: dropdown
Three, as {ref}`sample-count` asks.
:::
"""


def code(source, *tags, text=None, picture=False, html=None):
    """A code cell with its recorded output."""
    outputs = [nb.new_output("stream", text=text)] if text else []
    if picture:
        outputs.append(
            nb.new_output("display_data", {"image/png": PIXEL, "text/plain": "<Figure>"})
        )
    if html:
        outputs.append(nb.new_output("execute_result", {"text/html": html, "text/plain": "twins"}))
    return nb.new_code_cell(source, metadata={"tags": list(tags)} if tags else {}, outputs=outputs)


def sample():
    """The sample chapter as a recorded notebook."""
    cells = [
        nb.new_markdown_cell(INTRODUCTION),
        code("import torch", "torch"),
        code("import tensorflow", "tensorflow"),
        nb.new_markdown_cell("Between."),
        code("torch.zeros(1)", "torch"),
        code("tf.zeros(1)", "tensorflow"),
        code("draw()", picture=True),
        nb.new_markdown_cell("*Loss against time: does it fall?*"),
        code("assert gap < 1", "hide-input", text="gap 0.5 < 1\n"),
        code("draw()", "hide-input", picture=True),
        code(
            "display.twins('x')",
            html='<div class="rnn-twins"><div class="rnn-twin"><pre>x</pre></div></div>',
        ),
        nb.new_markdown_cell(EXERCISES),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return nb.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def project(folder, extra=""):
    """A copy of what the pages are made of, with the sample (and `extra` as its last text) as one
    more chapter.
    """
    folder = Path(folder)
    shutil.copytree(ROOT / "book", folder / "book")
    shutil.copytree(
        ROOT / "notebooks",
        folder / "notebooks",
        ignore=shutil.ignore_patterns(".*"),
        dirs_exist_ok=True,
    )
    shutil.copy2(ROOT / "_config.yml", folder)
    sources = shutil.ignore_patterns("__pycache__", "*.json")  # the reference reads them
    shutil.copytree(ROOT / "rnnlib", folder / "rnnlib", ignore=sources)
    toc = (ROOT / "_toc.yml").read_text(encoding="utf-8").rstrip()
    chapter = "\n  - caption: Sample\n    chapters:\n      - file: notebooks/sample\n"
    (folder / "_toc.yml").write_text(toc + chapter, encoding="utf-8")
    plan = folder / "book/_parts.yml"
    plan.write_text(
        plan.read_text(encoding="utf-8").rstrip() + "\n    sample: A sample chapter\n",
        encoding="utf-8",
    )
    notebook = sample()
    if extra:
        notebook.cells.append(nb.new_markdown_cell(extra))
    nbformat.write(notebook, folder / "notebooks/sample.ipynb")
    (folder / "notebooks/sample.md").write_text("# A sample chapter\n", encoding="utf-8")
    return folder


def build(folder):
    """Build a project as `make book` does -> the finished process."""
    program = (
        "import sys, pathlib; from tools.build import sphinx; "
        "sys.exit(sphinx(pathlib.Path(sys.argv[1]), True))"
    )
    command = [sys.executable, "-c", program, str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


@functools.cache
def attempt():
    """One build for all tests -> (the finished process, the project's folder, the object that
    keeps the folder).
    """
    keep = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    folder = project(keep.name)
    return build(folder), folder, keep


def built():
    """The folder of the pages."""
    done, folder, _ = attempt()
    assert done.returncode == 0, f"the book does not build:\n{done.stdout}{done.stderr}"
    return folder / "_build/html"
