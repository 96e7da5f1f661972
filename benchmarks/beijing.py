"""All runs of the study of Beijing: `python -m benchmarks.beijing` (some twenty minutes of one core; wants the data set beijing_pollution).

What a run is stands in rnnlib/studies/beijing.py.  Runs are kept in results/beijing.json; a second call goes on where the first one
stopped.  The weights are drawn by NumPy, so either framework would do; this runs in PyTorch.
"""

import time

from benchmarks import machine
from rnnlib.studies import beijing, weather


def study(rnn, table, years=beijing.YEARS, designs=beijing.DESIGNS, names=beijing.NAMES):
    """All runs that are not yet in the file."""
    results = beijing.load()
    for year in years:
        for design in designs:
            data = beijing.prepared(table, design, year)
            for part in beijing.parts(year):
                for name in names:
                    if (name == "repeat-day") != (design == "plan") and name in weather.SIMPLE:
                        continue  # repeat-day is one in all designs; the ordinary wants the season off
                    for seed in weather.SEEDS if name == "gru" else (None,):
                        about = dict(year=year, design=design, start=part[0], name=name)
                        about |= {} if seed is None else {"seed": seed}
                        if weather.select(results, **about):
                            continue
                        began = time.process_time()
                        model = beijing.forecaster(name, design, rnn, seed or 0)
                        found = weather.summary(weather.run(model, data, part, 24))
                        seconds = round(time.process_time() - began, 1)
                        results["runs"].append(about | {"seconds": seconds} | found)
                        machine.write_json(beijing.PATH, results)
                        print(about, round(weather.mean(found, 1), 3), found["bias"], flush=True)


if __name__ == "__main__":
    import torch

    import rnnlib.pt

    torch.set_num_threads(1)
    study(rnnlib.pt, beijing.readings())
