"""The README tells the truth about the tree."""

import re
import subprocess

from config.tests.portal import BASE

README = (BASE / "README.md").read_text()


def test_the_table_of_rooms_names_every_folder_of_the_tree() -> None:
    named = set(re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE))
    tracked = subprocess.run(["git", "ls-files"], cwd=BASE, capture_output=True, text=True, check=True).stdout.split()
    folders = {path.partition("/")[0] for path in tracked if "/" in path and not path.startswith(".")}
    assert named == folders


def test_every_file_that_the_readme_links_to_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    missing = [link for link in links if "://" not in link and not (BASE / link).exists()]
    assert not missing


def test_every_make_target_that_the_readme_names_exists() -> None:
    makefile = (BASE / "Makefile").read_text()
    for target in set(re.findall(r"\bmake (\w+)", README)):
        assert f"\n{target}:" in makefile, target


def test_every_setting_is_named_in_the_example_of_an_environment() -> None:
    read = set(re.findall(r'\bread\.(?!ending)\w+\(\s*"(\w+)"', (BASE / "config" / "settings.py").read_text()))
    assert read
    named = set(re.findall(r"^#?(\w+)=", (BASE / ".env.example").read_text(), re.MULTILINE))
    assert not read - named
