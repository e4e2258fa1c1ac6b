"""What a teacher corrects becomes a rule that every later conversation is held with."""

from dataclasses import replace

import pytest
from django.urls import reverse

from accounts.models import User
from clients.corrections import MOST_RULES, add_rule, remove_rule
from clients.library import load_library
from clients.models import ClientFact, ClientProfile, ClientRule
from clients.prompts import gives_away, system_prompt
from clients.services import ClientRuleError, NotYoursError, duplicate_client, freeze
from clients.tests.pages import signed_in
from conftest import make_user

pytestmark = pytest.mark.django_db

RULE = "Never thanks the student for listening."


def test_a_rule_holds_from_the_next_conversation_on_whatever_prompt_the_client_has(
    client_profile: ClientProfile, teacher: User
) -> None:
    before = freeze(client_profile)
    rule = add_rule(by=teacher, client=client_profile, text=f"  {RULE}\n", about="Thanks for listening!")
    assert (rule.text, rule.about) == (RULE, "Thanks for listening!")
    after = freeze(client_profile)
    assert RULE not in before.prompt
    assert RULE in after.prompt
    client_profile.prompt_override = "You are somebody else."
    assert RULE in freeze(client_profile).prompt
    # What must hold whatever a teacher writes still comes last.
    assert after.prompt.index(RULE) < after.prompt.index("# What holds always")
    remove_rule(by=teacher, rule=rule)
    client_profile.prompt_override = ""
    assert freeze(client_profile) == before


@pytest.mark.parametrize(
    ("text", "words"), [("  ", "Write the rule first"), ("x" * 301, "300 characters; this one has 301")]
)
def test_a_rule_that_cannot_be_kept_is_refused_in_plain_words(
    client_profile: ClientProfile, teacher: User, text: str, words: str
) -> None:
    with pytest.raises(ClientRuleError, match=words):
        add_rule(by=teacher, client=client_profile, text=text)


def test_there_are_so_many_rules_and_each_once(client_profile: ClientProfile, teacher: User) -> None:
    add_rule(by=teacher, client=client_profile, text=RULE)
    with pytest.raises(ClientRuleError, match="there already"):
        add_rule(by=teacher, client=client_profile, text=RULE)
    for number in range(MOST_RULES - 1):
        add_rule(by=teacher, client=client_profile, text=f"Rule {number}.")
    with pytest.raises(ClientRuleError, match="20 rules"):
        add_rule(by=teacher, client=client_profile, text="One more.")


def test_a_rule_cannot_hand_the_model_what_the_student_has_to_earn(
    client_profile: ClientProfile, teacher: User
) -> None:
    secret = "I sold my mother's wedding ring in January."
    ClientFact.objects.create(client=client_profile, topic="The ring", depth="real", unlock=70, text=secret, position=9)
    with pytest.raises(ClientRuleError, match="has to earn"):
        add_rule(by=teacher, client=client_profile, text="Admits to have sold mother's wedding ring in January.")
    # Written into the database by another way, it still does not reach a model.
    ClientRule.objects.create(client=client_profile, text=secret, written_by=teacher)
    assert "wedding ring" not in system_prompt(client_profile.snapshot())


def test_a_rule_gives_a_fact_away_in_other_words_too_and_touching_on_one_does_not() -> None:
    clients = {one.snapshot.name: one.snapshot for one in load_library()}
    told = "She tells at once that she ignored his headache that morning and went to a meeting."
    sylvia = clients["Sylvia Addo"]
    assert gives_away(sylvia, told)
    assert told not in system_prompt(replace(sylvia, rules=(told, RULE)))
    for rule in (RULE, "Never jokes about money.", "Speaks in short sentences.", "Gets irritated when interrupted."):
        assert not [name for name, snapshot in clients.items() if gives_away(snapshot, rule)], rule


def test_only_the_owner_corrects_a_client_and_a_copy_keeps_its_rules(
    client_profile: ClientProfile, teacher: User
) -> None:
    other = make_user("other.teacher", User.Role.TEACHER)
    rule = add_rule(by=teacher, client=client_profile, text=RULE)
    for act in (
        lambda: add_rule(by=other, client=client_profile, text="Mine."),
        lambda: remove_rule(by=other, rule=rule),
    ):
        with pytest.raises(NotYoursError):
            act()
    copy = duplicate_client(by=teacher, client=client_profile)
    assert [one.text for one in copy.rules.all()] == [RULE]


def test_a_refused_rule_is_shown_again_with_the_reason(client_profile: ClientProfile, teacher: User) -> None:
    page = signed_in(teacher).post(
        reverse("client-rule-new", args=[client_profile.pk]), {"text": "x" * 301, "about": "Thanks!"}
    )
    assert page.status_code == 422
    text = page.content.decode()
    assert "x" * 301 in text
    assert "300 characters" in text


def test_damaged_characters_are_refused_in_words(client_profile: ClientProfile, teacher: User) -> None:
    address, browser = reverse("client-rule-new", args=[client_profile.pk]), signed_in(teacher)
    assert browser.post(address, {"text": "Never \0 jokes."}).status_code == 422
    assert browser.post(address, {"text": "Never jokes.", "about": "Ha\0!"}).status_code == 302
    assert client_profile.rules.get().about == "Ha!"
