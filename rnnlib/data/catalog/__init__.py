"""The table of data sets, a file a subject: each holds its entries and the loaders that they
name.
"""

from rnnlib.data.catalog import (
    driving,
    in_packages,
    medical,
    speech,
    tagging,
    texts,
    traffic,
    weather,
)

REGISTRY = {
    **in_packages.SETS,
    **texts.SETS,
    **tagging.SETS,
    **speech.SETS,
    **medical.SETS,
    **traffic.SETS,
    **weather.SETS,
    **driving.SETS,
}
