"""The one way to a voice: name it, show a reservation, listen."""

from django.conf import settings

from clients.voices.base import Speech, VoiceRequest
from clients.voices.claude import ClaudeSpeech
from clients.voices.script import ScriptedSpeech
from monitoring.models import Reservation

CLAUDE, SCRIPTED = "claude", "scripted"


def voice_for_new_sessions() -> str:
    """Claude where a key is configured, the scripted voice otherwise."""
    return CLAUDE if settings.ANTHROPIC_API_KEY else SCRIPTED


def speak(voice: str, request: VoiceRequest, reservation: Reservation) -> Speech:
    """A reply in this voice. The reservation proves that the money was set aside; the caller settles it."""
    if reservation.state != Reservation.State.HELD:
        raise ValueError("no model is called without a held reservation")
    return ClaudeSpeech(request) if voice == CLAUDE else ScriptedSpeech(request)
