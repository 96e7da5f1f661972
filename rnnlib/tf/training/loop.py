"""Training in TensorFlow.  Mirror: rnnlib/pt/training/loop.py.

`fit` reads top to bottom: check, then epochs of updates, each epoch closed by validation and a
checkpoint.
"""

from __future__ import annotations

import functools
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnnlib.core import validation
from rnnlib.core.errors import ArgumentError, ArgumentTypeError
from rnnlib.data.batches import Batch, Batches
from rnnlib.tf.convert import array, params, require_module
from rnnlib.tf.training import losses
from rnnlib.tf.training.checkpoint import Run
from rnnlib.training import evaluation, optimizers, options, schedules
from rnnlib.training.history import History
from rnnlib.training.objectives import Objective, objective
from rnnlib.training.progress import advance_bar, progress_bar

ROWS = 256  # examples that `predict` takes at a time from a bare array
# model -> {kind of input: graph}: a second `evaluate` traces nothing
_GRAPHS: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()
_GRAPHS_LOCK = threading.Lock()


def train_step(
    model: keras.layers.Layer,
    loss: Callable[[Any, Batch], tf.Tensor],
    optimizer: keras.optimizers.Optimizer,
    clip_norm: float | None,
    batch: Batch,
    state: Any = None,
    carry: bool = False,
) -> tuple[tf.Tensor, tf.Tensor, Any]:
    """One update; returns the loss before it, the norm of its gradient, the state.

    No update if one is not finite.
    """
    with tf.GradientTape() as tape:
        outputs, state = outputs_of(model, batch, state, carry, training=True)
        value = loss(outputs, batch)
    grads = tape.gradient(value, model.trainable_variables)
    # an embedding's comes as rows, some of them twice
    grads = [tf.convert_to_tensor(g) for g in grads]
    norm = tf.linalg.global_norm(grads)
    if clip_norm is not None:
        grads, _ = tf.clip_by_global_norm(grads, clip_norm, use_norm=norm)
    if tf.math.is_finite(value) & tf.math.is_finite(norm):
        optimizer.apply(grads, model.trainable_variables)
    return value, norm, state


