"""Which engine runs a recurrent model of a study: the one place that knows how the models are told.

native  the framework's own layer
fused   our recurrence with a derived backward pass
loop    our readable loop over steps

A study states its engines in order of preference; a model takes the first that its cell has.  So
the runs of a study, and the digits that a chapter compares with them, stay what they are when the
default of the models changes.
"""

BEST_OF_ALL = ("native", "fused", "loop")
ARGUMENTS = {  # engines -> the argument `native` of rnn.Classifier and its like
    BEST_OF_ALL: None,
    ("native",): True,
    ("loop",): False,
}


def options(engines: tuple[str, ...]) -> dict[str, bool | None]:
    """Engines in order of preference -> keyword arguments of a model."""
    engines = tuple(engines)
    if engines not in ARGUMENTS:
        known = ", ".join(map(str, ARGUMENTS))
        raise ValueError(
            f"no model can be told to prefer engines in the order {engines}; known are {known}"
        )
    return {"native": ARGUMENTS[engines]}
