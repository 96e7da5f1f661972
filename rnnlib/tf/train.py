"""Training in TensorFlow.  Mirror: rnnlib/pt/train.py.

`fit` reads top to bottom: check, then epochs of updates, each epoch closed by validation and a checkpoint.
"""

import time
import weakref
from functools import partial

import keras
import tensorflow as tf

from rnnlib import runs, saved
from rnnlib.tf import checkpoint as files
from rnnlib.tf import losses
from rnnlib.tf.convert import array, check, load, params, tensor

ROWS = 256  # examples that `predict` takes at a time from a bare array
_GRAPHS = weakref.WeakKeyDictionary()  # model -> {kind of input: graph}: a second `evaluate` traces nothing


def train_step(model, loss, optimizer, clip_norm, x, y, lengths=None):
    """One update; returns the loss before it and the norm of its gradient.  No update if one of them is not finite."""
    with tf.GradientTape() as tape:
        value = loss(_outputs(model, x, lengths, training=True), y, lengths)
    grads = tape.gradient(value, model.trainable_variables)
    grads = [tf.convert_to_tensor(g) for g in grads]  # an embedding's comes as rows, some of them twice
    norm = tf.linalg.global_norm(grads)
    if clip_norm is not None:
        grads, _ = tf.clip_by_global_norm(grads, clip_norm, use_norm=norm)
    if tf.math.is_finite(value) & tf.math.is_finite(norm):
        optimizer.apply(grads, model.trainable_variables)
    return value, norm


def fit(
    model,
    batches,
    *,
    loss,
    optimizer,
    epochs,
    valid=None,
    clip_norm=None,
    patience=None,
    checkpoint=None,
    resume=False,
    progress=None,
    device=None,
):
    """Train a model until `epochs` epochs are done in all; returns its History.

    model       called as model(x) or, where the batches have lengths, model(x, lengths)
    batches     a batch.Batches; epoch k sees them in an order that depends on its seed and k alone
    loss        "cross_entropy", "mse", (name, {"per": "token" | "sequence" | "batch"}), "gaussian", ("pinball", {"levels": ...}),
                a function (prediction, y, lengths) -> scalar, or a loss object of the framework (no lengths)
    optimizer   "sgd", ("sgd", {"lr": 0.1, "momentum": 0.0}), "adam", ("adam", {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8}),
                or the framework's own optimizer
    valid       a batch.Batches, evaluated after each epoch
    clip_norm   scale a gradient down to this global norm where it is larger; None: never
    patience    stop when the validation loss has had no new low for so many epochs, and restore the best weights
    checkpoint  file that keeps the run, rewritten after each epoch; with resume=True the run goes on from it (from the beginning
                if there is no such file), with resume=False it is replaced
    progress    True or False: show a bar or not; None: where a person watches and RNNLIB_PROGRESS is not 0
    device      "cpu", "gpu", "gpu:1" or the framework's own name; None: where the model is

    Raises runs.Diverged, with the History so far, if a loss or a gradient becomes NaN or infinite; the model is left as it was
    before that update.  Bad arguments raise ValueError, TypeError or FileNotFoundError, and nothing is changed.
    """
    check(model)
    runs.check(batches, loss, optimizer, epochs, valid, clip_norm, patience, checkpoint, resume)
    measure = loss_function(loss)
    with tf.device(device_of(model, device)):
        optimizer = make_optimizer(optimizer, model)
        history, best = runs.History(updates=len(batches)), None
        if checkpoint is not None:
            settings = saved.settings(
                model, batches, valid, loss, files.describe(optimizer, model), clip_norm
            )
        if checkpoint is not None or patience is not None:
            trainable = sum(v.shape.num_elements() for v in model.trainable_variables)
            runs.check_reach(params(model), trainable)
        for data in (batches, valid):  # whatever a door refuses is found before the first update
            if data is not None:
                evaluate(model, data.extremes(), loss)
        if resume:
            history, best = files.resume(checkpoint, model, optimizer, history, epochs, settings)
        step = partial(train_step, model, measure, optimizer, clip_norm)
        step = _graph(step, lambda x, y, *rest: measure(_outputs(model, x, *rest), y, *rest), batches, model)
        with runs.bar(history, epochs, progress) as bar:
            while len(history) < epochs and not history.waited(patience):
                started, total, count = time.perf_counter(), 0.0, 0
                for batch in batches.epoch(len(history)):
                    value, norm = step(*tensors(batch, model))
                    history.add_step(float(value), float(norm))
                    share = runs.weight(loss, batches, batch)
                    total, count = total + share * history.steps[-1], count + share
                    runs.advance(bar, history, epochs)
                score = None if valid is None else evaluate(model, valid, loss)
                history.add_epoch(total / count, score, time.perf_counter() - started)
                if history.best_epoch == len(history) - 1:
                    best = params(model)
                if checkpoint is not None:
                    files.write(checkpoint, model, optimizer, history, best, settings)
    if patience is not None:
        load(model, best)
    return history


def evaluate(model, batches, loss):
    """Mean loss over all batches, exact: each batch weighted by what its loss is the mean over.  No gradient, no update."""
    check(model)
    runs.check_batches(batches, "batches")
    measure, answer = loss_function(loss), _compiled(model, batches)
    total, count = 0.0, 0
    for batch in batches.epoch(0):
        x, y, *lengths = tensors(batch, model)
        share = runs.weight(loss, batches, batch)
        total, count = total + share * float(measure(answer(x, *lengths), y, *lengths)), count + share
    return total / count


