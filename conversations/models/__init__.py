"""The nouns of conversations: sessions, messages, turns, and the accepted notice; rubrics and scorings."""

from conversations.models.message import Message
from conversations.models.notice import NoticeAcceptance
from conversations.models.rubric import Criterion, Rubric, RubricVersion
from conversations.models.scoring import Mark, Scoring, ScoringRevision
from conversations.models.session import Session
from conversations.models.turn import Turn

__all__ = [
    "Criterion",
    "Mark",
    "Message",
    "NoticeAcceptance",
    "Rubric",
    "RubricVersion",
    "Scoring",
    "ScoringRevision",
    "Session",
    "Turn",
]
