"""Make .venv and install into it what a command needs, once: `python3 tools/install.py GROUP`.

GROUP is core, book, test, lab or all. Standard library only, and plain enough for Python 3.6 to read, so that
an old Python can say that it is too old.
"""

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
OLDEST, NEWEST = (3, 11), (3, 13)

FRAMEWORKS = ["torch", "tensorflow"]
GROUPS = {
    "core": [],
    "book": ["book"],  # the pages are built without running anything, so without a framework
    "test": FRAMEWORKS + ["book", "test"],
    "lab": FRAMEWORKS + ["lab"],
    "all": FRAMEWORKS + ["book", "test", "lab"],
}
GIGABYTES = {
    "core": 1.0,
    "book": 1.2,
    "test": 5.5,
    "lab": 5.5,
    "all": 5.5,
}  # with what pip unpacks on the way


class Failed(Exception):
    """Installation cannot go on; the text says why and what to do."""


def check_python(version=sys.version_info, executable=sys.executable):
    """Refuse a Python outside the supported range."""
    if OLDEST <= tuple(version[:2]) <= NEWEST:
        return
    found = "%d.%d (%s)" % (version[0], version[1], executable)
    raise Failed(
        "Python %d.%d to %d.%d is needed, but this is Python %s.\n" % (OLDEST + NEWEST + (found,))
        + "Install Python 3.11, then `make PYTHON=/path/to/python3.11 ...` or have python3.11 on the PATH."
    )


def check_space(group, folder=ROOT, free=None):
    """Refuse to start where the disk cannot hold the installation."""
    free = shutil.disk_usage(str(folder)).free if free is None else free
    need = GIGABYTES[group]
    if free < need * 1e9:
        raise Failed(
            "%.1f GB free in %s, but installing `%s` needs about %.1f GB.\n"
            % (free / 1e9, folder, group, need)
            + "Free some space (pip's own cache: `pip cache purge`) or clone onto a larger disk."
        )


def state(root=ROOT):
    """Digest of what the installation depends on."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((root / name).read_bytes())
    return digest.hexdigest()


def installed(venv, digest):
    """Extras that are installed in the present state of the two files."""
    try:
        stamp = json.loads((venv / "installed.json").read_text())
    except (OSError, ValueError):
        return None
    return stamp["extras"] if stamp["state"] == digest else None


def venv_python(venv):
    """The interpreter inside a virtual environment."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def make_venv(venv):
    """Create the virtual environment, or a new one where a half-made one lies."""
    python = venv_python(venv)
    if python.exists() and subprocess.call([str(python), "-m", "pip", "--version"], **quiet()) == 0:
        return
    print(
        "Making %s with Python %d.%d ..." % (venv.name, sys.version_info[0], sys.version_info[1]), flush=True
    )
    done = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(venv)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        text = done.stdout.decode(errors="replace")
        if "No space left" in text:
            raise Failed(explain(text))
        raise Failed(
            "no virtual environment could be made: %s\n" % (text.strip().splitlines() or ["?"])[-1]
            + "On Debian and Ubuntu, install python3.11-venv."
        )


