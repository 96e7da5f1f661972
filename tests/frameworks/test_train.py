"""fit, evaluate, predict, History: what they compute, and what they refuse."""

import importlib

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from backends import FRAMEWORKS, framework, random_params
from rnnlib.core import errors, rounding
from rnnlib.data.batches import Batches
from rnnlib.training import progress
from rnnlib.training.history import History

N, T, D, H, C, V = 22, 6, 3, 5, 4, 9  # batches of 8: the last one has 6
CE = "cross_entropy"
each = pytest.mark.parametrize("name", FRAMEWORKS)


def arrays(seed=0, steps=False):
    """x (N, T, D), classes y (N,) or (N, T), lengths (N,)."""
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(N, T, D)),
        rng.integers(0, C, (N, T) if steps else N),
        rng.integers(1, T + 1, N),
    )


def classifier(rnn, **options):
    return rnn.Classifier(D, H, C, rng=1, **{"dtype": "float64", **options})


def equal(one, other):
    return all(np.array_equal(one[key], other[key]) for key in one)


@each
@pytest.mark.parametrize("clip_norm", [None, 0.05])
def test_one_update_by_its_formula(name, clip_norm):
    """p - lr * g, with g scaled to clip_norm where it is longer; momentum: v = m v + g."""
    rnn, (x, y, lengths), lr, m = framework(name), arrays(), 0.125, 0.5
    model = classifier(rnn)
    p, v = rnn.params(model), dict.fromkeys(rnn.params(model), 0.0)
    history = rnn.fit(
        model,
        Batches((x, y, lengths), N),
        loss=CE,
        optimizer=("sgd", {"lr": lr, "momentum": m}),
        epochs=2,
        clip_norm=clip_norm,
    )
    by_hand, measure = classifier(rnn), rnn.losses.cross_entropy
    for update in range(2):
        rnn.load(by_hand, p)
        loss, g = rnn.value_and_grads(
            by_hand, lambda: measure(by_hand(rnn.tensor(x), lengths), rnn.tensor(y))
        )
        norm = np.sqrt(sum(np.sum(value**2) for value in g.values()))
        assert_allclose(
            [history.steps[update], history.norms[update]],
            [loss, norm],
            rtol=1e-6 if clip_norm else 1e-12,
        )
        scale = 1.0 if clip_norm is None else min(1.0, clip_norm / norm)
        v = {key: m * v[key] + scale * g[key] for key in p}
        p = {key: p[key] - lr * v[key] for key in p}
    for key, value in rnn.params(model).items():
        assert_allclose(value, p[key], rtol=1e-4 if clip_norm else 1e-10, atol=1e-9, err_msg=key)


@each
@pytest.mark.parametrize("per", ["token", "sequence", "batch"])
def test_epoch_loss_and_evaluate_are_exact_means(name, per):
    """With a rate so small that weights stand still, one epoch of small batches measures what one
    large batch does.
    """
    rnn, (x, y, lengths) = framework(name), arrays(steps=True)
    model, loss = rnn.Tagger(D, H, C, rng=1, dtype="float64"), (CE, {"per": per})
    logits = model(rnn.tensor(x), lengths)
    whole = rnn.array(rnn.losses.cross_entropy(logits, rnn.tensor(y), rnn.tensor(lengths), per=per))
    for size in (8, 5, N):
        assert_allclose(
            rnn.evaluate(model, Batches((x, y, lengths), size, rng=2, per_step=True), loss),
            whole,
            rtol=1e-12,
        )
    data = Batches((x, y, lengths), 8, rng=0, bucket=True, per_step=True)
    history = rnn.fit(
        model, data, loss=loss, optimizer=("sgd", {"lr": 1e-14}), epochs=1, valid=data
    )
    assert_allclose(history.epochs, [whole], rtol=1e-10)
    assert_allclose(history.valid, [whole], rtol=1e-10)
    assert len(history.steps) == len(data) == 3


@each
def test_predict_keeps_the_order_of_the_arrays(name):
    rnn, (x, y, lengths) = framework(name), arrays(steps=True)
    model = rnn.Tagger(D, H, C, rng=1, dtype="float64")
    # with a bias of 0 the answers to padding would be 0 anyway
    rnn.load(model, random_params(rnn, model))
    expected = (
        rnn.array(model(rnn.tensor(x), lengths)) * (np.arange(T) < lengths[:, None])[:, :, None]
    )
    for given in (
        (x, lengths),
        (Batches((x, y, lengths), 5, rng=3, bucket=True),),
        (Batches((x, y, lengths), 4),),
    ):
        assert_allclose(rnn.predict(model, *given), expected, rtol=1e-12)
    assert rnn.predict(model, x[:3]).shape == (3, T, C)


