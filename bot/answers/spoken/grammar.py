"""What a short reply in words says: yes, no, or neither. It never guesses.

A reply counts only if all of it is made of phrases from one language's table: *yes* if some of them say yes
and none says no, and the other way about. One word that is not in the table, a question mark, an emoji or
mark-up, and it counts as neither. The word of a negation is in no phrase that says yes.
"""

import re
import unicodedata
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple


class Said(StrEnum):
    """What a reply says."""

    YES = "yes"
    NO = "no"
    UNCLEAR = "unclear"


class Phrases(NamedTuple):
    """One language's phrases, without capitals and punctuation.

    Attributes:
        yes: the start was expected.
        no: it was not.
        beside: what may stand beside either, and says nothing by itself.
        negations: words that turn a sentence round; none is in ``yes``.
    """

    yes: tuple[str, ...]
    no: tuple[str, ...]
    beside: tuple[str, ...]
    negations: tuple[str, ...]


TABLE = MappingProxyType(
    {
        "English": Phrases(
            yes=(
                "yes",
                "yep",
                "yeah",
                "it was me",
                "that was me",
                "this was me",
                "was me",
                "it's me",
                "yes it was",
                "i did it",
                "i did that",
                "i started it",
                "i started that",
                "that's expected",
                "that was expected",
                "it was expected",
                "this was expected",
                "expected",
                "confirm",
                "confirmed",
                "i confirm",
            ),
            no=(
                "no",
                "nope",
                "not me",
                "it wasn't me",
                "that wasn't me",
                "this wasn't me",
                "wasn't me",
                "it was not me",
                "that was not me",
                "this was not me",
                "not mine",
                "i didn't",
                "i did not",
                "i didn't start it",
                "i did not start it",
                "not expected",
                "unexpected",
                "reject",
                "reject it",
                "i reject",
            ),
            beside=("hi", "hello", "please", "thanks", "thank you", "sorry"),
            negations=(
                "no",
                "not",
                "never",
                "nope",
                "nobody",
                "none",
                "neither",
                "nor",
                "without",
                "wasn't",
                "isn't",
                "didn't",
                "don't",
                "doesn't",
                "can't",
                "cannot",
                "won't",
                "wasnt",
                "isnt",
                "didnt",
                "dont",
                "unexpected",
                "hardly",
            ),
        ),
        "German": Phrases(
            yes=(
                "ja",
                "jawohl",
                "jep",
                "das war ich",
                "war ich",
                "ich war das",
                "ich war es",
                "ich war's",
                "ich wars",
                "das bin ich",
                "das war erwartet",
                "war erwartet",
                "erwartet",
                "bestätigt",
                "bestätige",
                "ich bestätige",
                "ich bestätige das",
            ),
            no=(
                "nein",
                "nö",
                "ne",
                "nee",
                "das war ich nicht",
                "war ich nicht",
                "ich war das nicht",
                "ich war es nicht",
                "ich war's nicht",
                "ich wars nicht",
                "nicht ich",
                "ich nicht",
                "nicht von mir",
                "nicht erwartet",
                "unerwartet",
                "ablehnen",
                "abgelehnt",
                "ich lehne ab",
            ),
            beside=("hallo", "bitte", "danke", "sorry"),
            negations=(
                "nein",
                "nicht",
                "nie",
                "niemals",
                "niemand",
                "nichts",
                "kein",
                "keine",
                "keiner",
                "keinesfalls",
                "keineswegs",
                "nö",
                "ne",
                "nee",
                "ohne",
                "weder",
                "unerwartet",
                "kaum",
            ),
        ),
        "Spanish": Phrases(
            yes=(
                "sí",
                "si",
                "fui yo",
                "he sido yo",
                "era yo",
                "soy yo",
                "yo fui",
                "lo hice yo",
                "lo inicié yo",
                "era esperado",
                "esperado",
                "confirmo",
                "confirmado",
                "lo confirmo",
            ),
            no=(
                "no",
                "no fui yo",
                "yo no fui",
                "yo no",
                "no he sido yo",
                "no soy yo",
                "no era yo",
                "no es mío",
                "no es mía",
                "no esperado",
                "inesperado",
                "no lo confirmo",
                "no confirmo",
                "rechazo",
                "rechazar",
                "rechazado",
                "lo rechazo",
            ),
            beside=("hola", "gracias", "por favor", "perdón"),
            negations=(
                "no",
                "ni",
                "nunca",
                "jamás",
                "nadie",
                "nada",
                "ningún",
                "ninguno",
                "ninguna",
                "tampoco",
                "sin",
                "inesperado",
                "apenas",
            ),
        ),
        "French": Phrases(
            yes=(
                "oui",
                "ouais",
                "c'était moi",
                "c'est moi",
                "c'était bien moi",
                "c'est bien moi",
                "c'est attendu",
                "c'était attendu",
                "c'était prévu",
                "c'est prévu",
                "attendu",
                "prévu",
                "je confirme",
                "confirmé",
                "confirmer",
            ),
            no=(
                "non",
                "pas moi",
                "ce n'était pas moi",
                "ce n'est pas moi",
                "c'était pas moi",
                "c'est pas moi",
                "pas attendu",
                "pas prévu",
                "imprévu",
                "inattendu",
                "je ne confirme pas",
                "je refuse",
                "refuser",
                "refusé",
                "je rejette",
                "rejeter",
                "rejeté",
            ),
            beside=("bonjour", "salut", "merci", "s'il vous plaît", "s'il te plaît", "désolé", "désolée"),
            negations=(
                "non",
                "ne",
                "n'",
                "pas",
                "jamais",
                "personne",
                "rien",
                "aucun",
                "aucune",
                "sans",
                "ni",
                "guère",
                "imprévu",
                "inattendu",
            ),
        ),
    }
)
"""Language → its phrases."""

