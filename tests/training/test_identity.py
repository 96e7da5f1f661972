"""A run goes on only as itself: numbers inside losses, first weights, schedules, models of one's
own."""

import functools
import warnings

import numpy as np
import pytest

from backends import FRAMEWORKS, framework
from rnnlib.core import errors
from rnnlib.data.batches import Batches
from rnnlib.training import checkpoint_format, identity
from rnnlib.training.history import History

D, H, C = 3, 4, 2
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(12, 5, D)), RNG.integers(0, C, 12)
each = pytest.mark.parametrize("name", FRAMEWORKS)


def described(value):
    """What identity says of a value, and what it cannot compare."""
    opaque = []
    return identity.describe(value, opaque, "loss"), opaque


class Scaled:
    """A loss with a number as attribute."""

    def __init__(self, by):
        self.by = by

    def __call__(self, prediction, y, lengths=None):
        return (prediction * self.by).mean()


def closed(by):
    return lambda prediction, y, lengths=None: (prediction * by).mean()


def plain(prediction, y, lengths=None, by=1.0):
    return (prediction * by).mean()


def squared(prediction, y, lengths=None, by=1.0):
    return (prediction * by**2).mean()


NUMBER = 1.0


def by_global(prediction, y, lengths=None):
    return (prediction * NUMBER).mean()


PAIRS = {
    "closure": (closed(1.0), closed(1.0), closed(50.0)),
    "closure of an array": (closed(np.ones(2)), closed(np.ones(2)), closed(np.array([1.0, 50.0]))),
    "partial": (*(functools.partial(plain, by=by) for by in (1.0, 1.0, 2.0)),),
    "attribute": (Scaled(1.0), Scaled(1.0), Scaled(2.0)),
    "method": (Scaled(1.0).__call__, Scaled(1.0).__call__, Scaled(2.0).__call__),
    "code": (plain, plain, squared),
    "nested": ([{"a": (1, 2)}], [{"a": (1, 2)}], [{"a": (1, 3)}]),
}


@pytest.mark.parametrize("case", PAIRS)
def test_what_is_equal_is_described_alike_and_what_differs_is_not(case):
    one, same, other = PAIRS[case]
    assert described(one) == described(same) and described(one)[1] == []
    assert described(one)[0] != described(other)[0]


def test_numbers_that_a_function_reads_from_its_module_count(monkeypatch):
    before = described(by_global)
    monkeypatch.setitem(by_global.__globals__, "NUMBER", 2.0)
    assert described(by_global) != before


def test_what_leaves_nothing_to_compare_is_named():
    generator = np.random.default_rng(0)
    _, opaque = described(closed(generator))
    assert opaque == ["loss.by (Generator)"]


def test_an_object_that_holds_itself_is_described():
    value = Scaled(1.0)
    value.me = value
    assert "itself" in str(described(value)[0])


def torch_losses():
    import torch

    return {
        "class weights": lambda w: torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, w])),
        "smoothing": lambda w: torch.nn.CrossEntropyLoss(label_smoothing=w / 100),
    }


def keras_losses():
    import keras

    return {
        "from logits": lambda w: keras.losses.SparseCategoricalCrossentropy(from_logits=w < 2),
    }


@each
def test_objects_of_the_framework_count_by_their_numbers(name):
    makers = {"pt": torch_losses, "tf": keras_losses}[name]()
    for make in makers.values():
        assert described(make(1.0)) == described(make(1.0)) and described(make(1.0))[1] == []
        assert described(make(1.0))[0] != described(make(50.0))[0]


def fit(rnn, path, model=None, loss="cross_entropy", **changed):
    """Two epochs, kept in a file."""
    options = {"optimizer": ("sgd", {"lr": 0.125}), "epochs": 2, "resume": True, **changed}
    model = model or rnn.Classifier(D, H, C, rng=1)
    data = Batches((X, Y), 4, rng=0)
    return rnn.fit(model, data, loss=loss, checkpoint=path, **options)


def own_loss(rnn, by):
    def loss(prediction, y, lengths=None):
        return by * rnn.losses.cross_entropy(prediction, y, lengths)

    return loss