@each
@pytest.mark.parametrize("lengths", [False, True], ids=["full", "lengths"])
def test_every_kind_of_model_learns(name, lengths):
    """Ids and values, one target a sequence and one a step, classes and numbers;
    float64 arrays, float32 models.
    """
    rnn, rng = framework(name), np.random.default_rng(0)
    x, n = rng.normal(size=(N, T, D)), (rng.integers(1, T + 1, N),) if lengths else ()
    ids = rng.integers(0, V, (N, T))
    cases = [
        (rnn.Tagger(D, H, V, cell="lstm", vocab_size=V, rng=1), (ids, ids, *n), CE),
        (rnn.ForecastNet(D, H, 2, rng=1), (x, x[:, 0, :2], *n), "mse"),
        (rnn.Tagger(D, H, D, native=False, rng=1), (x, x, *n), ("mse", {"per": "sequence"})),
    ]
    for model, data, loss in cases:
        history = rnn.fit(
            model,
            Batches(data, 8, rng=0, per_step=data[1].shape[:2] == data[0].shape[:2]),
            loss=loss,
            optimizer=("adam", {"lr": 0.02}),
            epochs=8,
        )
        assert history.epochs[-1] < 0.9 * history.epochs[0]


@each
def test_whole_numbers_may_be_targets_of_mse(name):
    rnn, (x, y, _) = framework(name), arrays()
    model = rnn.ForecastNet(D, H, 1, rng=1)
    one, other = (
        rnn.evaluate(model, Batches((x, y[:, None].astype(kind)), 8), "mse")
        for kind in (int, float)
    )
    assert one == other


@pytest.mark.parametrize("name", FRAMEWORKS[1:])
def test_nothing_is_traced_twice(name):
    """A short last batch, sequences cut to the longest of the batch, epochs, validation, a second
    evaluate: one trace.
    """
    rnn, (x, y, lengths) = framework(name), arrays()
    model, calls = classifier(rnn), []
    model(rnn.tensor(x))  # Keras looks at a model once more when it first meets it
    data, plain = Batches((x, y, lengths), 4, rng=0, bucket=True), model.encode
    assert len({batch.x.shape for batch in data.epoch(0)}) > 2  # B and T both vary
    model.encode = lambda x, lengths: calls.append(tuple(x.shape)) or plain(x, lengths)
    rnn.fit(model, data, loss=CE, optimizer="sgd", epochs=3, valid=data)
    assert calls == [(None, None, D)] * 2  # the step and the answer
    rnn.evaluate(model, data, CE)
    rnn.predict(model, x, lengths)
    assert len(calls) == 2
    rnn.predict(model, x)  # no lengths: another graph
    assert len(calls) == 3


@each
def test_a_run_that_diverges_stops_before_the_update_that_would_spoil_the_model(name):
    rnn, (x, _, _) = framework(name), arrays()
    model, data = rnn.ForecastNet(D, H, 1, rng=1), Batches((x, x[:, 0, :1]), 8, rng=0)
    with pytest.raises(
        errors.Diverged, match=r"in epoch \d+, update \d of 3.*Lower.*clip_norm"
    ) as caught:
        rnn.fit(model, data, loss="mse", optimizer=("sgd", {"lr": 1e4}), epochs=30)
    history = caught.value.history
    assert 2 < len(history.steps) < 90
    assert np.isfinite(history.steps).all() and history.steps[-1] > 1e6
    assert all(np.isfinite(value).all() for value in rnn.params(model).values())
    assert (
        rnn.evaluate(model, data, "mse") > 1e20
        or not np.isfinite(rnn.predict(model, x).astype("float32") ** 2).all()
    )


@each
def test_a_gradient_that_is_not_finite_stops_the_run_too(name):
    rnn, (x, y, _) = framework(name), arrays()
    model = classifier(rnn)
    before = rnn.params(model)

    def root(prediction, y, lengths=None):
        return (
            ((prediction - prediction) ** 2).sum() ** 0.5 if name == "pt" else tf_root(prediction)
        )

    def tf_root(prediction):
        import tensorflow as tf

        return tf.sqrt(tf.reduce_sum((prediction - prediction) ** 2))

    with pytest.raises(
        errors.Diverged, match=r"norm of the gradient is nan in epoch 1, update 1 of 3"
    ):
        rnn.fit(model, Batches((x, y), 8), loss=root, optimizer="sgd", epochs=1)
    assert equal(before, rnn.params(model))


