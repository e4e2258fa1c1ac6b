"""Who looks at which session in this process, and how they are told what happens there."""

import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from django.utils import translation

from conversations import protocol
from conversations.models import Message, Nudge, Session
from conversations.tips import Tip


@dataclass(eq=False, slots=True)
class Viewer:
    """One open socket: whose it is, what it looks at, and how to reach it."""

    user_id: uuid.UUID
    session_id: uuid.UUID
    sign_in: str
    auth_hash: str
    shows_cost: bool
    # What notes about a reply are said in and of whom.
    language: str
    client_name: str
    send: Callable[[str], Awaitable[None]]
    close: Callable[[int], Awaitable[None]]
    # The user's access revision at the last check of their right; None before the first.
    checked_revision: int | None = None
    # Everything live, or only the turns that this socket sent itself.
    resumed: bool = False
    own_replies: set[uuid.UUID] = field(default_factory=set)
    # While it is brought up to date, what happens meanwhile waits here, with the index of its delta (0 for others).
    waiting: list[tuple[int, Callable[[], Awaitable[None]]]] | None = None
    # The highest message it was given, so that catching up and live news never overlap.
    held_sequence: int = 0
    # Whether the student looks; a teacher who follows only reads, and is not nudged.
    in_chair: bool = True
    # The nudges that this socket was told of; whether they were shown is the client's to say.
    nudges: set[uuid.UUID] = field(default_factory=set)
    # Whether it is told what each message did, and the messages of which it was.
    tips: bool = False
    tipped: set[uuid.UUID] = field(default_factory=set)

    def follows(self, reply_id: uuid.UUID) -> bool:
        """Whether it is to see this reply."""
        return self.resumed or reply_id in self.own_replies

    async def tell(self, frame: str, index: int = 0) -> None:
        """Send a frame; `index` says which delta of a running reply it is."""
        await self._now_or_later(index, lambda: self.send(frame))

    async def give(self, message: Message) -> None:
        """Send a stored message once and in order: an earlier one is known, one after a gap waits for the watch."""
        await self._now_or_later(0, lambda: self._give(message))

    async def give_done(self, reply: Message) -> None:
        """Send the end of a reply, which carries its whole text."""
        await self._now_or_later(0, lambda: self._give_done(reply))

    async def nudge(self, nudge: Nudge) -> None:
        """Send a teacher's word to the student, once a socket."""
        if self.in_chair and nudge.pk not in self.nudges:
            self.nudges.add(nudge.pk)
            await self.tell(protocol.nudged(nudge))

    async def tip(self, tip: Tip) -> None:
        """Say what a message of the student's did, once a socket."""
        words = self.words_of(tip)
        if words:
            await self.tell(protocol.tip(tip.message_id, words))

    def words_of(self, tip: Tip | None) -> str:
        """What a tip says in this person's language, if this socket has not been told it; "" otherwise."""
        if tip is None or not self.tips or tip.message_id in self.tipped:
            return ""
        self.tipped.add(tip.message_id)
        with translation.override(self.language):
            return tip.words

    async def release_waiting(self, shown_index: int) -> None:
        """Caught up: send what happened meanwhile in order, but no delta that the snapshot has shown, then all live."""
        while self.waiting:
            index, event = self.waiting.pop(0)
            if index == 0 or index > shown_index:
                await event()
        self.waiting = None

    async def _now_or_later(self, index: int, event: Callable[[], Awaitable[None]]) -> None:
        if self.waiting is None:
            await event()
        else:
            self.waiting.append((index, event))

    async def _give(self, message: Message) -> None:
        if message.sequence == self.held_sequence + 1:
            self.held_sequence = message.sequence
            await self.send(protocol.stored(message, note=self.note_on(message)))

    async def _give_done(self, reply: Message) -> None:
        self.own_replies.discard(reply.pk)
        self.held_sequence += reply.sequence == self.held_sequence + 1
        await self.send(protocol.done(reply, shows_cost=self.shows_cost, note=self.note_on(reply)))

    def note_on(self, message: Message) -> str:
        """What stands in the margin of a reply that nobody could speak, in this person's language; "" for others."""
        with translation.override(self.language):
            return message.note(self.client_name)


class Hub:
    """The viewers of this process by session."""

    def __init__(self) -> None:
        self._viewers: dict[uuid.UUID, set[Viewer]] = defaultdict(set)
        # What the viewers of each session have been told: its revision, and the frame that says where it stands.
        self.revisions: dict[uuid.UUID, int] = {}
        self.states: dict[uuid.UUID, str] = {}

    def add(self, viewer: Viewer, session: Session) -> None:
        """A socket begins to look at its session as it is now."""
        self._viewers[viewer.session_id].add(viewer)
        self.revisions.setdefault(session.pk, session.revision)
        self.states.setdefault(session.pk, protocol.session_changed(session))

    def remove(self, viewer: Viewer) -> None:
        """A socket stops looking."""
        viewers = self._viewers.get(viewer.session_id, set())
        viewers.discard(viewer)
        if not viewers:
            self._viewers.pop(viewer.session_id, None)
            self.revisions.pop(viewer.session_id, None)
            self.states.pop(viewer.session_id, None)

    def has(self, viewer: Viewer) -> bool:
        """Whether this socket still looks; one whose access was withdrawn does not, even before it closes."""
        return viewer in self._viewers.get(viewer.session_id, set())

    def of(self, session_id: uuid.UUID) -> list[Viewer]:
        """The viewers of one session."""
        return list(self._viewers.get(session_id, ()))

    def all(self) -> list[Viewer]:
        """Every viewer of this process."""
        return [viewer for viewers in self._viewers.values() for viewer in viewers]

    def sessions(self) -> list[uuid.UUID]:
        """The sessions that somebody looks at."""
        return list(self._viewers)

    def told(self, session_id: uuid.UUID, revision: int) -> None:
        """The viewers know of this change; the watch need not tell them, unless it missed one before."""
        if self.revisions.get(session_id) == revision - 1:
            self.revisions[session_id] = revision

    async def tell_followers(self, session_id: uuid.UUID, reply_id: uuid.UUID, frame: str, index: int = 0) -> None:
        """Send a frame about a reply to all who follow it; `index` says which delta it is."""
        for viewer in self.of(session_id):
            if viewer.follows(reply_id):
                await viewer.tell(frame, index)

    async def tell_in_words(self, session_id: uuid.UUID, say: Callable[[], str]) -> None:
        """Send a frame with words for people to all viewers of a session, each in their language."""
        for viewer in self.of(session_id):
            with translation.override(viewer.language):
                frame = say()
            await viewer.tell(frame)

    async def tell_done(self, session_id: uuid.UUID, reply: Message) -> None:
        """Send the end of a reply to all who follow it."""
        for viewer in self.of(session_id):
            if viewer.follows(reply.pk):
                await viewer.give_done(reply)
