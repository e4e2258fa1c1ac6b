"""How real a client sounds, in figures."""

from hypothesis import given
from hypothesis import strategies as st

from clients.measures import MARKS, begins_agreeing, is_helping, measure


def test_helper_talk_agreement_and_questions_are_counted_in_english_and_spanish() -> None:
    found = measure(
        [
            ("Thank you for sharing that. How can I help you today?", "en"),
            ("You're right, I should call them.", "en"),
            ("Tiene razón, doctora.", "es"),
            ("I don't know. It's been like that since May.", "en"),
        ]
    )
    assert (found.replies, found.helper, found.agreement, found.questions) == (4, 0.25, 0.5, 0.25)
    assert set(found.alarms) == {"helper", "agreement", "questions"}


def test_a_client_who_talks_as_real_ones_do_raises_no_alarm() -> None:
    found = measure([("It's the letters. I put them in a drawer and shut it.", "en")] * 20)
    assert found.alarms == ()
    assert (found.median_words, found.p90_words) == (12, 12)


def test_long_replies_are_an_alarm_by_their_median() -> None:
    assert measure([("word " * 40, "en")]).alarms == ("median_words",)


def test_to_agree_later_in_a_reply_is_no_opener() -> None:
    assert not begins_agreeing("I never thought so. You're right though.", "en")
    assert not is_helping("She helps me with the forms.", "en")


def test_no_replies_have_no_measures() -> None:
    assert measure([]).alarms == ()


@given(st.lists(st.tuples(st.text(), st.sampled_from(["en", "es", "fr"])), max_size=8))
def test_shares_are_shares_whatever_was_said(replies: list[tuple[str, str]]) -> None:
    found = measure(replies)
    assert all(0 <= getattr(found, mark.name) <= 1 for mark in MARKS if not mark.name.endswith("_words"))
    assert found.p90_words >= found.median_words or len(replies) == 0
