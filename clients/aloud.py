"""Turning what a teacher wrote about a client into what the client can say: the first person, where that is safe."""

from __future__ import annotations

import re

from clients.words import plain

_SELF = {
    "en": re.compile(r"\b(?:I|I'm|I've|I’m|I’ve|[Mm]y|[Mm]e)\b"),
    "es": re.compile(r"\b(?:yo|me|mi|mis|soy|estoy|tengo|vivo|quiero|necesito|perdí|he)\b", re.IGNORECASE),
}
# After someone else of the same sex "she" or "he" is ambiguous.
_OTHERS = {
    "she": {
        "mother",
        "mom",
        "mum",
        "sister",
        "daughter",
        "wife",
        "girlfriend",
        "aunt",
        "grandmother",
        "niece",
        "woman",
        "girl",
    },
    "he": {"father", "dad", "brother", "son", "husband", "boyfriend", "uncle", "grandfather", "nephew", "man", "boy"},
}
_VERBS = {"is": "am", "has": "have", "does": "do", "was": "was", "goes": "go"}
_VERBS |= {"isn't": "am not", "hasn't": "haven't", "doesn't": "don't", "wasn't": "wasn't"}
_POSSESSIVE, _OBJECT = {"she": "her", "he": "his"}, {"she": "her", "he": "him"}
# Before these a plain "her" is the person, not a possessive.
_ENDS = {
    "",
    "to",
    "and",
    "for",
    "with",
    "in",
    "on",
    "at",
    "when",
    "but",
    "because",
    "after",
    "about",
    "from",
    "by",
    "if",
    "that",
}
_ADVERBS = {
    "and",
    "but",
    "or",
    "also",
    "still",
    "often",
    "now",
    "never",
    "always",
    "usually",
    "only",
    "recently",
    "just",
}
_MARKS = ".,;:!?…\"”'’()"


def aloud(sentence: str, *, name: str, pronouns: str = "", gender: str = "", language: str = "en") -> str:
    """A sentence as the client would say it, or "" when it cannot safely be said.

    One in the first person is taken as it is; an English one in the third person is turned when it can only be about
    the client.
    """
    first = _SELF.get(language)
    if first and first.search(sentence):
        return sentence
    person = _person(pronouns, gender)
    return _first_person(sentence, name, person) if language == "en" and person else ""


def _person(pronouns: str, gender: str) -> str:
    if pronouns:
        return next((person for person in ("she", "he") if pronouns.casefold().startswith(person + "/")), "")
    return {"woman": "she", "man": "he"}.get(gender, "")


def _first_person(sentence: str, name: str, person: str) -> str:
    names = {plain(part) for part in name.split()}
    tokens = [(token, plain(token).strip(_MARKS)) for token in sentence.split()]
    bare = [word for _, word in tokens]
    pronouns = {person, _POSSESSIVE[person], _OBJECT[person]}
    first_other = next((place for place, word in enumerate(bare) if word in _OTHERS[person]), len(bare))
    if pronouns.intersection(bare[first_other:]) or not (names | pronouns).intersection(bare):
        return ""
    following = [word for _, word in tokens[1:]] + [""]
    turned: list[str] = []
    verb_next = was_name = False
    for (token, word), after in zip(tokens, following, strict=True):
        if word in names and was_name:
            continue
        was_name = word in names
        new = _turn(person if was_name else word, after, person, verb_next=verb_next)
        verb_next = new == "I" or (verb_next and word in _ADVERBS)
        turned.append(token if new is None else new + token[len(token.rstrip(_MARKS)) :])
    line = " ".join(turned)
    return line[0].upper() + line[1:]


def _turn(word: str, after: str, person: str, *, verb_next: bool) -> str | None:
    """One word as the client says it, or None when it stays as it is."""
    possessive = word == _POSSESSIVE[person] and (person == "he" or after not in _ENDS)
    fixed = {person: "I", f"{person}'s": "I'm", "himself": "myself", "herself": "myself", _OBJECT[person]: "me"}
    if possessive:
        return "my"
    if word in fixed:
        return fixed[word]
    return _verb(word) if verb_next and word not in _ADVERBS else None


def _verb(word: str) -> str | None:
    """A verb of the third person in the first, or None when it stays as it is."""
    if word in _VERBS:
        return _VERBS[word]
    if word.endswith(("ches", "shes", "sses", "xes", "zes")):
        return word[:-2]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us")) else None
