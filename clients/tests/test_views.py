"""The teachers' pages: who may open them, what they show, and that nothing typed is lost."""

import uuid

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Section, User
from clients import services
from clients.models import ClientOpening, ClientProfile
from clients.tests.pages import body, next_revision, signed_in, url
from clients.tests.test_forms import facts, profile
from clients.urls import urlpatterns
from conftest import make_client

pytestmark = pytest.mark.django_db

# Each route that is about one client, with its method, and who gets past the door of a private one: the rest get 404.
OWNER, SEEN_BY_COLLEAGUES = {"owner", "admin"}, {"owner", "colleague", "admin"}
DOORS = {
    ("client-detail", "get"): OWNER,
    ("client-edit", "get"): OWNER,
    ("client-edit", "post"): OWNER,
    ("client-prompt", "get"): OWNER,
    ("client-prompt", "post"): OWNER,
    ("client-bench", "get"): OWNER,
    ("client-bench-run", "post"): OWNER,
    ("client-rule-new", "post"): OWNER,
    ("client-duplicate", "post"): OWNER,
    ("client-archive", "post"): OWNER,
    ("client-restore", "post"): OWNER,
    ("client-share", "post"): OWNER,
    ("client-open", "post"): OWNER,
    ("client-delete", "post"): OWNER,
}
SHARED_DOORS = {
    ("client-detail", "get"),
    ("client-prompt", "get"),
    ("client-bench", "get"),
    ("client-bench-run", "post"),
    ("client-duplicate", "post"),
    ("client-open", "post"),
}
WITHOUT_CLIENT = {"client-list", "client-new"}
# About a rule or a rehearsal of one: the permission table of all routes has them.
OF_A_PART = {"client-rule-remove", "tryout"}
OF_TUTORS = {"section-tutors", "tutor-preference", "tutor-preference-told"}


@pytest.fixture
def people(teacher: User, other_teacher: User, operator: User, student: User, other_student: User) -> dict[str, User]:
    return {
        "owner": teacher, "colleague": other_teacher, "admin": operator, "student": student, "outsider": other_student,
    }  # fmt: skip


def test_every_route_stands_in_the_table_of_doors() -> None:
    beside = WITHOUT_CLIENT | OF_A_PART | OF_TUTORS
    assert {route.name for route in urlpatterns} == {name for name, _method in DOORS} | beside


@pytest.mark.parametrize("who", ["owner", "colleague", "admin", "student", "outsider"])
@pytest.mark.parametrize(("name", "method"), DOORS)
@pytest.mark.parametrize("shared", [False, True])
def test_a_door_opens_only_to_those_it_is_meant_for(
    people: dict[str, User], section: Section, name: str, method: str, who: str, shared: bool
) -> None:
    client = make_client(people["owner"], visibility="shared" if shared else "private")
    # Also open to the student's section: a student practises with the client and still never sees these pages.
    ClientOpening.objects.create(client=client, section=section)
    allowed = SEEN_BY_COLLEAGUES if shared and (name, method) in SHARED_DOORS else DOORS[name, method]
    data = {"section": section.pk, "text": "Never jokes."}
    status = getattr(signed_in(people[who]), method)(url(name, client), data).status_code
    if (name, who) == ("client-open", "colleague"):
        assert status == 404  # does not teach the section
    else:
        assert (status in {200, 302}) is (who in allowed)
        assert status in {200, 302, 404}


@pytest.mark.parametrize(("name", "method"), DOORS)
def test_strangers_are_sent_to_sign_in_and_unknown_clients_are_not_found(
    teacher: User, name: str, method: str, client: Client
) -> None:
    page = reverse(name, args=[uuid.uuid4()])
    response = getattr(client, method)(page)
    assert response.status_code == 302
    assert response.url.startswith("/accounts/login/")
    assert getattr(signed_in(teacher), method)(page).status_code == 404


@pytest.mark.parametrize("name", sorted(WITHOUT_CLIENT))
def test_only_teachers_and_admins_see_the_library(people: dict[str, User], name: str) -> None:
    for who, user in people.items():
        assert signed_in(user).get(reverse(name)).status_code == (200 if who in SEEN_BY_COLLEAGUES else 404)


