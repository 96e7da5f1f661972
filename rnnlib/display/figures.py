"""Figures in the house style, drawings of computations, tables.

Figures have no background of their own and mid-grey axes, so that they read on white, on dark and
in greyscale; lines differ by dash and by lightness, not by hue alone.
"""

from functools import cache, wraps

import numpy as np

GREY = "#7d7d7d"  # 4:1 against white and against the dark page alike
# the colours of lines, in their order
COLOURS = ["#2e86c1", "#d35400", "#239b6e", "#a05fb5", "#b8860b", "#c0395b"]
# the dashes of lines, in their order: lines differ without colours too
DASHES = ["-", (0, (5, 2)), (0, (1, 1.2)), (0, (6, 2, 1, 2)), (0, (3, 1)), (0, (8, 1, 1, 1, 1, 1))]
STYLED = (
    "plot scatter bar barh step fill_between hist errorbar stem imshow pcolormesh contour "
    "contourf matshow axhline axvline axhspan axvspan hlines vlines legend text annotate "
    "set_title set_xlabel set_ylabel boxplot violinplot secondary_xaxis secondary_yaxis twinx "
    "twiny table inset_axes loglog semilogx semilogy"
).split()  # methods of axes that read Matplotlib's settings when they are called


def style():
    """Matplotlib settings of the house; `figure` uses them."""
    from cycler import cycler

    lines = [
        "text.color",
        "axes.labelcolor",
        "axes.edgecolor",
        "axes.titlecolor",
        "xtick.color",
        "ytick.color",
    ]
    return {
        **{name: GREY for name in lines},
        "axes.prop_cycle": cycler(color=COLOURS, linestyle=DASHES),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": "medium",
        "axes.grid": True,
        "grid.color": GREY,
        "grid.alpha": 0.25,
        "legend.frameon": False,
        "legend.labelcolor": GREY,
        "lines.linewidth": 1.6,
        "font.size": 10,
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "savefig.facecolor": "none",
        "figure.dpi": 110,
        "savefig.dpi": 160,
        "image.cmap": "cividis",
    }


@cache
def house_classes():
    """Figure and axes that draw in the house style; made when first needed, since Matplotlib is
    slow to load.
    """
    import matplotlib as mpl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    def styled(method):
        @wraps(method)
        def in_style(self, *arguments, **options):
            with mpl.rc_context(style()):
                return method(self, *arguments, **options)

        return in_style

    drawing = {name: styled(getattr(Axes, name)) for name in STYLED if hasattr(Axes, name)}
    axes = type("HouseAxes", (Axes,), drawing)
    figure = type(
        "HouseFigure",
        (Figure,),
        {name: styled(getattr(Figure, name)) for name in ("draw", "legend", "suptitle")},
    )
    return figure, axes


def figure(width=7.0, height=2.8, nrows=1, ncols=1, **options):
    """A figure and its axes in the house style, sizes in inches;
    like `plt.subplots`, laid out without overlaps.

    Matplotlib's own settings stay as they are: the style belongs to this figure.
    """
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    house_figure, house_axes = house_classes()
    chosen = dict(options)
    chosen["subplot_kw"] = {"axes_class": house_axes, **chosen.get("subplot_kw", {})}
    with mpl.rc_context(style()):
        return plt.subplots(
            nrows,
            ncols,
            figsize=(width, height),
            layout="constrained",
            FigureClass=house_figure,
            **chosen,
        )


def graph(ax, boxes, arrows):
    """Draw a computation as boxes and arrows on an axis without ticks.

    boxes    {name: (x, y)} or {name: (x, y, label)}: the label is the name unless given; mathtext
             allowed
    arrows   [(from, to)], [(from, to, label)] or [(from, to, label, options)]; options: `bend` (0
             straight), `dash`, `colour`; from a box to itself: a loop on its right

    Raises KeyError for an arrow to or from a box that is not there.
    """
    ax.set_axis_off()
    ax.set_aspect("equal")
    frame = dict(boxstyle="round,pad=0.35", facecolor="none", edgecolor=GREY)
    place = {}
    patch = {}
    for name, (x, y, *label) in boxes.items():
        place[name] = x, y
        patch[name] = ax.text(
            x, y, *(label or [name]), ha="center", va="center", bbox=frame
        ).get_bbox_patch()
    for start, end, *rest in arrows:
        if len(rest) != 1:
            label, options = [*rest, "", {}][:2]
        else:
            label = rest[0]
            options = {}
        colour = options.get("colour", GREY)
        bend = options.get("bend", 0)
        (x0, y0), (x1, y1) = place[start], place[end]
        style = dict(arrowstyle="-|>", color=colour, linestyle=options.get("dash", "-"))
        if start == end:
            style.update(connectionstyle="arc3,rad=2.2", shrinkA=0, shrinkB=0)
            ax.annotate("", (x0 + 0.24, y0 + 0.17), (x0 + 0.24, y0 - 0.17), arrowprops=style)
            x1 = x0 + 1.5
            bend = 0
        else:
            style.update(
                connectionstyle=f"arc3,rad={bend}",
                shrinkA=2,
                shrinkB=2,
                patchA=patch[start],
                patchB=patch[end],
            )
            ax.annotate("", (x1, y1), (x0, y0), arrowprops=style)
        # of the arc
        middle = (x0 + x1) / 2 + bend * (y1 - y0) / 2, (y0 + y1) / 2 - bend * (x1 - x0) / 2
        upright = abs(x1 - x0) < abs(y1 - y0)
        if upright or start == end:
            side = dict(ha="left", va="center")
        else:
            side = dict(ha="center", va="bottom")
        if upright:
            offset = (4, 0)
        else:
            offset = (0, 3)
        ax.annotate(
            label,
            middle,
            offset,
            textcoords="offset points",
            color=colour,
            annotation_clip=False,
            **side,
        )
    xs, ys = zip(*place.values(), strict=True)
    ax.set_xlim(min(xs) - 0.6, max(xs) + 0.6)
    ax.set_ylim(min(ys) - 0.5, max(ys) + 0.5)


def table(rows, digits=3, index=None):
    """A dict of columns, a list of dicts or a frame as a table, floats with `digits` significant
    digits.
    """
    import pandas as pd

    frame = pd.DataFrame(rows)
    if index is not None:
        frame = frame.set_index(index)

    def number(value):
        if isinstance(value, (float, np.floating)):
            return f"{value:.{digits}g}"
        return str(value)

    return frame.map(number)
