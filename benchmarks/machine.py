"""What a benchmark's JSON says about the machine, and how it is written: the kind of machine, never its name."""

import json
import os
import platform
import re
from pathlib import Path

from rnnlib import files

KNOWN = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_bf16", "amx_tile", "asimd", "sve")


def describe():
    """Cores, processor family and instruction sets."""
    flags = set()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.lower().startswith(("flags", "features")):
                flags = set(line.split(":", 1)[1].split())
                break
    return {
        "cores": os.cpu_count(),
        "threads": int(os.environ.get("OMP_NUM_THREADS", 0)) or None,
        "processor": platform.machine(),
        "instruction_sets": [name for name in KNOWN if name in flags],
        "system": platform.system(),
        "python": platform.python_version(),
    }


LEAF = re.compile(
    r"\[\n([^\[\]{}]*)\]"
)  # a list that holds no list and no object; strings hold no line break


def _on_one_line(leaf):
    return "[" + ", ".join(line.strip().removesuffix(",") for line in leaf[1].strip().splitlines()) + "]"


def write_json(path, found):
    """Write `found` to `path` whole or not at all, a list of numbers to a line; returns the path, below the repository's root if there."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_text(path, LEAF.sub(_on_one_line, json.dumps(found, indent=1)) + "\n")
    root = Path(__file__).resolve().parents[1]
    return path.relative_to(root) if path.is_relative_to(root) else path
