"""The chat socket: it reads frames, calls verbs and shows what happens; it owns nothing that must not be lost."""

import logging
import uuid

from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth import HASH_SESSION_KEY
from django.db import Error as DatabaseFault
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.backends import from_this_machine
from accounts.models import User
from conversations import protocol
from conversations.counterparts import counterpart_of
from conversations.live.database import in_database
from conversations.live.engine import Engine, engine
from conversations.live.hub import Viewer
from conversations.models import Message, Session
from conversations.protocol import Close, Code, ProtocolError
from conversations.readings import log_following
from conversations.safety import SetAsideError
from conversations.supervision import mark_shown
from conversations.tips import Tip, has_tips, tips_of
from conversations.turns.accept import Accepted, ClaimedTurn, TurnRefusedError, accept, request_stop, retry
from conversations.turns.resume import BroughtUpToDate, bring_up_to_date
from monitoring import logs

logger = logging.getLogger("rapport.socket")


class ChatConsumer(AsyncWebsocketConsumer):
    """One socket on one session. Without a channel layer, so that Redis going away closes nothing."""

    engine: Engine
    viewer: Viewer | None = None
    user: User

    async def connect(self) -> None:
        """Accept first and then close with a code, so that a browser can read why."""
        await self.accept()
        logs.know(request_id=logs.request_id(self._header(b"x-request-id")))
        self.engine = await engine()
        user = self.scope["user"]
        if not user.is_authenticated or (user.is_demo and not self._from_this_machine()):
            await self.close(Close.NOT_SIGNED_IN)
            return
        self.user = user
        logs.know(session_id=self.scope["url_route"]["kwargs"]["session_id"], user_id=user.pk)
        if self.engine.draining:
            await self.close(Close.RESTARTING)
            return
        found = await in_database(find_session, user, self.scope["url_route"]["kwargs"]["session_id"])
        if found is None:
            await self.close(Close.NO_SUCH_SESSION)
            return
        session, name = found
        self.viewer = Viewer(
            user_id=user.pk,
            session_id=session.pk,
            sign_in=self.scope["session"].session_key,
            auth_hash=self.scope["session"][HASH_SESSION_KEY],
            shows_cost=not user.is_student,
            language=user.language or translation.get_language(),
            client_name=name,
            send=self._show,
            close=self.close,
            in_chair=session.student_id == user.pk,
            tips=session.student_id == user.pk and has_tips(session),
        )
        if not self.viewer.in_chair:
            await in_database(log_following, by=user, session=session)
        self.engine.hub.add(self.viewer, session)
        await self.send(protocol.hello(session))

    async def disconnect(self, code: int) -> None:
        """Stop looking; what runs goes on without us."""
        if self.viewer is not None:
            self.engine.hub.remove(self.viewer)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Follow one frame; whatever is wrong with it is answered, and the socket stays open."""
        if self.viewer is None or not self.engine.hub.has(self.viewer):
            # Refused, or access was withdrawn: a client that ignores the close frame is not heard.
            return
        with translation.override(self.user.language or translation.get_language()):
            try:
                request = protocol.read(text_data)
                await self._follow(request, self.viewer)
            except ProtocolError as problem:
                await self.send(protocol.error(problem))
            except DatabaseFault:
                logger.exception("the database did not take a frame")
                key = str(request.client_key) if isinstance(request, protocol.Send) else None
                words = _("This could not be saved just now. Your text is safe with you; try again in a moment.")
                await self.send(protocol.error(ProtocolError(Code.PROVIDER_UNAVAILABLE, words, key)))

    async def _follow(self, request: protocol.Request, viewer: Viewer) -> None:
        if not viewer.in_chair and isinstance(request, protocol.Send | protocol.Stop | protocol.Retry):
            key = str(request.client_key) if isinstance(request, protocol.Send) else None
            raise ProtocolError(Code.FORBIDDEN, _("You can read this conversation, not write in it."), key)
        match request:
            case protocol.Send():
                await self._say(request, viewer)
            case protocol.Stop():
                await self._stop(request, viewer)
            case protocol.Retry():
                await self._retry(request, viewer)
            case protocol.Resume():
                await self._resume(request, viewer)
            case protocol.Shown():
                await in_database(mark_shown, by=self.user, session_id=viewer.session_id, nudge_id=request.notice)
            case _:
                await self.send(protocol.PONG)

    async def _say(self, request: protocol.Send, viewer: Viewer) -> None:
        self._refuse_while_draining(str(request.client_key))
        accepted = await self.engine.runner.accept(viewer.session_id, self._take(request, viewer))
        if accepted and accepted.claimed is None:
            await self._show_again(accepted, viewer)

    async def _take(self, request: protocol.Send, viewer: Viewer) -> Accepted | None:
        """Accept a message and start its reply; None where it was set aside, and no reply belongs to it."""
        try:
            accepted: Accepted = await in_database(
                accept,
                by=self.user,
                session_id=viewer.session_id,
                client_key=request.client_key,
                text=request.text,
                owner=self.engine.process_id,
            )
        except TurnRefusedError as refusal:
            raise ProtocolError(refusal.code, str(refusal), str(request.client_key), refusal.retry_after) from refusal
        except SetAsideError as aside:
            await self._show_aside(aside, viewer)
            return None
        viewer.own_replies.add(accepted.turn.reply_id)
        viewer.held_sequence += accepted.message.sequence == viewer.held_sequence + 1
        try:
            await self.send(protocol.accepted(accepted.message))
            for other in self.engine.hub.of(viewer.session_id) if accepted.claimed else ():
                if other is not viewer and other.resumed:
                    await other.give(accepted.message)
        finally:
            # Also when this socket is gone: what was accepted is answered.
            if accepted.claimed:
                self._start(accepted.claimed, accepted.revision)
        return accepted

    async def _show_aside(self, aside: SetAsideError, viewer: Viewer) -> None:
        """A message that was set aside and what the portal says to it; that the session rests, the watch tells."""
        for message in (aside.message, aside.answer):
            viewer.held_sequence += message.sequence == viewer.held_sequence + 1
        await self.send(protocol.accepted(aside.message))
        await self.send(protocol.stored(aside.answer))
        for other in self.engine.hub.of(viewer.session_id) if aside.is_new else ():
            if other is not viewer and other.resumed:
                await other.give(aside.message)
                await other.give(aside.answer)
        if aside.is_new and not aside.paused:
            self.engine.hub.told(viewer.session_id, aside.revision)

    async def _retry(self, request: protocol.Retry, viewer: Viewer) -> None:
        self._refuse_while_draining(None)
        accepted = await self.engine.runner.accept(viewer.session_id, self._take_again(request, viewer))
        if accepted.claimed is None:
            await self._show_again(accepted, viewer)

    async def _take_again(self, request: protocol.Retry, viewer: Viewer) -> Accepted:
        """Accept another attempt at a reply and start it."""
        try:
            accepted: Accepted = await in_database(
                retry,
                by=self.user,
                session_id=viewer.session_id,
                reply_id=request.message,
                owner=self.engine.process_id,
            )
        except TurnRefusedError as refusal:
            raise ProtocolError(refusal.code, str(refusal), retry_after=refusal.retry_after) from refusal
        viewer.own_replies.add(accepted.turn.reply_id)
        if accepted.claimed:
            self._start(accepted.claimed, accepted.revision)
        return accepted

    def _start(self, claimed: ClaimedTurn, revision: int) -> None:
        self.engine.hub.told(claimed.session_id, revision)
        self.engine.runner.start(claimed)

    async def _show_again(self, accepted: Accepted, viewer: Viewer) -> None:
        """A repeated send sees its reply as it stands: where it has come to, or its end."""
        live = self.engine.runner.live.get(accepted.turn.reply_id)
        if live is not None:
            await self.send(protocol.started(accepted.turn.reply_id, accepted.message.pk))
            await self.send(protocol.snapshot(accepted.turn.reply_id, live.index, live.text))
        elif not accepted.turn.is_running:
            await viewer.give_done(await in_database(Message.objects.get, pk=accepted.turn.reply_id))

    async def _stop(self, request: protocol.Stop, viewer: Viewer) -> None:
        stopped = await in_database(request_stop, by=self.user, session_id=viewer.session_id, reply_id=request.message)
        viewer.own_replies.add(request.message)
        if stopped:
            self.engine.runner.stop(request.message)
            return
        reply = await in_database(find_reply, viewer.session_id, request.message)
        if reply is None:
            raise ProtocolError(Code.INVALID, _("There is no such reply in this conversation."))
        await viewer.give_done(reply)

    async def _resume(self, request: protocol.Resume, viewer: Viewer) -> None:
        # What happens while we read waits in the viewer, so that nothing is missed and nothing comes twice.
        viewer.resumed = True
        viewer.waiting = []
        shown_index = 0
        try:
            state: BroughtUpToDate = await in_database(bring_up_to_date, viewer.session_id, request.after)
            tips = await self._tips(state.messages, viewer)
            for message in state.messages:
                more = state.more and message is state.messages[-1]
                note, feedback = viewer.note_on(message), viewer.words_of(tips.get(message.pk))
                await self.send(protocol.stored(message, more=more, note=note, feedback=feedback))
            viewer.held_sequence = state.messages[-1].sequence if state.messages else request.after
            shown_index = await self._show_running(state, viewer)
            for nudge in state.nudges:
                await viewer.nudge(nudge)
        finally:
            await viewer.release_waiting(shown_index)

    async def _tips(self, messages: list[Message], viewer: Viewer) -> dict[uuid.UUID, Tip]:
        """What the student is told of these messages; nothing, without a query, where they are not told so early."""
        said = [message.pk for message in messages if message.role == Message.Role.STUDENT]
        if not said or not viewer.tips:
            return {}
        found: dict[uuid.UUID, Tip] = await in_database(tips_of, viewer.session_id, said)
        return found

    async def _show_running(self, state: BroughtUpToDate, viewer: Viewer) -> int:
        """The running reply as far as it has come, from memory where it runs here, else as it was last saved.

        Returns the index of the last delta that the snapshot holds, 0 without a running reply.
        """
        live = self.engine.runner.running_in(viewer.session_id)
        if live is not None:
            reply_id, message_id, index, text = live.claimed.reply_id, live.claimed.message_id, live.index, live.text
        elif state.running is not None:
            turn = state.running
            reply_id, message_id, index, text = turn.reply_id, turn.message_id, turn.partial_index, turn.partial_text
        else:
            return 0
        await self.send(protocol.started(reply_id, message_id))
        await self.send(protocol.snapshot(reply_id, index, text))
        return index

    async def _show(self, frame: str) -> None:
        """Send what happens elsewhere; a broken socket is its own trouble, the turn and the other sockets go on."""
        try:
            await self.send(frame)
        except Exception as error:  # noqa: BLE001  (whatever it is, this socket hears no more)
            logger.info("a viewer could not be told: %r", error)
            await self.disconnect(Close.RESTARTING)

    def _header(self, name: bytes) -> str:
        """What the page that opened the socket sent under this name, "" for nothing."""
        return dict(self.scope["headers"]).get(name, b"").decode("latin-1")

    def _from_this_machine(self) -> bool:
        """Whether the socket was opened on the machine that serves it: the only place for a demo account."""
        address = (self.scope.get("client") or [""])[0]
        return from_this_machine(address, [name.decode("latin-1") for name, _value in self.scope["headers"]])

    def _refuse_while_draining(self, key: str | None) -> None:
        if self.engine.draining:
            words = _("The server is restarting. Your text is safe in the box; send it again in a moment.")
            raise ProtocolError(Code.PROVIDER_UNAVAILABLE, words, key)


def find_session(user: User, session_id: uuid.UUID) -> tuple[Session, str] | None:
    """The session and the name of whom it is with, if this person may look at it in a chat."""
    session = Session.objects.open_to(user).select_related("assignment").filter(pk=session_id).first()
    return (session, counterpart_of(session).name) if session else None


def find_reply(session_id: uuid.UUID, reply_id: uuid.UUID) -> Message | None:
    """A stored reply of this session."""
    replies = Message.objects.filter(session_id=session_id, role=Message.Role.CLIENT, reply_to__isnull=False)
    return replies.filter(pk=reply_id).first()
