"""Which instruction set this processor has, and a run of Python on less:
`python -m tools.processor avx2 -m pytest`.

PyTorch, TensorFlow and NumPy choose their arithmetic by the processor they meet, and order and
rounding of their sums with it. The variables below take the choice away;
`tests/tools/test_processor.py` sees that each still changes digits. An imitation proves less than
the other processor: TensorFlow's own elementwise operations, for one, listen to none.
"""

import os
import platform
import subprocess
import sys
from pathlib import Path

CHOICE = "RNNLIB_CPU"  # the name given as CPU=, for the run that has its variables

NO_AVX512 = "X86_V4 AVX512_ICL AVX512_SPR"
SETTINGS = {
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",  # PyTorch: elementwise operations, reductions
        "MKL_CBWR": "AVX2",  # PyTorch: products and convolutions
        "ONEDNN_MAX_CPU_ISA": "AVX2",  # TensorFlow: products
        "OPENBLAS_CORETYPE": "Haswell",  # NumPy: products
        "NPY_DISABLE_CPU_FEATURES": NO_AVX512,  # NumPy: exp and the like
        "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",  # TensorFlow: compiled graphs
    },
    "baseline": {
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_CBWR": "COMPATIBLE",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "OPENBLAS_CORETYPE": "Nehalem",
        "NPY_DISABLE_CPU_FEATURES": f"X86_V3 {NO_AVX512}",
        "XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2",
    },
}
VARIABLES = tuple(SETTINGS["baseline"])

# what Linux calls the extensions; a processor has a set if it has all of them and those of the sets
# before
SETS = {
    "avx2": {"avx2", "fma", "bmi1", "bmi2", "f16c"},
    "avx512": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
}


def flags(path="/proc/cpuinfo"):
    """The extensions that Linux names of the first processor; empty where it names none."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return set()
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "flags":
            return set(value.split())
    return set()


def kind():
    """ "baseline", "avx2" or "avx512" for an x86-64 processor under Linux, else the machine's
    name, as "arm64".
    """
    extensions = flags()
    if platform.machine() != "x86_64" or not extensions:
        return platform.machine()
    highest = "baseline"
    for name, needed in SETS.items():
        if not needed <= extensions:
            break
        highest = name
    return highest


def chosen():
    """The name that this run was given as CPU=, or None."""
    return os.environ.get(CHOICE) or None


def brought():
    """The variables of the table that the environment brings of itself, with their values."""
    if chosen():
        return {}
    return {name: os.environ[name] for name in VARIABLES if os.environ.get(name)}


def describe():
    """On what this run computes, in a line: "avx512", "avx512 as avx2", "avx2 with
    MKL_CBWR=COMPATIBLE".
    """
    words = kind()
    if chosen():
        words += f" as {chosen()}"
    values = [f"{name}={value}" for name, value in brought().items()]
    if values:
        words += f" with {', '.join(values)}"
    return words


def variables(name):
    """What to set for a run on the instruction set `name`;
    SystemExit says what this processor can imitate.
    """
    if name not in SETTINGS:
        raise SystemExit(
            f"no setting CPU={name}: choose one of {', '.join(SETTINGS)}, or leave CPU= out"
        )
    here = kind()
    if here not in ("baseline", *SETS):
        raise SystemExit(
            f"CPU={name} is for x86-64 processors under Linux, this is {here}: leave CPU= out"
        )
    if name != "baseline" and here == "baseline":
        raise SystemExit(
            f"CPU={name} needs a processor with that set, this one is {here}: leave CPU= out"
        )
    settings = {**SETTINGS[name], CHOICE: name}
    other_flags = [
        flag for flag in os.environ.get("XLA_FLAGS", "").split() if "xla_cpu_max_isa" not in flag
    ]
    settings["XLA_FLAGS"] = " ".join([*other_flags, settings["XLA_FLAGS"]])
    return settings


def main(arguments=None):
    """Start Python with the arguments after the name, the variables set; its exit status."""
    if arguments is None:
        arguments = sys.argv[1:]
    if not arguments:
        raise SystemExit(
            f"usage: python -m tools.processor {'|'.join(SETTINGS)} ARGUMENTS OF PYTHON"
        )
    name, *rest = arguments
    return subprocess.call([sys.executable, *rest], env={**os.environ, **variables(name)})


if __name__ == "__main__":
    raise SystemExit(main())
