"""Open JupyterLab so that a chapter's .md opens as a notebook by a double click:
`python -m tools.lab`.
"""

import os
import subprocess
import sys

from tools.environment import ROOT


def environment():
    """The reader's own environment, with our default viewer for .md files put first."""
    config = [str(ROOT / "tools" / "jupyter"), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    return {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, config))}


def main(arguments):
    """Start JupyterLab in the project's folder; further arguments go to it."""
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={ROOT}",
        "--LabApp.default_url=/lab/tree/notebooks",
    ]
    try:
        return subprocess.call([*command, *arguments], env=environment(), cwd=ROOT)
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