def predict(model, batches_or_x, lengths=None):
    """What the model answers, as one array, in the order of the arrays (of a shuffled Batches too); 0 after a sequence's end."""
    check(model)
    data = runs.in_order(batches_or_x, lengths, ROWS)
    answer, found = _compiled(model, data), []
    for batch in data.epoch(0):
        x, _, *lengths = tensors(batch, model)
        found.append(array(answer(x, *lengths)))
    return runs.join(found, data)


def _outputs(model, x, lengths=None, training=False):
    """Call the model; where there are no lengths, a model of x alone will do."""
    return model(x, training=training) if lengths is None else model(x, lengths, training=training)


def loss_function(loss):
    """A neutral name, a loss object of the framework or a function -> function (prediction, y, lengths) -> scalar."""
    name, options = runs.spec(loss, runs.LOSSES, "loss")
    if name is not None:
        return partial(getattr(losses, name), **options)
    if not callable(loss):
        raise TypeError(
            f"loss is a name, (name, options) or a function (prediction, y, lengths) -> scalar, got {loss!r}"
        )
    own = isinstance(loss, keras.losses.Loss)

    def measure(prediction, y, lengths=None):
        runs.check_own_loss(own, lengths)
        value = loss(y, prediction) if own else loss(prediction, y, lengths)
        runs.check_scalar(value)
        return value

    return measure


def make_optimizer(optimizer, model):
    """A neutral name or the framework's own object -> an optimizer of this model's parameters, every argument written out."""
    name, o = runs.spec(optimizer, runs.OPTIMIZERS, "optimizer")
    trainable = model.trainable_variables
    if not trainable:
        raise ValueError(
            f"this {type(model).__name__} has no trainable parameters (before its first call, perhaps): call it once"
        )
    if name == "sgd":
        optimizer = keras.optimizers.SGD(learning_rate=o["lr"], momentum=o["momentum"], nesterov=False)
    if name == "adam":
        beta_1, beta_2 = o["betas"]
        optimizer = keras.optimizers.Adam(
            learning_rate=o["lr"], beta_1=beta_1, beta_2=beta_2, epsilon=o["eps"], amsgrad=False
        )
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise TypeError(
            f"optimizer is a name, (name, options) or a keras.optimizers.Optimizer, got {optimizer!r}"
        )
    if optimizer.built and {id(v) for v in optimizer._trainable_variables} != {id(v) for v in trainable}:
        raise ValueError(
            "this optimizer does not hold the parameters of this model: make a new one for each model"
        )
    optimizer.build(trainable)
    return optimizer


def device_of(model, device=None):
    """The framework's name for "cpu", "gpu", "gpu:1" or its own; None: where the model is.  ValueError if it is not there."""
    if device is None:
        return None
    kind, _, index = (
        str(device).upper().replace("CUDA", "GPU").strip("/").removeprefix("DEVICE:").partition(":")
    )
    there = len(tf.config.list_logical_devices(kind))
    if not (index or "0").isdecimal() or int(index or 0) >= there:
        seen = len(tf.config.list_logical_devices("GPU"))
        raise ValueError(
            f"device {str(device)!r} is not there: TensorFlow sees {seen} GPUs; use device='cpu'"
        )
    return f"/{kind}:{index or 0}"


def tensors(batch, model):
    """A Batch as tensors beside the model's weights, (x, y) or (x, y, lengths): floats in their dtype, whole numbers as int64."""
    dtype = model.trainable_variables[0].dtype

    def move(a):
        return tensor(a.astype(dtype if a.dtype.kind == "f" else "int64", copy=False))

    return tuple(move(a) for a in batch if a is not None)


def _graph(function, plain, batches, model):
    """A function of (x, y, lengths) as one graph in which B and T are free: traced once, whatever batches come."""
    x, y, *lengths = tensors(batches.take([0]), model)
    shapes = [
        (None, None, *x.shape[2:]),
        (None, None, *y.shape[2:]) if batches.per_step else (None, *y.shape[1:]),
        (None,),
    ]
    kinds = [tf.TensorSpec(shape, t.dtype) for shape, t in zip(shapes, (x, y, *lengths), strict=False)]
    return _explained(tf.function(function, input_signature=kinds), plain)


def _compiled(model, batches):
    """The model as a graph (x, lengths) -> answer, kept for the next call with input of the same kind."""
    x, _, *lengths = tensors(batches.take([0]), model)
    kind = (x.dtype, x.shape[2:], len(lengths))
    graphs = _GRAPHS.setdefault(model, {})
    if kind not in graphs:
        me = weakref.ref(model)  # a graph that held its model would keep it in _GRAPHS for ever
        answer = partial(_call, me)
        kinds = [tf.TensorSpec((None, None, *x.shape[2:]), x.dtype), tf.TensorSpec((None,), tf.int64)]
        graphs[kind] = _explained(tf.function(answer, input_signature=kinds[: 1 + len(lengths)]), answer)
    return graphs[kind]


def _call(model, x, lengths=None):
    """`_outputs` of a model behind a weak reference."""
    return _outputs(model(), x, lengths)


def _explained(graph, plain):
    """A graph that, where it fails, hands its arguments to a plain function: the doors look at numbers there and name the fault."""

    def run(*arguments):
        try:
            return graph(*arguments)
        except (TypeError, ValueError, tf.errors.InvalidArgumentError) as error:
            failure = error
        plain(*arguments)
        raise failure

    return run