@each
def test_early_stopping_restores_the_best_weights(name):
    """Validation labels at odds with the training labels:
    the validation loss rises from some epoch on.
    """
    rnn, (x, y, lengths) = framework(name), arrays()
    train, valid = Batches((x, y, lengths), 8, rng=0), Batches((x, (y + 1) % C, lengths), 8)
    model = classifier(rnn)
    history = rnn.fit(
        model, train, loss=CE, optimizer=("adam", {"lr": 0.02}), epochs=40, valid=valid, patience=3
    )
    assert len(history) == history.best_epoch + 4 < 40
    assert history.valid[history.best_epoch] < history.valid[-1]
    assert_allclose(rnn.evaluate(model, valid, CE), min(history.valid), rtol=1e-12)


@each
def test_the_frameworks_own_objects(name):
    rnn, (x, _, lengths) = framework(name), arrays()
    data, model = (
        Batches((x, x[:, 0, :1]), 8, rng=0),
        rnn.ForecastNet(D, H, 1, rng=1, dtype="float64"),
    )
    if name == "pt":
        import torch

        loss, make = torch.nn.MSELoss(), lambda m: torch.optim.SGD(m.parameters(), lr=0.125)
    else:
        import keras

        loss, make = (
            keras.losses.MeanSquaredError(),
            lambda m: keras.optimizers.SGD(learning_rate=0.125),
        )
    own = rnn.fit(model, data, loss=loss, optimizer=make(model), epochs=2)
    twin = rnn.ForecastNet(D, H, 1, rng=1, dtype="float64")
    neutral = rnn.fit(twin, data, loss="mse", optimizer=("sgd", {"lr": 0.125}), epochs=2)
    assert rounding.same(
        own.steps, neutral.steps, dtype="float64" if name == "pt" else "float32"
    )  # Keras' loss
    with pytest.raises(ValueError, match="knows no lengths"):
        rnn.fit(
            twin, Batches((x, x[:, 0, :1], lengths), 8), loss=loss, optimizer=make(twin), epochs=1
        )
    optimizer = make(model)
    if name == "tf":
        optimizer.build(model.trainable_variables)
    with pytest.raises(ValueError, match="does not hold the parameters of this model"):
        rnn.fit(twin, data, loss=loss, optimizer=optimizer, epochs=1)


def other(features, more):
    """A Batches whose last class is `more` beyond the others."""
    return Batches((np.zeros((5, 2, features)), np.arange(5) % C + more * (np.arange(5) == 3)), 2)


REFUSED = {
    "epochs 0": (dict(epochs=0), ValueError, "epochs must be at least 1, got 0"),
    "epochs 2.5": (dict(epochs=2.5), TypeError, "whole number"),
    "negative clip": (dict(clip_norm=-1), ValueError, "clip_norm .* above 0.* got -1"),
    "patience alone": (dict(patience=3), ValueError, "patience=3 waits for the validation loss"),
    "resume alone": (dict(resume=True), ValueError, "checkpoint=PATH"),
    "no folder": (dict(checkpoint="no/such/run.st"), FileNotFoundError, "no/such"),
    "loss": (dict(loss="hinge"), ValueError, "unknown loss 'hinge': choose one of cross_entropy, "
                                             "gaussian, mse, pinball"),
    "loss option": (dict(loss=(CE, {"per": "word"})), ValueError, "'word': choose one of token, "
                                                                  "sequence, batch"),
    "loss object": (dict(loss=3), TypeError, "function"),
    "optimizer": (dict(optimizer="adagrad"), ValueError, "choose one of adam, adamw, sgd"),
    "option": (dict(optimizer=("sgd", {"rate": 1})), ValueError, "no option 'rate'; its options: "
                                                                 "lr, momentum"),
    "rate 0": (dict(optimizer=("sgd", {"lr": 0})), ValueError, r"lr must be above 0 and below "
                                                               r"1e\+30, got 0"),
    "betas": (dict(optimizer=("adam", {"betas": (0.9, 1.0)})), ValueError,
              "betas must be two numbers"),
    "optimizer object": (dict(optimizer=object()), TypeError, "optimizer is a name"),
    "device": (dict(device="gpu:7"), ValueError, "device 'gpu:7' is not there"),
    "device name": (dict(device="abacus"), ValueError, "device 'abacus' is not there"),
    "clip True": (dict(clip_norm=True), ValueError, "clip_norm .* got True"),
    "folder": (dict(checkpoint="."), ValueError, "checkpoint='.' names no file"),
    "no name": (dict(checkpoint=""), ValueError, "checkpoint='' names no file"),
    "second cpu": (dict(device="cpu:1"), ValueError, "device 'cpu:1' is not there"),
    "device number": (dict(device="gpu:-1"), ValueError, "device 'gpu:-1' is not there"),
    "valid of other features": (dict(valid=other(D + 1, 0)), ValueError,
                                "4 features, this layer takes 3"),
    "valid of other classes": (dict(valid=other(D, C)), ValueError,
                               r"classes y\[\d\] is 7, outside 0 .. 3"),
    "valid of numbers": (dict(valid=other(D, 0.5)), TypeError, "classes y must be whole numbers"),
    "loss without tensor": (dict(loss=lambda p, y, n=None: 1.0), TypeError,
                            "a tensor of one number, got 1.0"),
    "valid": (dict(valid=[1]), TypeError, "valid must be a Batches, got list: wrap the arrays"),
    "vector loss": (dict(loss=lambda p, y, n=None: p), ValueError, r"one number, got shape"),
    "target shape": (dict(loss="mse"), (ValueError, TypeError), r"must have shape"),
}  # fmt: skip


