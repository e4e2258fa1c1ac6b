"""The one way to a voice: name it, show a reservation, listen."""

from clients.voices.base import Speech, VoiceRequest
from clients.voices.calling import call, call_patiently
from clients.voices.claude import parameters
from clients.voices.patience import OnWait, switchboard
from clients.voices.script import ScriptedSpeech
from monitoring import providers
from monitoring.models import Reservation

CLAUDE, SCRIPTED = "claude", "scripted"


def voice_for_new_sessions(*models: str) -> tuple[str, str]:
    """Voice and model of who speaks: the first of these whose provider can be called, else the scripted voice."""
    model = providers.first_ready(models)
    return (CLAUDE, model) if model else (SCRIPTED, SCRIPTED)


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
        return call(request.endpoint, parameters(request))
    return call_patiently(
        request.endpoint, request.model, lambda: parameters(request), on_wait=on_wait, board=switchboard()
    )
