"""The table of cells: its rows, what reads it, and that drawn weights are the ones they have always
been."""

import ast
import hashlib
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from backends import FRAMEWORKS
from rnnlib.core import cells, initializers

ROOT = Path(__file__).parents[2]
DIGESTS = [  # of the weights drawn by version 0.1.0: stored studies and checkpoints start from them
    ("elman", {}, "c20a9a449cb74d09"),
    ("lstm", {}, "667434dc32942cce"),
    ("lstm", {"peepholes": True}, "4e90874e66293b08"),
    ("lstm", {"forget_bias": 2.5}, "c6a2c30e348a7c36"),
    ("gru", {}, "f0673a27f27a5a3c"),
    ("gru", {"reset_after": False}, "c51f261af8923453"),
    ("sru", {}, "833972c319bbc8c1"),
    ("mingru", {}, "6bbc6f4f3b255c48"),
    ("minlstm", {}, "6eda6061847e5869"),
]


@pytest.mark.parametrize(("kind", "options", "digest"), DIGESTS)
def test_drawn_weights_are_those_of_the_first_version(kind, options, digest):
    found = hashlib.sha256()
    for sizes in ((3, 5), (4, 4), (1, 7)):
        for rng in (0, 7, np.random.SeedSequence(5, spawn_key=(2, 1))):
            for name, value in initializers.draw_weights(kind, *sizes, rng, **options).items():
                for text in (name, str(value.shape), str(value.dtype)):
                    found.update(text.encode())
                found.update(value.tobytes())
    assert found.hexdigest()[:16] == digest


@pytest.mark.parametrize("row", cells.ROWS, ids=lambda row: row.kind)
def test_a_row_is_consistent(row):
    assert row.kind in cells.OPTIONS and row.letters and len(row.letters) == len(row.gates)
    assert len(set(row.gates)) == len(row.gates)
    for layout in row.layouts.values():
        assert sorted(layout.gates) == sorted(row.gates)
    for option, value in [
        *row.unfused,
        *(key for one in row.layouts.values() for key in one.lacks),
    ]:
        assert value in row.options[option].choices
    for options in row.variants():
        for array in row.parameters(3, 5, **options):
            assert array.shape[-1] % len(array.blocks) == 0
            assert set(array.blocks) <= {"glorot", "orthogonal"} or len(array.shape) == 1
    assert set(row.second_bias.values()) <= {
        name for options in row.variants() for name in cells.parameters((row.kind, options), 3, 5)
    }


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_every_row_has_a_class_and_every_class_a_row(name):
    rnn = import_module(f"rnnlib.{name}")
    classes = import_module(f"rnnlib.{name}.cells.registry").CLASSES
    assert sorted(classes) == sorted(cells.TABLE)
    for kind, cell_class in classes.items():
        assert cell_class.kind == kind
        assert getattr(rnn, cell_class.__name__) is cell_class
        assert cell_class.__name__ in rnn.__all__


def test_no_other_register_of_cells():
    """Orders of gates and kinds of cells stand in the table alone, and in a study's settings."""
    orders = {row.gates for row in cells.ROWS if len(row.gates) > 2}
    studies = ROOT / "rnnlib" / "experiments"
    for path in sorted((ROOT / "rnnlib").rglob("*.py")):
        if path.name != "cells.py" and studies not in path.parents:
            tree = ast.walk(ast.parse(path.read_text()))
            strings = {node.value for node in tree if isinstance(node, ast.Constant)}
            assert not orders & strings, path


def test_options_are_checked():
    assert cells.named("lstm") == ("lstm", {"peepholes": False, "forget_bias": 1.0})
    assert cells.named(("tcn", {"kernel_size": 2}))[1] == {"kernel_size": 2, "num_layers": 4}


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        ("transformer", ValueError),
        (("lstm", {"peephole": True}), ValueError),
        (("lstm", {"peepholes": 1}), TypeError),
        (("lstm", {"forget_bias": "one"}), TypeError),
        (("elman", {"activation": "sine"}), ValueError),
        (("gru", {"reset_after": "yes"}), TypeError),
    ],
)
def test_what_is_no_cell_is_refused(cell, error):
    with pytest.raises(error):
        cells.named(cell)


def test_the_page_on_notation_shows_every_row(tmp_path):
    """Built alone by the directive that the page uses."""
    pytest.importorskip("sphinx")
    assert "```{cell-table}\n```" in (ROOT / "book/notation.md").read_text()
    (tmp_path / "index.md").write_text("# Cells\n\n```{cell-table}\n```\n")
    (tmp_path / "conf.py").write_text(
        f"import sys\nsys.path[:0] = [{str(ROOT / 'book/_ext')!r}, {str(ROOT)!r}]\n"
        "extensions = ['myst_parser', 'celltable']\nmyst_enable_extensions = ['dollarmath']\n"
    )
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "-b",
        "text",
        str(tmp_path),
        str(tmp_path / "out"),
    ]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    page = (tmp_path / "out/index.txt").read_text()
    for row in cells.ROWS[1:]:
        assert row.title in page and f'"{", ".join(row.gates)}"' in page
        assert all(word in page for letter in row.letters for word in letter.split())
