"""What a reply in words says. The grammar never guesses, and no negation confirms."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.answers.spoken.grammar import LONGEST, TABLE, Said, understood

YES = [
    "yes",
    "Yes.",
    "yes!!",
    "Yes, that was me",
    "yes that was me, thanks",
    "It was me.",
    "hi, it was me",
    "confirmed",
    "ja",
    "Ja, war ich",
    "ja das war ich.",
    "Das war ich, danke!",
    "s\u00ed",
    "S\u00ed, fui yo",
    "\u00a1S\u00ed!",
    "fui yo, gracias",
    "oui",
    "Oui, c\u2019\u00e9tait moi",
    "c'est moi, merci",
]
NO = [
    "no",
    "No!",
    "no, not me",
    "reject, not mine",
    "Reject",
    "it wasn\u2019t me",
    "that was not me, sorry",
    "nein",
    "Nein, das war ich nicht",
    "war ich nicht",
    "no, no fui yo",
    "yo no fui",
    "non, pas moi",
    "ce n\u2019\u00e9tait pas moi",
]
UNCLEAR = [
    "",
    " ",
    "ok",
    "yes?",
    "yes...",
    "yes \u2026",
    "yes but no",
    "yes and no",
    "yes/no",
    "not yes",
    "yes not",
    "yes, if it was before noon",
    "was it me",
    "I think it was me",
    "ja, war ich nicht",
    "ja nein",
    "no, that was me",
    "s\u00ed, no fui yo",
    "oui, pas moi",
    "yes :thumbsup:",
    "\U0001f44d",
    ":+1:",
    "> yes",
    "~yes~",
    "`yes`",
    "*yes*",
    "yes <@U0OLIVIA01>",
    "yes 1",
    "yes\nno",
    "y e s",
    "yesterday",
    "nobody",
    "thanks",
    "ja " * 40,
    "ye\u200bs",
    "yes\u202e",
]


@pytest.mark.parametrize("text", YES)
def test_a_clear_yes_is_a_yes(text: str) -> None:
    assert understood(text) is Said.YES


@pytest.mark.parametrize("text", NO)
def test_a_clear_no_is_a_no(text: str) -> None:
    assert understood(text) is Said.NO


@pytest.mark.parametrize("text", UNCLEAR)
def test_everything_else_is_neither(text: str) -> None:
    assert understood(text) is Said.UNCLEAR


@pytest.mark.parametrize("language", TABLE)
def test_every_phrase_of_the_table_says_what_it_is_listed_for(language: str) -> None:
    phrases = TABLE[language]
    assert {understood(phrase) for phrase in phrases.yes} == {Said.YES}
    assert {understood(phrase) for phrase in phrases.no} == {Said.NO}
    assert {understood(phrase) for phrase in phrases.beside} == {Said.UNCLEAR}


@pytest.mark.parametrize("language", TABLE)
def test_no_phrase_that_says_yes_holds_a_negation(language: str) -> None:
    every = {word for phrases in TABLE.values() for word in phrases.negations}
    said = {word for phrase in (*TABLE[language].yes, *TABLE[language].beside) for word in phrase.split()}
    assert said.isdisjoint(every)


_NEGATIONS = sorted({word for phrases in TABLE.values() for word in phrases.negations})
_PHRASES = sorted({p for phrases in TABLE.values() for p in (*phrases.yes, *phrases.beside)})
_WORDS = sorted({word for phrase in _PHRASES for word in phrase.split()})
_FREE = st.text(min_size=0, max_size=12)
_BETWEEN = st.sampled_from([" ", ", ", ". ", "! ", " - ", "\u2019", "'", "\n", "  "])


@given(
    before=st.lists(st.sampled_from(_PHRASES + _WORDS) | _FREE, max_size=4),
    negation=st.sampled_from(_NEGATIONS),
    after=st.lists(st.sampled_from(_PHRASES + _WORDS) | _FREE, max_size=4),
    between=_BETWEEN,
    capitals=st.booleans(),
)
@example(before=["yes"], negation="not", after=["me"], between=" ", capitals=False)
@example(before=["oui", "c'est"], negation="n'", after=["pas"], between=" ", capitals=True)
def test_no_sentence_with_a_negation_confirms(
    before: list[str], negation: str, after: list[str], between: str, *, capitals: bool
) -> None:
    text = between.join([" ".join(before), negation, " ".join(after)])
    assert understood(text.upper() if capitals else text) is not Said.YES


@given(st.text(max_size=200))
def test_any_text_is_read_without_an_error(text: str) -> None:
    said = understood(text)
    assert said is Said.UNCLEAR or len(text) <= LONGEST


@given(
    st.lists(st.sampled_from(_PHRASES), min_size=1, max_size=4), st.sampled_from(sorted("0?/\\<>&*_~`|@#"))
)
def test_a_sign_that_is_no_plain_word_makes_it_unclear(phrases: list[str], sign: str) -> None:
    assert understood(f"{' '.join(phrases)} {sign}") is Said.UNCLEAR
    assert understood(f"{sign}{' '.join(phrases)}") is Said.UNCLEAR
