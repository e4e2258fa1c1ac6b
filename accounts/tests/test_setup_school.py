"""`manage.py setup_school`: a fresh school, a changed one, and answers that do not fit."""

import datetime as dt
import getpass
import re
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from PIL import Image
from pytest_django import Settings

from accounts.models import School, Term, User
from conftest import make_user

pytestmark = pytest.mark.django_db

OPTIONS = {
    "name": "Our School",
    "time_zone": "Europe/Madrid",
    "support_contact": "help@our.example",
    "term_name": "Autumn",
    "term_starts": "2026-09-01",
    "term_ends": "2026-12-20",
    "admin_email": "Head@our.example",
    "admin_name": "Head",
}


def setup(**options: object) -> str:
    """What the command prints."""
    out = StringIO()
    call_command("setup_school", stdout=out, stderr=out, **options)
    return out.getvalue()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Someone at the terminal who gives these answers and passwords, in order; the questions are kept."""

    def answer(answers: list[str], passwords: list[str]) -> list[str]:
        questions: list[str] = []

        def taken(given: Iterator[str]) -> Callable[[str], str]:
            def reply(question: str) -> str:
                questions.append(question)
                return next(given)

            return reply

        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr("builtins.input", taken(iter(answers)))
        monkeypatch.setattr(getpass, "getpass", taken(iter(passwords)))
        return questions

    return answer


def test_a_fresh_school_has_its_name_zone_term_and_an_admin_who_sets_a_password_by_link() -> None:
    printed = setup(**OPTIONS)
    school, term, admin = School.current(), Term.objects.get(), User.objects.get()
    assert (school.name, school.time_zone, school.support_contact) == (
        "Our School",
        "Europe/Madrid",
        "help@our.example",
    )
    assert (term.name, term.starts_on, term.ends_on) == ("Autumn", dt.date(2026, 9, 1), dt.date(2026, 12, 20))
    assert (admin.email, admin.display_name, admin.is_superuser) == ("head@our.example", "Head", True)
    assert not admin.has_usable_password()
    link = re.search(r"https?://[^/]+(/accounts/reset/\S+)", printed)
    assert link is not None
    assert "Set a new password" in Client().get(link[1], follow=True).text


def test_a_second_run_changes_what_it_names_and_doubles_nothing() -> None:
    setup(**OPTIONS)
    printed = setup(**OPTIONS | {"name": "Renamed School", "term_ends": "2026-12-22"})
    assert School.objects.count() == Term.objects.count() == User.objects.count() == 1
    assert School.current().name == "Renamed School"
    assert Term.objects.get().ends_on == dt.date(2026, 12, 22)
    assert "/accounts/reset/" not in printed
    setup(no_input=True)
    assert School.current().name == "Renamed School"
    assert School.current().time_zone == "Europe/Madrid"


def test_without_an_admin_it_says_how_to_make_one() -> None:
    printed = setup(name="Our School")
    assert "There is no admin yet" in printed
    assert "is set up" not in printed


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"time_zone": "Europe/Atlantis"}, "time_zone"),
        ({"name": "x" * 151}, "name"),
        ({"term_starts": ""}, "term_starts"),
        ({"term_starts": "soon"}, "term_starts"),
        ({"term_ends": "2026-08-01"}, "term_ends"),
        ({"admin_email": "head"}, "admin_email"),
        ({"admin_name": ""}, "admin_name"),
        ({"logo": Path("/nowhere/logo.png")}, "logo"),
        ({"logo": Path(__file__)}, "logo"),
    ],
)
def test_an_answer_that_does_not_fit_is_named_and_nothing_is_written(change: dict[str, object], field: str) -> None:
    with pytest.raises(CommandError, match=f"^{field}: "):
        setup(**OPTIONS | change)
    assert not School.objects.exists()
    assert not Term.objects.exists()
    assert not User.objects.exists()


def test_an_account_of_another_role_is_not_made_the_admin() -> None:
    make_user("teacher", User.Role.TEACHER)
    with pytest.raises(CommandError, match=r"^admin_email: teacher@example\.com has an account already, as teacher"):
        setup(**OPTIONS | {"admin_email": "teacher@example.com"})


def test_a_new_logo_replaces_the_old_file(tmp_path: Path, settings: Settings) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    logo = tmp_path / "logo.png"
    Image.new("RGB", (4, 4)).save(logo)
    setup(name="Our School", logo=logo)
    first = Path(School.current().logo.path)
    assert first.is_file()
    setup(logo=logo)
    files = [path for path in (tmp_path / "media").rglob("*") if path.is_file()]
    assert files == [Path(School.current().logo.path)]


def test_someone_at_the_terminal_is_asked_and_chooses_a_password(terminal: Callable[..., list[str]]) -> None:
    questions = terminal(
        ["Our School", "Europe/Madrid", "", "Autumn", "2026-09-01", "2026-12-20", "head@our.example", "Head"],
        ["short", "a-better-word-2", "another-word-3", "a-better-word-2", "a-better-word-2"],
    )
    printed = setup()
    assert "too short" in printed
    assert "The two passwords differ" in printed
    assert "/accounts/reset/" not in printed
    assert questions[0] == "Name of the school [Rapport]: "
    assert User.objects.get().check_password("a-better-word-2")


def test_someone_at_the_terminal_may_prefer_a_link(terminal: Callable[..., list[str]]) -> None:
    terminal(["", "", "", "head@our.example", "Head"], [""])
    assert "/accounts/reset/" in setup(time_zone="UTC")
    assert School.current().name == "Rapport"


def test_a_second_run_at_the_terminal_offers_what_is_known_and_asks_for_no_second_admin(
    terminal: Callable[..., list[str]],
) -> None:
    setup(**OPTIONS)
    questions = terminal(["Renamed School", "", "", ""], [])
    setup()
    assert School.current().name == "Renamed School"
    assert School.current().time_zone == "Europe/Madrid"
    assert [question.rsplit("[", 1)[1] for question in questions] == [
        "Our School]: ",
        "Europe/Madrid]: ",
        "help@our.example]: ",
        "Autumn]: ",
    ]


def test_an_answer_that_does_not_fit_is_asked_for_again_and_the_others_are_kept(
    terminal: Callable[..., list[str]],
) -> None:
    make_user("teacher", User.Role.TEACHER)
    questions = terminal(
        [
            "Our School",
            "madrid",
            "Europe/Madrid",
            "",
            "Autumn",
            "soon",
            "2026-09-01",
            "2026-08-01",
            "2026-12-20",
            "head",
            "teacher@example.com",
            "head@our.example",
            "",
            "Head",
        ],
        [""],
    )
    printed = setup()
    assert "teacher@example.com has an account already, as teacher." in printed
    assert "The last day must not be before the first." in printed
    assert "Our School is set up." in printed
    assert questions[1] == questions[2] == "Time zone, such as Europe/Madrid [UTC]: "
    assert (School.current().name, School.current().time_zone) == ("Our School", "Europe/Madrid")
    assert Term.objects.get().ends_on == dt.date(2026, 12, 20)
    assert User.objects.get(is_superuser=True).display_name == "Head"


def test_someone_at_the_terminal_may_leave_term_and_admin_for_later(terminal: Callable[..., list[str]]) -> None:
    terminal(["Our School", "", "", "", ""], [])
    assert "There is no admin yet" in setup()
    assert School.current().name == "Our School"
    assert not Term.objects.exists()


def test_a_wrong_option_is_named_before_anything_is_asked_about_it(terminal: Callable[..., list[str]]) -> None:
    questions = terminal([], [])
    with pytest.raises(CommandError, match=r"^time_zone: "):
        setup(name="Our School", time_zone="Europe/Atlantis")
    assert questions == []


def test_an_admin_of_before_is_named_again_without_a_question_for_the_name(
    terminal: Callable[..., list[str]],
) -> None:
    setup(**OPTIONS)
    questions = terminal(["", "", "", ""], [])
    setup(admin_email="head@our.example")
    assert len(questions) == 4
