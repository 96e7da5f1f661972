"""The error classes: codes, the built-in classes they stand under, and that they can be sent."""

import pickle

import pytest

from rnnlib.core import errors

CASES = {
    "ArgumentError": (errors.ArgumentError("lr is 0", "fit.lr"), ValueError, "fit.lr"),
    "ArgumentTypeError": (errors.ArgumentTypeError("no"), TypeError, "argument.type"),
    "NotFittedError": (
        errors.NotFittedError("X"),
        (ValueError, AttributeError),
        "estimator.not_fitted",
    ),
    "Diverged": (errors.Diverged("nan", None), FloatingPointError, "fit.diverged"),
    "Interrupted": (errors.Interrupted("stop", None), KeyboardInterrupt, "fit.interrupted"),
    "OtherRun": (errors.OtherRun("seed", {"seed": (1, 2)}), ValueError, "resume.other_run"),
    "FileError": (errors.FileError("full", "file.write"), OSError, "file.write"),
    "ExportError": (errors.ExportError("lengths", "export"), RuntimeError, "export"),
}


@pytest.mark.parametrize("name", CASES)
def test_each_class_has_a_code_and_is_caught_as_before(name):
    error, kinds, code = CASES[name]
    assert type(error) is getattr(errors, name)
    assert isinstance(error, errors.RnnlibError) or name == "Interrupted"
    for kind in kinds if isinstance(kinds, tuple) else (kinds,):
        with pytest.raises(kind):
            raise error
    assert error.code == code and str(error)


@pytest.mark.parametrize("name", CASES)
def test_an_error_can_be_sent_to_another_process(name):
    error = CASES[name][0]
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.code) == (type(error), str(error), error.code)
    assert vars(again) == vars(error)


def test_every_error_class_is_in_the_table():
    kinds = {
        kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and hasattr(kind, "code") and not name.startswith("_")
    }
    tried = {type(error) for error, *_ in CASES.values()}
    assert kinds - tried == {errors.RnnlibError, errors.CannotCompare}


def test_ctrl_c_is_caught_by_nobody_who_catches_exceptions():
    error = errors.Interrupted("stop", None)
    assert not isinstance(error, Exception)
    with pytest.raises(KeyboardInterrupt):
        try:
            raise error
        except Exception:
            pass


def test_an_estimator_says_who_has_not_been_fitted():
    class Forecaster:
        pass

    error = errors.NotFittedError(Forecaster(), "call fit(series), or load a file")
    assert str(error) == "this Forecaster has not been fitted: call fit(series), or load a file"
