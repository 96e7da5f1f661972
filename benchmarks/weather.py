"""All runs of the weather study: `python -m benchmarks.weather` (some nine minutes of one core).

What a run is stands in rnnlib/studies/weather.py.  Runs are kept in results/weather.json; a second call goes on where the first one
stopped.  The weights are drawn by NumPy, so either framework would do; this runs in PyTorch.
"""

import time

from benchmarks import machine
from rnnlib.studies import weather


def study(rnn, table, tuning=weather.TUNING, test=weather.TEST):
    """All runs that are not yet in the file: first those that choose a rate, then the test."""
    results = weather.load()

    def keep(found, began, **about):
        results["runs"].append(
            about | {"seconds": round(time.process_time() - began, 1)} | weather.summary(found)
        )
        print(about, round(weather.mean(results["runs"][-1], 1), 3), flush=True)

    def networks(what, part, hours, rate, seeds):
        """All seeds at once, since their mean is a forecast too."""
        made, about = [], dict(study=what, start=part[0], hours=hours)
        if weather.select(results, name="gru", rate=rate, **about):
            return
        for seed in seeds:
            began = time.process_time()
            made.append(weather.run(weather.forecaster("gru", hours, rnn, rate, seed), table, part, hours))
            keep(made[-1], began, name="gru", rate=rate, seed=seed, **about)
        if len(seeds) > 1:
            keep(weather.together(made), time.process_time(), name="mean of the seeds", rate=rate, **about)
        machine.write_json(weather.PATH, results)

    for what, parts in (("tuning", tuning), ("test", test)):
        for part in parts:
            for hours in weather.HOURS:
                for name in ("persistence", "repeat-day", "ridge"):
                    about = dict(study=what, start=part[0], hours=hours, name=name)
                    if not weather.select(results, **about):
                        began = time.process_time()
                        keep(weather.run(weather.forecaster(name, hours), table, part, hours), began, **about)
                        machine.write_json(weather.PATH, results)
                if what == "tuning":
                    for rate in weather.RATES:
                        networks(what, part, hours, rate, (0,))
                else:
                    networks(what, part, hours, weather.chosen_rate(results, hours), weather.SEEDS)


if __name__ == "__main__":
    import torch

    import rnnlib.pt

    torch.set_num_threads(1)
    study(rnnlib.pt, weather.prepare(weather.readings()))
