"""Engines times exporters, run with another batch, number of steps and lengths than the example:
right, or refused in words. What comes out stands in book/api/exports.json, which a page shows.
"""

import json
import re
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from backends import FRAMEWORKS, framework
from rnnlib.core import ExportError

D, H, K = 2, 4, 3
CELLS = ["elman", "lstm", "gru", "sru", ("lstm", {"peepholes": True}), "mingru", "minlstm"]
OPERATOR = ("elman", "lstm", "gru")  # what PyTorch has a layer for
ENGINES = [None, "native", "fused", "loop"]
FACTS = json.loads(
    (Path(__file__).resolve().parents[2] / "book/api/exports.json").read_text("utf-8")
)
PROMISED = {row["exporter"]: row["outcome"] for row in FACTS["rows"]}
EACH_ENGINE = [(cell, None) for cell in CELLS] + [("gru", engine) for engine in ENGINES[1:]]
some_lengths = pytest.mark.parametrize("with_lengths", [False, True], ids=["full", "lengths"])
torch_only = pytest.mark.parametrize("name", FRAMEWORKS[:1])
tensorflow_only = pytest.mark.parametrize("name", FRAMEWORKS[1:])


def promised(exporter, cell="gru", engine=None):
    """What the page says; the first column is that of cells with a layer of the framework."""
    if engine is None and cell not in OPERATOR:
        engine = "loop"
    return PROMISED[exporter][str(engine)]


def test_the_page_has_a_word_for_each_outcome():
    assert FACTS["engines"] == [str(engine) for engine in ENGINES]
    for outcome in PROMISED.values():
        assert list(outcome) == FACTS["engines"]
        assert set(outcome.values()) <= set(FACTS["outcomes"])


def test_each_exporter_of_the_page_is_tried_here():
    source = Path(__file__).read_text("utf-8")
    asked = set(re.findall(r"promised\(\s*\"([^\"]+)\"", source))
    asked |= {f"torch.onnx.export, dynamo={dynamo}" for dynamo in (False, True)}
    assert asked == set(PROMISED)


def example(rnn, b, t, with_lengths, seed=0):
    """x (b, t, D), and lengths of which none is t unless there is but one step."""
    rng = np.random.default_rng(seed)
    x = rnn.tensor(rng.normal(size=(b, t, D)).astype("float32"))
    return (x, rnn.tensor(rng.integers(1, max(t, 2), b))) if with_lengths else (x,)


def build(rnn, cell, engine, kind, **options):
    """A model, or a skipped test where this cell has no such engine."""
    try:
        return getattr(rnn, kind)(D, H, K, cell=cell, native=engine, rng=1, **options)
    except ValueError as error:
        pytest.skip(str(error))


def close(rnn, got, want):
    assert_allclose(np.asarray(got), rnn.array(want), atol=1e-6)


def refuses_or_is_right(rnn, model, export, args, others):
    """What an exporter made of a call, for other calls; or its refusal, which names a way."""
    try:
        exported = export()
    except ExportError as error:
        assert "torch." in str(error) and ("dynamo" in str(error) or "dynamic_shapes" in str(error))
        return False
    for call in (args, *others):
        close(rnn, exported(*call), model(*call))
    return True


@torch_only
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("engine", ENGINES)
@some_lengths
def test_jit_trace(name, cell, engine, with_lengths):
    import torch

    rnn = framework(name)
    for kind in ("Classifier", "Tagger"):
        model = build(rnn, cell, engine, kind, bidirectional=True).eval()
        args = example(rnn, 3, 5, with_lengths)
        others = [example(rnn, b, t, with_lengths, 1) for b, t in ((2, 7), (1, 1), (4, 3))]

        def export(model=model, args=args):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                graph = torch.jit.trace(model, args, check_trace=False)
            return lambda *call: graph(*call).detach()

        right = refuses_or_is_right(rnn, model, export, args, others)
        assert right == (promised("torch.jit.trace", cell, engine) == "free")


