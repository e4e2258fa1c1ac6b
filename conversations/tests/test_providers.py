"""Conversations over several providers: each in its own protocol, at its own price, and one stands in for another."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest

from accounts.models import User
from bench.standin import StandIn
from clients.models import ClientProfile
from conversations import section_models, sessions
from conversations.live.database import in_database
from conversations.models import Message, SectionModels, Session
from conversations.tests.conftest import OpenChat, ended
from monitoring.models import Breaker, LedgerEntry, ModelPrice, Provider, ProviderModel
from monitoring.pricing import Usage

pytestmark = [pytest.mark.servers, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("audited")]

HAIKU = "claude-haiku-5-5"


class Known(NamedTuple):
    """A provider as its documentation has it: the protocol, where that begins, the key's name, a model, its price."""

    name: str
    protocol: str
    path: str
    key_name: str
    model: str
    price: int
    strict: int = 0


DEEPSEEK = Known("DeepSeek", "messages", "/anthropic", "DEEPSEEK_API_KEY", "deepseek-flash", 70_000)
OLLAMA = Known("Ollama", "messages", "", "", "llama3.1:8b", 0)
MISTRAL = Known("Mistral", "chat", "/v1", "MISTRAL_API_KEY", "mistral-small", 200_000, strict=1)
OTHERS = [DEEPSEEK, OLLAMA, MISTRAL]
ALL = [HAIKU, *(known.model for known in OTHERS)]


@pytest.fixture
def servers(quick: Any, prices: None) -> Iterator[dict[str, StandIn]]:
    """A stand-in for each provider, by the name of its model, and the rows that an operator would write."""
    stack = ExitStack()
    apis = {model: StandIn(tokens=5, delay=2, ttft=2) for model in ALL}
    quick.ANTHROPIC_API_KEY = "claude-key-123"
    quick.PROVIDER_KEYS = {"DEEPSEEK_API_KEY": "deepseek-key-123", "MISTRAL_API_KEY": "mistral-key-123"}
    for api in apis.values():
        stack.enter_context(api)
    quick.ANTHROPIC_BASE_URL = apis[HAIKU].url
    for known in OTHERS:
        api = apis[known.model]
        api.modes(strict=known.strict)
        provider = Provider.objects.create(
            name=known.name,
            protocol=known.protocol,
            base_url=api.url + known.path,
            key_name=known.key_name,
            asks_usage=not known.strict,
        )
        ProviderModel.objects.create(provider=provider, name=known.model)
        amounts = dict.fromkeys(("input", "output", "cache_write", "cache_read"), known.price)
        ModelPrice.objects.create(model=known.model, **amounts)
    with stack:
        yield apis


def talk_with(student: User, client: ClientProfile, model: str, *stand_ins: str) -> Session:
    """A conversation in a section that has chosen these."""
    section = student.enrolments.get().section
    SectionModels.objects.create(section=section, model=model, stand_ins=list(stand_ins))
    section_models.forget()
    sessions.accept_notice(by=student)
    return sessions.start(by=student, client=client)


async def entries() -> list[LedgerEntry]:
    return [entry async for entry in LedgerEntry.objects.order_by("settled_at", "id")]


