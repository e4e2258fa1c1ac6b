"""The nouns of conversations: sessions, messages, turns, assignments, rubrics, scorings, and what goes with them."""

from conversations.models.assignment import Assignment, AssignmentClient, AssignmentException
from conversations.models.attempt import Attempt
from conversations.models.breach import Breach
from conversations.models.classroom import Flag, MarginNote, Nudge, SessionFeedback, TranscriptReading
from conversations.models.evaluation import Evaluation, EvaluationClaim, EvaluationFinding
from conversations.models.message import Message
from conversations.models.notice import NoticeAcceptance
from conversations.models.reflection import Reflection
from conversations.models.rubric import Criterion, Rubric, RubricVersion
from conversations.models.safety import ContentConsent, SafetyAlert
from conversations.models.scoring import Mark, Scoring, ScoringRevision
from conversations.models.section_models import SectionModels
from conversations.models.session import Session
from conversations.models.turn import Turn
from conversations.models.tutor_talk import TutorTalk

__all__ = [
    "Assignment",
    "AssignmentClient",
    "AssignmentException",
    "Attempt",
    "Breach",
    "ContentConsent",
    "Criterion",
    "Evaluation",
    "EvaluationClaim",
    "EvaluationFinding",
    "Flag",
    "MarginNote",
    "Mark",
    "Message",
    "NoticeAcceptance",
    "Nudge",
    "Reflection",
    "Rubric",
    "RubricVersion",
    "SafetyAlert",
    "Scoring",
    "ScoringRevision",
    "SectionModels",
    "Session",
    "SessionFeedback",
    "TranscriptReading",
    "Turn",
    "TutorTalk",
]
