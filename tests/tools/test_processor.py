"""`make test CPU=...`: each variable that it sets changes digits here, and the runs say on what
they computed.
"""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest

import conftest
from backends import INSTALLED
from tools import environment, processor

LIBRARIES = {
    "OPENBLAS_CORETYPE": "numpy",
    "NPY_DISABLE_CPU_FEATURES": "numpy",
    "MKL_CBWR": "torch",
    "ATEN_CPU_CAPABILITY": "torch",
    "ONEDNN_MAX_CPU_ISA": "tensorflow",
    "XLA_FLAGS": "tensorflow",
}
SHORT = {"torch": "pt", "tensorflow": "tf"}
# XLA takes half the width of AVX-512 of itself, that of AVX2
WIDE = "--xla_cpu_prefer_vector_width=512"
ORDER = ["baseline", "avx2", "avx512"]


@cache
def digests(library, name):
    """What kernels.py prints for a library under a setting of the table; None: under none."""
    clean = {
        key: value
        for key, value in os.environ.items()
        if key not in (*processor.VARIABLES, processor.CHOICE)
    }
    settings = {**environment.SETTINGS, **(processor.SETTINGS[name] if name else {})}
    settings["XLA_FLAGS"] = f"{WIDE} {settings.get('XLA_FLAGS', '')}"
    done = subprocess.run(
        [sys.executable, Path(__file__).parents[1].joinpath("kernels.py"), library],
        env={**clean, **settings},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_table_is_whole():
    for settings in processor.SETTINGS.values():
        assert set(settings) == set(processor.VARIABLES) == set(LIBRARIES)


@pytest.mark.parametrize("variable", LIBRARIES)
@pytest.mark.parametrize("name", processor.SETTINGS)
def test_each_variable_changes_digits(name, variable):
    """A version that no longer listens to a variable is noticed, where this processor has more
    than the setting.
    """
    library = LIBRARIES[variable]
    if library != "numpy" and SHORT[library] not in INSTALLED:
        pytest.skip(f"{library} is not installed")
    here = processor.kind()
    if here not in ORDER:
        pytest.skip(f"the settings are for x86-64 processors under Linux, this is {here}")
    if ORDER.index(here) <= ORDER.index(name):
        pytest.skip(f"this processor is {here}: {name} takes nothing from it")
    assert digests(library, name)[variable] != digests(library, None)[variable]


def test_a_child_has_the_variables_and_what_it_returns_is_returned(monkeypatch):
    monkeypatch.delenv(processor.CHOICE, raising=False)
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=false --xla_cpu_max_isa=AVX")
    monkeypatch.setattr(processor, "kind", lambda: "avx512")
    code = (
        "import os; from tools import processor; "
        "assert processor.chosen() == 'baseline' and not processor.brought(); "
        "assert os.environ['OPENBLAS_CORETYPE'] == 'Nehalem'; "
        "flags = os.environ['XLA_FLAGS'].split(); "
        "assert flags == ['--xla_cpu_enable_fast_math=false', '--xla_cpu_max_isa=SSE4_2']; "
        "raise SystemExit(7)"
    )
    assert processor.main(["baseline", "-c", code]) == 7
    assert os.environ["XLA_FLAGS"].endswith("AVX") and processor.chosen() is None


@pytest.mark.parametrize(
    ("name", "here", "says"),
    [
        ("avx", "avx512", "no setting CPU=avx: choose one of avx2, baseline"),
        ("avx2", "baseline", "CPU=avx2 needs a processor with that set, this one is baseline"),
        ("baseline", "arm64", "x86-64 processors under Linux, this is arm64"),
    ],
)
def test_what_cannot_be_imitated_is_refused(monkeypatch, name, here, says):
    monkeypatch.setattr(processor, "kind", lambda: here)
    with pytest.raises(SystemExit, match=says):
        processor.variables(name)


def test_without_arguments_it_says_how_it_is_called():
    with pytest.raises(SystemExit, match="usage: .* avx2|baseline"):
        processor.main([])


V2 = "fpu sse sse2 ssse3 sse4_1 sse4_2 popcnt"
V3 = f"{V2} avx avx2 fma bmi1 bmi2 f16c"
V4 = f"{V3} avx512f avx512bw avx512cd avx512dq avx512vl"


@pytest.mark.parametrize(
    ("machine", "extensions", "kind"),
    [
        ("x86_64", V2, "baseline"),
        ("x86_64", V3, "avx2"),
        ("x86_64", V4, "avx512"),
        ("x86_64", V4.replace("fma ", ""), "baseline"),
        ("x86_64", V4.replace("avx512dq ", ""), "avx2"),
        ("x86_64", "", "x86_64"),
        ("aarch64", "fp asimd", "aarch64"),
    ],
)
def test_kinds(monkeypatch, machine, extensions, kind):
    monkeypatch.setattr(processor.platform, "machine", lambda: machine)
    monkeypatch.setattr(processor, "flags", lambda: set(extensions.split()))
    assert processor.kind() == kind


def test_extensions_are_read(tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text(
        "processor\t: 0\nvmx flags\t: vnmi\nflags\t\t: fpu avx2\nbugs\t:\n\nflags\t\t: fpu\n"
    )
    assert processor.flags(path) == {"fpu", "avx2"}
    assert processor.flags(tmp_path / "none") == set()


def summary(monkeypatch, **variables):
    """The lines that close a test run in which the environment has these variables."""
    for name in (*processor.VARIABLES, processor.CHOICE):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(processor, "kind", lambda: "avx512")
    monkeypatch.setattr(environment, "promised", lambda: True)
    config = SimpleNamespace(option=SimpleNamespace(nbval_lax=False))
    conftest.pytest_configure(config)
    lines = []
    conftest.pytest_terminal_summary(SimpleNamespace(config=config, write_line=lines.append))
    return config.option.nbval_lax, "\n".join(lines)


def test_a_run_says_on_what_it_computes(monkeypatch):
    lax, lines = summary(monkeypatch)
    assert not lax and "Processor: avx512\n" in lines
    lax, lines = summary(monkeypatch, MKL_CBWR="COMPATIBLE", OPENBLAS_CORETYPE="")
    assert not lax and "Processor: avx512 with MKL_CBWR=COMPATIBLE\n" in lines
    settings = {**processor.SETTINGS["avx2"], processor.CHOICE: "avx2"}
    lax, lines = summary(monkeypatch, **settings)
    assert lax and "Processor: avx512 as avx2\n" in lines
    assert "not compared under CPU=avx2" in lines
