"""One environment for unit tests and chapters; nbval holds notebooks/*.ipynb to their recorded outputs."""

import pytest

from tools import environment

environment.apply()  # before any test file imports a framework, before any kernel starts


def pytest_collection_modifyitems(items):
    for item in items:
        cell = getattr(item, "cell", None)
        if cell is not None:
            prepare_cell(item, cell.metadata.get("tags", []))


def prepare_cell(item, tags):
    """Skip a cell whose data is absent; where the data is here the cell must run like any other."""
    names = [tag.removeprefix("needs-") for tag in tags if tag.startswith("needs-")]
    if not names:
        return
    from rnnlib import datasets

    absent = [name for name in names if not datasets.available(name)]
    if absent:
        item.add_marker(pytest.mark.skip(reason=f"data set {', '.join(absent)} is not here: make data"))
    else:
        item.options["check_exception"] = False  # raises-exception stands for absent data only
