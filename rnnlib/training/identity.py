"""What a function or an object is, as plain values: so that two runs can be told apart.

Functions count by their code and by the numbers that they close over, objects by their class and
their attributes, arrays by a digest.  What leaves nothing to compare is named in a list.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

DEEPEST = 12
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
LIBRARIES = (
    "builtins",
    "torch",
    "keras",
    "tensorflow",
    "numpy",
    "rnnlib",
    "collections",
    "functools",
)


def digest(array: np.ndarray) -> str:
    """First 16 digits of the SHA-256 of an array's bytes."""
    value: Any = np.ascontiguousarray(array)
    return hashlib.sha256(value).hexdigest()[:16]


def digest_of(arrays: Mapping[str, np.ndarray]) -> str:
    """First 16 digits of the SHA-256 of named arrays."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        value: Any = np.ascontiguousarray(arrays[name])
        total.update(f"{name} {value.dtype} {value.shape} ".encode())
        total.update(value)
    return total.hexdigest()[:16]


def describe(value: object, opaque: list[str], name: str = "", path: tuple[int, ...] = ()) -> Any:
    """A value as plain values; what cannot be compared is added to `opaque` by its name."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if id(value) in path:
        return "itself"
    if len(path) > DEEPEST:
        return _opaque(value, opaque, name)
    path = (*path, id(value))
    for kinds, function in _WAYS:
        if isinstance(value, kinds):
            return function(value, opaque, name, path)
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return _array(value)
    return _object(value, opaque, name, path)


def own_code(kind: type) -> str | None:
    """A digest of the methods of a class, and of those it inherits from classes outside the
    libraries."""
    owners = [cls for cls in kind.__mro__ if cls.__module__.split(".")[0] not in LIBRARIES]
    parts = [
        _code(part.__code__)
        for cls in owners
        for part in vars(cls).values()
        if isinstance(part, types.FunctionType)
    ]
    if parts:
        return _short("".join(parts))
    return None


def is_library(kind: type) -> bool:
    """Does a class come with a library, rather than from the reader?"""
    return kind.__module__.split(".")[0] in LIBRARIES


def _opaque(value: object, opaque: list[str], name: str) -> str:
    opaque.append(f"{name or 'the value'} ({type(value).__qualname__})")
    return f"a {type(value).__qualname__}"


def _array(value: Any) -> str:
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":
            value = value.float()
    numbers = np.asarray(value)
    return f"{numbers.dtype} {numbers.shape} SHA-256 {digest(numbers)}"


def _mapping(value: Mapping, opaque: list[str], name: str, path: tuple[int, ...]) -> dict[str, Any]:
    return {
        str(key): describe(part, opaque, f"{name}.{key}".strip("."), path)
        for key, part in value.items()
    }


def _sequence(value: Any, opaque: list[str], name: str, path: tuple[int, ...]) -> list:
    if isinstance(value, (set, frozenset)):
        parts = sorted(value, key=repr)
    else:
        parts = value
    return [describe(part, opaque, f"{name}[{k}]", path) for k, part in enumerate(parts)]


def _partial(value: functools.partial, opaque: list[str], name: str, path: tuple[int, ...]) -> dict:
    return {
        "partial": describe(value.func, opaque, name, path),
        "arguments": describe(value.args, opaque, f"{name}.args", path),
        "options": describe(value.keywords, opaque, name, path),
    }


def _method(value: types.MethodType, opaque: list[str], name: str, path: tuple[int, ...]) -> dict:
    return {
        "method": value.__func__.__qualname__,
        "of": describe(value.__self__, opaque, name, path),
    }


def _function(
    value: types.FunctionType, opaque: list[str], name: str, path: tuple[int, ...]
) -> Any:
    if value.__module__ is not None and value.__module__.split(".")[0] in LIBRARIES:
        return _name(value, opaque, name, path)
    held = inspect.getclosurevars(value)
    around = {
        key: part for key, part in held.globals.items() if not isinstance(part, types.ModuleType)
    }
    inner = {**around, **held.nonlocals}
    return {
        "function": value.__qualname__,
        "code": _short(_code(value.__code__)),
        "python": PYTHON,
        "defaults": describe(value.__defaults__, opaque, f"{name}.defaults", path),
        "options": describe(value.__kwdefaults__, opaque, name, path),
        "numbers": describe(inner, opaque, name, path),
    }


def _name(value: Any, opaque: list[str], name: str, path: tuple[int, ...]) -> str:
    owner = getattr(value, "__module__", None)
    return f"{owner}.{getattr(value, '__qualname__', value.__name__)}"


def _object(value: object, opaque: list[str], name: str, path: tuple[int, ...]) -> Any:
    kind = type(value)
    title = f"{kind.__module__}.{kind.__qualname__}"
    if is_library(kind) and hasattr(value, "get_config"):
        config = {key: part for key, part in value.get_config().items() if key != "name"}
        return {"class": title, "state": describe(config, opaque, name, path)}
    if not hasattr(value, "__dict__"):
        if " at 0x" not in repr(value):
            known = str(value)
        else:
            known = None
        if kind.__module__.split(".")[0] == "torch" and known:
            return known
        return _opaque(value, opaque, name)
    state = {key: part for key, part in vars(value).items() if not _empty(part)}
    return {
        "class": title,
        "code": own_code(kind),
        "python": PYTHON,
        "state": describe(state, opaque, name, path),
    }


def _empty(value: object) -> bool:
    return isinstance(value, (dict, set, list)) and not value


def _code(code: types.CodeType) -> str:
    """The instructions of a function and of those inside it; not where they stand in a file."""
    inner = [
        _code(part) if isinstance(part, types.CodeType) else repr(part) for part in code.co_consts
    ]
    return f"{code.co_code.hex()} {code.co_names} {code.co_varnames} {inner}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


_WAYS: tuple[tuple[Any, Callable], ...] = (
    (Mapping, _mapping),
    ((list, tuple, set, frozenset), _sequence),
    (functools.partial, _partial),
    (types.MethodType, _method),
    (types.FunctionType, _function),
    ((type, types.BuiltinFunctionType, types.ModuleType), _name),
)
