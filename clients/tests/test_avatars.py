"""Drawn avatars are steady, harmless and safe."""

from uuid import UUID, uuid5
from xml.etree import ElementTree as ET

import pytest
from django.template import Context, Template

from clients.avatars import TONES, draw, initials

SEED = UUID("6f0c1c66-95a1-4d0c-9a2f-1a8f0d1d2b11")
SEEDS = [uuid5(SEED, str(number)) for number in range(300)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Maria Lopez", "ML"),
        ("Maria", "M"),
        ("Ana de la Cruz", "AC"),
        ("élodie", "É"),
        ("(Bob) 'Smith'", "BS"),
        ("李 小龙", "李小"),
        ("straße ßa", "SS"),
        ("", "?"),
        ("🙂 !", "?"),
    ],
)
def test_initials_come_from_the_first_and_the_last_word(name: str, expected: str) -> None:
    assert initials(name) == expected


def test_the_same_client_always_gets_the_same_drawing() -> None:
    assert draw(SEED, "Maria Lopez") == draw(str(SEED), "Maria Lopez")


def test_the_tone_and_shape_do_not_depend_on_the_name() -> None:
    assert draw(SEED, "Ann Bell").replace(">AB<", ">?<") == draw(SEED, "Carl Dahl").replace(">CD<", ">?<")


def test_different_clients_get_different_drawings_in_every_tone() -> None:
    drawings = {str(draw(seed, "Maria")) for seed in SEEDS}
    assert len(drawings) > 100
    tones = {ET.fromstring(drawing).attrib["class"] for drawing in drawings}
    assert tones == {f"avatar tone-{tone}" for tone in range(1, TONES + 1)}


@pytest.mark.parametrize("seed", SEEDS[:40])
def test_every_drawing_is_well_formed_and_carries_no_style(seed: UUID) -> None:
    root = ET.fromstring(draw(seed, "Maria Lopez"))
    assert root.attrib["aria-hidden"] == "true"
    assert [child.tag for child in root][-1] == "text"
    assert root[-1].text == "ML"
    assert all("style" not in element.attrib and "fill" not in element.attrib for element in root.iter())


def test_a_name_cannot_become_markup() -> None:
    assert ET.fromstring(draw("<b>", "&amp &lt"))[-1].text == "AL"
    drawing = draw(SEED, "<script> <img>")
    assert "<script" not in drawing
    assert "<img" not in drawing


@pytest.mark.parametrize(
    ("size", "expected"), [("small", " avatar-small"), ("large", " avatar-large"), ("x onload", "")]
)
def test_only_known_sizes_become_classes(size: str, expected: str) -> None:
    assert ET.fromstring(draw(SEED, "Maria", size)).attrib["class"].startswith(f"avatar{expected} tone-")


def test_templates_draw_clients_with_the_avatar_tag() -> None:
    page = Template('{% load avatars %}{% avatar seed name "small" %}')
    assert page.render(Context({"seed": SEED, "name": "Maria Lopez"})) == draw(SEED, "Maria Lopez", "small")
