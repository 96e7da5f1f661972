"""Serve MathJax 3 from the site itself, so that pages need no network.

The files come from the PyPI package sphinx-mathjax-offline (MathJax 3.2.2, Apache-2.0); only the
parts a page can ask for are copied (2 MB of its 24).
"""

from importlib.util import find_spec
from pathlib import Path
from shutil import copy2, copytree

PARTS = ["tex-mml-chtml.js", "output/chtml/fonts", "input/tex/extensions"]


def copy_mathjax(app):
    """Copy the parts into the built site's _static/mathjax."""
    if app.builder.format != "html":
        return
    source = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static/mathjax"
    for part in PARTS:
        target = Path(app.outdir) / "_static/mathjax" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            copytree(source / part, target, dirs_exist_ok=True)
        else:
            copy2(source / part, target)


def setup(app):
    """Register with Sphinx."""
    app.config.mathjax_path = "mathjax/tex-mml-chtml.js"
    app.connect("builder-inited", copy_mathjax)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