def quiet():
    return {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def reachable(url, seconds=2.0):
    """Whether an address answers in a moment; never waits longer, not for a name server either."""
    answer = []

    def ask():
        try:
            with urllib.request.urlopen(url, timeout=seconds):
                answer.append(True)
        except Exception:  # whatever it is, the address is of no use now
            pass

    thread = threading.Thread(target=ask)
    thread.daemon = True
    thread.start()
    thread.join(seconds)
    return bool(answer)


def pip_command(venv, extras, torch_index=""):
    """The pip call; a reader's own pip configuration stays in force."""
    what = ".[%s]" % ",".join(extras) if extras else "."
    command = [str(venv_python(venv)), "-m", "pip", "install", "--progress-bar", "off", "--no-input"]
    command += ["--disable-pip-version-check", "-c", "constraints.txt", "-e", what]
    # PyPI's torch for Linux brings gigabytes of CUDA; PyTorch's own index has builds for the CPU
    if torch_index and "torch" in extras and sys.platform.startswith("linux") and reachable(torch_index):
        command += ["--extra-index-url", torch_index]
    return command


def run_pip(command, log_path):
    """Run pip with one progress line; its whole output goes to a log file. Returns (exit status, text)."""
    start, lines, packages = time.time(), [], 0
    environment = dict(os.environ, PYTHONUNBUFFERED="1", LC_ALL="C.UTF-8", PYTHONUTF8="1")
    with open(str(log_path), "w", encoding="utf-8") as log:
        pip = subprocess.Popen(
            command, cwd=str(ROOT), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        said = start
        for raw in pip.stdout:
            line = raw.decode(errors="replace").rstrip()
            lines.append(line)
            log.write(line + "\n")
            packages += line.startswith("Collecting ")
            now = line.startswith(("Installing collected", "Building ", "Successfully"))
            if sys.stdout.isatty() or now or time.time() - said > 10:
                said = time.time()
                progress(packages, line, said - start)
        status = pip.wait()
    if sys.stdout.isatty():
        print()
    return status, "\n".join(lines)


def progress(packages, line, seconds):
    """One line that overwrites itself in a terminal."""
    step = re.sub(r"^\s+", "", line)
    step = (
        "Installing all of them ..." if step.startswith("Installing collected") else step.split(" (from")[0]
    )
    text = "  %3d s  %3d packages  %s" % (seconds, packages, step[:60])
    if sys.stdout.isatty():
        sys.stdout.write("\r" + text.ljust(86))
        sys.stdout.flush()
    else:
        print(text, flush=True)


def explain(log):
    """What went wrong, from pip's output: which package, pip's own words, what to try."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:] or ["pip said nothing"]
    if "No space left on device" in log or "Errno 28" in log:
        return "the disk is full: %s\nFree some space, then run the same command again." % errors[-1]
    missing = re.findall(r"No matching distribution found for (\S+)", log)
    offline = re.search(
        r"(Failed to establish a new connection|Name or service not known|Max retries|Read timed out"
        r"|name resolution|Connection refused|Network is unreachable)",
        log,
    )
    collecting = re.findall(r"Collecting (\S+)", log)
    name = missing[-1] if missing else (collecting[-1] if collecting else "a package")
    if offline:
        return (
            "%s cannot be had, the package index does not answer: %s\n" % (name, errors[-1])
            + "Check the network or the proxy (`pip config list`), then run the same command again; "
            + "what was fetched is kept."
        )
    if missing:
        return (
            "%s cannot be had: %s\n" % (name, errors[-1])
            + "Your package index has no such version for Python %d.%d on %s. "
            % (sys.version_info[0], sys.version_info[1], sys.platform)
            + "Try Python 3.11 (`rm -r .venv`, then `make PYTHON=python3.11 ...`), or another index (`pip config list`)."
        )
    return "pip stopped at %s: %s\nRun the same command again; if it stays, its log tells more." % (
        name,
        errors[-1],
    )


def install(group, torch_index=""):
    """Install a group; returns at once where it is there already."""
    venv, digest = ROOT / ".venv", state()
    extras = GROUPS[group]
    there = installed(venv, digest)
    if there is not None and set(extras) <= set(there) and venv_python(venv).exists():
        return
    check_python()
    check_space(group) if there is None and not (venv / "installed.json").exists() else None
    make_venv(venv)
    extras = sorted(set(extras) | set(there or []))
    print("Installing into .venv, once: rnnlib%s" % ("[%s]" % ",".join(extras) if extras else ""), flush=True)
    log = venv / "install.log"
    status, text = run_pip(pip_command(venv, extras, torch_index), log)
    if status:
        raise Failed(explain(text) + "\nThe log: %s" % log)
    (venv / "installed.json").write_text(json.dumps({"state": digest, "extras": extras}))


def main(arguments):
    group = arguments[0] if arguments else "all"
    if group not in GROUPS:
        print("there is no group %r; there are: %s" % (group, ", ".join(GROUPS)), file=sys.stderr)
        return 2
    try:
        install(group, os.environ.get("TORCH_INDEX", ""))
    except Failed as problem:
        print("\nInstallation stopped: %s" % problem, file=sys.stderr)
        return 1
    except OSError as problem:
        print("\nInstallation stopped: %s" % explain(str(problem)), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
