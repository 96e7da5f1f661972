"""What a chapter shows: figures in the house style, tables, and the sources of the two frameworks
side by side.
"""

from rnnlib.display.figures import COLOURS, DASHES, GREY, figure, graph, house_classes, table
from rnnlib.display.sources import FRAMEWORKS, Sources, source, twins

__all__ = [
    "COLOURS",
    "DASHES",
    "FRAMEWORKS",
    "GREY",
    "Sources",
    "figure",
    "graph",
    "house_classes",
    "source",
    "table",
    "twins",
]
