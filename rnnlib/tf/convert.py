"""NumPy in, NumPy out: the doors between rnnlib.tf and the rest.  Mirror: rnnlib/pt/convert.py."""

import keras
import numpy as np
import tensorflow as tf

from rnnlib import checks, weights


def dtype_of(name):
    """The framework's dtype called "float32" or "float64"."""
    return getattr(tf, checks.choice(name, ("float32", "float64"), "dtype"))


def parameter(value, dtype, name):
    """A trainable parameter that starts at the array `value`."""
    return keras.Variable(np.asarray(value, dtype_of(dtype).as_numpy_dtype), dtype=dtype, name=name)


def tensor(array):
    """A tensor that holds a copy of the array, of the same dtype."""
    return tf.constant(checks.numbers(array, "array"))


def array(tensor):
    """The array that a tensor holds; of a bfloat16, which NumPy lacks, as float32."""
    tensor = tf.convert_to_tensor(tensor)
    if tensor.dtype == tf.bfloat16:
        tensor = tf.cast(tensor, tf.float32)
    return np.array(tensor.numpy())


def parts(module, prefix=""):
    """Every module below `module` with its dotted prefix; into the framework's own layers it does not go."""
    yield prefix, module
    if not hasattr(module, "to_native"):
        for name, child in vars(module).items():
            if name.startswith("_"):
                continue
            if isinstance(child, keras.layers.Layer):
                yield from parts(child, f"{prefix}{name}.")
            elif isinstance(child, (list, tuple)):
                for k, one in enumerate(child):
                    if isinstance(one, keras.layers.Layer):
                        yield from parts(one, f"{prefix}{name}.{k}.")


def surplus(module):
    """How many of the module's trainable numbers stay at 0: the second bias of the frameworks' own GRU layers, but for a part."""
    return sum(getattr(part, "surplus", 0) for _, part in parts(module))


def check(module):
    """A model or layer of this framework; TypeError for anything else, a class or a model of the twin among them."""
    if not isinstance(module, keras.layers.Layer):
        kind = module if isinstance(module, type) else type(module)
        got = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
        got = f"the class {got} itself" if kind is module else got
        raise TypeError(f"rnnlib.tf works on a model that is a keras.layers.Layer, got {got}")


def own(module):
    """The parameters that the module itself holds, {name: parameter}."""
    return {name: p for name, p in vars(module).items() if isinstance(p, keras.Variable) and p.trainable}


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
    parameter.assign(array)


def value_and_grads(module, loss):
    """`loss()` -> a scalar tensor; returns it as a float, with the gradients of all parameters {dotted name: array}."""
    variables = module.trainable_variables
    with tf.GradientTape() as tape:
        value = loss()
    found = tape.gradient(value, [v.value for v in variables], unconnected_gradients="zero")
    grads = {id(v): tf.convert_to_tensor(g) for v, g in zip(variables, found, strict=True)}
    return float(value), params(module, lambda p: array(grads[id(p)]))
