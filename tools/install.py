"""Make .venv and install into it what a command needs, once: `python3 tools/install.py GROUP`.

GROUP is core, book, test, lab or all. Standard library only, and plain enough for Python 3.6 to
read, so that an old Python can say that it is too old.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OLDEST = (3, 11)
NEWEST = (3, 13)

GROUPS = {
    "core": [],
    "book": ["book"],  # the pages are built without running anything, so without a framework
    "test": ["book", "tensorflow", "test", "torch"],
    "lab": ["lab", "tensorflow", "torch"],
    "all": ["book", "lab", "tensorflow", "test", "torch"],
}
# what an extra brings: a package to know it by, and the disk space it takes while pip unpacks, in
# GB
SPACE = {
    "core": ("spacy", 1.1),
    "book": ("jupyter_book", 0.3),
    "test": ("nbval", 0.2),
    "lab": ("jupyterlab", 0.2),
    "torch": ("torch", 1.2),
    "tensorflow": ("tensorflow", 3.0),
}


class Failed(Exception):
    """Installation cannot go on; the text says why and what to do."""


def check_python(version=sys.version_info, executable=sys.executable):
    """Refuse a Python outside the supported range."""
    if OLDEST <= tuple(version[:2]) <= NEWEST:
        return
    raise Failed(
        f"Python {dotted(OLDEST)} to {dotted(NEWEST)} is needed, but {executable} is Python "
        f"{dotted(version)}.\nInstall Python 3.11, then `make PYTHON=/path/to/python3.11 ...`, or "
        "put python3.11 on the PATH. A .venv made with another Python goes first: rm -r .venv"
    )


def dotted(version):
    return f"{version[0]}.{version[1]}"


def check_space(venv, extras, free=None):
    """Refuse to start where the disk cannot hold what is still to be installed."""
    packages = [
        p for pattern in ("lib/python*", "Lib") for p in venv.glob(f"{pattern}/site-packages/*")
    ]
    names = {path.name for path in packages}
    need = sum(SPACE[extra][1] for extra in ["core", *extras] if SPACE[extra][0] not in names)
    if free is None:
        free = shutil.disk_usage(str(venv.parent)).free / 1e9
    if free < need:
        raise Failed(
            f"{free:.1f} GB are free in {venv.parent}, but about {need:.1f} GB are needed.\nFree "
            "some space (`pip cache purge` empties pip's own cache), or clone onto a larger disk."
        )


def state(root):
    """Digest of the two files that an installation depends on."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((root / name).read_bytes())
    return digest.hexdigest()


def read_stamp(venv):
    """(state, extras) of the last installation; (None, []) where there was none."""
    try:
        stamp = json.loads((venv / "installed.json").read_text())
        return stamp["state"], stamp["extras"]
    except (OSError, ValueError, KeyError):
        return None, []


def venv_python(venv):
    """The interpreter inside a virtual environment."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def make_venv(venv):
    """Create the virtual environment; again where a half-made one lies."""
    python = venv_python(venv)
    if python.exists() and run([str(python), "-m", "pip", "--version"])[0] == 0:
        return
    print(f"Making {venv.name} with Python {dotted(sys.version_info)}", flush=True)
    status, text = run([sys.executable, "-m", "venv", "--clear", str(venv)])
    if status and "No space left" in text:
        raise Failed(explain(text))
    if status:
        last = (text.strip().splitlines() or ["no reason given"])[-1]
        raise Failed(
            f"no virtual environment could be made: {last}\n"
            "On Debian and Ubuntu the package python3-venv (or python3.11-venv) is missing."
        )


def run(command):
    """(exit status, everything it said)."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode(errors="replace")


def reachable(url, seconds=2.0):
    """Whether an address answers in a moment; never waits longer, not for a name server either."""
    answers = []

    def ask():
        try:
            with urllib.request.urlopen(url, timeout=seconds):
                answers.append(True)
        except Exception:  # whatever it is, the address is of no use now
            pass

    thread = threading.Thread(target=ask)
    thread.daemon = True
    thread.start()
    thread.join(seconds)
    return bool(answers)


def pip_command(venv, extras, torch_index=""):
    """The pip call; a reader's own pip configuration stays in force."""
    if extras:
        what = f".[{','.join(extras)}]"
    else:
        what = "."
    command = [
        str(venv_python(venv)),
        "-m",
        "pip",
        "install",
        "--progress-bar",
        "off",
        "--no-input",
    ]
    command += ["--disable-pip-version-check", "-c", "constraints.txt", "-e", what]
    # the usual torch for Linux brings gigabytes of CUDA; PyTorch's own index has builds for the CPU
    if (
        torch_index
        and "torch" in extras
        and sys.platform.startswith("linux")
        and reachable(torch_index)
    ):
        command += ["--extra-index-url", torch_index]
    return command