@torch_only
@pytest.mark.parametrize("cell, engine", EACH_ENGINE)
@some_lengths
def test_torch_export(name, cell, engine, with_lengths):
    """Any batch and any lengths at the number of steps of the example; another number of steps is
    refused by both ends.
    """
    import torch

    rnn = framework(name)
    model = build(rnn, cell, engine, "Classifier").eval()
    args = example(rnn, 3, 5, with_lengths)
    batch = torch.export.Dim("B", min=2, max=64)
    shapes = ({0: batch}, {0: batch})[: len(args)]
    outcome = promised("torch.export.export", cell, engine)
    if outcome == "no lengths" and with_lengths:
        with pytest.raises(TypeError):  # PyTorch's own words
            torch.export.export(model, args, dynamic_shapes=shapes)
        return
    assert outcome in ("steps", "no lengths")
    exported = torch.export.export(model, args, dynamic_shapes=shapes).module()
    for b in (3, 7):
        call = example(rnn, b, 5, with_lengths, b)
        with torch.no_grad():
            close(rnn, exported(*call), model(*call))
    with pytest.raises((AssertionError, RuntimeError, ValueError)):
        exported(*example(rnn, 3, 7, with_lengths))
    steps = torch.export.Dim("T", min=2, max=64)
    with pytest.raises(ExportError, match="torch.export cannot leave the number of steps"):
        torch.export.export(
            model, args, dynamic_shapes=({0: batch, 1: steps}, {0: batch})[: len(args)]
        )


@torch_only
@pytest.mark.parametrize("engine", ENGINES)
def test_torch_compile(name, engine):
    import torch

    rnn = framework(name)
    model = build(rnn, "gru", engine, "Classifier").eval()
    torch._dynamo.reset()
    compiled = torch.compile(model, backend="eager")
    assert promised("torch.compile", "gru", engine) == "free"
    for b, t in ((3, 5), (2, 7), (1, 3)):
        call = example(rnn, b, t, True, b)
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's own, about its way through our functions
            close(rnn, compiled(*call), model(*call))


@torch_only
@pytest.mark.skipif(
    not (find_spec("onnx") and find_spec("onnxruntime") and find_spec("onnxscript")),
    reason="ONNX is written by onnx and onnxscript and run by onnxruntime: one of them is not here",
)
@pytest.mark.parametrize("cell, engine", EACH_ENGINE)
@pytest.mark.parametrize("dynamo", [False, True], ids=["old", "dynamo"])
@some_lengths
def test_onnx(name, cell, engine, dynamo, with_lengths, tmp_path):
    import onnxruntime
    import torch

    rnn, path = framework(name), str(tmp_path / "model.onnx")
    model = build(rnn, cell, engine, "Tagger").eval()
    args = example(rnn, 3, 5, with_lengths)
    names = ["x", "lengths"][: len(args)]
    axes = {"dynamic_axes": {"x": {0: "B", 1: "T"}, "lengths": {0: "B"}}}
    if dynamo:
        batch = torch.export.Dim("B", min=1, max=64)
        axes = {"dynamic_shapes": ({0: batch}, {0: batch})[: len(args)]}
    outcome = promised(f"torch.onnx.export, dynamo={dynamo}", cell, engine)

    def export():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(model, args, path, dynamo=dynamo, input_names=names, **axes)
        session = onnxruntime.InferenceSession(path)

        def answer(*call):
            arrays = [value.numpy() for value in call]
            return session.run(None, dict(zip(names, arrays, strict=True)))[0]

        return answer

    if outcome == "no lengths" and with_lengths:
        with pytest.raises(torch.onnx.OnnxExporterError):
            export()
        return
    shapes = ((2, 7), (4, 3))
    if dynamo:
        shapes = ((2, 5), (7, 5))
    others = [example(rnn, b, t, with_lengths, 1) for b, t in shapes]
    right = refuses_or_is_right(rnn, model, export, args, others)
    assert right == (outcome != "refused")
    if dynamo:
        with pytest.raises(Exception, match="Got invalid dimensions"):
            export()(*example(rnn, 3, 7, with_lengths))


