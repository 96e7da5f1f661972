"""Leave out of the site what no page asks for: the theme's icon script and icon fonts, 5 MB that icons.css replaces."""

from pathlib import Path
from shutil import rmtree


def remove(app, exception):
    """Remove them from the finished site."""
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    for path in static.glob("scripts/fontawesome.js*"):
        path.unlink()
    rmtree(static / "vendor/fontawesome", ignore_errors=True)


def setup(app):
    """Register with Sphinx."""
    app.connect("build-finished", remove)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
