"""States of any form: one array, or tuples, lists and dicts of such, nested as one likes.  A leaf
is what is none of these.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

Leaf: TypeAlias = Any
Tree: TypeAlias = Leaf | tuple["Tree", ...] | list["Tree"] | dict[str, "Tree"]

FIRST = "cell.initial_state(x) makes one"


def map_leaves(call: Callable[..., Leaf], tree: Tree, *others: Tree) -> Tree:
    """call(leaf, leaves of the others at the same place) for each leaf of `tree`, in the same form.

    ValueError where another has another number of parts, KeyError where it lacks a name.
    """
    if isinstance(tree, dict):
        return {
            name: map_leaves(call, part, *(_part(other, name) for other in others))
            for name, part in tree.items()
        }
    if not isinstance(tree, (tuple, list)):
        return call(tree, *others)
    return _like(tree, [map_leaves(call, *group) for group in zip(tree, *others, strict=True)])


def _part(tree: Any, name: str) -> Tree:
    return tree[name]


def leaves(tree: Tree) -> list[Leaf]:
    """The leaves, from left to right."""
    if isinstance(tree, dict):
        return [leaf for part in tree.values() for leaf in leaves(part)]
    if isinstance(tree, (tuple, list)):
        return [leaf for part in tree for leaf in leaves(part)]
    return [tree]


def form(tree: Tree) -> str:
    """The form of a state in words: "one tensor", "a tuple of 2 tensors", "a dict of c, h"."""
    if isinstance(tree, dict):
        return f"a dict of {', '.join(map(str, tree))}"
    if not isinstance(tree, (tuple, list)):
        return "one tensor"
    plain = not any(isinstance(part, (tuple, list, dict)) for part in tree)
    return f"a {_kind(tree)} of {len(tree)} {'tensors' if plain else 'parts'}"


def _kind(tree):
    if isinstance(tree, list):
        return "list"
    return "tuple"


def match_form(tree: Tree, like: Tree) -> Tree:
    """`tree` in the form of `like`, a list taken for a tuple and the other way; TypeError says both
    forms."""
    if isinstance(like, dict):
        if not isinstance(tree, dict) or set(tree) != set(like):
            raise TypeError(f"state must be {form(like)}, got {_got(tree)}: {FIRST}")
        return {name: match_form(tree[name], part) for name, part in like.items()}
    if not isinstance(like, (tuple, list)):
        if isinstance(tree, (tuple, list, dict)):
            raise TypeError(f"state must be {form(like)}, got {_got(tree)}: {FIRST}")
        return tree
    if not isinstance(tree, (tuple, list)) or len(tree) != len(like):
        raise TypeError(f"state must be {form(like)}, got {_got(tree)}: {FIRST}")
    return _like(like, [match_form(part, other) for part, other in zip(tree, like, strict=True)])


def _like(tree, parts):
    """The parts in a tuple or list of the same kind."""
    if hasattr(tree, "_fields"):
        return type(tree)(*parts)
    return type(tree)(parts)


def _got(tree):
    if isinstance(tree, (tuple, list)):
        return f"a {_kind(tree)} of {len(tree)}"
    if isinstance(tree, dict):
        return form(tree)
    return f"a {type(tree).__name__}"
