"""The table of data sets, a file for each kind; each file holds its part of the table and the loaders it names."""

from rnnlib.sets import corpora, packages, signals, tagged

REGISTRY = {**packages.SETS, **corpora.SETS, **tagged.SETS, **signals.SETS}
