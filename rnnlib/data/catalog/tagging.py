"""Texts whose words are tagged, and what finds sentences;
the published files of NLTK are read directly.
"""

import re

from rnnlib.data.catalog.nltk_files import lines, nltk_inner_part, nltk_part, unzipped
from rnnlib.data.entry import DataSet


def treebank(files):
    """list of 3,914 dicts, a sentence each: words, tags (Penn Treebank), universal (12 tags);
    empty elements are left out.
    """
    members = unzipped(files["treebank.zip"])
    universal = _tag_map(files["universal_tagset/en-ptb.map"])
    sentences = []
    for name in sorted(
        name for name in members if re.fullmatch(r"treebank/combined/wsj_\d+\.mrg", name)
    ):
        for tree in re.split(r"\n(?=\()", members[name].decode("ascii").strip()):
            leaves = [
                leaf
                for leaf in re.findall(r"\(([^\s()]+) ([^\s()]+)\)", tree)
                if leaf[0] != "-NONE-"
            ]
            sentences.append(
                _tagged([word for _, word in leaves], [tag for tag, _ in leaves], universal)
            )
    return sentences


def brown(files):
    """list of 57,340 dicts, a sentence each: words, tags (Brown's, upper case), universal (12
    tags), genre, file.
    """
    members = unzipped(files["brown.zip"])
    universal = _tag_map(files["universal_tagset/en-brown.map"])
    sentences = []
    for line in lines(members["brown/cats.txt"]):
        name, genre = line.split()
        for sentence in lines(members[f"brown/{name}"]):
            pairs = [token.rsplit("/", 1) for token in sentence.split()]
            if pairs:
                tagged = _tagged(
                    [word for word, _ in pairs], [tag.upper() for _, tag in pairs], universal
                )
                sentences.append({**tagged, "genre": genre, "file": name})
    return sentences


def _tagged(words, tags, universal):
    return {"words": words, "tags": tags, "universal": [universal.get(tag, "X") for tag in tags]}


def _tag_map(blob):
    return dict(line.split("\t") for line in lines(blob))


def conll2000(files):
    """dict: train (8,936 sentences) and test (2,012), lists of dicts:
    words, tags (Penn Treebank), chunks (IOB).
    """
    members = unzipped(files["conll2000.zip"])
    return {
        part: _columns(members[f"conll2000/{part}.txt"].decode("ascii"))
        for part in ("train", "test")
    }


def _columns(text):
    sentences = []
    for block in text.strip().split("\n\n"):
        words, tags, chunks = zip(*(line.split() for line in block.splitlines()), strict=True)
        sentences.append({"words": list(words), "tags": list(tags), "chunks": list(chunks)})
    return sentences


def punkt_tab(files):
    """nltk.tokenize.PunktSentenceTokenizer for English:
    `tokenize(text)`, and `span_tokenize(text)` for offsets.
    """
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

    listed = {name.split("/")[-1].split(".")[0]: lines(blob) for name, blob in files.items()}
    parameters = PunktParameters()
    parameters.abbrev_types = set(listed["abbrev_types"])
    parameters.sent_starters = set(listed["sent_starters"])
    parameters.collocations = {tuple(line.split("\t")) for line in listed["collocations"]}
    for line in listed["ortho_context"]:
        word, flags = line.split("\t")
        parameters.ortho_context[word] = int(flags)
    return PunktSentenceTokenizer(parameters)


TAGSET = nltk_inner_part(
    "taggers",
    "universal_tagset",
    r"(universal_tagset/en-(?:ptb|brown)\.map)",
    {
        "universal_tagset/en-ptb.map": (
            "9cdfd3fefcdc3722d69f5283abc5f00b4251c834d4631d7fa80a9eb658ebe746"
        ),
        "universal_tagset/en-brown.map": (
            "572adfd9c6f3d2ddfc1051b284daac527eb5593a0854cc9f1486168bddd1cbd0"
        ),
    },
)

SETS = {
    "treebank": DataSet(
        "Penn Treebank sample (10 %): 3,914 tagged sentences of the Wall Street Journal",
        "fair-use sample, (C) LDC 1995, non-commercial (NC); tag map CC BY-SA 4.0",
        "NLTK data",
        treebank,
        (
            nltk_part(
                "corpora",
                "treebank",
                "9da92d76c3666cfb6cddeaed0f7e86b344cce0f0928a286d439e555f19c37399",
            ),
            TAGSET,
        ),
    ),
    "brown": DataSet(
        "Brown corpus: 57,340 tagged sentences of 15 genres, American English of 1961",
        '"may be used for non-commercial purposes" (NC); tag map CC BY-SA 4.0',
        "NLTK data",
        brown,
        (
            nltk_part(
                "corpora",
                "brown",
                "9b275f9b3b95d7bd66ccfb7cd259f445a13bbe5d1f4107aba09fd3e8364bafa6",
            ),
            TAGSET,
        ),
    ),
    "conll2000": DataSet(
        "CoNLL-2000 shared task: 8,936 + 2,012 sentences with part-of-speech and chunk tags",
        "none stated in the package; the WSJ text is LDC material",
        "NLTK data; https://www.clips.uantwerpen.be/conll2000/chunking/",
        conll2000,
        (
            nltk_part(
                "corpora",
                "conll2000",
                "01e65164f268366e7caa0db92332a1955d081908c87016e2c7640c3c5279b7cd",
            ),
        ),
    ),
    "punkt_tab": DataSet(
        "Punkt's English parameters: where sentences end (Kiss & Strunk 2006)",
        "none stated in the package",
        "NLTK data",
        punkt_tab,
        (
            nltk_inner_part(
                "tokenizers",
                "punkt_tab",
                r"(punkt_tab/english/\w+\.(?:tab|txt))",
                {
                    "punkt_tab/english/abbrev_types.txt": (
                        "92a3e070f43d9b4c5534758ca40ad7343b04e7e29bfe0c2eb658a39445a4f779"
                    ),
                    "punkt_tab/english/collocations.tab": (
                        "8e2da1225e4dd2cc9dba261ee231ccb134859e21b46006e7f472c5ee269af0cf"
                    ),
                    "punkt_tab/english/ortho_context.tab": (
                        "4bbcca25ed3d3f06c02402abf8419b9f033b8adc06e7b482eca4e45f81a5dc4c"
                    ),
                    "punkt_tab/english/sent_starters.txt": (
                        "f3f8535483e1dba487241b764945168123bca3209a9645e59acd1225dc76edac"
                    ),
                },
            ),
        ),
    ),
}
