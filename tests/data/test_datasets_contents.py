"""What the loaders of downloaded sets return, where `$RNNLIB_DATA` holds them."""

import gzip
import os
import re
import warnings
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnnlib.data import datasets
from rnnlib.data.catalog import REGISTRY, medical

DOWNLOADED = [name for name, entry in REGISTRY.items() if not entry.packages]


def needs(name):
    """Skips the test, with the reason, where `$RNNLIB_DATA` does not hold the set."""
    folder = os.environ.get("RNNLIB_DATA")
    if not folder:
        pytest.skip(f"RNNLIB_DATA is not set: {name} is not looked at")
    absent = [
        part.path for part in REGISTRY[name].parts if not (Path(folder) / part.path).is_file()
    ]
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


@pytest.mark.parametrize(
    "name, member, stored",
    [
        (
            "fsdd",
            "free-spoken-digit-dataset-master/recordings/3_theo_41.wav",
            "recordings/3_theo_41.wav",
        ),
        ("fsdd", "free-spoken-digit-dataset-master/README.md", None),
        (
            "ngsim_us101",
            "NGSIM-FORECASTING-WITH-LSTM-4cbcb8b/ngsim_data/部分数据/104.csv",
            "104.csv",
        ),
        ("ngsim_us101", "NGSIM-FORECASTING-WITH-LSTM-4cbcb8b/ngsim_data/部分数据/1043.csv", None),
        (
            "metro_traffic",
            "Metro_Interstate_Traffic_Volume.csv.gz",
            "Metro_Interstate_Traffic_Volume.csv",
        ),
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
    assert (
        len(set(load("ptb")["train"].split())) == 9999 and load("ptb")["train"].count("\n") == 42068
    )
    polarity = load("sentence_polarity")
    assert len(polarity["texts"]) == 10662 and Counter(polarity["labels"].tolist()) == {
        0: 5331,
        1: 5331,
    }
    assert (
        polarity["texts"][0].startswith("simplistic , silly and tedious")
        and polarity["labels"][0] == 0
    )
    assert polarity["texts"][-1].startswith("provides a porthole") and polarity["labels"][-1] == 1
    parts = Counter(zip(polarity["part"].tolist(), polarity["labels"].tolist(), strict=True))
    assert parts == {
        (p, k): 4265 if p == "train" else 533 for p in ("train", "valid", "test") for k in (0, 1)
    }
    for first in (0, 5331):  # of each class, lines 10, 20, ... and 11, 21, ...
        rows = np.arange(1, 5332)
        assert polarity["part"][first : first + 5331][rows % 10 == 0].tolist() == ["test"] * 533
        assert (
            polarity["part"][first : first + 5331][(rows % 10 == 1) & (rows > 1)].tolist()
            == ["valid"] * 533
        )
    reviews = load("movie_reviews")
    assert len(reviews["texts"]) == 2000 and reviews["labels"].sum() == 1000
    assert all(
        ("/pos/" in name) == label
        for name, label in zip(reviews["names"], reviews["labels"], strict=True)
    )
    hundreds = [int(name.split("/cv")[1][0]) for name in reviews["names"]]
    assert reviews["part"].tolist() == [{9: "test", 8: "valid"}.get(h, "train") for h in hundreds]
    assert Counter(reviews["part"].tolist()) == {"train": 1600, "valid": 200, "test": 200}
    lexicon = load("vader_lexicon")
    assert len(lexicon) == 7502 and lexicon["good"] == 1.9 and lexicon["horrible"] == -2.5


def test_treebank_agrees_with_nltk(monkeypatch):
    from nltk.corpus.reader import BracketParseCorpusReader

    sentences = load("treebank")
    assert (
        len(sentences) == 3914
        and set(tag for s in sentences for tag in s["universal"]) == UNIVERSAL
    )
    reader = BracketParseCorpusReader(
        zip_pointer(monkeypatch, "treebank", "treebank/combined/"), r"wsj_00\d\d\.mrg"
    )
    expected = [
        [(word, tag) for word, tag in sentence if tag != "-NONE-"]
        for sentence in reader.tagged_sents()
    ]
    got = [
        list(zip(sentence["words"], sentence["tags"], strict=True))
        for sentence in sentences[: len(expected)]
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
    reader = TaggedCorpusReader(
        zip_pointer(monkeypatch, "brown", "brown/"), r"ce0[67]|cr01"
    )  # ce07 has many words with a slash
    got = [
        list(zip(s["words"], s["tags"], strict=True))
        for s in sentences
        if s["file"] in ("ce06", "ce07", "cr01")
    ]
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
    sizes = {
        part: {len(lines) for lines in languages.values()} for part, languages in pairs.items()
    }
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


def test_samples_of_twelve_bits_are_unpacked_with_their_signs():
    values = np.array([[0, -1], [-2048, 2047], [995, 1011], [-22, 1024]])
    packed = b"".join(
        bytes([a & 255, (a >> 8 & 15) | (b >> 8 & 15) << 4, b & 255]) for a, b in values.tolist()
    )
    record = medical.mitdb_100({"mitdb/100.dat": packed, "mitdb/100.atr": bytes([3, 4, 0, 0])})
    np.testing.assert_allclose(record["signal"], (values - 1024) / 200)
    assert record["samples"].tolist() == [3] and record["symbols"].tolist() == ["N"]


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
    samples, codes = medical._annotations(np.array(words))
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
    assert (
        air.shape == (43824, 8) and air["pm2.5"].isna().sum() == 2067 and air.index.freqstr == "h"
    )
    assert air.drop(columns="pm2.5").notna().all(axis=None) and set(air["cbwd"]) == {
        "NE",
        "NW",
        "SE",
        "cv",
    }


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
