"""The nouns of conversations: sessions, messages, turns, and the accepted notice."""

from conversations.models.message import Message
from conversations.models.notice import NoticeAcceptance
from conversations.models.session import Session
from conversations.models.turn import Turn

__all__ = ["Message", "NoticeAcceptance", "Session", "Turn"]
