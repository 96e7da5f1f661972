"""Citations by author and year in round brackets: Elman (1990); (Elman, 1990; Jordan, 1986)."""

from dataclasses import dataclass, field

from sphinxcontrib.bibtex.plugin import register_plugin
from sphinxcontrib.bibtex.style.referencing import BracketStyle
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle


def in_sentence():
    """Elman (1990) and Jordan (1986)."""
    return BracketStyle(left="(", right=")")


def in_brackets():
    """(Elman, 1990; Jordan, 1986)."""
    return BracketStyle(left="(", right=")", sep="; ")


@dataclass
class RoundAuthorYear(AuthorYearReferenceStyle):
    """The style `author_year`, with round brackets."""

    bracket_textual: BracketStyle = field(default_factory=in_sentence)
    bracket_parenthetical: BracketStyle = field(default_factory=in_brackets)


def setup(app):
    """Register with Sphinx."""
    register_plugin("sphinxcontrib.bibtex.style.referencing", "author_year_round", RoundAuthorYear)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