@tensorflow_only
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("engine", ENGINES)
@some_lengths
def test_saved_model(name, cell, engine, with_lengths, tmp_path):
    """One graph in which B and T are free, in a function and in a file."""
    import tensorflow as tf

    rnn = framework(name)
    model = build(rnn, cell, engine, "Tagger", bidirectional=True)
    kinds = [tf.TensorSpec((None, None, D), tf.float32), tf.TensorSpec((None,), tf.int64)]
    assert promised("tf.function", cell, engine) == "free"
    assert promised("tf.saved_model.save", cell, engine) == "free"
    graph = tf.function(lambda *call: model(*call), input_signature=kinds[: 1 + with_lengths])
    tf.saved_model.save(model, str(tmp_path), signatures={"call": graph})
    again = tf.saved_model.load(str(tmp_path)).signatures["call"]
    for b, t in ((3, 5), (2, 7), (1, 1)):
        call = example(rnn, b, t, with_lengths, b)
        close(rnn, graph(*call), model(*call))
        given = dict(zip(sorted(again.structured_input_signature[1]), call, strict=True))
        close(rnn, next(iter(again(**given).values())), model(*call))


@tensorflow_only
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("engine", ENGINES)
@some_lengths
def test_xla(name, cell, engine, with_lengths):
    """Every step that any engine gives, the last one too."""
    import tensorflow as tf

    rnn = framework(name)
    assert promised("tf.function, jit_compile=True", cell, engine) == "free"
    model = build(rnn, cell, engine, "Tagger")
    compiled = tf.function(lambda *given: model(*given), jit_compile=True)
    for b, t in ((3, 5), (2, 7)):
        call = example(rnn, b, t, with_lengths, b)
        close(rnn, compiled(*call), model(*call))


@tensorflow_only
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("wrong", [[6, 1, 2], [0, 1, 2]], ids=["beyond", "zero"])
def test_a_graph_refuses_lengths_that_cannot_be(name, engine, wrong):
    """As a call without a graph does: in every engine, whatever is made of its steps."""
    import tensorflow as tf

    rnn = framework(name)
    (x,) = example(rnn, 3, 5, False)
    for pool in ("last", "mean"):
        model = rnn.Classifier(D, H, K, cell="gru", native=engine, pool=pool)
        graph = tf.function(lambda x, n, model=model: model(x, n))
        with pytest.raises(tf.errors.InvalidArgumentError, match="lengths must be at"):
            graph(x, tf.constant(wrong))
        with pytest.raises(ValueError, match="lengths"):
            model(x, tf.constant(wrong))


@tensorflow_only
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", ["Classifier", "Tagger"])
def test_masks_of_keras_are_lengths(name, engine, kind):
    import keras
    import tensorflow as tf

    rnn = framework(name)
    ids = np.array([[1, 2, 3, 0, 0], [4, 5, 6, 7, 8]])
    embed = keras.layers.Embedding(9, D, mask_zero=True)
    model = getattr(rnn, kind)(D, H, K, cell="gru", native=engine, bidirectional=True, num_layers=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Keras warns where a mask is lost
        got = model(embed(ids))
    plain = tf.constant(embed(ids).numpy())
    close(rnn, got, model(plain, tf.constant([3, 5])))
    with pytest.raises(ValueError, match="put padding at the end"):
        model(embed(ids[:, ::-1]))


@tensorflow_only
@pytest.mark.parametrize("engine", ENGINES)
def test_keras_files_and_copies(name, engine, tmp_path):
    """get_config, clone_model and .keras files; weights of any seed, and what was frozen, come
    back.
    """
    import keras

    rnn = framework(name)
    options = {"native": engine, "num_layers": 2, "vocab_size": 9, "dropout": 0.5}
    model = rnn.Classifier(
        D, H, K, cell="gru", rng=np.random.SeedSequence(5, spawn_key=(1,)), **options
    )
    model.embed.trainable = False
    ids = rnn.tensor(np.random.default_rng(0).integers(0, 9, size=(3, 5)))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    close(rnn, again(ids), model(ids))
    assert not again.embed.trainable and again.head.trainable
    clone = keras.models.clone_model(model)
    assert list(rnn.params(clone)) == list(rnn.params(model))
    assert type(model).from_config(model.get_config()).about == model.about