@pytest.mark.parametrize("model", ALL)
async def test_a_conversation_is_held_through_each_provider_with_its_own_key_and_price(
    open_chat: OpenChat, servers: dict[str, StandIn], student: User, client_profile: ClientProfile, model: str
) -> None:
    talk = await in_database(talk_with, student, client_profile, model)
    chat = await open_chat(student, talk)
    for text in ("Hello", "How are you?", "Tell me more"):
        assert (await ended(chat, text))["status"] == "complete"
    asked = servers[model].requests()
    assert [len(request["body"]["messages"]) for request in asked] == sorted(
        len(request["body"]["messages"]) for request in asked
    )
    sent = " ".join(asked[-1]["headers"].values())
    keys = {"claude-key-123", "deepseek-key-123", "mistral-key-123"}
    mine = {HAIKU: {"claude-key-123"}, DEEPSEEK.model: {"deepseek-key-123"}, MISTRAL.model: {"mistral-key-123"}}
    assert {key for key in keys if key in sent} == mine.get(model, set())
    assert all(not api.requests() for name, api in servers.items() if name != model)
    price = (await ModelPrice.objects.filter(model=model).afirst()) or pytest.fail("no price")
    for entry in await entries():
        usage = Usage(entry.input_tokens, entry.output_tokens, entry.cache_write_tokens, entry.cache_read_tokens)
        assert (entry.model, entry.estimated, entry.output_tokens) == (model, False, 5)
        due = usage.input * price.input + usage.output * price.output
        due += usage.cache_write * price.cache_write + usage.cache_read * price.cache_read
        assert entry.cost_microusd == -(-due // 1_000_000)
    talk = await Session.objects.aget(pk=talk.pk)
    assert talk.cost_microusd == sum(entry.cost_microusd for entry in await entries())


@pytest.mark.parametrize("order", [[MISTRAL.model, DEEPSEEK.model, OLLAMA.model, HAIKU], [*reversed(ALL)]])
async def test_where_one_provider_fails_the_next_answers_and_each_is_billed_at_its_price_and_nothing_is_lost(
    open_chat: OpenChat, servers: dict[str, StandIn], student: User, client_profile: ClientProfile, order: list[str]
) -> None:
    talk = await in_database(talk_with, student, client_profile, *order)
    chat = await open_chat(student, talk)
    assert (await ended(chat, "Hello"))["status"] == "complete"
    for broken in order[:3]:
        servers[broken].modes(fault="401")
        assert (await ended(chat, f"After {broken}"))["status"] == "complete"
    spoke = [entry.model for entry in await entries() if entry.outcome == "complete"]
    assert spoke == order
    messages = [message async for message in Message.objects.filter(session=talk).order_by("sequence")]
    assert [message.role for message in messages] == ["student", "client"] * 4
    assert all(message.content for message in messages)
    # Who refused a key was told nothing that is billed.
    assert all(entry.cost_microusd == 0 for entry in await entries() if entry.outcome == "failed")
    talk = await Session.objects.aget(pk=talk.pk)
    assert talk.cost_microusd == sum(entry.cost_microusd for entry in await entries())
    assert talk.model == order[0]


async def test_what_fails_in_the_middle_of_a_reply_is_kept_and_billed_once(
    open_chat: OpenChat, servers: dict[str, StandIn], student: User, client_profile: ClientProfile
) -> None:
    talk = await in_database(talk_with, student, client_profile, MISTRAL.model, OLLAMA.model)
    chat = await open_chat(student, talk)
    servers[MISTRAL.model].next(fault="cut", at=3)
    done = await ended(chat, "Hello")
    reply = await Message.objects.aget(pk=done["message"])
    assert (done["status"], len(reply.content.split())) == ("interrupted", 3)
    [entry] = await entries()
    assert (entry.model, entry.estimated, entry.cost_microusd > 0) == (MISTRAL.model, True, True)
    assert not servers[OLLAMA.model].requests()
    await chat.send(type="retry", message=done["message"])
    assert (await chat.until("done"))[-1]["status"] == "complete"


async def test_each_provider_has_a_breaker_of_its_own(
    open_chat: OpenChat, servers: dict[str, StandIn], student: User, client_profile: ClientProfile, quick: Any
) -> None:
    quick.BREAKER_FAILURES, quick.PROVIDER_CALLS = 1, 1
    talk = await in_database(talk_with, student, client_profile, DEEPSEEK.model, OLLAMA.model)
    chat = await open_chat(student, talk)
    servers[DEEPSEEK.model].modes(fault="500")
    for text in ("Hello", "Again"):
        assert (await ended(chat, text))["status"] == "complete"
    rows = {row.provider: row.state async for row in Breaker.objects.all()}
    assert rows == {"DeepSeek": "open"}
    # It was left alone the second time.
    assert servers[DEEPSEEK.model].stats()["requests"] == 1
