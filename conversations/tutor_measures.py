"""How tutors talked, by their personas' own criteria: for each conversation, and over many."""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clients.personas.criteria import CRITERIA, Exchange, Result, Talk, measure, over_all
from conversations.models import Message, TutorTalk


@dataclass(frozen=True, slots=True)
class Line:
    """One criterion over many conversations: its name in words, in how many it was met, and in how many measured."""

    label: str
    met: int
    measured: int


@dataclass(frozen=True, slots=True)
class OfPersona:
    """The criteria of one persona over its conversations."""

    title: str
    talks: int
    lines: Sequence[Line]


def measured(talks: Sequence[TutorTalk]) -> Mapping[uuid.UUID, list[Result]]:
    """The criteria of each of these conversations by session, in one query; none where nothing was answered."""
    said: dict[uuid.UUID, list[tuple[str, str]]] = defaultdict(list)
    roles = [Message.Role.STUDENT, Message.Role.CLIENT]
    rows = Message.objects.spoken().filter(session__in=[talk.pk for talk in talks], role__in=roles)
    for session, role, text in rows.order_by("session", "sequence").values_list("session", "role", "content"):
        said[session].append((role, text))
    found = {}
    for talk in talks:
        tutor = talk.snapshot
        exchanges = _exchanges(said[talk.pk])
        if exchanges:
            found[talk.pk] = measure(Talk(exchanges, tutor.language), tutor.criteria)
    return found


def by_persona(talks: Sequence[TutorTalk], results: Mapping[uuid.UUID, list[Result]]) -> list[OfPersona]:
    """The same over all, persona by persona."""
    of: dict[str, list[TutorTalk]] = defaultdict(list)
    for talk in talks:
        if talk.pk in results:
            of[talk.snapshot.title].append(talk)
    return [
        OfPersona(
            title,
            len(found),
            [
                Line(str(CRITERIA[name].label), met, number)
                for name, (met, number) in over_all([results[talk.pk] for talk in found]).items()
            ],
        )
        for title, found in sorted(of.items())
    ]


def _exchanges(said: Sequence[tuple[str, str]]) -> list[Exchange]:
    """Each message of the learner with the reply to it; the greeting and what was not answered are none."""
    found, last = [], ""
    for role, text in said:
        if role == Message.Role.STUDENT:
            last = text
        elif last:
            found.append(Exchange(last, text))
            last = ""
    return found