def fit(
    model: keras.layers.Layer,
    batches: Batches,
    *,
    loss: Any,
    optimizer: Any,
    epochs: int,
    valid: Batches | None = None,
    schedule: Any = None,
    clip_norm: float | None = None,
    patience: int | None = None,
    keep: str = "best",
    callback: Callable[[int, History, Any], Any] | None = None,
    history: History | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool | None = None,
    device: Any = None,
) -> History:
    """Train a model until `epochs` epochs are done in all; returns its History.

    model       called as model(x) or, where x has lengths, model(x, lengths); with data that have
                no field x as model(fields), a dict of all fields and lengths; with data that carry
                a state as model.carry(x, state, lengths) -> outputs, state
    batches     a data.Batches; epoch k sees them in an order that depends on its seed and k alone
    loss        "cross_entropy", "mse", "gaussian", "pinball", or (name, options): {"per": "token" |
                "sequence" | "batch"}, {"levels": ...} of "pinball"; of "cross_entropy" also
                class_weights, label_smoothing, ignore; a field `weights` of the data says what each
                target counts. A function (prediction, y, lengths) or (outputs, batch) -> scalar, or
                a loss object of the framework (no lengths); (function, {"per": ...}) says what it
                is the mean over, "sequence" unless said, or with a function batch -> number how
                much each batch counts in means over batches
    optimizer   "sgd", ("sgd", {"lr": 0.1, "momentum": 0.0}), "adam", ("adam", {"lr": 1e-3, "betas":
                (0.9, 0.999), "eps": 1e-8}), "adamw" (adam, {"weight_decay": 0.01} of the rate
                besides), or the framework's own
    valid       a data.Batches, evaluated after each epoch
    schedule    of the rate, by the update: "constant", "linear", "cosine", "step", "exponential" or
                (name, options), see schedules.Schedule; a function update -> factor on the rate; or
                the framework's own
    clip_norm   scale a gradient down to this global norm where it is larger; None: never
    patience    stop when the validation loss has had no new low for so many epochs
    keep        "best": with `valid`, the model has the weights of the best epoch at the end;
                "last": of the last one
    callback    called as callback(epoch, history, model) after each epoch, epoch = 0, 1, ...; True
                stops the run
    history     the History of an earlier call: go on with that run in this process, with its
                optimizer, the order of its next epoch, and its best weights; it is added to in
                place
    checkpoint  file that keeps the run, rewritten after each epoch; with resume=True the run goes
                on from it (from the beginning if there is no such file), with resume=False it is
                replaced
    progress    True or False: show a bar or not; None: where a person watches and RNNLIB_PROGRESS
                is not 0
    device      "cpu", "gpu", "gpu:1" or the framework's own name; None: where the model is

    `fit` called again trains epoch 0 again: to look at a model between epochs use callback, or
    history=, or checkpoint= with resume=True.  Afterwards the model is in evaluation mode.

    Raises core.Diverged, with the History so far, if a loss or a gradient becomes NaN or
    infinite; the model is left as it was before that update.  Ctrl-C raises core.Interrupted,
    with the History so far; the model has the best weights as above, or the last ones.  Bad
    arguments raise ValueError, TypeError or FileNotFoundError, and nothing is changed.  resume=True
    with another run raises core.OtherRun; what cannot be compared is named in a warning.
    """
    require_module(model)
    goal = objective(loss)
    options.validate_fit(
        goal,
        batches,
        optimizer,
        epochs,
        valid,
        clip_norm,
        patience,
        keep,
        callback,
        history,
        checkpoint,
        resume,
    )
    measure = losses.resolve(goal)
    with tf.device(device_of(model, device)):
        if history is None:
            history = History(updates=len(batches))
        earlier = history.take_up(model, optimizer)
        asked = optimizer
        optimizer = earlier.get("optimizer") or make_optimizer(optimizer, model)
        rates = Rates(optimizer, schedule, epochs, len(batches), checkpoint is not None)
        keeps = valid is not None and keep == "best"
        if checkpoint is not None or keeps:
            options.check_reach(params(model), _trainable_numbers(model))
        for data in (batches, valid):  # whatever a door refuses is found before the first update
            _examine(model, data, measure, goal)
        run = Run(model, optimizer, history, rates, earlier)
        if checkpoint is not None:
            run.identify(batches, valid, goal, clip_norm)
        if resume and checkpoint is not None:
            run.resume(checkpoint, epochs)
            history = run.history
        remedy = optimizers.remedy(asked, clip_norm)
        step = _graph(model, measure, optimizer, clip_norm, batches)
        try:
            with progress_bar(history, epochs, progress) as bar:
                while len(history) < epochs and not history.waited(patience):
                    started = time.perf_counter()
                    value = _epoch(model, batches, step, goal, rates, history, remedy, bar, epochs)
                    score = _validation_loss(model, valid, measure, goal)
                    history.add_epoch(value, score, time.perf_counter() - started, remedy)
                    run.note_epoch()
                    if checkpoint is not None:
                        run.write(checkpoint)
                    if callback is not None and callback(len(history) - 1, history, model):
                        break
        except KeyboardInterrupt:
            raise options.interrupted(history, run.finish(asked, keeps)) from None
        finally:
            rates.restore()
        run.finish(asked, keeps)
    return history


def _epoch(
    model: keras.layers.Layer,
    batches: Batches,
    step: Callable,
    goal: Objective,
    rates: Rates,
    history: History,
    remedy: str,
    bar: Any,
    epochs: int,
) -> float:
    """The updates of one epoch; returns its mean loss."""
    total = 0.0
    count = 0.0
    state = None
    like = _like(model)
    with validation.trusting():
        for batch in batches.epoch(len(history)):
            rates.set(len(history.steps))
            value, norm, state = step(tensors(batch, like).fields, state)
            value = float(value)
            history.add_step(value, float(norm), remedy)
            rates.advance()
            share = goal.share(batch)
            total += share * value
            count += share
            advance_bar(bar, history, epochs)
    return total / count


