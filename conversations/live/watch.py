"""The watch: once a second, one query each, what changed elsewhere that an open socket must show or suffer."""

import uuid
from dataclasses import dataclass

from django.contrib.sessions.models import Session as SignIn
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.models import User
from conversations import protocol
from conversations.live.database import in_upkeep
from conversations.live.hub import Hub, Viewer
from conversations.live.runner import Runner
from conversations.models import Message, Nudge, Session, Turn
from conversations.protocol import Close
from conversations.tips import tips_of


@dataclass(frozen=True, slots=True)
class RemoteTurn:
    """A turn that another process answers, as far as it was saved."""

    session_id: uuid.UUID
    message_id: uuid.UUID
    reply_id: uuid.UUID
    index: int
    text: str


class Watch:
    """Looks after the sockets of one process."""

    def __init__(self, process_id: uuid.UUID, hub: Hub, runner: Runner) -> None:
        self.process_id = process_id
        self.hub = hub
        self.runner = runner
        self._shown: dict[uuid.UUID, int] = {}

    async def look(self) -> None:
        """One round: stops asked for elsewhere, lost rights, changed sessions, replies that run elsewhere."""
        for reply_id in await in_upkeep(stops_asked_for, self.process_id):
            self.runner.stop(reply_id)
        if self.hub.sessions():
            await self._close_lost_access()
            await self._tell_changes()
            await self._tell_remote_turns()

    async def _close_lost_access(self) -> None:
        viewers = self.hub.all()
        revisions = await in_upkeep(access_revisions, {v.user_id for v in viewers})
        signed_in = await in_upkeep(living_sign_ins, {v.sign_in for v in viewers})
        doubtful = [v for v in viewers if v.checked_revision is None or v.checked_revision != revisions.get(v.user_id)]
        allowed = await in_upkeep(still_allowed, doubtful) if doubtful else set()
        for viewer in viewers:
            if viewer.sign_in not in signed_in or (viewer in doubtful and viewer not in allowed):
                self.hub.remove(viewer)
                await viewer.close(Close.ACCESS_WITHDRAWN)
        # Only now: a round that failed on the way must doubt them again.
        for viewer in allowed:
            viewer.checked_revision = revisions.get(viewer.user_id)

    async def _tell_changes(self) -> None:
        changed = await in_upkeep(changed_sessions, dict(self.hub.revisions))
        nudges = await in_upkeep(unshown_nudges, {session.pk for session in changed}) if changed else {}
        for session in changed:
            viewers = self.hub.of(session.pk)
            held = min((v.held_sequence for v in viewers if v.resumed), default=session.last_sequence)
            awaited = {reply_id for v in viewers if not v.resumed for reply_id in v.own_replies}
            told = await in_upkeep(messages_to_tell, session.pk, held, awaited)
            for message in told:
                for viewer in viewers:
                    await tell_of(viewer, message)
            await self._tip(session.pk, told)
            state = protocol.session_changed(session)
            if self.hub.states.get(session.pk) != state:
                self.hub.states[session.pk] = state
                for viewer in viewers:
                    await viewer.tell(state)
            for nudge in nudges.get(session.pk, ()):
                for viewer in viewers:
                    await viewer.nudge(nudge)
            # Last, so that a round that failed on the way tells it all again; nothing is shown twice.
            if session.pk in self.hub.revisions:
                self.hub.revisions[session.pk] = max(self.hub.revisions[session.pk], session.revision)

    async def _tip(self, session_id: uuid.UUID, told: list[Message]) -> None:
        """Say what was answered elsewhere did, where somebody is told while they talk."""
        viewers = [viewer for viewer in self.hub.of(session_id) if viewer.tips]
        answered = {message.reply_to_id for message in told if message.reply_to_id}
        if viewers and answered:
            for tip in (await in_upkeep(tips_of, session_id, answered)).values():
                for viewer in viewers:
                    await viewer.tip(tip)

    async def _tell_remote_turns(self) -> None:
        """Replies that another process speaks arrive as snapshots, as often as that process saves them."""
        turns = await in_upkeep(remote_turns, self.process_id, self.hub.sessions())
        shown: dict[uuid.UUID, int] = {}
        for turn in turns:
            before = self._shown.get(turn.reply_id)
            if before is None:
                started = protocol.started(turn.reply_id, turn.message_id)
                await self.hub.tell_followers(turn.session_id, turn.reply_id, started)
            if turn.index and turn.index != before:
                frame = protocol.snapshot(turn.reply_id, turn.index, turn.text)
                await self.hub.tell_followers(turn.session_id, turn.reply_id, frame)
            shown[turn.reply_id] = turn.index
        self._shown = shown