@each
@pytest.mark.parametrize("case", REFUSED)
def test_what_fit_refuses_leaves_the_model_as_it_was(name, case):
    rnn, (x, y, _) = framework(name), arrays()
    model, (options, kind, message) = classifier(rnn), REFUSED[case]
    before = rnn.params(model)
    with pytest.raises(kind, match=message):
        rnn.fit(
            model, Batches((x, y), 8), **{"loss": CE, "optimizer": "sgd", "epochs": 1, **options}
        )
    assert equal(before, rnn.params(model))


@each
def test_bad_data_is_named_by_the_door_that_found_it(name):
    """In TensorFlow too, where a graph would only say that a node failed."""
    rnn, (x, y, lengths) = framework(name), arrays()
    spoilt = x.copy()
    spoilt[3, 2, 1] = np.nan
    go = dict(loss=CE, optimizer="sgd", epochs=1)
    with pytest.raises(ValueError, match=r"x has 1 values that are NaN.*\(3, 2, 1\)"):
        rnn.fit(classifier(rnn), Batches((spoilt, y), 8), **go)
    with pytest.raises(ValueError, match="x has 1 values"):
        rnn.predict(classifier(rnn), spoilt)
    with pytest.raises(TypeError, match=r"batches must be a Batches, got tuple.*Batches\(\(x, y\)"):
        rnn.fit(classifier(rnn), (x, y), **go)
    with pytest.raises(TypeError, match="must be a Batches"):
        rnn.evaluate(classifier(rnn), x, CE)
    with pytest.raises(ValueError, match="a Batches brings its own"):
        rnn.predict(classifier(rnn), Batches((x, y), 8), lengths)
    model, before = classifier(rnn), rnn.params(classifier(rnn))
    with pytest.raises(ValueError, match=r"classes y\[\d\] is 4, outside 0 .. 3"):
        rnn.fit(model, Batches((x, np.full(N, C)), 8), **go)
    with pytest.raises(ValueError, match=r"features"):
        rnn.fit(model, Batches((x[:, :, :2], y), 8), **go)
    assert equal(before, rnn.params(model))
    with pytest.raises(ValueError, match=r"ids\[0, 0\] is 9, outside 0 .. 8"):
        rnn.predict(classifier(rnn, vocab_size=V), np.full((4, T), V))


@each
def test_a_bad_number_in_a_late_batch_costs_no_update(name):
    rnn, (x, y, lengths) = framework(name), arrays()
    model, y[-2] = classifier(rnn), C
    before = rnn.params(model)
    with pytest.raises(ValueError, match=r"is 4, outside 0 .. 3"):
        rnn.fit(model, Batches((x, y, lengths), 4), loss=CE, optimizer="sgd", epochs=1)
    assert equal(before, rnn.params(model))
    if name == "pt":
        assert model.training


@each
@pytest.mark.parametrize("wrong", ["None", "class", "path"])
def test_what_is_no_model_of_this_framework_is_named(name, wrong):
    rnn, (x, y, _) = framework(name), arrays()
    wrong, says = {
        "None": (None, "NoneType"),
        "class": (rnn.Classifier, "the class .*Classifier itself"),
        "path": ("a.st", "str"),
    }[wrong]
    for call in (
        lambda: rnn.fit(wrong, Batches((x, y), 8), loss=CE, optimizer="sgd", epochs=1),
        lambda: rnn.evaluate(wrong, Batches((x, y), 8), CE),
        lambda: rnn.predict(wrong, x),
        lambda: rnn.params(wrong),
        lambda: rnn.load(wrong, {}),
    ):
        with pytest.raises(TypeError, match=f"rnnlib.{name} works on a model .*, got {says}"):
            call()


