"""All runs of the LSTM's studies: `python -m rnnlib.experiments.lstm.run` (some twenty minutes)."""

from collections.abc import Iterator
from types import ModuleType

from rnnlib.experiments import runner
from rnnlib.experiments.lstm.study import STUDY, Lstm
from rnnlib.experiments.study import Record


def plan(study: Lstm, results: dict) -> Iterator[tuple[str, Record]]:
    """The runs in their order; the rates for the text are chosen when the tuning runs have been
    made.
    """
    for asked in (*first_bits(study), *intervals(study)):
        yield "runs", asked
    for kind in study.text.updates:
        for cell in study.text.cells:
            asked = {"study": kind, "cell": cell}
            for rate in study.text.rates:
                for seed in study.text.tuning_seeds:
                    yield "runs", asked | {"rate": rate, "seed": seed}
            chosen = study.chosen_rate(results, cell, kind)
            for seed in study.text.reported_seeds[kind]:
                yield "runs", asked | {"rate": chosen, "seed": seed}


def first_bits(study: Lstm) -> Iterator[Record]:
    """What is asked of each start, length, rate and seed."""
    task = study.first_bit
    cases = [(task.starts, T, task.rate) for T in task.lengths]
    cases.append((task.starts, task.other_length, task.other_rate))
    cases.append((task.patient_starts, task.very_long, task.rate))
    for starts, T, rate in cases:
        for start in starts:
            for seed in study.seeds:
                yield {"study": "first_bit", "start": start, "T": T, "rate": rate, "seed": seed}


def intervals(study: Lstm) -> Iterator[Record]:
    """What is asked with peepholes and without, at each interval, rate and seed."""
    for n in study.intervals.lengths:
        for peepholes in (False, True):
            for rate in study.intervals.rates:
                for seed in study.seeds:
                    asked = {"study": "intervals", "peepholes": peepholes, "n": n}
                    yield asked | {"rate": rate, "seed": seed}


def make(study: Lstm, rnn: ModuleType, runs: str, asked: Record) -> list[Record]:
    """One run -> [what it found]."""
    how = {name: value for name, value in asked.items() if name != "study"}
    if asked["study"] == "first_bit":
        _, history, accuracy = study.run_first_bit(rnn, **how)
        found = {"accuracy": accuracy}
    elif asked["study"] == "intervals":
        _, history, accuracy = study.run_intervals(rnn, **how)
        found = {"accuracy": accuracy}
    else:
        ids, letters = study.streams
        updates = study.text.updates[asked["study"]]
        _, history, bits = study.run_text(
            rnn, **how, ids=ids, vocab_size=len(letters), updates=updates
        )
        found = {"bits": {part: round(value, 4) for part, value in bits.items()}}
    return [found | {"curve": [round(float(loss), 4) for loss in study.curve(history.steps)]}]


if __name__ == "__main__":
    raise SystemExit(runner.main(STUDY, plan, make, __doc__))
