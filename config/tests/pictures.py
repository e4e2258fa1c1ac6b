"""Pictures of pages at phone and desktop width, for people to look at, and what axe says of them."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from config.tests.portal import BASE

PICTURES = BASE / "build" / "pictures"
PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 800}


def look(page: Page, name: str) -> None:
    """Take pictures at both widths, and find no serious fault by axe's rules and no sideways scrolling."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    before = page.viewport_size
    for width, viewport in (("phone", PHONE), ("desktop", DESKTOP)):
        page.set_viewport_size(viewport)  # type: ignore[arg-type]
        page.screenshot(path=PICTURES / f"{name}-{width}.png", full_page="chat" not in name)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{name} scrolls sideways"
    faults = [
        f"{violation['id']}: {violation['nodes'][0]['html'][:200]}"
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in {"serious", "critical"}
    ]
    assert not faults, (name, faults)
    page.set_viewport_size(before or DESKTOP)  # type: ignore[arg-type]