@pytest.mark.parametrize("name", [name for name, method in DOORS if method == "post" and (name, "get") not in DOORS])
def test_nothing_is_done_by_following_a_link(teacher: User, client_profile: ClientProfile, name: str) -> None:
    assert signed_in(teacher).get(url(name, client_profile)).status_code == 405


# --- The library ---


def test_clients_stand_under_the_tab_they_belong_to(teacher: User, other_teacher: User, operator: User) -> None:
    make_client(teacher, "Mine-1")
    make_client(teacher, "Old-1", archived_at=timezone.now())
    make_client(other_teacher, "Shared-1", visibility="shared")
    make_client(other_teacher, "Shared-old", visibility="shared", archived_at=timezone.now())
    make_client(other_teacher, "Private-1")
    make_client(None, "Built-in-1", slug="built-in-1")
    shown = {
        tab: [row.name for row in signed_in(teacher).get("/clients/", {"tab": tab}).context["page_obj"]]
        for tab in ("mine", "shared", "builtin", "archived")
    }
    assert shown == {"mine": ["Mine-1"], "shared": ["Shared-1"], "builtin": ["Built-in-1"], "archived": ["Old-1"]}
    tabs = {tab: count for tab, _label, count in signed_in(operator).get("/clients/").context["tabs"]}
    assert tabs == {"mine": 0, "shared": 3, "builtin": 1, "archived": 2}


def test_filters_search_and_order_stay_in_the_address(teacher: User) -> None:
    make_client(teacher, "Ana", domain="health", difficulty="demanding", language="es")
    make_client(teacher, "Ben", domain="health", difficulty="gentle")
    make_client(teacher, "Cem", domain="sales", difficulty="moderate", reason="A broken heater.")
    browser = signed_in(teacher)

    def shown(query: str) -> list[str]:
        return [row.name for row in browser.get(f"/clients/?{query}").context["page_obj"]]

    assert shown("domain=health") == ["Ana", "Ben"]
    assert shown("domain=health&language=es") == ["Ana"]
    assert shown("q=HEATER") == ["Cem"]
    assert shown("sort=difficulty") == ["Ben", "Cem", "Ana"]
    assert shown("sort=-updated_at") == ["Cem", "Ben", "Ana"]
    page = body(browser.get("/clients/?domain=health&q=a%26b"))
    assert "No client fits these filters" in page
    assert '<option value="health" selected>' in page
    assert 'value="a&amp;b"' in page


def test_pages_of_the_library_keep_the_filters(teacher: User) -> None:
    for number in range(21):
        make_client(teacher, f"Client {number:02}", domain="health")
    page = signed_in(teacher).get("/clients/?domain=health&page=2")
    assert [row.name for row in page.context["page_obj"]] == ["Client 20"]
    assert "domain=health&amp;page=1" in body(page).replace("tab=mine&amp;sort=name&amp;", "")