def run_pip(command, root, log_path):
    """Run pip with one progress line; all it says goes to a log file.

    Returns (exit status, text).
    """
    start = time.time()
    said = 0.0
    lines = []
    packages = 0
    variables = dict(os.environ, PYTHONUNBUFFERED="1", PYTHONUTF8="1")
    pip = subprocess.Popen(
        command, cwd=str(root), env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    with open(str(log_path), "w", encoding="utf-8") as log:
        for raw in pip.stdout or ():
            lines.append(raw.decode(errors="replace").rstrip())
            log.write(lines[-1] + "\n")
            packages += lines[-1].startswith("Collecting ")
            if not lines[-1].strip().startswith(STEPS):
                continue
            last = lines[-1].startswith(STEPS[-2:])
            if last or time.time() - said > (0 if sys.stdout.isatty() else 10):
                said = time.time()
                show(said - start, packages, lines[-1])
    status = pip.wait()
    if sys.stdout.isatty():
        print()
    return status, "\n".join(lines)


STEPS = (
    "Collecting",
    "Downloading",
    "Using cached",
    "Building",
    "Installing collected",
    "Successfully installed",
)


def show(seconds, packages, line):
    """The progress line, which overwrites itself in a terminal."""
    step = line.strip().split(" (from")[0]
    if step.startswith("Installing collected"):
        step = "Unpacking all of them, the longest step"
    text = f"  {seconds:4.0f} s  {packages:3d} packages  {step[:56]}"
    if sys.stdout.isatty():
        sys.stdout.write("\r" + text.ljust(80))
        sys.stdout.flush()
    else:
        print(text, flush=True)


OFFLINE = (
    "Failed to establish a new connection|Name or service not known|Max retries|Read timed "
    "out|NewConnectionError|name resolution|Connection refused|Network is unreachable|Connection "
    "broken|NameResolutionError"
)


def explain(log):
    """What went wrong, from pip's output: which package, pip's own words, what to try."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    last = (errors or lines or ["pip said nothing"])[-1]
    if "No space left on device" in log or "Errno 28" in log:
        return f"the disk is full: {last}\nFree some space, then run the same command again."
    missing = re.findall(r"No matching distribution found for (\S+)", log)
    collecting = re.findall(r"Collecting (\S+)", log)
    name = (missing or collecting or ["a package"])[-1]
    if re.search(OFFLINE, log):
        return (
            f"{name} cannot be had, a package index does not answer: {last}\n"
            "Check the network and the proxy (`pip config list`), then run the same command again: "
            "what was fetched is kept."
        )
    if missing:
        return (
            f"{name} cannot be had: {last}\nNo such version for Python {dotted(sys.version_info)} "
            f"on {sys.platform} in your package index (`pip config list`). The versions are known "
            "to work with Python 3.11: rm -r .venv, then make PYTHON=python3.11 ..."
        )
    return (
        f"pip stopped at {name}: {last}\nRun the same command again; if it stops there again, "
        "read the log."
    )


def install(group, root=ROOT, torch_index=""):
    """Install a group; returns at once where it is there already."""
    venv = root / ".venv"
    now = state(root)
    before, there = read_stamp(venv)
    if before == now and set(GROUPS[group]) <= set(there) and venv_python(venv).exists():
        return
    check_python()
    extras = sorted({*GROUPS[group], *there})
    check_space(venv, extras)
    make_venv(venv)
    print(f"Installing rnnlib[{','.join(extras)}] into .venv, once", flush=True)
    log = venv / "install.log"
    status, text = run_pip(pip_command(venv, extras, torch_index), root, log)
    if status:
        raise Failed(f"{explain(text)}\nThe log: {log}")
    (venv / "installed.json").write_text(json.dumps({"state": now, "extras": extras}))


def main(arguments, root=ROOT):
    """Install the group named on the command line; the number to exit with."""
    if arguments:
        group = arguments[0]
    else:
        group = "all"
    if group not in GROUPS:
        print(f"there is no group {group!r}; there are: {', '.join(GROUPS)}", file=sys.stderr)
        return 2
    try:
        install(group, root, os.environ.get("TORCH_INDEX", ""))
        return 0
    except Failed as problem:
        text = str(problem)
    except OSError as problem:
        full = problem.errno == errno.ENOSPC
        if full:
            text = f"the disk is full: {problem}"
        else:
            text = f"a file cannot be read or written: {problem}"
    except KeyboardInterrupt:
        text = "interrupted. Run the same command again: what was fetched is kept."
    print(f"\nInstallation stopped: {text}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
