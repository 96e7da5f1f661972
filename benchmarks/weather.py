"""All runs of the weather study: `python -m benchmarks.weather` (some fifteen minutes of one core).

What a run is stands in rnnlib/studies/weather.py.  Runs are kept in results/weather.json; a second call goes on where the first one
stopped.  The weights are drawn by NumPy, so either framework would do; this runs in PyTorch.
"""

import time

from benchmarks import machine
from rnnlib.studies import weather


def study(rnn, table, season, tuning=weather.TUNING, test=weather.TEST):
    """All runs that are not yet in the file: those that choose a rate, then the test; then both with the season taken off, alone and in the design chosen then."""
    results = weather.load()

    def keep(found, began, **about):
        results["runs"].append(
            about | {"seconds": round(time.process_time() - began, 1)} | weather.summary(found)
        )
        print(about, round(weather.mean(results["runs"][-1], 1), 3), flush=True)

    def networks(table, part, rate, seeds, options, **about):
        """All seeds at once, since their mean is a forecast too."""
        made = []
        if weather.select(results, name="gru", rate=rate, **about):
            return
        for seed in seeds:
            began, hours = time.process_time(), about["hours"]
            model = weather.forecaster("gru", hours, rnn, rate, seed, **options.get("gru", {}))
            made.append(weather.run(model, table, part, hours))
            keep(made[-1], began, name="gru", rate=rate, seed=seed, **about)
        if len(seeds) > 1:
            keep(weather.together(made), time.process_time(), name="mean of the seeds", rate=rate, **about)
        machine.write_json(weather.PATH, results)

    def parts(table, prefix, hours, names, options):
        for what, parts in (("tuning", tuning), ("test", test)):
            for part in parts:
                about = dict(study=prefix or what, start=part[0], hours=hours)
                if prefix and what == "tuning":
                    about["study"] = f"{prefix} tuning"
                for name in names:
                    if not weather.select(results, name=name, **about):
                        began = time.process_time()
                        model = weather.forecaster(name, hours, **options.get(name, {}))
                        keep(weather.run(model, table, part, hours), began, name=name, **about)
                        machine.write_json(weather.PATH, results)
                if what == "tuning":
                    for rate in weather.RATES:
                        networks(table, part, rate, (0,), options, **about)
                else:
                    rate = weather.chosen_rate(results, hours, f"{prefix} tuning".strip())
                    networks(table, part, rate, weather.SEEDS, options, **about)

    for hours in weather.HOURS:
        parts(table, "", hours, ("persistence", "repeat-day", "ridge"), {})
    parts(season, "season alone", 24, ("ridge",), {})
    parts(season, "again", 24, ("climatology", "mixture", "ridge"), weather.AGAIN)


if __name__ == "__main__":
    import torch

    import rnnlib.pt

    torch.set_num_threads(1)
    readings = weather.readings()
    study(rnnlib.pt, weather.prepare(readings), weather.less_season(readings))
