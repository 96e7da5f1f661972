"""What holds for every study: settings, resume, choices and stored results."""

import ast
import copy
import importlib
import json
import os
import runpy
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from backends import FRAMEWORKS, framework
from rnnlib.experiments import engines, machine, runner, store, timing
from rnnlib.experiments.study import OtherSettings, Study, Unfinished

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "rnnlib" / "experiments"
NAMES = sorted(path.parent.name for path in FOLDER.glob("*/study.py"))
each = pytest.mark.parametrize("name", NAMES)


def study_of(name):
    return importlib.import_module(f"rnnlib.experiments.{name}").STUDY


def plan_of(name):
    return importlib.import_module(f"rnnlib.experiments.{name}.run").plan


# ---- a small study of our own


@dataclass(frozen=True, eq=False, kw_only=True)
class Small(Study):
    """Two rates on two seeds, then two seeds more with the better one."""

    packages: ClassVar[tuple[str, ...]] = ("numpy",)
    test_fields: ClassVar[tuple[str, ...]] = ("scores.test",)

    engines: tuple[str, ...] = ("loop",)
    rates: tuple[float, ...] = (0.1, 0.2)
    tuning_seeds: tuple[int, ...] = (0, 1)
    reported_seeds: tuple[int, ...] = (2, 3)
    sizes: dict = None
    every: int = 2

    def chosen_rate(self, results):
        records = results["runs"]
        return self.choose(
            records, lambda run: run["scores"]["valid"], self.rates, seeds=self.tuning_seeds
        )


def plan(study, results):
    for rate in study.rates:
        for seed in study.tuning_seeds:
            yield "runs", {"rate": rate, "seed": seed}
    chosen = study.chosen_rate(results)
    for seed in study.reported_seeds:
        yield "runs", {"rate": chosen, "seed": seed}


def make(study, rnn, runs, asked):
    rnn.append(asked)
    if len(rnn) == 3 and rnn[0] != "again":
        raise KeyboardInterrupt
    return [{"scores": {"valid": asked["rate"], "test": 0.0}}]


def test_runs_are_kept_one_by_one_and_a_second_call_goes_on(tmp_path, capsys):
    path = tmp_path / "results.json"
    study = Small()
    made = []
    with pytest.raises(KeyboardInterrupt):
        runner.complete(study, plan, make, made, path)
    assert len(store.read(path)["runs"]) == 2
    made = ["again"]
    results = runner.complete(study, plan, make, made, path)
    assert made[1] == {"rate": 0.2, "seed": 0} and len(made) == 1 + 4
    assert store.read(path) == results and len(results["runs"]) == 6
    assert {run["rate"] for run in results["runs"][4:]} == {0.1}
    assert "rate 0.1, seed 3" in capsys.readouterr().out
    assert runner.complete(study, plan, make, None, path) == results  # nothing is left to make


def test_no_run_starts_after_the_time_is_over(tmp_path, capsys):
    results = runner.complete(Small(), plan, make, [], tmp_path / "results.json", seconds=-1)
    assert results["runs"] == [] and "a second call goes on" in capsys.readouterr().out


def test_what_is_missing_ends_where_a_choice_cannot_be_made(tmp_path, capsys):
    assert len(list(runner.missing(Small(), plan, Small().empty()))) == 4
    runner.list_missing(Small(), plan, tmp_path / "none.json")
    assert capsys.readouterr().out.splitlines()[-1] == "4 runs are missing"


def test_a_file_of_other_settings_is_neither_read_nor_added_to(tmp_path):
    path = tmp_path / "results.json"
    study = Small(sizes={"a": {"b": 1, "c": 2}, "d": 3})
    study.save(study.empty(), path)
    assert study.load(path)["settings"]["rates"] == [0.1, 0.2]
    other = replace(study, sizes={"a": {"b": 1, "c": 9}, "e": 4}, every=3)
    with pytest.raises(OtherSettings) as problem:
        other.load(path)
    lines = str(problem.value).splitlines()
    assert lines[1:-1] == [
        "  every: then 2, now 3",
        "  sizes.a.c: then 2, now 9",
        "  sizes.d: then 3, now None",
        "  sizes.e: then None, now 4",
    ]
    with pytest.raises(OtherSettings):
        runner.complete(other, plan, make, [], path)
    study.sizes["d"] = 4  # what stands in a frozen study can be changed: it is refused as well
    with pytest.raises(OtherSettings, match="sizes.d: then 3, now 4"):
        study.load(path)
    path.unlink()  # what the message says helps
    assert study.load(path)["settings"]["sizes"]["d"] == 4