def evaluate(model: keras.layers.Layer, batches: Batches, loss: Any) -> float:
    """Mean loss over all batches, exact: each batch weighted by what its loss is the mean over.

    No gradient, no update.

    Changes nothing in the model, its mode least of all, so that several threads may ask at once.
    """
    require_module(model)
    options.check_batches(batches, "batches")
    goal = objective(loss)
    goal.check(batches)
    return _mean(model, batches, losses.resolve(goal), goal)


def predict(
    model: keras.layers.Layer, batches_or_x: Batches | np.ndarray, lengths: Any = None
) -> np.ndarray:
    """What the model answers, as one array, in the order of the arrays (of a shuffled Batches too);
    0 after a sequence's end.

    Changes nothing in the model, its mode least of all, so that several threads may ask at once.
    """
    require_module(model)
    data = evaluation.in_order(batches_or_x, lengths, ROWS)
    answer = _compiled(model, data)
    answers = []
    state = None
    like = _like(model)
    for batch in data.epoch(0):
        outputs, state = answer(tensors(batch, like), state)
        answers.append(array(outputs))
    return evaluation.join_answers(answers, data)


def _mean(
    model: keras.layers.Layer,
    batches: Batches,
    measure: Callable,
    goal: Objective,
    seen: bool = False,
) -> float:
    """The mean loss of a model over batches; `seen`: their numbers were looked at before."""
    total = 0.0
    count = 0.0
    state = None
    like = _like(model)
    answer = _compiled(model, batches)
    with validation.trusting(seen):
        for batch in batches.epoch(0):
            given = tensors(batch, like)
            outputs, state = answer(given, state)
            share = goal.share(batch)
            total += share * float(measure(outputs, given))
            count += share
    return total / count


def _validation_loss(
    model: keras.layers.Layer, valid: Batches | None, measure: Callable, goal: Objective
) -> float | None:
    """The loss after an epoch on data that are not trained on; None without such data."""
    if valid is None:
        return None
    return _mean(model, valid, measure, goal, seen=True)


def _examine(
    model: keras.layers.Layer, batches: Batches | None, measure: Callable, goal: Objective
) -> None:
    """Put the extreme examples through the model and the loss, and all targets through its checks;
    nothing without data."""
    if batches is None:
        return
    classes: list[int] = []

    def watched(outputs: Any, batch: Batch) -> tf.Tensor:
        value = measure(outputs, batch)
        if goal.name == "cross_entropy":
            classes.append(int(outputs.shape[-1]))
        return value

    _mean(model, batches.extremes(), watched, goal)
    goal.check(batches, classes[0] if classes else None)


def outputs_of(
    model: keras.layers.Layer,
    batch: Batch,
    state: Any = None,
    carry: bool = False,
    training: bool = False,
) -> tuple[Any, Any]:
    """Call the model on a batch of tensors -> its answer and, where a state is carried, the state
    after it."""
    if carry:
        if not hasattr(model, "carry"):
            raise ArgumentTypeError(
                f"these batches carry a state, but {type(model).__name__} has no method carry(x, "
                "state, lengths) "
                "-> outputs, state: a Tagger has one; or leave out carry=True",
                "fit.carry",
            )
        return model.carry(batch.x, state, batch.lengths, training=training)
    if "x" not in batch:
        return model(batch.fields, training=training), None
    lengths = batch.lengths
    if lengths is None:
        return model(batch.x, training=training), None
    return model(batch.x, lengths, training=training), None


