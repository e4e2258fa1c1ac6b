"""What tokens cost: pure arithmetic in integer micro-dollars, without a database."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one attempt. Total input is input + cache_write + cache_read: the kinds do not overlap.

    estimated: the provider sent no (or only part of the) usage, and the missing counts are characters / 4.
    """

    input: int = 0
    output: int = 0
    cache_write: int = 0
    cache_read: int = 0
    estimated: bool = False
    # Total input of the largest call, where the counts are the sum of several: the tier goes by it. 0 for one call.
    largest: int = 0

    @property
    def total_input(self) -> int:
        """All input tokens, cached or not."""
        return self.input + self.cache_write + self.cache_read


@dataclass(frozen=True, slots=True)
class Spent:
    """A sum over attempts: input tokens of all kinds, output tokens, micro-dollars."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_microusd: int = 0


@dataclass(frozen=True, slots=True)
class Tier:
    """Micro-dollars per million tokens of each kind, for requests of at least `from_input` total input tokens."""

    from_input: int
    input: int
    output: int
    cache_write: int
    cache_read: int


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one model as it stands at one moment, frozen into a reservation; tiers rise by `from_input`."""

    model: str
    tiers: tuple[Tier, ...]

    def tier_for(self, total_input: int) -> Tier:
        """The highest tier whose threshold the request reaches."""
        return max((t for t in self.tiers if t.from_input <= total_input), key=lambda t: t.from_input)

    def cost(self, usage: Usage) -> int:
        """Micro-dollars of this usage, rounded up once over the sum: a school is never shown less than it pays."""
        tier = self.tier_for(usage.largest or usage.total_input)
        total = (
            usage.input * tier.input
            + usage.output * tier.output
            + usage.cache_write * tier.cache_write
            + usage.cache_read * tier.cache_read
        )
        return -(-total // MILLION)

    def ceiling(self, input_tokens: int, max_output: int, calls: int = 1) -> int:
        """The most that a request can cost, in micro-dollars: everything written to the cache, every token used.

        `calls`: how often it may be made until one of them is answered.
        """
        tier = self.tier_for(input_tokens)
        read = calls * input_tokens * max(tier.input, tier.cache_write)
        return -(-(read + max_output * tier.output) // MILLION)

    def to_json(self) -> dict[str, Any]:
        """A JSON object that `from_json` reads back to an equal price."""
        return {"model": self.model, "tiers": [asdict(t) for t in self.tiers]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The price that `to_json` wrote."""
        return cls(data["model"], tuple(Tier(**t) for t in data["tiers"]))


def free(model: str) -> Price:
    """The price of a voice that costs nothing, such as the scripted one."""
    return Price(model, (Tier(0, 0, 0, 0, 0),))


def usd(microusd: int) -> str:
    """Integer micro-dollars as dollars: "$0.0021" below one, "$1,234.50" from there on; "$0", "< $0.0001".

    The currency is the provider's, so that the form stays the same in every language.
    """
    if microusd == 0:
        return "$0"
    if microusd < 100:
        return "< $0.0001"
    if microusd < 999_950:
        return f"${microusd / MILLION:.4f}"
    return f"${microusd / MILLION:,.2f}"


def estimate_tokens(*texts: str) -> int:
    """Tokens of the texts where no provider counted them: characters / 4, rounded up."""
    return -(-sum(len(t) for t in texts) // 4)


def most_tokens(*texts: str) -> int:
    """As many tokens as the texts can have at most: no token is less than a byte."""
    return sum(len(text.encode()) for text in texts)


def most_tokens_of_prose(*texts: str) -> int:
    """As many tokens as whole sentences can have at most: in no language is a token less than two bytes on average."""
    return -(-most_tokens(*texts) // 2)


def estimate_usage(prompt: Sequence[str], reply: str, counted: Usage | None = None) -> Usage:
    """What an attempt used when the provider did not say it all: its counts where it sent any, else characters / 4."""
    return Usage(
        input=counted.input if counted else estimate_tokens(*prompt),
        output=max(counted.output if counted else 0, estimate_tokens(reply)),
        cache_write=counted.cache_write if counted else 0,
        cache_read=counted.cache_read if counted else 0,
        estimated=True,
        largest=counted.largest if counted else 0,
    )


def estimate_chat(price: Price, *, prompt_tokens: int, exchanges: int, student_tokens: int, reply_tokens: int) -> int:
    """Micro-dollars of a whole conversation, every turn resending what came before, cached up to the last message."""
    cost, cached = 0, 0
    for turn in range(exchanges):
        total = prompt_tokens + turn * (student_tokens + reply_tokens) + student_tokens
        cost += price.cost(Usage(output=reply_tokens, cache_read=cached, cache_write=total - cached))
        cached = total
    return cost