@each
@pytest.mark.parametrize(
    "case", ["loss", "first weights", "schedule", "length of the schedule", "per"]
)
def test_another_run_is_refused_by_the_name_of_what_differs(name, case, tmp_path):
    rnn, path = framework(name), tmp_path / "run.safetensors"
    start = {"loss": own_loss(rnn, 1.0), "schedule": "cosine"}
    fit(rnn, path, **start)
    changed, says = {
        "loss": ({"loss": own_loss(rnn, 50.0)}, r"loss\.of\.numbers\.by is 1.0 there, 50.0 here"),
        "first weights": ({"model": rnn.Classifier(D, H, C, rng=2)}, "first_weights is"),
        "schedule": ({"schedule": "linear"}, r"schedule\.name is cosine there, linear here"),
        "length of the schedule": ({"epochs": 3}, r"schedule\.total is 6 there, 9 here"),
        "per": (
            {"loss": (start["loss"], {"per": "token"})},
            r"loss\.options\.per is sequence there",
        ),
    }[case]
    content = path.read_bytes()
    with pytest.raises(errors.OtherRun, match=says) as caught:
        fit(rnn, path, **{**start, **changed})
    assert caught.value.code == "resume.other_run" and len(caught.value.differences) == 1
    assert path.read_bytes() == content


@each
def test_a_run_of_ones_own_goes_on_in_silence_with_the_same_or_with_its_own_model(name, tmp_path):
    rnn, path = framework(name), tmp_path / "run.safetensors"
    model = rnn.Classifier(D, H, C, rng=1)
    fit(rnn, path, model, own_loss(rnn, 2.0), valid=Batches((X, 1 - Y), 4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for epochs, again in ((3, None), (4, model)):  # newly drawn; as the run left it
            again = again or rnn.Classifier(D, H, C, rng=1)
            held_out = Batches((X, 1 - Y), 4)
            history = fit(rnn, path, again, own_loss(rnn, 2.0), epochs=epochs, valid=held_out)
            assert len(history) == epochs
            rnn.restore(path, model)


@each
def test_what_cannot_be_compared_is_said_when_a_run_goes_on(name, tmp_path):
    rnn, path = framework(name), tmp_path / "run.safetensors"
    generator = np.random.default_rng(0)

    def loss(prediction, y, lengths=None):
        generator.random()
        return rnn.losses.cross_entropy(prediction, y, lengths)

    fit(rnn, path, loss=loss)
    with pytest.warns(errors.CannotCompare, match=r"loss.generator \(Generator\)"):
        fit(rnn, path, loss=loss, epochs=3)


def own_model(name, rnn, by):
    """A model of the reader's own with a number as attribute."""
    if name == "pt":
        import torch

        class Own(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.inner, self.by = rnn.Classifier(D, H, C, rng=1), by

            def forward(self, x, lengths=None):
                return self.by * self.inner(x, lengths)

        return Own()
    import keras

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner, self.by = rnn.Classifier(D, H, C, rng=1), by

        def call(self, x, lengths=None):
            return self.by * self.inner(x, lengths)

    return Own()


@each
def test_attributes_of_a_model_of_ones_own_are_part_of_the_run(name, tmp_path):
    rnn, path = framework(name), tmp_path / "run.safetensors"
    fit(rnn, path, own_model(name, rnn, 1.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(rnn, path, own_model(name, rnn, 1.0), epochs=3)
    with pytest.raises(errors.OtherRun, match=r"by is 1.0 there, 30.0 here"):
        fit(rnn, path, own_model(name, rnn, 30.0), epochs=4)


@each
def test_three_million_updates_fit_into_a_checkpoint(name, tmp_path):
    """The header of a safetensors file ends at 100 MB; the history lies in tensors."""
    rnn, path = framework(name), tmp_path / "run.safetensors"
    fit(rnn, path, epochs=1)
    arrays, about = checkpoint_format.read(path)
    many = 3_000_000
    history = History(updates=3, steps=[0.5] * many, norms=[1.0] * many, epochs=[0.5] * (many // 3))
    history.seconds = [0.1] * len(history)
    arrays = {key: value for key, value in arrays.items() if not key.startswith("history/")}
    arrays.update(checkpoint_format.sections(history=checkpoint_format.history_arrays(history)))
    about["history"] = {"updates": 3}
    from rnnlib.core import weight_files

    weight_files.write_weights(path, arrays, about)
    more = fit(rnn, path, epochs=many // 3 + 1)
    assert (
        len(more.steps) == many + 3
        and len(checkpoint_format.read(path)[1]["history"]["norms"]) == many + 3
    )
