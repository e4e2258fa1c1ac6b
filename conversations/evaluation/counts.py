"""What a student's messages do, as clients.skills codes them, and how often; never by a model."""

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.utils.translation import gettext_lazy as _

from clients import skills
from conversations.evaluation.transcript import Line
from conversations.models import Message, Session

# What is counted, in this order, as people call it; the rest is of no use to a teacher.
LABELS = {
    "open_question": _("open questions"),
    "closed_question": _("closed questions"),
    "simple_reflection": _("simple reflections"),
    "complex_reflection": _("complex reflections"),
    "affirmation": _("affirmations"),
    "sympathy": _("sympathy"),
    "summary": _("summaries"),
    "permission": _("asking leave"),
    "information": _("information"),
    "advice": _("unasked advice"),
    "confrontation": _("confrontations"),
    "self_disclosure": _("talk of oneself"),
    "apology": _("apologies"),
    "next_step": _("next steps"),
    "out_of_role": _("out of role"),
}


class Heard(NamedTuple):
    """A student's message as the client heard it: number, text, what it did, and whether it hurt the client."""

    number: int
    text: str
    acts: tuple[str, ...]
    ruptured: bool = False


def lines_of(session: Session) -> list[tuple[uuid.UUID, Line]]:
    """What was said between the two, in order, with each message's key. One query."""
    said = session.messages.spoken().filter(role__in=[Message.Role.STUDENT, Message.Role.CLIENT])
    rows = said.values_list("pk", "sequence", "role", "content")
    return [(pk, Line(sequence, role, content)) for pk, sequence, role, content in rows]


def heard_in(session: Session, said: Sequence[tuple[uuid.UUID, Line]]) -> list[Heard]:
    """The student's messages as their turns have them; what no turn has coded is coded now. One query.

    With all that each does, sure or not; the review that a student reads leaves out what is not (`coaching.remarks`).
    """
    states = session.turns.states()
    language = session.snapshot.language if session.snapshot else "en"
    found, before = [], ""
    for pk, line in said:
        if line.who == Message.Role.STUDENT:
            state = states.get(pk) or {"acts": skills.code(line.text, language, before).acts}
            found.append(Heard(line.number, line.text, tuple(state["acts"]), state.get("ruptured", False)))
        before = line.text
    return found


def count(messages: Iterable[Heard]) -> dict[str, int]:
    """How many messages do what, by the code of the skill; those that nobody does are left out."""
    return dict(Counter(act for message in messages for act in set(message.acts)))


def in_words(counts: dict[str, int]) -> list[tuple[str, int]]:
    """The counts that a teacher reads, in a fixed order."""
    return [(str(label), counts[code]) for code, label in LABELS.items() if counts.get(code)]
