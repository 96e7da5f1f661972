"""The one environment in which chapters are recorded and tested."""

import os
import platform
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

SETTINGS = {
    "PYTHONHASHSEED": "0",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    # sums have one order only with one thread
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "RNNLIB_PROGRESS": "0",
    "TZ": "UTC",
    "JUPYTER_PREFER_ENV_PATH": "1",
}

KERNEL = """c = get_config()
# what libraries write to file descriptor 2 is not a cell's output
c.IPKernelApp.capture_fd_output = False
c.HistoryManager.enabled = False  # two kernels at a time would wait for one file
"""


def promised():
    """Whether recorded digits are promised to come out here:
    Linux on x86-64, and the Python of the recordings.
    """
    return (
        sys.platform == "linux"
        and platform.machine() == "x86_64"
        and sys.version_info[:2] == (3, 11)
    )


def apply(root=ROOT):
    """Set the environment that kernels inherit; call it before a framework or a kernel starts.

    A reader's own IPython profile could change what a cell prints, so kernels get a profile of
    their own below `_build`. A relative `RNNLIB_DATA` is made absolute: kernels run in
    `notebooks/`.
    """
    os.environ.update(SETTINGS)
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")  # results are defined for the CPU
    os.environ.pop("MPLBACKEND", None)  # the kernel chooses the inline one
    if os.environ.get("RNNLIB_DATA"):
        os.environ["RNNLIB_DATA"] = os.path.abspath(os.environ["RNNLIB_DATA"])
    profile = Path(root) / "_build" / "ipython" / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    config = profile / "ipython_kernel_config.py"
    if not config.exists() or config.read_text(encoding="utf-8") != KERNEL:
        scratch = config.with_name(f"{config.name}.{os.getpid()}")
        scratch.write_text(KERNEL, encoding="utf-8")
        os.replace(scratch, config)
    os.environ["IPYTHONDIR"] = str(profile.parent)
