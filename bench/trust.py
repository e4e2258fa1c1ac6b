"""What trust does with scripted students: `python -m bench.trust [--seeds 20] [--client SLUG] [--show STYLE]`.

Every built-in client talks with every style of scripted student, seed by seed, through the voice without a model. The
table gives the median final trust by style, the gap between skilled and clumsy, how many of all pairs of a skilled and
a clumsy talk the skilled one ends above, and who walked out. The exit status is 1 when a goal is missed: a gap of 25
for every client, 90% of pairs, no locked fact told or in a prompt, and that nobody walks out on a skilled or a
jailbreaking student.
"""

import argparse
import os
import sys
from collections import Counter
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from bench.talks import Talk
    from clients.library import LibraryClient


def main() -> None:
    """Hold the talks and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.trust", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=20, help="talks for each kind of student (default 20)")
    parser.add_argument("--client", default="", help="only the built-in client of this short name")
    parser.add_argument("--show", default="", help="print one talk with a student of this kind instead")
    asked = parser.parse_args()
    # It needs the settings for the words of outcomes, and no database.
    os.environ.setdefault("DEMO", "true")  # noqa: TID251
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")  # noqa: TID251
    django.setup()
    from bench.talks import held
    from clients.library import load_library

    clients = [client for client in load_library() if asked.client in {"", client.slug}]
    if asked.show:
        for client in clients:
            show(client.slug, held(client.snapshot, asked.show, asked.seeds))
        return
    missed = table(clients, asked.seeds)
    print("\n".join(["missed:", *missed]) if missed else "every goal reached")
    sys.exit(bool(missed))


def table(clients: "list[LibraryClient]", seeds: int) -> list[str]:
    """Print the figures of each client, and give the goals that were missed."""
    from bench.talks import measured
    from clients.students import STYLES

    head = "".join(f"{style:>14}" for style in STYLES)
    print(f"{'median final trust':18}{head}   gap  pairs  agreed  left: clumsy  hostile (after turns)")
    missed = []
    for client in clients:
        figures = measured(client.snapshot, range(seeds))
        trust = "".join(f"{figures.trust[style]:14.0f}" for style in STYLES)
        turns = figures.turns["hostile"] or [0]
        print(
            f"{client.slug:18}{trust}{figures.gap:6.0f}{figures.pairs:7.0%}{figures.agreed['skilled']:8}"
            f"{figures.left['clumsy']:14}{figures.left['hostile']:9} ({turns[0]} to {turns[-1]})"
        )
        missed += [f"{client.slug}: {goal}" for goal in figures.missed()]
        for leak, times in Counter(figures.leaks).items():
            print(f"  {times} times {leak}")
    return missed


def show(slug: str, talk: "Talk") -> None:
    """One talk, line by line, with the state after each of the student's messages."""
    print(slug)
    states = iter(talk.states)
    for line in talk.lines:
        print(f"  {line.role:8}{line.text}")
        if line.role == "student":
            state = next(states)
            acts = " + ".join(state.last.acts) if state.last else ""
            print(f"          [{state.trust} {state.emotion}, {state.stance}; {acts}]")


if __name__ == "__main__":
    main()
