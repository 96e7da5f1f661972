"""Write book/datasets.md, the page of data sets and licences, from the table in
`rnnlib.data.catalog`.

    python -m tools.datasets_page

A test compares the page with the table, so run this after every change of the table.
"""

import re
from html import escape
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "book/datasets.md"
HEAD = """\
# Data sets and licences

No data set is part of this repository, and none is covered by its licence. Sets inside a package
are always there. The others are downloaded when first asked for, verified by SHA-256, and kept;
`make data` fetches all of them, prints each licence and says what it could not get. Chapters run to
their end without any download.

```python
from rnnlib import data

y = data.load("sunspots")
print(data.describe("sunspots"))  # what it is, units, licence, source
```

`data.load` looks in the folder that `RNNLIB_DATA` names, then in the user's cache, then at the
source. Licences are given as the source states them; **NC** marks what may only be used
non-commercially. Where none is stated, private study is fine: ask before you pass the data on.
"""


def cell(text):
    """Plain text as the content of a Markdown table's cell, addresses as links."""
    text = escape(text, quote=False).replace("|", "\\|")
    return re.sub(r"https?://[^\s;,)]+", lambda match: f"<{match[0]}>", text)


def table(sets):
    """A Markdown table of sets {name: entry}."""
    rows = ["| Name | What it is | Licence | Source |", "|---|---|---|---|"]
    for name, entry in sets.items():
        licence = cell(entry.licence).replace("(NC)", "(**NC**)")
        rows.append(f"| `{name}` | {cell(entry.about)} | {licence} | {cell(entry.source)} |")
    return "\n".join(rows)


def page(registry):
    """The whole page."""
    inside = {name: entry for name, entry in registry.items() if entry.packages}
    fetched = {name: entry for name, entry in registry.items() if not entry.packages}
    return f"{HEAD}\n## Inside packages\n\n{table(inside)}\n\n## Downloaded\n\n{table(fetched)}\n"


def main():
    """Write the page."""
    from rnnlib.data.catalog import REGISTRY

    PAGE.write_text(page(REGISTRY), encoding="utf-8", newline="\n")
    print(f"wrote {PAGE.name}: {len(REGISTRY)} sets")


if __name__ == "__main__":
    main()