def make_optimizer(optimizer: Any, model: keras.layers.Layer) -> keras.optimizers.Optimizer:
    """A neutral name or the framework's own object -> an optimizer of this model's parameters,
    every argument written out."""
    name, o = optimizers.parse_spec(optimizer, optimizers.OPTIMIZERS, "optimizer")
    trainable = model.trainable_variables
    if not trainable:
        raise ArgumentError(
            f"this {type(model).__name__} has no trainable parameters: all are frozen, or it "
            "must be called once",
            "fit.nothing_to_train",
        )
    if name == "sgd":
        optimizer = keras.optimizers.SGD(
            learning_rate=o["lr"], momentum=o["momentum"], nesterov=False
        )
    if name == "adam":
        beta_1, beta_2 = o["betas"]
        optimizer = keras.optimizers.Adam(
            learning_rate=o["lr"], beta_1=beta_1, beta_2=beta_2, epsilon=o["eps"], amsgrad=False
        )
    if name == "adamw":
        beta_1, beta_2 = o["betas"]
        optimizer = keras.optimizers.AdamW(
            learning_rate=o["lr"],
            weight_decay=o["weight_decay"],
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=o["eps"],
            amsgrad=False,
        )
    _check_optimizer(optimizer, trainable)
    optimizer.build(trainable)
    return optimizer


def _check_optimizer(optimizer: Any, trainable: list[keras.Variable]) -> None:
    """An optimizer of the framework, of this model's parameters."""
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise ArgumentTypeError(
            "optimizer is a name, (name, options) or a keras.optimizers.Optimizer, got "
            f"{optimizer!r}",
            "fit.optimizer",
        )
    if optimizer.built and {id(v) for v in optimizer._trainable_variables} != {
        id(v) for v in trainable
    }:
        raise ArgumentError(
            "this optimizer does not hold the parameters of this model: make a new one for each "
            "model",
            "fit.optimizer_parameters",
        )


class Rates:
    """The rates of an optimizer through a run: its own, times a factor at each update, or the
    framework's schedule."""

    def __init__(
        self,
        optimizer: keras.optimizers.Optimizer,
        schedule: Any,
        epochs: int,
        updates: int,
        kept: bool,
    ) -> None:
        self.optimizer = optimizer
        scheduled = isinstance(
            optimizer._learning_rate, keras.optimizers.schedules.LearningRateSchedule
        )
        self.own = None
        if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
            self.own = optimizer.learning_rate = schedule
        if self.own:
            self.factor = None
        else:
            self.factor = schedules.schedule_of(schedule, epochs, updates)
        if self.factor is not None and scheduled:
            raise ArgumentError(
                "this optimizer has a schedule of its own: give it a plain learning_rate, or "
                "leave out schedule=",
                "fit.schedule_twice",
            )
        self.first = 0.0
        if self.factor is not None:
            self.first = float(optimizer.learning_rate)

    def set(self, update: int) -> None:
        """Before an update."""
        if self.factor is not None:
            self.optimizer.learning_rate = self.first * self.factor(update)

    def advance(self) -> None:
        """After an update."""

    def restore(self) -> None:
        """Give the optimizer its own rates back."""
        if self.factor is not None:
            self.optimizer.learning_rate = self.first

    def described(self) -> Any:
        """What a run's identity holds of it."""
        if self.own is None:
            return self.factor
        return {"class": type(self.own).__qualname__, "state": repr(self.own.get_config())}

    def state(self) -> dict | None:
        """What a checkpoint holds of it."""
        return None

    def load(self, state: dict | None) -> None:
        """Put that back."""


def _trainable_numbers(model: keras.layers.Layer) -> int:
    """How many numbers the model trains."""
    return sum(v.shape.num_elements() for v in model.trainable_variables)


def device_of(model: keras.layers.Layer, device: Any = None) -> str | None:
    """The framework's name for "cpu", "gpu", "gpu:1" or its own; None: where the model is.

    ValueError if it is not there.
    """
    if device is None:
        return None
    kind, _, index = (
        str(device).upper().replace("CUDA", "GPU").strip("/").removeprefix("DEVICE:").partition(":")
    )
    there = len(tf.config.list_logical_devices(kind))
    if not (index or "0").isdecimal() or int(index or 0) >= there:
        seen = len(tf.config.list_logical_devices("GPU"))
        raise ArgumentError(
            f"device {str(device)!r} is not there: TensorFlow sees {seen} GPUs; use device='cpu'",
            "fit.device",
        )
    return f"/{kind}:{index or 0}"


