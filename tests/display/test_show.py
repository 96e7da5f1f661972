"""Sources shown are the sources in the files; figures carry the house style."""

import matplotlib
import pytest

from rnnlib.display import figures, sources

matplotlib.use("agg")


def test_twins_are_cut_from_the_files():
    shown = sources.twins("ElmanCell.forward")
    assert [title for title, _ in shown.pieces] == [
        "PyTorch: rnnlib/pt/cells/elman.py",
        "TensorFlow: rnnlib/tf/cells/elman.py",
    ]
    for (_, code), name in zip(shown.pieces, ("forward", "call"), strict=True):
        assert code.startswith(f"def {name}(self, x, h):") and code.endswith("return h, h")
    assert "rnn-twins" in shown._repr_html_() and "<span" in shown._repr_html_()
    assert "def call(self, x, h):" in repr(shown)
    with pytest.raises(ValueError, match="no class or function 'Nothing' in both"):
        sources.twins("Nothing")


def test_source_of_one_module():
    ((title, code),) = sources.source("rnnlib.ref.cells.elman", "step", "step_back").pieces
    assert title == "rnnlib/ref/cells/elman.py"
    assert "# eq. elman-hidden" in code and "eq. bptt-da" in code and "def forward" not in code
    with pytest.raises(ValueError, match="no module 'rnnlib.ref.none'"):
        sources.source("rnnlib.ref.none", "step")
    with pytest.raises(ValueError, match="no class or function 'stop' in elman.py"):
        sources.source("rnnlib.ref.cells.elman", "stop")


def test_figure_has_no_background():
    fig, axes = figures.figure(ncols=2)
    assert len(axes) == 2 and fig.get_facecolor()[3] == 0 and axes[0].get_facecolor()[3] == 0
    lines = axes[0].plot([1, 2]) + axes[0].plot([2, 1])
    assert (
        lines[0].get_linestyle() != lines[1].get_linestyle()
        and lines[0].get_color() != lines[1].get_color()
    )


def test_drawing_leaves_the_settings_of_matplotlib_alone():
    before = dict(matplotlib.rcParams)
    fig, ax = figures.figure()
    ax.plot([1, 2], label="line")
    ax.legend()
    ax.set_title("title")
    image = ax.imshow([[0, 1]])
    fig.canvas.draw()
    assert dict(matplotlib.rcParams) == before
    assert image.get_cmap().name == "cividis"
    assert ax.lines[0].get_linewidth() == 1.6 and not ax.get_legend().get_frame_on()
    assert (
        ax.get_xticklabels()[0].get_color() == figures.GREY and ax.title.get_color() == figures.GREY
    )
    matplotlib.pyplot.close(fig)


def test_table_rounds_floats_only():
    frame = figures.table({"n": [10], "loss": [0.123456], "name": ["a"]})
    assert frame.to_dict("list") == {"n": ["10"], "loss": ["0.123"], "name": ["a"]}
