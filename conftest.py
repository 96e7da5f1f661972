"""One environment for unit tests and chapters; nbval holds notebooks/*.ipynb to their recorded
outputs.
"""

import pytest

from tools import chapters, environment, processor

environment.apply()  # before any test file imports a framework, before any kernel starts


def pytest_configure(config):
    """Where digits are not promised, chapters run and their checks must hold, but outputs are not
    compared.
    """
    if processor.chosen() or not environment.promised():
        config.option.nbval_lax = True


def pytest_collection_modifyitems(items):
    for item in items:
        cell = getattr(item, "cell", None)
        if cell is not None:
            prepare_cell(item, chapters.tags(cell))


def prepare_cell(item, tags):
    """Skip a cell whose data is absent; where the data is here, the cell must run like any
    other.
    """
    names = [tag.removeprefix("needs-") for tag in tags if tag.startswith("needs-")]
    if not names:
        return
    from rnnlib.data import datasets

    try:
        absent = [name for name in names if not datasets.available(name)]
    except ValueError as error:  # a tag names a data set that the registry does not know
        raise pytest.UsageError(f"{item.nodeid}: {error}") from None
    if absent:
        item.add_marker(
            pytest.mark.skip(reason=f"data set {', '.join(absent)} is not here: make data")
        )
    else:
        item.options["check_exception"] = False  # raises-exception stands for absent data only


def pytest_terminal_summary(terminalreporter):
    """Say on which processor, and how much of the chapters' text output is not compared."""
    terminalreporter.write_line(f"Processor: {processor.describe()}")
    shown, ignored = chapters.share_ignored(environment.ROOT / "notebooks")
    if processor.chosen():
        terminalreporter.write_line(
            f"Outputs of chapters were not compared under CPU={processor.chosen()}: their checks "
            "must hold"
        )
    elif terminalreporter.config.option.nbval_lax:
        terminalreporter.write_line(
            "Outputs of chapters were not compared: that is for Linux on x86-64 with Python 3.11"
        )
    elif shown:
        terminalreporter.write_line(
            f"Text outputs of chapters that are not compared: {ignored} of {shown} "
            f"({ignored / shown:.0%})"
        )
