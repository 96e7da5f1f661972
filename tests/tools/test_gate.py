"""The gate finds what it looks for: density, commands and names in documents, fences, stale files
in the wheel.
"""

import zipfile

import pytest

from tools import check, documents, style, wheel


def count(tmp_path, code):
    path = tmp_path / "code.py"
    path.write_text(code, encoding="utf-8")
    counts = style.Counts()
    style.count(path, counts, "code.py")
    return counts


@pytest.mark.parametrize(
    ("code", "figure"),
    [
        ("a, b = 1, 2\n", "packed"),
        ("a = 1 if b else 2\n", "ternaries"),
        (f"a = '{'x' * 100}'\n", "wide"),
    ],
)
def test_style_counts(tmp_path, code, figure):
    assert getattr(count(tmp_path, code), figure) == ["code.py:1"]


def test_style_lets_plain_code_pass(tmp_path):
    plain = count(tmp_path, "a = b = 1\nfirst, second = pair\nx, y = f(1)\nif a:\n    b = 2\n")
    assert (plain.packed, plain.ternaries, plain.wide) == ([], [], [])
    assert len(plain.nodes) == 4  # the `if` is no simple statement, its body is
    assert plain.lines == 5


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("`make bok`", "no target 'bok' in the Makefile"),
        ("`python -m rnnlib download sunspots`", "python -m rnnlib has no command 'download'"),
        ("`python -m tools.build --fats`", "python -m tools.build has no option --fats"),
        ("`python -m tools.bild`", "python -m tools.bild: there is no such module to run"),
        ("`python -m nowhere`", "python -m nowhere: no such module is installed"),
        ("`rnn.fitt(model)`", "`rnn.fitt` does not exist"),
        ("`rnnlib.nowhere.name`", "`rnnlib.nowhere.name` does not exist"),
    ],
)
def test_documents_name_what_is_there(words, problem):
    assert documents.check(documents.Text("page.md", words), run=False) == [f"page.md: {problem}"]


def test_documents_let_what_exists_pass():
    words = (
        "`make book`, `python -m rnnlib data sunspots`, `python -m tools.record --stale`, "
        "`rnn.fit(model)`, `x.shape`, `rnn.NAME`, `python -m rnnlib.experiments.NAME.run`"
    )
    assert documents.check(documents.Text("page.md", words), run=False) == []


def test_a_fence_must_run_or_say_why_not():
    failing = "```python\nimport nowhere\n```"
    (problem,) = documents.broken_fences(documents.Text("page.md", failing))
    assert "line 2 fails: ModuleNotFoundError: No module named 'nowhere'" in problem
    excused = f"<!-- not run: a cell of a notebook -->\n{failing}"
    assert documents.broken_fences(documents.Text("page.md", excused)) == []
    indented = "- item\n\n  ```python\n  x = 1\n  assert x == 1\n  ```"
    assert documents.broken_fences(documents.Text("page.md", indented)) == []


def test_documents_of_the_repository_without_their_fences():
    problems = [
        problem
        for text in documents.pages() + documents.docstrings()
        for problem in documents.check(text, run=False)
    ]
    assert problems == []


def test_the_wheel_holds_no_file_that_is_gone(tmp_path):
    root = tmp_path / "root"
    (root / "rnnlib").mkdir(parents=True)
    (root / "rnnlib" / "__init__.py").write_text('__version__ = "0"\n')
    for name in wheel.SOURCES[1:]:
        (root / name).write_bytes((wheel.ROOT / name).read_bytes())
    stale = root / "build" / "lib" / "rnnlib" / "gone.py"
    stale.parent.mkdir(parents=True)
    stale.write_text("")
    (tmp_path / "out").mkdir()
    names = zipfile.ZipFile(wheel.build(tmp_path / "out", root)).namelist()
    assert "rnnlib/__init__.py" in names and "rnnlib/gone.py" not in names


def test_an_unknown_step_is_refused(capsys):
    with pytest.raises(SystemExit):
        check.main(["lnt"])
    assert "no step 'lnt'" in capsys.readouterr().err
