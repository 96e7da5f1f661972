"""What fit can do besides: schedules, decay, callbacks, pieces, carried states, named fields,
Ctrl-C, threads."""

import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from backends import FRAMEWORKS, both, framework
from rnnlib.core import errors
from rnnlib.data.batches import Batches, streams
from rnnlib.training import schedules

N, T, D, H, C = 22, 6, 3, 5, 4
CE = "cross_entropy"
each = pytest.mark.parametrize("name", FRAMEWORKS)


def arrays(seed=0):
    """x (N, T, D), classes y (N,), lengths (N,)."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(N, T, D)), rng.integers(0, C, N), rng.integers(1, T + 1, N)


def classifier(rnn, **options):
    return rnn.Classifier(D, H, C, rng=1, **{"dtype": "float64", **options})


def equal(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)


SCHEDULES = {
    "constant": (("constant", {"warmup": 2}), [0.5, 1, 1, 1, 1, 1]),
    "linear": ("linear", [1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6]),
    "linear end": (("linear", {"end": 0.5, "warmup": 2}), [0.5, 1, 1, 0.875, 0.75, 0.625]),
    "cosine": ("cosine", [(1 + np.cos(np.pi * k / 6)) / 2 for k in range(6)]),
    "step": (("step", {"every": 1, "factor": 0.1}), [1, 1, 1, 0.1, 0.1, 0.1]),
    "exponential": (("exponential", {"factor": 0.5}), [0.5 ** (k / 3) for k in range(6)]),
    "function": (lambda k: 1 / (1 + k), [1 / (1 + k) for k in range(6)]),
}


@pytest.mark.parametrize("case", SCHEDULES)
def test_schedules_by_their_formulas(case):
    schedule, factors = SCHEDULES[case]
    factor = schedules.schedule_of(schedule, 2, 3)
    assert_allclose([factor(k) for k in range(6)], factors, rtol=1e-12)


@each
def test_each_update_has_the_rate_of_its_schedule(name):
    """Plain SGD on a loss that is linear in the weights: the weights move by rate times a
    constant."""
    rnn = framework(name)
    x = np.ones((6, 2, D))
    data = Batches((x, np.ones((6, 1))), 2)
    moved = []

    def mean(prediction, y, lengths=None):
        return prediction.sum() / 2 if name == "pt" else tf_sum(prediction) / 2

    def tf_sum(prediction):
        import tensorflow as tf

        return tf.reduce_sum(prediction)

    for schedule in ("constant", ("linear", {"warmup": 1})):
        model = rnn.ForecastNet(D, H, 1, rng=1, dtype="float64")
        before = rnn.params(model)["head.b"]
        rnn.fit(
            model, data, loss=mean, optimizer=("sgd", {"lr": 0.125}), epochs=2, schedule=schedule
        )
        moved.append(float((before - rnn.params(model)["head.b"])[0]))
    assert_allclose(moved, [0.125 * 6, 0.125 * (1 + 1 + 0.8 + 0.6 + 0.4 + 0.2)], rtol=1e-6)


@both
def test_adamw_is_the_same_in_both_frameworks():
    x, y, lengths = arrays()
    found = []
    for name in ("pt", "tf"):
        rnn = framework(name)
        model = classifier(rnn)
        adamw = ("adamw", {"lr": 0.0625, "weight_decay": 0.5, "eps": 1e-12})
        data = Batches((x, y, lengths), 8, rng=0)
        history = rnn.fit(model, data, loss=CE, optimizer=adamw, epochs=3, schedule="cosine")
        found.append((history.steps, rnn.params(model)))
    assert_allclose(found[0][0], found[1][0], rtol=2e-5)
    for key, value in found[0][1].items():
        assert_allclose(value, found[1][1][key], rtol=1e-3, atol=1e-4, err_msg=key)


@each
def test_weight_decay_by_its_formula(name):
    """One update: p - lr * wd * p - lr * sign(g); where epsilon stands differs between the
    frameworks.
    """
    rnn, (x, y, _) = framework(name), arrays()
    model, twin = classifier(rnn), classifier(rnn)
    p = rnn.params(model)
    loss = lambda: rnn.losses.cross_entropy(twin(rnn.tensor(x)), rnn.tensor(y))  # noqa: E731
    _, g = rnn.value_and_grads(twin, loss)
    adamw = ("adamw", {"lr": 0.125, "weight_decay": 0.5, "eps": 1e-12})
    rnn.fit(model, Batches((x, y), N), loss=CE, optimizer=adamw, epochs=1)
    for key, value in rnn.params(model).items():
        step = 0.125 * np.sign(g[key])
        assert_allclose(value, p[key] - 0.125 * 0.5 * p[key] - step, rtol=1e-5, atol=1e-6)


@each
@pytest.mark.parametrize("keep", ["best", "last"])
def test_the_best_epoch_or_the_last_is_kept(name, keep):
    rnn, (x, y, lengths) = framework(name), arrays()
    train, valid = Batches((x, y, lengths), 8, rng=0), Batches((x, (y + 1) % C, lengths), 8)
    model = classifier(rnn)
    adam = ("adam", {"lr": 0.02})
    history = rnn.fit(model, train, loss=CE, optimizer=adam, epochs=6, valid=valid, keep=keep)
    wanted = {"best": min(history.valid), "last": history.valid[-1]}[keep]
    assert history.best_epoch < 5
    assert_allclose(rnn.evaluate(model, valid, CE), wanted, rtol=1e-12)
    assert name == "tf" or not model.training


@each
def test_a_callback_sees_each_epoch_and_may_stop_the_run(name):
    rnn, (x, y, lengths) = framework(name), arrays()
    seen = []
    model = classifier(rnn)
    data = Batches((x, y, lengths), 8, rng=0)

    def after(epoch, history, told):
        assert told is model and len(history) == epoch + 1
        seen.append((epoch, rnn.evaluate(told, data, CE)))
        return epoch == 2

    history = rnn.fit(model, data, loss=CE, optimizer="adam", epochs=9, callback=after)
    assert [epoch for epoch, _ in seen] == [0, 1, 2] and len(history) == 3
    assert_allclose(rnn.evaluate(model, data, CE), seen[-1][1], rtol=1e-12)
    plain = classifier(rnn)
    same = rnn.fit(plain, data, loss=CE, optimizer="adam", epochs=3)
    assert same.steps == history.steps and equal(rnn.params(plain), rnn.params(model))


@each
@pytest.mark.parametrize("valid", [False, True])
def test_a_run_in_pieces_is_the_one_run(name, valid):
    """fit(epochs=1) in a loop, with history=: the order of each epoch, the optimizer's moments, the
    best weights."""
    rnn, (x, y, lengths) = framework(name), arrays()
    data = Batches((x, y, lengths), 8, rng=0)
    held_out = Batches((x, (y + 1) % C, lengths), 8) if valid else None
    go = {"loss": CE, "optimizer": ("adam", {"lr": 0.02}), "valid": held_out}
    whole, parts = classifier(rnn), classifier(rnn)
    one = rnn.fit(whole, data, epochs=4, **go)
    history = None
    for epoch in range(4):
        history = rnn.fit(parts, data, epochs=epoch + 1, history=history, **go)
    assert history.steps == one.steps and history.valid == one.valid
    assert equal(rnn.params(whole), rnn.params(parts))


@each
def test_what_a_history_cannot_go_on_with_is_refused(name):
    rnn, (x, y, lengths) = framework(name), arrays()
    model = classifier(rnn)
    go = {"loss": CE, "optimizer": "adam", "epochs": 1}
    history = rnn.fit(model, Batches((x, y, lengths), 8), **go)
    for changed, says in (
        ({"batches": Batches((x, y, lengths), 4)}, "has 3 updates in an epoch, these batches 6"),
        ({"valid": Batches((x, y, lengths), 4)}, "whether there is a validation loss"),
        ({"history": [1.0]}, "history is what an earlier call returned, .*got list"),
        ({"resume": True, "checkpoint": "run.st"}, "leave out history= or resume="),
    ):
        options = {"batches": Batches((x, y, lengths), 8), "history": history, **go, **changed}
        with pytest.raises(errors.RnnlibError, match=says) as caught:
            rnn.fit(model, **options)
        assert caught.value.code == "fit.history"


@each
@pytest.mark.parametrize("valid", [False, True])
def test_ctrl_c_leaves_what_was_learned(name, valid):
    rnn, (x, y, lengths) = framework(name), arrays()
    model = classifier(rnn)
    held_out = Batches((x, (y + 1) % C, lengths), 8)
    kept = {}

    def interrupt(epoch, history, told):
        kept[epoch] = rnn.params(told)
        if epoch == 3:
            raise KeyboardInterrupt

    go = {"loss": CE, "optimizer": ("adam", {"lr": 0.02}), "valid": held_out if valid else None}
    with pytest.raises(KeyboardInterrupt, match="4 epochs and 0 updates were done") as caught:
        rnn.fit(model, Batches((x, y, lengths), 8, rng=0), epochs=9, callback=interrupt, **go)
    history = caught.value.history
    assert isinstance(caught.value, errors.Interrupted) and len(history) == 4
    best = history.best_epoch if valid else 3
    assert ("the best" if valid else "after the last update") in str(caught.value)
    assert equal(rnn.params(model), kept[best])
    assert name == "tf" or not model.training
    more = rnn.fit(model, Batches((x, y, lengths), 8, rng=0), epochs=6, history=history, **go)
    whole = classifier(rnn)
    assert more.steps == rnn.fit(whole, Batches((x, y, lengths), 8, rng=0), epochs=6, **go).steps
    assert equal(rnn.params(model), rnn.params(whole))


def run_watched(threads, watcher, stop):
    """Run threads to their end while another one watches until it is stopped."""
    for thread in (watcher, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    watcher.join()


@each
def test_eight_threads_get_the_answers_of_one(name):
    """With dropout, and while the model counts as training: nobody sees another one's mode."""
    rnn, (x, y, lengths) = framework(name), arrays()
    model = classifier(rnn, dropout=0.5)
    data = Batches((x, y, lengths), 8)
    if name == "pt":
        model.train()
    answer, loss = rnn.predict(model, x, lengths), rnn.evaluate(model, data, CE)
    wrong, stop = [], threading.Event()

    def watch():
        while not stop.is_set():
            if not all(part.training for part in model.modules()):
                wrong.append("mode")

    def ask():
        for _ in range(5):
            if not np.array_equal(rnn.predict(model, x, lengths), answer):
                wrong.append("answer")
            if rnn.evaluate(model, data, CE) != loss:
                wrong.append("loss")

    threads = [threading.Thread(target=ask) for _ in range(8)]
    run_watched(threads, threading.Thread(target=watch if name == "pt" else stop.wait), stop)
    assert wrong == []