def test_htmx_gets_the_results_alone_but_the_back_button_the_whole_page(teacher: User) -> None:
    make_client(teacher)
    browser = signed_in(teacher)
    partial = browser.get("/clients/", headers={"HX-Request": "true"})
    assert "Maria Delgado" in body(partial)
    assert "<html" not in body(partial)
    assert "HX-Request" in partial["Vary"]
    whole = browser.get("/clients/", headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert "<html" in body(whole)


@pytest.mark.parametrize(
    ("tab", "text"),
    [
        ("mine", "Write your first client"),
        ("shared", "Nothing shared yet"),
        ("archived", "Nothing archived"),
        ("builtin", "load_library"),
    ],
)
def test_an_empty_tab_teaches_the_first_step(teacher: User, tab: str, text: str) -> None:
    assert text in body(signed_in(teacher).get("/clients/", {"tab": tab}))


def test_the_library_takes_the_same_few_queries_for_many_clients(
    teacher: User, section: Section, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(15):
        client = make_client(teacher, f"Client {number}")
        ClientOpening.objects.create(client=client, section=section)
    browser = signed_in(teacher)
    with django_assert_max_num_queries(8):
        page = body(browser.get("/clients/"))
    assert page.count("Open to 1 section") == 15


# --- Reading one ---


def test_the_profile_is_a_page_to_read_with_facts_in_two_depths(teacher: User, client_profile: ClientProfile) -> None:
    ClientProfile.objects.filter(pk=client_profile.pk).update(
        gender="woman", race="Romani", pronouns="she/her", socioeconomic_status="low",
        challenges="Changes the subject.", opening_line="Morning.", client_speaks_first=True,
        content_note="Talks about debt.", issues=["housing", "rising rent"],
    )  # fmt: skip
    client_profile.facts.filter(topic="rent").update(variants=["The landlord wrote."])
    page = signed_in(teacher).get(url("client-detail", client_profile))
    for part in (
        "Maria Delgado, 34", "Warm, Anxious", "Woman (she/her)", "Romani", "Low income", "Housing, rising rent",
        "Changes the subject.", "They speak first:", "Talks about debt.", "The landlord wrote.",
        "Said once they feel understood", "SW 101 Interviewing",
    ):  # fmt: skip
        assert part in body(page)
    assert [fact.topic for fact in page.context["surface"]] == ["rent"]
    assert [fact.topic for fact in page.context["real"]] == ["brother"]


def test_what_is_written_by_people_is_never_markup(teacher: User) -> None:
    client = make_client(teacher, "<b>Bold</b>", background="<script>alert(1)</script>", traits=["<i>", "warm"])
    for name in ("client-detail", "client-edit", "client-prompt"):
        page = body(signed_in(teacher).get(url(name, client)))
        assert "<b>Bold" not in page
        assert "<script>alert" not in page


def test_a_bare_client_without_sections_or_facts_is_a_calm_page(teacher: User) -> None:
    client = make_client(teacher, pronouns="they/them", issues=[], opening_line="Hm.")
    client.facts.all().delete()
    page = body(signed_in(teacher).get(url("client-detail", client)))
    for part in (
        "No facts yet",
        "Nothing yet. Add a fact",
        "You teach no section yet",
        "they/them",
        "if they are asked to begin",
    ):
        assert part in page


def test_a_colleagues_client_can_be_copied_but_not_changed(other_teacher: User, teacher: User) -> None:
    client = make_client(teacher, visibility="shared")
    page = body(signed_in(other_teacher).get(url("client-detail", client)))
    assert url("client-duplicate", client) in page
    assert "by Teacher" in page
    for name in ("client-edit", "client-archive", "client-share", "client-delete"):
        assert url(name, client) not in page


def test_reading_one_client_takes_few_queries(
    teacher: User, client_profile: ClientProfile, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    browser = signed_in(teacher)
    with django_assert_max_num_queries(10):
        browser.get(url("client-detail", client_profile))


# --- Writing ---


def test_a_teacher_writes_a_client_with_facts(teacher: User) -> None:
    data = profile(own_traits="slow") | facts({"topic": "fine", "text": "Forty dollars."})
    response = signed_in(teacher).post("/clients/new/", data, follow=True)
    client = ClientProfile.objects.get()
    assert response.redirect_chain == [(url("client-detail", client), 302)]
    assert "Tom is saved." in body(response)
    assert (client.owner, client.traits, client.visibility) == (teacher, ["proud", "warm", "slow"], "private")
    assert client.facts.get().topic == "fine"


def test_the_new_page_offers_built_in_clients_to_start_from(teacher: User) -> None:
    built_in = make_client(None, "Grace", slug="grace")
    make_client(None, "Gone", slug="gone", archived_at=timezone.now())
    page = signed_in(teacher).get("/clients/new/")
    assert list(page.context["built_ins"]) == [built_in]
    assert url("client-duplicate", built_in) in body(page)


def test_errors_name_the_field_and_nothing_typed_is_lost(teacher: User) -> None:
    data = profile(age="200", background="x" * 50_000, own_issues="rising rent") | facts(
        {"topic": "fine", "unlock": "80"}
    )
    page = signed_in(teacher).post("/clients/new/", data)
    assert page.status_code == 200
    text = body(page)
    for part in (
        "Nothing you typed is lost",
        "Age</a>",
        "at most 8000 characters",
        'value="200"',
        "x" * 50_000,
        'value="rising rent"',
    ):
        assert part in text
    assert "Fact 1, Trust needed, in percent" in text
    assert 'value="80"' in text
    assert not ClientProfile.objects.exists()


def test_too_many_facts_are_named_at_the_top(teacher: User) -> None:
    page = body(signed_in(teacher).post("/clients/new/", profile() | facts(*[{"topic": "a", "text": "b"}] * 41)))
    assert "at most 40 facts" in page


def test_another_fact_without_scripts_keeps_the_draft_and_judges_nothing(
    teacher: User, client_profile: ClientProfile
) -> None:
    for page in ("/clients/new/", url("client-edit", client_profile)):
        data = {"name": "Tom", "age": "200", "add_fact": "yes"} | facts({"topic": "fine"}, total=2)
        response = signed_in(teacher).post(page, data)
        text = body(response)
        assert 'id="fact-3"' in text
        assert 'value="Tom"' in text
        assert 'value="fine"' in text
        assert "errorlist" not in text
    client_profile.refresh_from_db()
    assert client_profile.name == "Maria Delgado"


def test_an_edit_shows_what_is_there_and_saves_what_was_changed(teacher: User, client_profile: ClientProfile) -> None:
    browser = signed_in(teacher)
    page = browser.get(url("client-edit", client_profile))
    assert 'value="Maria Delgado"' in body(page)
    assert "I gave the money to my brother." in body(page)
    data = profile(name="Maria D.", revision="0") | facts({"topic": "fine", "text": "Forty."})
    assert browser.post(url("client-edit", client_profile), data).status_code == 302
    client_profile.refresh_from_db()
    assert (client_profile.name, client_profile.facts.get().topic) == ("Maria D.", "fine")


def test_a_stale_edit_is_refused_kept_and_can_be_saved_knowingly(teacher: User, client_profile: ClientProfile) -> None:
    first, second = signed_in(teacher), signed_in(teacher)
    page = url("client-edit", client_profile)
    assert first.post(page, profile(name="First", revision="0") | facts()).status_code == 302
    refused = second.post(page, profile(name="Second", revision="0") | facts())
    assert "Someone changed this client" in body(refused)
    assert 'value="Second"' in body(refused)
    assert next_revision(refused) == "1"
    client_profile.refresh_from_db()
    assert client_profile.name == "First"
    assert second.post(page, profile(name="Second", revision="1") | facts()).status_code == 302
    client_profile.refresh_from_db()
    assert client_profile.name == "Second"


def test_an_edit_with_errors_does_not_save(teacher: User, client_profile: ClientProfile) -> None:
    response = signed_in(teacher).post(url("client-edit", client_profile), profile(age="0") | facts())
    assert "Nothing you typed is lost" in body(response)
    client_profile.refresh_from_db()
    assert client_profile.age == 34


def test_an_admin_who_opens_a_built_in_client_to_edit_is_told_to_copy_it(operator: User) -> None:
    client = make_client(None, slug="built-in")
    response = signed_in(operator).get(url("client-edit", client), follow=True)
    assert response.redirect_chain == [(url("client-detail", client), 302)]
    assert "Make a copy" in body(response)


def test_a_client_is_offered_to_a_bounded_number_of_sections_those_where_it_is_open_first(
    operator: User, teacher: User, section: Section
) -> None:
    client = make_client(teacher, "Maria Delgado")
    section.name = "Zoology"
    section.save()
    services.open_to_section(by=teacher, client=client, section=section)
    browser, page = signed_in(operator), url("client-detail", client)
    assert "Only 50 sections are shown" not in body(browser.get(page))
    for number in range(50):
        Section.objects.create(name=f"Group {number:02}")
    shown = body(browser.get(page))
    assert "Only 50 sections are shown" in shown
    assert "Zoology" in shown
    assert "Group 49" not in shown
