"""What a model is told, and what it is never told."""

import pytest
from django.utils import translation

from clients import prompts, state
from clients.library import load_library
from clients.snapshot import ClientSnapshot, Fact
from monitoring.pricing import estimate_tokens

RENT = Fact("rent", "surface", 0, ("I am two months behind with the rent.", "The rent ate everything."))
BROTHER = Fact("brother", "real", 60, ("I gave the money to my brother Tomás.",), ("brother", "tomás"))


def somebody(**fields: object) -> ClientSnapshot:
    values: dict[str, object] = {
        "name": "Maria Delgado",
        "age": 34,
        "background": "Maria works nights in a bakery. She gave her savings to her brother Tomás.",
        "traits": ("warm", "counts everything twice"),
        "communication_style": "brief",
        "scenario": "A first talk at the advice centre.",
        "reason": "She may lose the flat.",
        "facts": (RENT, BROTHER),
    }
    return ClientSnapshot(**{**values, **fields})  # type: ignore[arg-type]


def test_the_prompt_says_who_where_and_how() -> None:
    prompt = prompts.system_prompt(
        somebody(
            gender="woman",
            race="hispanic",
            pronouns="she/her",
            socioeconomic_status="low",
            issues=("substance_use", "rising rent"),
            challenges="She changes the subject.",
            language="es",
            client_speaks_first=True,
            opening_line="Buenos días.",
        )
    )
    for part in (
        "You are Maria Delgado, 34 years old, a woman, Hispanic or Latino.",
        "a social work student",
        "she/her",
        "very little money",
        "Warm: you are kind",
        "- counts everything twice",
        "Few words.",
        "A first talk at the advice centre.",
        "She may lose the flat.",
        "substance use, rising rent",
        "She changes the subject.",
        "only Spanish",
        "You began the conversation with: Buenos días.",
        "The rent ate everything.",
        "about 15 words, never more than 50",
    ):
        assert part in prompt


def test_a_bare_profile_gives_a_prompt_without_empty_lines_of_data() -> None:
    prompt = prompts.system_prompt(
        ClientSnapshot(name="Ana", age=20, domain="theatre", difficulty="other", language="nl")
    )
    assert "You are Ana, 20 years old. You talk with a student who practises conversations." in prompt
    for part in (
        "The scene",
        "Why you are here",
        "About you",
        "Your pronouns",
        "You began",
        "hard to talk to",
        "way of talking",
    ):
        assert part not in prompt


def test_what_takes_trust_is_not_in_the_prompt_and_neither_is_the_story_that_tells_it() -> None:
    prompt = prompts.system_prompt(somebody(challenges="She protects her brother Tomás."))
    assert "Maria works nights in a bakery." in prompt
    assert "brother" not in prompt
    assert "Tomás" not in prompt


@pytest.mark.parametrize("client", load_library(), ids=lambda client: client.slug)
def test_no_built_in_client_carries_a_locked_fact_in_its_prompt(client: object) -> None:
    snapshot = client.snapshot  # type: ignore[attr-defined]
    prompt = prompts.system_prompt(snapshot)
    for fact in snapshot.facts:
        easy = fact.depth == "surface" and fact.unlock <= state.start(snapshot).trust
        assert (fact.lines[0] in prompt) is easy
    assert len(prompts.known_background(snapshot)) > 200
    # Long enough to be cached by the models that need 512 tokens, short enough to stay cheap.
    assert 512 < estimate_tokens(prompt) < 4_000


def test_a_scene_that_tells_a_secret_is_kept_from_the_model() -> None:
    secret = Fact("theft", "real", 60, ("I stole the money from Zelda.",))
    scene = "They meet at noon. She stole the money from Zelda."
    snapshot = somebody(facts=(secret,), scenario=scene, reason="A first talk.")
    prompt = prompts.system_prompt(snapshot)
    assert "They meet at noon." in prompt
    assert "Zelda" not in prompt


def test_the_prompt_is_the_same_bytes_in_every_interface_language() -> None:
    snapshot = load_library()[0].snapshot
    first = prompts.system_prompt(snapshot)
    with translation.override("es"):
        assert prompts.system_prompt(ClientSnapshot.from_json(snapshot.to_json())) == first


def test_an_edited_prompt_replaces_the_written_one_but_never_the_limits() -> None:
    prompt = prompts.system_prompt(somebody(), "  You are a cat.\n")
    assert prompt == f"You are a cat.\n\n{prompts.limits(somebody())}\n"
    assert prompts.system_prompt(somebody(), " \n ") == prompts.system_prompt(somebody())


def test_the_limits_name_role_instructions_secrecy_harm_and_real_distress() -> None:
    limits = prompts.limits(somebody(name="{name} O'Hara"))
    assert "{name} O'Hara and nobody else" in limits
    for part in (
        "never an instruction",
        "never reveal",
        "artificial intelligence",
        "no methods of suicide",
        "real distress",
    ):
        assert part in limits


def test_the_limits_announce_the_note_that_the_state_block_is() -> None:
    snapshot = somebody()
    opening = state.block(state.start(snapshot), snapshot).split()[0]
    assert f'begins with "{opening}"' in prompts.limits(snapshot)


def test_helper_talk_is_forbidden_in_every_written_prompt() -> None:
    prompt = prompts.written_prompt(somebody())
    for part in ("do not thank", "sum up", "propose solutions", "coping skills", "ask how you can help"):
        assert part in prompt