@pytest.mark.parametrize("name", FRAMEWORKS[:1])
def test_a_model_that_hides_a_module_is_asked_in_evaluation_mode_too(name):
    import torch

    rnn, (x, _, lengths) = framework(name), arrays()

    class Hiding(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = classifier(rnn, dropout=0.5)
            # bound to the module, which a copy of the tree would miss
            self.call = self.inner.forward

        def forward(self, x, lengths=None):
            return self.call(x, lengths)

    model = Hiding()
    expected = rnn.predict(model.inner, x, lengths)
    assert_array_equal(rnn.predict(model, x, lengths), expected)
    assert all(part.training for part in model.modules())


@each
@pytest.mark.parametrize("cell", ["lstm", "sru"])
@pytest.mark.parametrize("native", [None, False])
def test_a_carried_state_makes_windows_one_long_sequence(name, cell, native):
    rnn = framework(name)
    ids = np.random.default_rng(0).integers(0, 7, 41)
    data = streams(ids, 2, 5)
    model = rnn.Tagger(D, H, 7, cell=cell, vocab_size=7, rng=1, dtype="float64", native=native)
    long = rnn.predict(model, ids[:40].reshape(2, 20))
    pieces = rnn.predict(model, data).reshape(4, 2, 5, 7).swapaxes(0, 1).reshape(2, 20, 7)
    assert_allclose(pieces, long, atol=1e-12)
    logits = rnn.tensor(long)
    whole = rnn.losses.cross_entropy(logits, rnn.tensor(ids[1:].reshape(2, 20)))
    assert_allclose(rnn.evaluate(model, data, CE), rnn.array(whole), rtol=1e-12)
    history = rnn.fit(model, data, loss=CE, optimizer=("adam", {"lr": 0.02}), epochs=8, valid=data)
    assert history.epochs[-1] < history.epochs[0]


@both
def test_carried_states_train_alike():
    found = []
    for name in ("pt", "tf"):
        rnn = framework(name)
        ids = np.random.default_rng(0).integers(0, 7, 41)
        model = rnn.Tagger(D, H, 7, cell="gru", vocab_size=7, rng=1, dtype="float64")
        sgd = ("sgd", {"lr": 0.125})
        found.append(rnn.fit(model, streams(ids, 2, 5), loss=CE, optimizer=sgd, epochs=3).steps)
    assert_allclose(found[0], found[1], rtol=1e-9)


@each
def test_a_model_without_a_state_to_carry_is_refused(name):
    rnn = framework(name)
    data = streams(np.arange(41) % 5, 2, 5)
    go = {"loss": CE, "optimizer": "adam", "epochs": 1}
    with pytest.raises(TypeError, match="no method carry"):
        rnn.fit(rnn.Classifier(D, H, 5, vocab_size=5), data, **go)
    for options, says in (({"bidirectional": True}, "two directions"), ({"cell": "tcn"}, "a tcn")):
        with pytest.raises(ValueError, match=says):
            rnn.fit(rnn.Tagger(D, H, 5, vocab_size=5, **options), data, **go)


def translator(name, rnn):
    """A model of the reader's own: reads `source`, answers at each step of `target`."""
    if name == "pt":
        import torch

        class Model(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.read = rnn.Classifier(D, H, H, cell="gru", vocab_size=9, rng=1)
                self.write = rnn.Tagger(D, H, H, cell="gru", vocab_size=9, rng=2)
                self.head = rnn.Linear(H, 9, rng=3)

            def forward(self, fields):
                told = self.read(fields["source"], fields["source_lengths"])
                return self.head(self.write(fields["target"]) + told[:, None])

        return Model()
    import keras

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.read = rnn.Classifier(D, H, H, cell="gru", vocab_size=9, rng=1)
            self.write = rnn.Tagger(D, H, H, cell="gru", vocab_size=9, rng=2)
            self.head = rnn.Linear(H, 9, rng=3)

        def call(self, fields):
            told = self.read(fields["source"], fields["source_lengths"])
            return self.head(self.write(fields["target"]) + told[:, None])

    return Model()


def pairs():
    """Twelve pairs of a source and a target, both ragged."""
    rng = np.random.default_rng(0)
    source = [rng.integers(1, 9, rng.integers(2, 6)) for _ in range(12)]
    return {
        "source": source,
        "target": [row[::-1].copy()[: 1 + k % 4] for k, row in enumerate(source)],
    }


def target_loss(rnn):
    """The cross-entropy of the field `target`, by a framework."""

    def loss(outputs, batch):
        return rnn.losses.cross_entropy(outputs, batch.target, batch.target_lengths)

    return loss


@both
def test_source_and_target_train_alike_in_both_frameworks():
    found = []
    for name in ("pt", "tf"):
        rnn = framework(name)
        loss = target_loss(rnn)
        data = Batches(pairs(), 5, rng=0, bucket=True)
        per = {"per": lambda batch: batch.target_lengths.sum()}
        model = translator(name, rnn)
        go = {"loss": (loss, per), "optimizer": ("sgd", {"lr": 0.125}), "epochs": 3, "valid": data}
        history = rnn.fit(model, data, **go)
        assert rnn.predict(model, data).shape == (12, 4, 9)
        whole = rnn.evaluate(model, Batches(pairs(), 12), (loss, per))
        assert_allclose(rnn.evaluate(model, data, (loss, per)), whole, rtol=1e-5)
        found.append(history.steps)
    assert_allclose(found[0], found[1], rtol=1e-4)


@pytest.mark.parametrize("name", FRAMEWORKS[:1])
def test_frames_and_labels_train_with_ctc(name):
    import torch

    rnn, rng = framework(name), np.random.default_rng(0)
    frames = [rng.normal(size=(t, D)) for t in (9, 7, 8, 9)]
    labels = [rng.integers(1, 5, n) for n in (3, 2, 1, 3)]

    def ctc(outputs, batch):
        log_p = outputs.log_softmax(-1).transpose(0, 1)
        return torch.nn.functional.ctc_loss(log_p, batch.y, batch.lengths, batch.y_lengths)

    model = rnn.Tagger(D, H, 5, cell="gru", rng=1)
    data = Batches({"x": frames, "y": labels}, 2, rng=0)
    history = rnn.fit(
        model, data, loss=ctc, optimizer=("adam", {"lr": 0.05}), epochs=15, valid=data
    )
    assert history.epochs[-1] < 0.7 * history.epochs[0]


@each
def test_targets_a_step_whose_lengths_nobody_named_are_refused_with_what_helps(name):
    rnn, (x, _, lengths) = framework(name), arrays()
    y = np.random.default_rng(1).integers(0, C, (N, T))
    model = rnn.Tagger(D, H, C, rng=1, dtype="float64")
    go = {"loss": CE, "optimizer": "adam", "epochs": 1}
    with pytest.raises(ValueError, match="per_step=True") as caught:
        rnn.fit(model, Batches((x, y, lengths), 8), **go)
    assert caught.value.code == "loss.unsaid_steps"
    rnn.fit(model, Batches((x, y, lengths), 8, per_step=True), **go)
    own = {"x": x, "lengths": lengths, "y": y, "y_lengths": lengths}
    given = Batches(own, 8)
    by_step = Batches((x, y, lengths), 8, per_step=True)
    assert_allclose(rnn.evaluate(model, given, CE), rnn.evaluate(model, by_step, CE), rtol=1e-12)


@each
@pytest.mark.parametrize("per", ["token", "sequence", "batch"])
@pytest.mark.parametrize("kind", ["weights", "row weights", "ignore", "classes", "all"])
def test_weighted_losses_are_exact_over_any_batches(name, per, kind):
    """Against NumPy; the mean over batches is that of one large batch."""
    rnn, (x, _, lengths) = framework(name), arrays()
    rng = np.random.default_rng(2)
    y = rng.integers(0, C, (N, T))
    weights = rng.uniform(0, 2, (N, T))
    own = rng.uniform(0.5, 2, C)
    model = rnn.Tagger(D, H, C, rng=1, dtype="float64")
    logits = rnn.predict(model, x)
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    each_step = -np.log(np.take_along_axis(p, y[..., None], -1)[..., 0])
    valid = np.arange(T) < lengths[:, None]
    fields = {"x": x, "lengths": lengths, "y": y}
    options = {"per": per}
    w = valid.astype(float)
    follow = ["y"]
    rows = np.ones(N)
    if kind in ("weights", "all"):
        fields["weights"], w = weights, w * weights
        follow.append("weights")
    if kind == "row weights":
        fields["weights"] = rows = weights[:, 0]
        w = w * rows[:, None]
    if kind in ("ignore", "all"):
        options["ignore"] = -1
        gone = rng.uniform(size=(N, T)) < 0.5
        fields["y"] = np.where(gone, -1, y)
        w = w * ~gone
    if kind in ("classes", "all"):
        options["class_weights"] = own
        w = w * own[y]
    total = (w * each_step).sum(axis=1)
    alive = w.sum(axis=1) > 0
    expected = {
        "token": total.sum() / w.sum(),
        "sequence": (rows * total / np.where(alive, w.sum(axis=1), 1)).sum() / (rows * alive).sum(),
        "batch": total.sum() / N,
    }[per]
    for size in (N, 8, 1):
        data = Batches(fields, size, per_step=follow)
        assert_allclose(rnn.evaluate(model, data, (CE, options)), expected, rtol=1e-10)


@each
def test_label_smoothing_by_its_formula(name):
    rnn, rng = framework(name), np.random.default_rng(0)
    logits, y = rng.normal(size=(5, C)), rng.integers(0, C, 5)
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    target = 0.9 * np.eye(C)[y] + 0.1 / C
    got = rnn.losses.cross_entropy(rnn.tensor(logits), rnn.tensor(y), label_smoothing=0.1)
    assert_allclose(rnn.array(got), -(target * log_p).sum(-1).mean(), rtol=1e-12)


@each
def test_evaluate_is_exact_for_a_function_that_says_what_it_is_the_mean_over(name):
    rnn, (x, _, lengths) = framework(name), arrays()
    y = np.random.default_rng(1).integers(0, C, (N, T))
    model = rnn.Tagger(D, H, C, rng=1, dtype="float64")

    def own(prediction, y, lengths=None):
        return rnn.losses.cross_entropy(prediction, y, lengths)

    data = Batches((x, y, lengths), 8, rng=0, per_step=True)
    exact = rnn.evaluate(model, data, CE)
    assert_allclose(rnn.evaluate(model, data, (own, {"per": "token"})), exact, rtol=1e-12)
    # as a mean over sequences it is another
    assert abs(rnn.evaluate(model, data, own) - exact) > 1e-6


@each
def test_bad_options_are_named(name):
    rnn, (x, y, lengths) = framework(name), arrays()
    data = Batches((x, y, lengths), 8)
    go = {"loss": CE, "optimizer": "adam", "epochs": 1}
    fields = {"x": x, "y": y, "weights": -np.ones(N)}
    for changed, says in (
        ({"loss": (CE, {"class_weights": [1, 2]})}, "2 class_weights for 4 classes"),
        ({"loss": (CE, {"class_weights": [1, -1, 1, 1]})}, "at least 0"),
        (
            {"loss": (CE, {"label_smoothing": 1.0})},
            "label_smoothing must be at least 0 and below 1",
        ),
        ({"loss": (CE, {"ignore": 0.5})}, "ignore is the class"),
        (
            {"loss": (CE, {"ignore": 1}), "batches": Batches((x, np.where(y == 1, 9, y)), 8)},
            "is 9, outside",
        ),
        ({"batches": Batches(fields, 8)}, "weights must not be negative"),
        (
            {"batches": Batches({"x": x, "z": y}, 8)},
            "the loss needs a field y, the fields are x, z",
        ),
        ({"schedule": "triangle"}, "unknown schedule 'triangle': choose one of constant, cosine"),
        ({"schedule": ("linear", {"warmup": -1})}, "warmup is a number of updates"),
        ({"schedule": 0.5}, "schedule is a name"),
        ({"schedule": lambda k: -1.0}, "gives -1.0 at update 0"),
        ({"keep": "all"}, "unknown keep 'all': choose one of best, last"),
        ({"callback": 3}, "callback is a function"),
        ({"optimizer": ("adam", {"lr": 1e38})}, "lr must be above 0 and below 1e"),
        ({"optimizer": ("adamw", {"weight_decay": -1})}, "weight_decay must be 0 or above"),
    ):
        model = classifier(rnn)
        before = rnn.params(model)
        with pytest.raises((ValueError, TypeError), match=says):
            rnn.fit(model, **{"batches": data, **go, **changed})
        assert equal(before, rnn.params(model))


@pytest.mark.parametrize("name", FRAMEWORKS[:1])
def test_optimizers_and_schedules_of_pytorch(name, tmp_path):
    import torch

    rnn, (x, y, lengths) = framework(name), arrays()
    data = Batches((x, y, lengths), 8, rng=0)
    model = classifier(rnn)
    go = {"loss": CE, "epochs": 2}
    with pytest.raises(ValueError, match='LBFGS measures the loss several times.*optimizer="adam"'):
        rnn.fit(model, data, optimizer=torch.optim.LBFGS(model.parameters()), **go)

    def run(path, epochs, resume, model=None):
        model = model or classifier(rnn)
        own = torch.optim.SGD(model.parameters(), lr=0.5)
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(own, 12)
        history = rnn.fit(
            model,
            data,
            loss=CE,
            optimizer=own,
            schedule=cosine,
            epochs=epochs,
            checkpoint=path,
            resume=resume,
        )
        return history.steps, rnn.params(model)

    whole = run(tmp_path / "whole", 4, False)
    run(tmp_path / "parts", 2, False)
    parts = run(tmp_path / "parts", 4, True)
    assert parts[0] == whole[0] and equal(parts[1], whole[1])
    model = classifier(rnn)
    neutral = rnn.fit(
        model, data, loss=CE, optimizer=("sgd", {"lr": 0.5}), schedule="cosine", epochs=4
    )
    assert_allclose(neutral.steps, whole[0], rtol=1e-12)
    own = torch.optim.SGD(model.parameters(), lr=0.5)
    torch.optim.lr_scheduler.CosineAnnealingLR(own, 12)
    with pytest.raises(ValueError, match="pass schedule="):
        rnn.fit(model, data, optimizer=own, checkpoint=tmp_path / "hidden", **go)


@each
@pytest.mark.parametrize("clip_norm", [None, 1.0])
def test_a_run_that_diverges_is_told_what_helps(name, clip_norm):
    """The message names what this call has not done yet, in code form; doing it helps."""
    rnn, (x, _, _) = framework(name), arrays()
    data = Batches((x, x[:, 0, :1] * 1e3), 8, rng=0)
    go = {"loss": "mse", "epochs": 3}
    with pytest.raises(errors.Diverged) as caught:
        rnn.fit(
            rnn.ForecastNet(D, H, 1, rng=1),
            data,
            optimizer=("sgd", {"lr": 1e20}),
            clip_norm=clip_norm,
            **go,
        )
    message = str(caught.value)
    assert 'optimizer=("sgd", {"lr": 1e+19})' in message and caught.value.code == "fit.diverged"
    assert ("pass clip_norm=1.0" if clip_norm is None else "clip_norm=0.1") in message


@pytest.mark.parametrize("name", FRAMEWORKS[:1])
def test_bfloat16_weights_are_saved_and_read(name, tmp_path):
    import torch

    rnn, (x, y, lengths) = framework(name), arrays()
    model = classifier(rnn, dtype="float32", native=False).to(torch.bfloat16)
    data = Batches((x, y, lengths), 8, rng=0)
    path = tmp_path / "run.safetensors"
    rnn.fit(model, data, loss=CE, optimizer="sgd", epochs=1, valid=data, checkpoint=path)
    rnn.save(tmp_path / "w.safetensors", model)
    twin = classifier(rnn, dtype="float32", native=False).to(torch.bfloat16)
    rnn.restore(tmp_path / "w.safetensors", twin)
    assert all(
        torch.equal(one, other)
        for one, other in zip(model.parameters(), twin.parameters(), strict=True)
    )
    rnn.fit(
        model, data, loss=CE, optimizer="sgd", epochs=2, valid=data, checkpoint=path, resume=True
    )
