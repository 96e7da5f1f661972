"""The last touches to the finished site.

What no page asks for is left out: the theme's icon script and icon fonts, 5 MB that icons.css
replaces. The page at the root, which leads to the start page, gets a title and an icon.
"""

from pathlib import Path
from shutil import rmtree

ROOT_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<link rel="icon" href="_static/favicon.svg">
<meta http-equiv="refresh" content="0; url={start}.html">
<p><a href="{start}.html">{title}</a></p>
</html>
"""


def finish(app, exception):
    """Apply to the finished site."""
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    for path in static.glob("scripts/fontawesome.js*"):
        path.unlink()
    rmtree(static / "vendor/fontawesome", ignore_errors=True)
    page = ROOT_PAGE.format(title=app.config.html_title, start=app.config.root_doc)
    (Path(app.outdir) / "index.html").write_text(page, encoding="utf-8")


def setup(app):
    """Register with Sphinx."""
    app.connect("build-finished", finish, priority=900)  # after the redirect of sphinx_external_toc
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
