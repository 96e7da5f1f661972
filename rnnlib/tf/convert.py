"""NumPy in, NumPy out: the doors between rnnlib.tf and the rest.  Mirror: rnnlib/pt/convert.py."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from rnnlib.core import validation, weight_files

# the framework's names for what annotations speak of
Tensor: TypeAlias = tf.Tensor
Module: TypeAlias = keras.layers.Layer
Parameter: TypeAlias = keras.Variable
DType: TypeAlias = tf.DType
# a layer with hidden_size, initial_state(x) and the call (x, state) -> y, state, ours or not
Cell: TypeAlias = Any


def dtype_of(name: str) -> DType:
    """The framework's dtype called "float32" or "float64"."""
    return getattr(tf, validation.choice(name, ("float32", "float64"), "dtype"))


def parameter(value: ArrayLike, dtype: str, name: str) -> Parameter:
    """A trainable parameter that starts at the array `value`."""
    return keras.Variable(np.asarray(value, dtype_of(dtype).as_numpy_dtype), dtype=dtype, name=name)


def tensor(array: ArrayLike) -> Tensor:
    """A tensor that holds a copy of the array, of the same dtype."""
    return tf.constant(validation.numbers(array, "array"))


def array(tensor: Tensor) -> np.ndarray:
    """The array that a tensor holds; of a bfloat16, which NumPy lacks, as float32."""
    tensor = tf.convert_to_tensor(tensor)
    if tensor.dtype == tf.bfloat16:
        tensor = tf.cast(tensor, tf.float32)
    return np.array(tensor.numpy())


def require_module(module: object) -> None:
    """A model or layer of this framework; TypeError for anything else, a class or a model of the
    twin among them.
    """
    if not isinstance(module, keras.layers.Layer):
        if isinstance(module, type):
            kind = module
        else:
            kind = type(module)
        got = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
        if kind is module:
            got = f"the class {got} itself"
        raise TypeError(f"rnnlib.tf works on a model that is a keras.layers.Layer, got {got}")


def walk_modules(module: Module) -> Iterator[tuple[str, Module]]:
    """(dotted name, layer) of a model, which itself has the name "", and of all layers in it, each
    once.
    """
    seen: list[Module] = []

    def visit(layer, prefix):
        if any(layer is other for other in seen):
            return
        seen.append(layer)
        yield prefix, layer
        for name, child in vars(layer).items():
            several = isinstance(child, (list, tuple))
            for k, below in enumerate(child if several else [child]):
                if isinstance(below, keras.layers.Layer) and not name.startswith("_"):
                    yield from visit(
                        below,
                        f"{prefix}.{name}.{k}".lstrip(".")
                        if several
                        else f"{prefix}.{name}".lstrip("."),
                    )

    return visit(module, "")


def parameters(module: Module) -> dict[str, Parameter]:
    """All parameters of a model by their dotted names, frozen ones too; one that several parts
    share has one name.
    """
    require_module(module)
    names: dict[str, Parameter] = {}
    for name, variable in _variables(module):
        if all(variable is not other for other in names.values()):
            names[name] = variable
    return names


def _variables(module):
    """(dotted name, parameter) of a layer and of the layers below it.

    Keras says of a layer which of its variables are trained now; what it was built to train,
    whatever is frozen now, it files under `_trainable_variables`.
    """
    for prefix, part in walk_modules(module):
        for name, variable in vars(part).items():
            if isinstance(variable, keras.Variable) and any(
                variable is v for v in part._trainable_variables
            ):
                yield f"{prefix}.{name}".lstrip("."), variable


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


def assign(parameter: Parameter, array: ArrayLike) -> None:
    """Overwrite one parameter of the framework in place."""
    parameter.assign(array)


def _saveable(cls):
    """A class of layers that Keras copies, pickles, clones and files: it is made again with the
    arguments it was made with.

    What was frozen is frozen again.  A subclass with arguments of its own says them itself, by
    `get_config`.
    """
    init = cls.__init__
    signature = inspect.signature(init)

    @wraps(init)
    def remembered(self, *args, **kwargs):
        init(self, *args, **kwargs)
        if type(self) is cls:
            bound = signature.bind(self, *args, **kwargs)
            bound.apply_defaults()
            arguments = {key: value for key, value in bound.arguments.items() if key != "self"}
            # in a function, since Keras would track what a dict holds
            self._arguments = lambda: arguments

    def get_config(self):
        if not hasattr(self, "_arguments"):
            return super(cls, self).get_config()
        config = {name: _plain(value) for name, value in self._arguments().items()}
        return {
            **config,
            "frozen": [name for name, part in walk_modules(self) if not part.trainable],
        }

    def from_config(kind, config):
        config = dict(config)
        frozen = config.pop("frozen", [])
        layer = kind(**{name: _from_plain(value) for name, value in config.items()})
        for name, part in list(walk_modules(layer)):
            if name in frozen:
                part.trainable = False
        return layer

    remembered.__dict__["__signature__"] = signature
    cls.__init__ = remembered
    cls.get_config = get_config
    cls.from_config = classmethod(from_config)
    return keras.saving.register_keras_serializable(package="rnnlib")(cls)


def _from_mask(mask, lengths):
    """The lengths that Keras' mask (B, T) says, of a layer before (Embedding, Masking); as they are
    where they are given.

    ValueError, InvalidArgumentError in a graph, for a mask that is False before a True: padding
    stands at the end here.
    """
    if mask is None or lengths is not None:
        return lengths
    found = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
    at_the_end = tf.reduce_all(tf.cast(mask, tf.bool) == tf.sequence_mask(found, tf.shape(mask)[1]))
    says = "a mask must be True for the steps of a sequence and False after: put padding at the end"
    if tf.executing_eagerly() and not bool(at_the_end):
        raise ValueError(says)
    with tf.control_dependencies([tf.debugging.Assert(at_the_end, [says])]):
        return tf.identity(found)


def _mask_after(self, x, mask):
    """Keras' mask of what a layer over time returns: that of its steps, none of a last step."""
    if getattr(self, "return_sequences", True):
        return mask
    return None


def _plain(value):
    """An argument of a layer as what JSON holds."""
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, np.random.SeedSequence):
        return {"entropy": value.entropy, "spawn_key": list(value.spawn_key)}
    if isinstance(value, keras.layers.Layer):
        return keras.saving.serialize_keras_object(value)
    return value


def _from_plain(value):
    """The argument that `_plain` was given."""
    if isinstance(value, list):
        return [_from_plain(part) for part in value]
    if isinstance(value, dict) and "spawn_key" in value:
        return np.random.SeedSequence(value["entropy"], spawn_key=tuple(value["spawn_key"]))
    if isinstance(value, dict) and "class_name" in value:
        return keras.saving.deserialize_keras_object(value)
    return value


def value_and_grads(
    module: Module, loss: Callable[[], Tensor]
) -> tuple[float, dict[str, np.ndarray]]:
    """`loss()` -> a scalar tensor; returns it as a float, with the gradients of all parameters
    {dotted name: array}.
    """
    variables = [v for v in parameters(module).values() if v.trainable]
    with tf.GradientTape() as tape:
        value = loss()
    slopes = tape.gradient(value, [v.value for v in variables], unconnected_gradients="zero")
    grads = {id(v): array(slope) for v, slope in zip(variables, slopes, strict=True)}
    return float(value), params(module, lambda p: grads.get(id(p), np.zeros_like(array(p))))