LONGEST = 80
"""Characters. Whoever writes more has something else to say."""

_APOSTROPHES = dict.fromkeys(map(ord, "\u2018\u2019\u02bc\u00b4`"), "'")
_PLAIN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*(?:[ ,;:.!\u2013-]+[^\W\d_]+(?:'[^\W\d_]+)*)*[.!]{0,3}")
"""Words, with simple punctuation between them and at the end: no digit, emoji, mark-up or question."""
_DOTS = re.compile(r"\.\.|\u2026")
_BETWEEN = re.compile(r"[ ,;:.!\u2013-]+")


def understood(text: str) -> Said:
    """What this reply says; ``UNCLEAR`` where there is any doubt."""
    words = _words(text)
    if not words:
        return Said.UNCLEAR
    found = {said for phrases in TABLE.values() if (said := _in_one_language(words, phrases)) is not None}
    return found.pop() if len(found) == 1 else Said.UNCLEAR


def _words(text: str) -> tuple[str, ...]:
    """The words of a plain short text; none of any other."""
    if len(text) > LONGEST:
        return ()
    text = unicodedata.normalize("NFC", text).translate(_APOSTROPHES).strip().lstrip("\u00a1").lower()
    if _DOTS.search(text) or _PLAIN.fullmatch(text) is None:
        return ()
    return tuple(word for word in _BETWEEN.split(text) if word)


def _in_one_language(words: tuple[str, ...], phrases: Phrases) -> Said | None:
    """What it says if all of it is in this language's table; ``None`` if it is not."""
    yes = _made_of(words, phrases.yes, phrases.beside)
    no = _made_of(words, phrases.no, phrases.beside)
    if yes == no:
        return Said.UNCLEAR if yes else None
    return Said.YES if yes else Said.NO


def _made_of(words: tuple[str, ...], telling: tuple[str, ...], beside: tuple[str, ...]) -> bool:
    """Whether the words are such phrases one after the other, at least one of them ``telling``."""
    told = {tuple(phrase.split()) for phrase in telling}
    either = told | {tuple(phrase.split()) for phrase in beside}
    # What can be read up to each word: not at all, without a telling phrase, or with one.
    reads: list[set[bool]] = [{False}, *(set() for _ in words)]
    for start in range(len(words)):
        for phrase in either:
            end = start + len(phrase)
            if reads[start] and words[start:end] == phrase:
                reads[end] |= {already or phrase in told for already in reads[start]}
    return True in reads[-1]
