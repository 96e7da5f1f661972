"""Drawings of computations: what `display.graph` puts on an axis."""

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import pytest

from rnnlib.display import figures


@pytest.fixture
def ax():
    fig, ax = figures.figure()
    yield ax
    plt.close(fig)


def arrows_of(ax):
    return [text for text in ax.texts if getattr(text, "arrow_patch", None) is not None]


def test_boxes_and_arrows_are_all_there(ax):
    boxes = {"x": (0, 0, "$x_1$"), "h": (0, 1), "y": (2, 1, "$y_1$")}
    figures.graph(
        ax, boxes, [("x", "h", "$W_x$"), ("h", "y"), ("h", "h", "$W_h$", {"colour": "#d35400"})]
    )
    labels = [text.get_text() for text in ax.texts]
    assert {"$x_1$", "h", "$y_1$", "$W_x$", "$W_h$"} <= set(labels)
    assert len(arrows_of(ax)) == 3


def test_an_arrow_points_from_its_start_to_its_end(ax):
    figures.graph(ax, {"a": (0, 0), "b": (3, 1)}, [("a", "b")])
    (arrow,) = arrows_of(ax)
    assert arrow.xy == (3, 1) and arrow.get_position() == (0, 0)


def test_everything_lies_inside_the_axis(ax):
    figures.graph(ax, {"a": (-1, -2), "b": (3, 1)}, [])
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    assert left < -1 and right > 3 and low < -2 and high > 1


def test_an_arrow_to_nowhere_is_refused(ax):
    with pytest.raises(KeyError):
        figures.graph(ax, {"a": (0, 0)}, [("a", "b")])
