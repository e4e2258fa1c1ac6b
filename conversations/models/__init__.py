"""The nouns of conversations: sessions, messages, turns, assignments, rubrics, scorings, and what goes with them."""

from conversations.models.assignment import Assignment, AssignmentClient, AssignmentException
from conversations.models.attempt import Attempt
from conversations.models.classroom import Flag, MarginNote, Nudge, SessionFeedback, TranscriptReading
from conversations.models.message import Message
from conversations.models.notice import NoticeAcceptance
from conversations.models.rubric import Criterion, Rubric, RubricVersion
from conversations.models.scoring import Mark, Scoring, ScoringRevision
from conversations.models.session import Session
from conversations.models.turn import Turn

__all__ = [
    "Assignment",
    "AssignmentClient",
    "AssignmentException",
    "Attempt",
    "Criterion",
    "Flag",
    "MarginNote",
    "Mark",
    "Message",
    "NoticeAcceptance",
    "Nudge",
    "Rubric",
    "RubricVersion",
    "Scoring",
    "ScoringRevision",
    "Session",
    "SessionFeedback",
    "TranscriptReading",
    "Turn",
]