def test_a_file_whose_settings_were_edited_is_refused(tmp_path):
    path = tmp_path / "results.json"
    results = Small(every=3).empty()
    results["settings"]["every"] = 2
    store.write(path, results)
    with pytest.raises(OtherSettings, match="edited"):
        Small().load(path)


@pytest.mark.parametrize("diverged", [None, float("nan")])
def test_a_diverged_run_is_infinitely_bad(diverged):
    losses = ((0.1, 0, 0.0), (0.1, 1, diverged), (0.2, 0, 9.0), (0.2, 1, 8.0), (0.3, 0, 8.9))
    runs = [{"rate": rate, "seed": seed, "loss": loss} for rate, seed, loss in losses]
    runs.append({"rate": 0.3, "seed": 7, "loss": 0.0})  # not a seed to choose by
    study = Small()
    assert study.choose(runs, lambda run: run["loss"], (0.1, 0.2), seeds=(0, 1)) == 0.2
    with pytest.raises(Unfinished, match=r"\[0.3, 0.4\]: the study is not finished"):
        study.choose(runs, lambda run: run["loss"], (0.1, 0.3, 0.2, 0.4), seeds=(0, 1))


def test_a_choice_cannot_read_what_was_found_on_the_test_part():
    runs = [
        {"rate": rate, "seed": seed, "scores": {"valid": 1.0, "test": 0.0}}
        for rate in (0.1, 0.2)
        for seed in (0, 1)
    ]
    with pytest.raises(KeyError, match="test"):
        Small().choose(runs, lambda run: run["scores"]["test"], (0.1, 0.2), seeds=(0, 1))
    assert runs[0]["scores"] == {"valid": 1.0, "test": 0.0}  # the run itself is left as it was


def test_runs_are_selected_by_values_or_one_of_several():
    results = {"runs": [{"T": T, "seed": seed} for T in (5, 6) for seed in (0, 1, 2)]}
    assert len(Small().select(results, T=5, seed=(0, 2))) == 2
    assert Small().select(results, "runs", T=7) == []


def test_a_curve_leaves_the_rest_out():
    assert np.array_equal(Small().curve([1, 3, 5, 7, 100]), [2, 6])
    assert len(Small().curve([1])) == 0


# ---- all studies


@each
def test_stored_results_are_whole_and_hold_nothing_else(name):
    study, results = study_of(name), study_of(name).load()
    asked = list(plan_of(name)(study, results))
    assert list(runner.missing(study, plan_of(name), results)) == []
    for runs in {runs for runs, _ in asked}:
        wanted = [what for where, what in asked if where == runs]
        strangers = [
            record
            for record in results[runs]
            if record.get("name") != "mean of the seeds"
            and not any(answers(record, what) for what in map(plain, wanted))
        ]
        assert strangers == [], runs


def answers(record, asked):
    """Is a run what was asked?  At any rate: of an earlier round, whose choice among fewer rates
    was another, runs stay.
    """
    return {**asked, "rate": 0}.items() <= {**record, "rate": 0}.items()


def plain(asked):
    return json.loads(json.dumps(asked))


def changed(value):
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, dict):
        first = next(iter(value), "x")
        return value | {first: changed(value.get(first))}
    if isinstance(value, tuple | list):
        return type(value)([*value[:-1], changed(value[-1])]) if value else type(value)(["x"])
    if value is None:
        return "x"
    return replace(value, **{(last := fields(value)[-1].name): changed(getattr(value, last))})


@pytest.mark.parametrize(
    ("name", "setting"), [(n, f.name) for n in NAMES for f in fields(study_of(n))]
)
def test_each_setting_is_part_of_what_a_file_is_accepted_by(name, setting):
    study = study_of(name)
    other = replace(study, **{setting: changed(getattr(study, setting))})
    with pytest.raises(OtherSettings, match=rf"\n  {setting}[ .:]"):
        other.load()


def constants_read(tree):
    """Upper-case names of a module that its functions read: what decides a run beside the
    settings.
    """
    bound = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    inside = [child for function in functions for line in function.body for child in ast.walk(line)]
    return sorted({node.id for node in inside if isinstance(node, ast.Name) and node.id in bound})


