"""NumPy in, NumPy out: the doors between rnnlib.pt and the rest.  Mirror: rnnlib/tf/convert.py."""

import numpy as np
import torch
from torch import nn

from rnnlib import checks, weights


def dtype_of(name):
    """The framework's dtype called "float32" or "float64"."""
    return getattr(torch, checks.choice(name, ("float32", "float64"), "dtype"))


def parameter(value, dtype, name):
    """A trainable parameter that starts at the array `value`."""
    return nn.Parameter(torch.tensor(value, dtype=dtype_of(dtype)))


def tensor(array):
    """A tensor that holds a copy of the array, of the same dtype."""
    return torch.tensor(checks.numbers(array, "array").copy())


def array(tensor):
    """The array that a tensor holds; of a bfloat16, which NumPy lacks, as float32."""
    tensor = tensor.detach().cpu()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    return tensor.numpy().copy()


def parts(module, prefix=""):
    """Every module below `module` with its dotted prefix; into the framework's own layers it does not go."""
    yield prefix, module
    if not hasattr(module, "to_native"):
        for name, child in module.named_children():
            yield from parts(child, f"{prefix}{name}.")


def surplus(module):
    """How many of the module's trainable numbers stay at 0: the second bias of the frameworks' own GRU layers, but for a part."""
    return sum(getattr(part, "surplus", 0) for _, part in parts(module))


def check(module):
    """A model or layer of this framework; TypeError for anything else, a class or a model of the twin among them."""
    if not isinstance(module, nn.Module):
        kind = module if isinstance(module, type) else type(module)
        got = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
        got = f"the class {got} itself" if kind is module else got
        raise TypeError(f"rnnlib.pt works on a model that is a torch.nn.Module, got {got}")


def own(module):
    """The parameters that the module itself holds, {name: parameter}."""
    return dict(module.named_parameters(recurse=False))


def params(module, read=array):
    """All trainable parameters as a flat dict {dotted name: array}, the same names in both frameworks.

    `read` turns one of the framework's parameters into an array: its value, or for instance its gradient.
    """
    check(module)
    found = {}
    for prefix, part in parts(module):
        if hasattr(part, "to_native"):  # the framework's own layer, whose parameters go by our names
            found.update({f"{prefix}cell.{name}": value for name, value in part.from_native(read).items()})
        else:
            found.update({f"{prefix}{name}": read(p) for name, p in own(part).items()})
    return found


def load(module, arrays):
    """Copy a dict as `params` gives it into the module.  ValueError, and nothing changed, if names or shapes differ."""
    arrays = weights.match(params(module), arrays, type(module).__name__)
    for prefix, part in parts(module):
        if hasattr(part, "to_native"):
            part.to_native(weights.below(arrays, f"{prefix}cell."))
        else:
            for name, p in own(part).items():
                assign(p, arrays[f"{prefix}{name}"])


def assign(parameter, array):
    """Overwrite one parameter of the framework in place."""
    with torch.no_grad():
        parameter.copy_(torch.as_tensor(np.array(array)))


def value_and_grads(module, loss):
    """`loss()` -> a scalar tensor; returns it as a float, with the gradients of all parameters {dotted name: array}."""
    module.zero_grad()
    value = loss()
    value.backward()
    grads = params(module, lambda p: array(torch.zeros_like(p) if p.grad is None else p.grad))
    module.zero_grad()
    return value.item(), grads
