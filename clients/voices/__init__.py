"""Voices: who speaks for a client, behind one interface that streams text and knows its usage at the end."""

from clients.voices.base import Ending, Fault, Speech, VoiceError, VoiceRequest
from clients.voices.patience import OnWait
from clients.voices.speaking import speak, voice_for_new_sessions

__all__ = [
    "Ending",
    "Fault",
    "OnWait",
    "Speech",
    "VoiceError",
    "VoiceRequest",
    "speak",
    "voice_for_new_sessions",
]
