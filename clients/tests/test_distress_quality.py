"""How rarely a student's hard question is taken for their own distress, and how rarely their own distress is missed."""

from collections import Counter

from clients.tests.labelled import HALVES, read
from clients.tests.labelled.safety import figure

# In 60 messages.
MOST_WRONG = 3


def test_the_tiers_are_measured_on_enough_messages_of_every_tier() -> None:
    disclosures = [one for half in HALVES for one in read(f"safety_disclosures_{half}")]
    questions = [one for half in HALVES for one in read(f"safety_questions_{half}")]
    assert min(len(questions), len(disclosures)) >= 70
    assert min(Counter(one["tier"] for one in disclosures).values()) >= 20
    assert len({one["text"] for one in questions + disclosures}) == len(questions) + len(disclosures)


def test_hard_questions_to_a_client_rarely_raise_an_alarm() -> None:
    one = figure("both")
    assert one.alarms * 60 <= MOST_WRONG * one.questions, one


def test_a_students_own_distress_is_rarely_missed() -> None:
    one = figure("both")
    assert one.missed * 60 <= MOST_WRONG * one.disclosures, one
