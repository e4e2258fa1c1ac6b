"""The fixed lists a profile is written with, and how a talk with it ends: codes, named in the reader's language."""

from collections.abc import Sequence

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Choices = Sequence[tuple[str, str | Promise]]

DOMAIN = [
    ("social_work", _("Social work")),
    ("health", _("Health")),
    ("language", _("Language practice")),
    ("sales", _("Sales and service")),
]
DIFFICULTY = [("gentle", _("Gentle")), ("moderate", _("Moderate")), ("demanding", _("Demanding"))]
LANGUAGE = [
    ("en", _("English")),
    ("es", _("Spanish")),
    ("fr", _("French")),
    ("de", _("German")),
    ("it", _("Italian")),
    ("pt", _("Portuguese")),
]
GENDER = [("woman", _("Woman")), ("man", _("Man")), ("nonbinary", _("Non-binary"))]
RACE = [
    ("asian", _("Asian")),
    ("black", _("Black")),
    ("hispanic", _("Hispanic or Latino")),
    ("indigenous", _("Indigenous")),
    ("middle_eastern", _("Middle Eastern or North African")),
    ("pacific", _("Pacific Islander")),
    ("white", _("White")),
    ("multiracial", _("Multiracial")),
]
SOCIOECONOMIC_STATUS = [
    ("low", _("Low income")),
    ("lower_middle", _("Lower middle")),
    ("middle", _("Middle")),
    ("upper_middle", _("Upper middle")),
    ("high", _("High income")),
]
COMMUNICATION_STYLE = [
    ("brief", _("Brief")),
    ("rambling", _("Rambling")),
    ("formal", _("Formal")),
    ("blunt", _("Blunt")),
    ("deflecting", _("Deflecting")),
    ("emotional", _("Emotional")),
    ("storytelling", _("Tells stories")),
]
TRAITS = [
    ("guarded", _("Guarded")),
    ("anxious", _("Anxious")),
    ("warm", _("Warm")),
    ("proud", _("Proud")),
    ("irritable", _("Irritable")),
    ("talkative", _("Talkative")),
    ("withdrawn", _("Withdrawn")),
    ("skeptical", _("Skeptical")),
    ("hopeful", _("Hopeful")),
    ("stubborn", _("Stubborn")),
    ("humorous", _("Humorous")),
    ("ashamed", _("Ashamed")),
    ("practical", _("Practical")),
    ("impatient", _("Impatient")),
    ("perfectionist", _("Perfectionist")),
    ("loyal", _("Loyal")),
    ("grieving", _("Grieving")),
    ("ambitious", _("Ambitious")),
]
ISSUES = [
    ("anxiety", _("Anxiety")),
    ("depression", _("Depression")),
    ("grief", _("Grief")),
    ("substance_use", _("Substance use")),
    ("housing", _("Housing")),
    ("unemployment", _("Unemployment")),
    ("domestic_violence", _("Domestic violence")),
    ("parenting", _("Parenting")),
    ("chronic_illness", _("Chronic illness")),
    ("pain", _("Pain")),
    ("medication", _("Medication")),
    ("end_of_life", _("End of life")),
    ("isolation", _("Isolation")),
    ("school", _("School")),
    ("identity", _("Identity")),
    ("immigration", _("Immigration")),
    ("debt", _("Debt")),
    ("caregiving", _("Caregiving")),
    ("trauma", _("Trauma")),
    ("anger", _("Anger")),
    ("language_practice", _("Language practice")),
    ("purchase", _("A purchase")),
    ("negotiation", _("Negotiation")),
    ("complaint", _("A complaint")),
]

# What a degree of trust feels like to a student, from this percentage on.
TRUST = [
    (0, _("Said when asked")),
    (15, _("Said once the talk has warmed up")),
    (50, _("Said once they feel understood")),
    (70, _("Said only with real trust")),
]


class Outcome(TextChoices):
    """How a talk ends, or would if it ended now (`clients.state.State.outcome`)."""

    AGREES = "agrees", _("agreed to a next step")
    AMBIVALENT = "ambivalent", _("stayed of two minds")
    WALKS_OUT = "walks_out", _("walked out")


def label(choices: Choices, code: str) -> str:
    """The name of a code in the reader's language; free text is its own name."""
    return str(dict(choices).get(code, code))


def code(choices: Choices, text: str) -> str:
    """The code whose name or self the text is, in any case; other text stays as it is."""
    wanted = text.strip().casefold()
    for value, name in choices:
        if wanted in (value.casefold(), str(name).casefold()):
            return value
    return text.strip()


def trust_words(percent: int) -> str:
    """What it takes to hear something that needs this percentage of trust."""
    return str(next(words for limit, words in reversed(TRUST) if percent >= limit))