@pytest.mark.parametrize(
    "path", sorted(FOLDER.glob("*/study.py")) + sorted(FOLDER.glob("*/tasks.py"))
)
def test_nothing_but_the_settings_decides_a_run(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert constants_read(tree) == []
    assert "globals" not in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    plain_attributes = [
        ast.unparse(line)
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        for line in node.body
        if isinstance(line, ast.Assign)  # an attribute of the class, which is no field
    ]
    assert plain_attributes == []


def test_a_constant_beside_the_settings_is_seen():
    tree = ast.parse("BATCH = 3\nWIDE: int = 4\ndef f(n=BATCH):\n    def g():\n        return WIDE")
    assert constants_read(tree) == ["WIDE"]


def scrambled(value, rng):
    """The same shape with other numbers."""
    if isinstance(value, dict):
        return {key: scrambled(inner, rng) for key, inner in value.items()}
    if isinstance(value, list):
        return [scrambled(inner, rng) for inner in value]
    if isinstance(value, int | float) or value is None:
        return float(rng.normal())
    return "1 -1"


def with_other_test_numbers(name, results, rng):
    """Results with other numbers from the test part, and of all runs after the choices."""
    study = study_of(name)
    asked = {}
    for runs, what in plan_of(name)(study, results):
        asked.setdefault(runs, set()).update(what)
    other = copy.deepcopy(results)
    for runs in study.lists:
        for record in other[runs]:
            for key in set(record) - asked.get(runs, set(record)):
                if study.reports(runs, record):
                    record[key] = scrambled(record[key], rng)
            for field in study.test_fields:
                *outer, last = field.split(".")
                place = record
                for key in outer:
                    place = place.get(key, {})
                if last in place:
                    place[last] = scrambled(place[last], rng)
    return other


@each
def test_no_choice_sees_the_test_part(name):
    study, results = study_of(name), study_of(name).load()
    chosen = study.choices(results)
    assert chosen or name in ("beijing", "compiling")  # where nothing is chosen
    for seed in range(3):
        other = with_other_test_numbers(name, results, np.random.default_rng(seed))
        assert other != results
        assert study.choices(other) == chosen


def test_a_choice_by_the_test_part_is_seen(monkeypatch):
    study, results = study_of("lstm"), study_of("lstm").load()

    def by_test(self, results, cell, kind="text"):
        records = self.select(results, study=kind, cell=cell)
        return min(records, key=lambda run: run["bits"]["test"])["rate"]

    monkeypatch.setattr(type(study), "chosen_rate", by_test)
    others = [with_other_test_numbers("lstm", results, np.random.default_rng(s)) for s in range(9)]
    assert any(study.choices(other) != study.choices(results) for other in others)


DIGITS = [  # (study, list, what was asked, what was found)
    ("lstm", "runs", {"study": "first_bit", "start": "chrono", "T": 1000, "seed": 0}, "accuracy"),
    ("gru", "runs", {"task": "sunspots", "variant": "Elman", "rate": 0.02, "seed": 0}, "loss"),
    ("sentiment", "runs", {"model": "two GRUs, max", "dropout": 0.3, "seed": 0}, "loss"),
    ("keras_digits", "runs", {"cell": "SimpleRNN", "rate": 0.001, "seed": 0}, "valid_loss"),
    ("torch_digits", "runs", {"cell": "RNN", "rate": 0.001, "seed": 0}, "valid_loss"),
]


def test_digits_and_versions_of_stored_runs():
    expected = {"gru": 0.1226, "sentiment": 0.48388, "keras_digits": 0.115381}
    expected |= {"torch_digits": 0.146601, "lstm": 1.0}
    for name, runs, asked, field in DIGITS:
        (record,) = study_of(name).select(study_of(name).load(), runs, **asked)
        assert record[field] == expected[name], name
    assert study_of("lstm").load()["versions"] == {"numpy": "2.4.6", "torch": "2.13.0+cpu"}
    assert study_of("weather").load()["machine"].startswith("Linux x86_64, Python 3.11.7")


@each
def test_every_command_has_one_form(name, monkeypatch, capsys):
    module = f"rnnlib.experiments.{name}.run"
    for option, says in (("--help", "--seconds"), ("--list", "no run is missing")):
        monkeypatch.setattr(sys, "argv", [module, option])
        monkeypatch.delitem(sys.modules, module, raising=False)
        with pytest.raises(SystemExit) as end:
            runpy.run_module(module, run_name="__main__")
        assert end.value.code in (0, None), option
        assert says in capsys.readouterr().out, option
    assert f"`python -m {module}" in (FOLDER / name / "run.py").read_text(encoding="utf-8")


# ---- engines, machine, files


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_model_takes_the_first_engine_that_its_cell_has(name):
    """The layers are those that the models chose by themselves when the stored runs were made."""
    rnn = framework(name)
    for cell, kind in (
        ("lstm", "NativeRNN"),
        (("elman", {"activation": "relu"}), "NativeRNN"),
        ("sru", "FusedRNN"),
        (("lstm", {"forget_bias": 3.0}), "NativeRNN"),
        ("tcn", "TCN"),
    ):
        engine = engines.options(rnn, cell, engines.BEST_OF_ALL)
        model = rnn.Tagger(2, 3, 2, cell=cell, **engine)
        assert type(model.rnn).__name__ == kind, cell
    loop = engines.options(rnn, ("lstm", {"peepholes": True}), ["loop"])
    assert type(rnn.Tagger(2, 3, 2, cell="lstm", **loop).rnn).__name__ == "RNN"
    with pytest.raises(ValueError, match="a sru has none of the engines native: "):
        engines.options(rnn, "sru", ("native",))
    with pytest.raises(ValueError, match="no engine 'fast'; there are: native, fused, loop"):
        engines.options(rnn, "sru", ("fast",))


def test_a_list_of_numbers_takes_a_line(tmp_path):
    results = {
        "a": [[1, 2.5, None], [3, 4, 5]],
        "b": ["x, ", "[ y", "z ],", "{\n"],
        "c": [],
        "d": [{"e": [True]}],
        "f": "[\n1\n]",
    }
    path = store.write(tmp_path / "new" / "found.json", results)
    text = path.read_text(encoding="utf-8")
    assert store.read(path) == results
    assert "[1, 2.5, null]" in text and "[true]" in text
    assert [p.name for p in path.parent.iterdir()] == ["found.json"]


def test_a_write_that_breaks_off_leaves_the_old_file(tmp_path):
    path = store.write(tmp_path / "found.json", {"a": 1})
    with pytest.raises(TypeError):
        store.write(path, {"a": object()})
    assert store.read(path) == {"a": 1} and len(list(tmp_path.iterdir())) == 1


def test_provenance_names_versions_and_the_kind_of_machine():
    kind = {"cores": 2, "threads": 1, "processor": "x86_64", "system": "Linux", "python": "3.11.7"}
    kind["instruction_sets"] = ["avx", "avx2", "avx512f", "avx512_bf16"]
    text = store.provenance({"versions": {"numpy": "2.4.6", "torch": "2.13.0"}, "machine": kind})
    assert text == (
        "numpy 2.4.6, torch 2.13.0; Linux x86_64 with avx512f, 2 cores, 1 thread, Python 3.11.7"
    )
    assert store.provenance({"versions": {"numpy": "2"}}) == "numpy 2"
    assert store.provenance(study_of("lstm").load()).endswith("Python 3.11.7, one thread")
    assert machine.sentence(machine.describe())
    assert "H100" in store.provenance(timing.load("gpu"))


def test_stored_times():
    assert timing.load("sru_sizes")["records"] and timing.load("recurrences")["records"]
    with pytest.raises(ValueError, match="there are: .*gpu, .*native, recurrences, sru_sizes"):
        timing.load("none")


IN_THE_WHEEL = """
import importlib, pathlib, sys
import rnnlib
from rnnlib.experiments import timing
here = pathlib.Path.cwd()
assert here in pathlib.Path(rnnlib.__file__).parents, rnnlib.__file__
for name in sys.argv[1:]:
    study = importlib.import_module(f"rnnlib.experiments.{name}").STUDY
    results = study.load()
    assert study.path.is_file() and all(results[runs] for runs in study.lists), name
    study.choices(results)
timing.load("recurrences")
"""


def test_the_wheel_holds_the_results(tmp_path):
    """Built, unpacked into an empty folder, and read there: no study needs the repository."""
    sources = tmp_path / "sources"  # setuptools leaves a folder beside what it builds
    shutil.copytree(ROOT / "rnnlib", sources / "rnnlib")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, sources)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "-w", str(tmp_path), str(sources)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    folder = tmp_path / "empty"
    zipfile.ZipFile(wheel).extractall(folder)
    ran = subprocess.run(
        [sys.executable, "-c", IN_THE_WHEEL, *NAMES],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "PYTHONSAFEPATH": ""},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