def tensors(batch: Batch, like: keras.Variable) -> Batch:
    """A Batch as tensors beside the model's weights: floats in the dtype of `like`, whole numbers
    as int64."""
    dtype = like.dtype
    return batch.map(
        lambda a: tf.convert_to_tensor(
            a.astype(dtype if a.dtype.kind == "f" else "int64", copy=False)
        )
    )


def _like(model: keras.layers.Layer) -> keras.Variable:
    """A weight whose dtype the model computes in."""
    return (model.trainable_variables or model.variables)[0]


def _graph(
    model: keras.layers.Layer,
    measure: Callable,
    optimizer: keras.optimizers.Optimizer,
    clip_norm: float | None,
    batches: Batches,
) -> Callable:
    """`train_step` as one graph in which B and T are free: traced once, whatever batches come."""
    carry = batches.carry

    def step(fields: dict[str, tf.Tensor], state: Any) -> tuple[tf.Tensor, tf.Tensor, Any]:
        batch = Batch(fields, batches.follows)
        return train_step(model, measure, optimizer, clip_norm, batch, state, carry)

    def plain(fields: dict[str, tf.Tensor], state: Any) -> None:
        batch = Batch(fields, batches.follows)
        measure(outputs_of(model, batch, state, carry)[0], batch)

    return _explained(_function(step, model, batches), plain)


def _function(
    function: Callable, model: keras.layers.Layer, batches: Batches, inputs: Any = None
) -> Callable:
    """A graph of (fields, state); a state has its own shapes, and each form of it a trace."""
    if batches.carry:
        return tf.function(functools.partial(function))
    example = tensors(batches.take([0]), _like(model)).fields
    kinds = {}
    for name, value in example.items():
        if inputs is None or name in inputs:
            free = name == "x" or batches.follows.get(name, name) in batches.field_lengths
            if free:
                shape = [None, None, *value.shape[2:]]
            else:
                shape = [None, *value.shape[1:]]
            kinds[name] = tf.TensorSpec(shape, value.dtype)
    graph = tf.function(functools.partial(_without_state, function), input_signature=[kinds])
    return lambda fields, state: graph(fields)


def _without_state(function: Callable, fields: dict[str, tf.Tensor]) -> Any:
    """Call a function of (fields, state) where no state is carried."""
    return function(fields, None)


def _compiled(model: keras.layers.Layer, batches: Batches) -> Callable:
    """The model as a graph (batch, state) -> answer, state, kept for the next call with input of
    the same kind."""
    example = tensors(batches.take([0]), _like(model)).fields
    inputs = [name for name in example if "x" not in example or name in ("x", "lengths")]
    kind = (
        batches.carry,
        *((name, example[name].dtype, tuple(example[name].shape[2:])) for name in inputs),
    )
    with _GRAPHS_LOCK:
        graphs = _GRAPHS.setdefault(model, {})
        if kind not in graphs:
            me = weakref.ref(model)  # a graph that held its model would keep it in _GRAPHS for ever
            answer = functools.partial(_call, me, dict(batches.follows), batches.carry)
            graphs[kind] = _explained(_function(answer, model, batches, inputs), answer)
    graph = graphs[kind]
    return lambda batch, state: graph({name: batch.fields[name] for name in inputs}, state)


def _call(
    model: Callable, follows: dict, carry: bool, fields: dict[str, tf.Tensor], state: Any
) -> Any:
    """`outputs_of` a model behind a weak reference."""
    return outputs_of(model(), Batch(fields, follows), state, carry)


def _explained(graph: Callable, plain: Callable) -> Callable:
    """A graph that, where it fails, hands its arguments to a plain function: the doors look at
    numbers there and name the fault."""

    def run(*arguments: Any) -> Any:
        try:
            return graph(*arguments)
        except Exception as error:  # of whatever kind: what a graph says of it is not the fault
            failure = error
        with validation.trusting(False):
            plain(*arguments)
        raise failure

    return run
