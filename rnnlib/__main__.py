"""Commands of the package: `python -m rnnlib data [NAMES]`."""

import argparse
import sys

from rnnlib.data import catalog, datasets

DATA = """Fetch, verify and describe the data sets of the book.

Each set is looked for in the folder that $RNNLIB_DATA names, then in the cache ($RNNLIB_CACHE, else
the usual place of the operating system), then downloaded into the cache.  Its SHA-256 is checked
every time.  Sets inside packages need no download.  Exit status: 0 if all is there, 1 if a set
could not be had, 2 for a name that does not exist."""


def main(arguments=None):
    """Runs one command; -> exit status."""
    parser = argparse.ArgumentParser(prog="python -m rnnlib", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    formatter = argparse.RawDescriptionHelpFormatter
    data = commands.add_parser(
        "data",
        help="fetch, verify and describe data sets",
        description=DATA,
        formatter_class=formatter,
    )
    data.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"all, if none is given; one of {', '.join(catalog.REGISTRY)}",
    )
    data.add_argument("--describe", action="store_true", help="only describe: nothing is fetched")
    data.set_defaults(run=_data)
    options = parser.parse_args(arguments)
    return options.run(options)


def _data(options):
    names = options.names or list(catalog.REGISTRY)
    try:
        descriptions = {name: datasets.describe(name) for name in names}
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    failed = []
    for name in names:
        print(descriptions[name])
        if not options.describe:
            try:
                print(f"  verified: {', '.join(datasets.verify(name))}", flush=True)
            except datasets.DatasetUnavailable as error:
                failed.append(name)
                print(f"  NOT AVAILABLE: {error}", flush=True)
        print()
    if failed:
        print(
            f"{len(failed)} of {len(names)} could not be had, for the reasons above: "
            f"{', '.join(failed)}"
        )
    elif not options.describe:
        print(f"All {len(names)} are there and verified.")
    if failed:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
