"""The one way to a voice: name it, show a reservation, listen."""

from django.conf import settings

from clients.voices.base import Speech, VoiceRequest
from clients.voices.breaker import Key
from clients.voices.claude import ClaudeSpeech
from clients.voices.patience import OnWait, PatientSpeech, switchboard
from clients.voices.script import ScriptedSpeech
from monitoring import breakers
from monitoring.models import Reservation

CLAUDE, SCRIPTED = "claude", "scripted"


def voice_for_new_sessions() -> str:
    """Claude where a key is configured, the scripted voice otherwise."""
    return CLAUDE if settings.ANTHROPIC_API_KEY else SCRIPTED


def speak(
    voice: str,
    request: VoiceRequest,
    reservation: Reservation,
    *,
    on_wait: OnWait | None = None,
    patient: bool = True,
) -> Speech:
    """A reply in this voice. The reservation proves that the money was set aside; the caller settles it.

    `on_wait` is called on joining a line and when the place in it changes, at most about once a second; it must not
    raise. Without patience there is one call, with no line, no breaker and no deadline. Call it in the event loop that
    listens.
    """
    if reservation.state != Reservation.State.HELD:
        raise ValueError("no model is called without a held reservation")
    if voice != CLAUDE:
        return ScriptedSpeech(request)
    if not patient:
        return ClaudeSpeech(request)
    key = Key(breakers.configured_provider(), request.model)
    return PatientSpeech(lambda: ClaudeSpeech(request), key, on_wait=on_wait, board=switchboard())
