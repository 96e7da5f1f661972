"""Texts: tokenizers, vocabularies, encoders, classifiers, and what they have to beat."""

from rnnlib.text.bag_of_words import WordCounts
from rnnlib.text.classifier import TextClassifier
from rnnlib.text.classifier_suite import check_classifier
from rnnlib.text.encoder import Encoder
from rnnlib.text.lexicon import Vader
from rnnlib.text.lm_windows import LMWindows, make_lm_windows
from rnnlib.text.ngram import MarkovChain, NGram
from rnnlib.text.tokenizers import (
    TOKENIZERS,
    Subwords,
    Token,
    align_tokens,
    character_tokens,
    spacy_tokens,
    tokenize,
    toktok_tokens,
    treebank_tokens,
    word_tokens,
    wordpunct_tokens,
)
from rnnlib.text.vocabulary import Vocabulary

__all__ = [
    "Encoder",
    "LMWindows",
    "MarkovChain",
    "NGram",
    "Subwords",
    "TOKENIZERS",
    "TextClassifier",
    "Token",
    "Vader",
    "Vocabulary",
    "WordCounts",
    "align_tokens",
    "character_tokens",
    "check_classifier",
    "make_lm_windows",
    "spacy_tokens",
    "tokenize",
    "toktok_tokens",
    "treebank_tokens",
    "word_tokens",
    "wordpunct_tokens",
]