async def tell_of(viewer: Viewer, message: Message) -> None:
    """Give a viewer a stored message in the form it expects: the end of a reply it follows, or a whole message."""
    if message.role == Message.Role.CLIENT and message.reply_to_id and viewer.follows(message.pk):
        if not viewer.resumed or message.sequence > viewer.held_sequence:
            await viewer.give_done(message)
    elif viewer.resumed:
        await viewer.give(message)


def stops_asked_for(owner: uuid.UUID) -> list[uuid.UUID]:
    """Replies of this process that somebody wants to end."""
    turns = Turn.objects.running().filter(owner=owner, stop_requested_at__isnull=False)
    return list(turns.values_list("reply_id", flat=True))


def access_revisions(user_ids: set[uuid.UUID]) -> dict[uuid.UUID, int]:
    """The access revision of each of these people who is still there and active."""
    return dict(User.objects.filter(pk__among=user_ids, is_active=True).values_list("pk", "access_revision"))


def living_sign_ins(keys: set[str]) -> set[str]:
    """Those of these sign-ins that were not signed out."""
    living = SignIn.objects.filter(session_key__among=keys, expire_date__gt=timezone.now())
    return set(living.values_list("session_key", flat=True))


def still_allowed(viewers: list[Viewer]) -> set[Viewer]:
    """Those of these viewers whose user may still see their session and has not changed the password."""
    users = {user.pk: user for user in User.objects.filter(pk__among={v.user_id for v in viewers}, is_active=True)}
    hashes = {pk: user.get_session_auth_hash() for pk, user in users.items()}
    # One query for a whole class of students, and one for each of the few who look at the talks of others.
    sessions = Session.objects.speakable().filter(pk__among={v.session_id for v in viewers})
    seats = set(sessions.order_by().values_list("student_id", "pk"))
    for user in (user for user in users.values() if not user.is_student):
        ids = {v.session_id for v in viewers if v.user_id == user.pk}
        seats |= {(user.pk, pk) for pk in Session.objects.open_to(user).filter(pk__in=ids).values_list("pk", flat=True)}
    return {
        viewer
        for viewer in viewers
        if (viewer.user_id, viewer.session_id) in seats
        and constant_time_compare(viewer.auth_hash, hashes.get(viewer.user_id, ""))
    }


def changed_sessions(known: dict[uuid.UUID, int]) -> list[Session]:
    """Those of these sessions whose revision is not the one known."""
    now = Session.objects.filter(pk__among=known).order_by().values_list("pk", "revision")
    changed = [pk for pk, revision in now if revision > known[pk]]
    return list(Session.objects.filter(pk__among=changed)) if changed else []


def unshown_nudges(session_ids: set[uuid.UUID]) -> dict[uuid.UUID, list[Nudge]]:
    """What teachers sent into each of these sessions and no page has shown yet."""
    found: dict[uuid.UUID, list[Nudge]] = {}
    for nudge in Nudge.objects.unshown().filter(session__id__among=session_ids):
        found.setdefault(nudge.session_id, []).append(nudge)
    return found


def messages_to_tell(session_id: uuid.UUID, sequence: int, awaited: set[uuid.UUID]) -> list[Message]:
    """The stored messages of a session after that number, and the replies that somebody waits for, in order."""
    new = Q(sequence__gt=sequence) | Q(pk__in=awaited)
    return list(Message.objects.filter(new, session_id=session_id).order_by("sequence"))


def remote_turns(owner: uuid.UUID, session_ids: list[uuid.UUID]) -> list[RemoteTurn]:
    """Running turns of these sessions that another process owns."""
    turns = Turn.objects.running().filter(session__id__among=session_ids, owner__isnull=False).exclude(owner=owner)
    fields = ("session_id", "message_id", "reply_id", "partial_index", "partial_text")
    return [RemoteTurn(*row) for row in turns.values_list(*fields)]
