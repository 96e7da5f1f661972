"""The gate, without the chapters: `python -m tools.check [STEP ...]`.

Every step runs, whatever the others say; a table at the end says which failed and how long each
took.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = sys.executable
STEPS = {  # name -> commands, each run from the repository's root
    "lint": [[PYTHON, "-m", "ruff", "check", "."]],
    "format": [[PYTHON, "-m", "ruff", "format", "--check", "."]],
    "style": [[PYTHON, "-m", "tools.style"]],
    "types": [[PYTHON, "-m", "mypy"]],
    "imports": [[PYTHON, "-m", "pytest", "-q", "-k", "import or mirror or address", "tests"]],
    "documents": [[PYTHON, "-m", "tools.documents"]],
    "wheel": [[PYTHON, "-m", "tools.wheel"]],
}


def run(name: str) -> tuple[bool, float]:
    """Run one step; whether it passed, and its seconds."""
    start = time.perf_counter()
    print(f"== {name}", flush=True)
    passed = all(subprocess.run(command, cwd=ROOT).returncode == 0 for command in STEPS[name])
    return passed, time.perf_counter() - start


def main(arguments: list[str] | None = None) -> int:
    """Run all steps, or those named; 1 if one failed."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.check", description=__doc__.split("\n")[0]
    )
    parser.add_argument(
        "steps", nargs="*", metavar="STEP", help=f"of {', '.join(STEPS)}; all without"
    )
    options = parser.parse_args(arguments)
    unknown = [step for step in options.steps if step not in STEPS]
    if unknown:
        parser.error(f"no step {unknown[0]!r}; there are: {', '.join(STEPS)}")
    results = {name: run(name) for name in options.steps or STEPS}
    print()
    for name, (passed, seconds) in results.items():
        print(f"{name:10} {'passed' if passed else 'FAILED'} {seconds:6.0f} s")
    return int(not all(passed for passed, _ in results.values()))


if __name__ == "__main__":
    raise SystemExit(main())
