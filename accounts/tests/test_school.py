"""The school and its terms: one row, and its logo."""

import datetime as dt
from io import BytesIO
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image
from pytest_django import Settings

from accounts.forms import LogoField
from accounts.models import School, TeacherDetails, Term, User


def image(kind: str = "PNG", name: str = "logo.png", extra: bytes = b"") -> SimpleUploadedFile:
    stream = BytesIO()
    Image.new("RGB", (4, 4), "teal").save(stream, kind)
    return SimpleUploadedFile(name, stream.getvalue() + extra)


@pytest.mark.django_db
def test_there_is_one_school_and_defaults_before_it_exists() -> None:
    assert str(School.current()) == "Rapport"
    School(name="First").save()
    School(name="Second").save()
    assert [str(school) for school in School.objects.all()] == ["Second"]


@pytest.mark.django_db
def test_a_term_ends_after_it_starts() -> None:
    term = Term(name="Autumn", starts_on=dt.date(2026, 9, 1), ends_on=dt.date(2026, 8, 1))
    with pytest.raises(ValidationError, match="must not be before"):
        term.validate_constraints()
    assert str(term) == "Autumn"


def test_teacher_details_show_as_the_title() -> None:
    assert str(TeacherDetails(title="Dr")) == "Dr"


@pytest.mark.django_db
def test_everyone_gets_the_schools_logo_even_before_signing_in(
    client: Client, school: School, settings: Settings, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    assert client.get("/school/logo").status_code == 404
    school.logo.save("logo.png", image())
    response = client.get("/school/logo")
    assert response.headers["Content-Type"] == "image/png"
    assert b"".join(response.streaming_content).startswith(b"\x89PNG")  # type: ignore[attr-defined]
    assert 'src="/school/logo"' in client.get("/accounts/login/").text
    Path(school.logo.path).unlink()
    assert client.get("/school/logo").status_code == 404


def test_a_logo_must_be_an_image_of_a_kind_and_size_that_browsers_show() -> None:
    assert LogoField().clean(image()).name == "logo.png"
    assert LogoField(required=False).clean(None) is None
    with pytest.raises(ValidationError, match="PNG, JPEG"):
        LogoField().clean(image("BMP", "logo.bmp"))
    with pytest.raises(ValidationError, match="1 MB"):
        LogoField().clean(image(extra=b"\0" * 2**20))
    with pytest.raises(ValidationError):
        LogoField().clean(SimpleUploadedFile("logo.png", b"no image"))


def test_the_help_page_names_the_schools_support_contact(client: Client, school: School, student: User) -> None:
    client.force_login(student)
    assert "help@school.example" in client.get("/help/").text
