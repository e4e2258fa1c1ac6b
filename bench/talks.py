"""Talks of scripted students with a client through the voice without a model, and what trust came to in them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from clients.prompts import system_prompt
from clients.snapshot import ClientSnapshot
from clients.state import Line, State, advance, answered, block, start
from clients.students import LENGTH, STYLES, student
from clients.topics import facts_of, tells
from clients.voices.scripted import reply

MIN_GAP, MIN_PAIRS = 25, 0.9
MAY_LEAVE = frozenset({"clumsy", "hostile"})


@dataclass(slots=True)
class Talk:
    """One talk: its lines, the state after each student message, and every locked fact that got out."""

    style: str
    seed: int
    lines: list[Line] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)

    @property
    def end(self) -> State:
        """The state after the last message."""
        return self.states[-1]


def held(client: ClientSnapshot, style: str, seed: int, length: int = LENGTH) -> Talk:
    """A talk of `length` exchanges, or until the client walks out."""
    talk, state, who = Talk(style, seed), start(client), student(style, client, seed)
    if client.client_speaks_first:
        talk.lines.append(Line("client", client.opening_line))
    prompt = system_prompt(client)
    while len(talk.states) < length and not state.left:
        talk.lines.append(Line("student", who.says(talk.lines)))
        state = advance(state, client, talk.lines[-1].text)
        talk.states.append(state)
        talk.lines.append(Line("client", reply(client, talk.lines)))
        talk.leaks += leaks(client, state, talk.lines[-1].text, f"{prompt}\n{block(state, client)}")
        state = answered(state, client, talk.lines[-1].text)
    return talk


def leaks(client: ClientSnapshot, state: State, said: str, prompt: str) -> Iterator[str]:
    """Where a fact that is still locked got out: into the reply, or into what a model would be given.

    A fact that takes no more trust than a client starts with is no secret, so it may stand in the prompt.
    """
    open_to_all = start(client).trust
    for place, fact in enumerate(facts_of(client)):
        if place in state.unlocked:
            continue
        if any(line in said for line in fact.lines) or tells(fact, said, client.language):
            yield f"said {fact.topic!r}: {said}"
        if fact.unlock > open_to_all and any(line in prompt for line in fact.lines):
            yield f"prompt holds {fact.topic!r}"


@dataclass(frozen=True, slots=True)
class Figures:
    """What the talks of one client came to; trust in percent, `pairs` the share of all skilled and clumsy talks."""

    trust: dict[str, float]
    pairs: float
    left: Counter[str]
    agreed: Counter[str]
    turns: dict[str, list[int]]
    leaks: list[str]

    @classmethod
    def of(cls, talks: Sequence[Talk]) -> "Figures":
        """The figures of these talks, some of them of every style."""
        ends = {style: [talk.end.trust for talk in talks if talk.style == style] for style in STYLES}
        above = [skilled > clumsy for skilled in ends["skilled"] for clumsy in ends["clumsy"]]
        gone = [talk for talk in talks if talk.end.left]
        return cls(
            trust={style: median(trust) for style, trust in ends.items()},
            pairs=sum(above) / len(above),
            left=Counter(talk.style for talk in gone),
            agreed=Counter(talk.style for talk in talks if talk.end.agreed),
            turns={style: sorted(len(talk.states) for talk in gone if talk.style == style) for style in STYLES},
            leaks=[leak for talk in talks for leak in talk.leaks],
        )

    @property
    def gap(self) -> float:
        """By how much the median skilled talk ends above the median clumsy one."""
        return self.trust["skilled"] - self.trust["clumsy"]

    def missed(self) -> list[str]:
        """The goals that these talks miss, in words."""
        goals = {
            f"gap {self.gap:.0f}": self.gap >= MIN_GAP,
            f"pairs {self.pairs:.0%}": self.pairs >= MIN_PAIRS,
            f"{len(self.leaks)} leaks": not self.leaks,
            f"walk-outs {dict(self.left)}": set(self.left) <= MAY_LEAVE,
        }
        return [goal for goal, reached in goals.items() if not reached]


def measured(client: ClientSnapshot, seeds: range) -> Figures:
    """The figures of one client over all styles and these seeds."""
    return Figures.of([held(client, style, seed) for style in STYLES for seed in seeds])
