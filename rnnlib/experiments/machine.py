"""The kind of machine that made results, never its name, and one thread for all who make them."""

import os
import platform
from pathlib import Path

KNOWN = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_bf16", "amx_tile", "asimd", "sve")
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


def describe() -> dict:
    """Cores, threads, processor family, instruction sets, system and Python."""
    flags = set()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
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


def sentence(kind: dict) -> str:
    """What `describe` found, as text: "Linux x86_64 with avx512f, 2 cores, 1 thread, Python
    3.11.7".
    """
    parts = [f"{kind['system']} {kind['processor']}"]
    vectors = [
        name for name in kind["instruction_sets"] if name in ("avx2", "avx512f", "asimd", "sve")
    ]
    if vectors:
        parts[0] += f" with {vectors[-1]}"
    parts.append(f"{kind['cores']} cores")
    if kind["threads"]:
        parts.append("1 thread" if kind["threads"] == 1 else f"{kind['threads']} threads")
    if "gpu" in kind:
        parts.append(kind["gpu"])
    return ", ".join([*parts, f"Python {kind['python']}"])


def one_thread() -> None:
    """One thread for NumPy and for the frameworks, no GPU, as the chapters run: call it before a
    framework is imported.
    """
    from threadpoolctl import threadpool_limits

    os.environ.update(dict.fromkeys(THREADS, "1"))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    threadpool_limits(1)  # NumPy has started its threads already
