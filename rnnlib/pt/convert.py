"""NumPy in, NumPy out: the doors between rnnlib.pt and the rest.  Mirror: rnnlib/tf/convert.py."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from rnnlib.core import validation, weight_files

# the framework's names for what annotations speak of
Tensor: TypeAlias = torch.Tensor
Module: TypeAlias = nn.Module
Parameter: TypeAlias = nn.Parameter
DType: TypeAlias = torch.dtype
# a module with hidden_size, initial_state(x) and the call (x, state) -> y, state, ours or not
Cell: TypeAlias = Any


def dtype_of(name: str) -> DType:
    """The framework's dtype called "float32" or "float64"."""
    return getattr(torch, validation.choice(name, ("float32", "float64"), "dtype"))


def parameter(value: ArrayLike, dtype: str, name: str) -> Parameter:
    """A trainable parameter that starts at the array `value`."""
    return nn.Parameter(torch.tensor(value, dtype=dtype_of(dtype)))


def tensor(array: ArrayLike) -> Tensor:
    """A tensor that holds a copy of the array, of the same dtype."""
    return torch.tensor(validation.numbers(array, "array").copy())


def array(tensor: Tensor) -> np.ndarray:
    """The array that a tensor holds; of a bfloat16, which NumPy lacks, as float32."""
    tensor = tensor.detach().cpu()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    return tensor.numpy().copy()


def require_module(module: object) -> None:
    """A model or layer of this framework; TypeError for anything else, a class or a model of the
    twin among them.
    """
    if not isinstance(module, nn.Module):
        if isinstance(module, type):
            kind = module
        else:
            kind = type(module)
        got = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
        if kind is module:
            got = f"the class {got} itself"
        raise TypeError(f"rnnlib.pt works on a model that is a torch.nn.Module, got {got}")


def walk_modules(module: Module) -> Iterator[tuple[str, Module]]:
    """(dotted name, layer) of a model, which itself has the name "", and of all layers in it, each
    once.
    """
    return module.named_modules()


def parameters(module: Module) -> dict[str, Parameter]:
    """All parameters of a model by their dotted names, frozen ones too; one that several parts
    share has one name.
    """
    require_module(module)
    return dict(module.named_parameters())


def params(
    module: Module, read: Callable[[Parameter], np.ndarray] = array
) -> dict[str, np.ndarray]:
    """All parameters as a flat dict {dotted name: array}, frozen ones too; the same names in both
    frameworks.

    `read` turns one of the framework's parameters into an array: its value, or for instance its
    gradient.
    """
    return {name: read(parameter) for name, parameter in parameters(module).items()}


def load(module: Module, arrays: Mapping[str, np.ndarray]) -> None:
    """Copy a dict as `params` gives it into the module.

    Raises ValueError, and nothing is changed, if names or shapes differ or a number is not finite.
    """
    arrays = weight_files.match_parameters(params(module), arrays, type(module).__name__)
    for name, parameter in parameters(module).items():
        assign(parameter, arrays[name])


def assign(parameter: Tensor, array: ArrayLike) -> None:
    """Overwrite one parameter of the framework in place."""
    with torch.no_grad():
        parameter.copy_(torch.as_tensor(np.array(array)))


def value_and_grads(
    module: Module, loss: Callable[[], Tensor]
) -> tuple[float, dict[str, np.ndarray]]:
    """`loss()` -> a scalar tensor; returns it as a float, with the gradients of all parameters
    {dotted name: array}.
    """
    module.zero_grad()
    value = loss()
    value.backward()
    grads = params(module, lambda p: array(torch.zeros_like(p) if p.grad is None else p.grad))
    module.zero_grad()
    return value.item(), grads