@each
def test_numbers_of_numpy_are_numbers(name):
    """A rate read from an array, weights of a size counted by NumPy."""
    rnn, (x, y, _) = framework(name), arrays()
    model = rnn.Classifier(np.int64(D), np.int64(H), np.int64(C), cell="lstm")
    optimizer = ("sgd", {"lr": np.float32(0.125), "momentum": np.float32(0.5)})
    assert len(rnn.fit(model, Batches((x, y), 8), loss=CE, optimizer=optimizer, epochs=1)) == 1


@each
@pytest.mark.parametrize("device", ["cpu", "CPU", "cpu:0"])
def test_device_by_its_neutral_name(name, device):
    rnn, (x, y, _) = framework(name), arrays()
    history = rnn.fit(
        classifier(rnn), Batches((x, y), 8), loss=CE, optimizer="sgd", epochs=1, device=device
    )
    assert len(history) == 1


@each
def test_graphs_do_not_keep_models_alive(name):
    import gc
    import weakref

    rnn, (x, _, _) = framework(name), arrays()
    model = classifier(rnn)
    rnn.predict(model, x)
    ghost = weakref.ref(model)
    del model
    gc.collect()
    assert ghost() is None


def test_waiting_counts_from_the_first_lowest_validation_loss():
    history = History()
    assert history.best_epoch is None and not history.waited(1)
    for value in (3.0, 2.0, 2.0, 2.5):
        history.add_epoch(1.0, value, 0.1)
    assert (
        history.best_epoch == 1
        and history.waited(2)
        and not history.waited(3)
        and not history.waited(None)
    )
    with pytest.raises(errors.Diverged, match="validation loss is inf after epoch 5") as caught:
        history.add_epoch(1.0, float("inf"), 0.1)
    assert caught.value.history is history and len(history) == 4


def test_history_says_what_it_holds_without_times_and_plots_itself():
    history = History(updates=2)
    for loss, valid in ((3.0, 2.5), (2.0, 2.25), (1.0, 2.75)):
        history.add_step(loss + 0.1, 1.0)
        history.add_step(loss - 0.1, 1.0)
        history.add_epoch(loss, valid, 0.123)
    assert repr(history) == (
        "History: 3 epochs of 2 updates, training loss 1, validation loss 2.75, lowest 2.25 in "
        "epoch 2"
    )
    import matplotlib

    matplotlib.use("Agg")
    ax = history.plot(label="PyTorch")
    lines = {line.get_label(): line for line in ax.get_lines()}
    assert_array_equal(lines["PyTorch, training, mean of the epoch"].get_ydata(), [3, 2, 1])
    assert_array_equal(lines["PyTorch, validation, end of the epoch"].get_xdata(), [1, 2, 3])
    faint = next(line for line in ax.get_lines() if len(line.get_xdata()) == 6)
    assert_array_equal(faint.get_xdata(), [0.5, 1, 1.5, 2, 2.5, 3])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")
    assert history.plot(ax) is ax
    matplotlib.pyplot.close(ax.figure)


def test_progress_shows_where_a_person_watches(monkeypatch):
    monkeypatch.setattr("sys.stderr", type("Terminal", (), {"isatty": lambda self: True})())
    monkeypatch.setenv("RNNLIB_PROGRESS", "0")
    assert not progress.wants_bar() and progress.wants_bar(True)
    monkeypatch.delenv("RNNLIB_PROGRESS")
    assert progress.wants_bar() and not progress.wants_bar(False)
    monkeypatch.setattr("sys.stderr", type("Pipe", (), {"isatty": lambda self: False})())
    assert not progress.wants_bar()
    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    assert progress.wants_bar()


@each
def test_the_bar_goes_to_stderr_and_is_silent_in_recorded_runs(name, capfd):
    rnn, (x, y, _) = framework(name), arrays()
    go = dict(loss=CE, optimizer="sgd", epochs=2)
    rnn.fit(classifier(rnn), Batches((x, y), 8), **go)
    assert capfd.readouterr() == ("", "")
    rnn.fit(classifier(rnn), Batches((x, y), 8), **go, progress=True)
    out, err = capfd.readouterr()
    assert out == "" and "6/6" in err and "epoch 2/2, loss" in err


@each
def test_the_doors_stand_in_the_package(name):
    rnn = framework(name)
    assert rnn.fit is importlib.import_module(f"rnnlib.{name}.training.loop").fit
    assert {"fit", "evaluate", "predict", "save", "restore", "checkpoint"} <= set(rnn.__all__)
