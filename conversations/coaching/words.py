"""What each skill is called and means, in the reader's language, and how it is drawn on a map."""

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from clients.skills import SKILLS


class Skill(NamedTuple):
    """A skill: its code, name, one sentence on what it is, and its letter and shape on a map."""

    code: str
    name: "str | Promise"
    says: "str | Promise"
    letter: str
    shape: str


# In the order in which a summary counts them. Shapes tell what a message is for: a circle listens, a square asks, a
# diamond tells, a triangle hurts, a bar frames.
_ALL = (
    Skill("open_question", _("open question"), _("Leaves the answer to the other: what, how, tell me."), "O", "square"),
    Skill("closed_question", _("closed question"), _("Can be answered with yes, no or one fact."), "Q", "square"),
    Skill(
        "simple_reflection",
        _("simple reflection"),
        _("Says back what was said, in nearly the same words."),
        "R",
        "circle",
    ),
    Skill(
        "complex_reflection",
        _("complex reflection"),
        _("Says back what was meant or felt, beyond the words."),
        "R+",
        "circle",
    ),
    Skill(
        "affirmation",
        _("affirmation"),
        _("Names a strength or an effort of the other, not just praise."),
        "A",
        "circle",
    ),
    Skill("sympathy", _("sympathy"), _("Says sorry for what happened to the other."), "Y", "circle"),
    Skill("summary", _("summary"), _("Gathers several things that were said, and checks them."), "S", "circle"),
    Skill(
        "permission",
        _("asking for permission"),
        _("Asks before telling, suggesting or touching on something."),
        "P",
        "square",
    ),
    Skill("next_step", _("asking about a next step"), _("Asks what the other wants, or would do next."), "N", "square"),
    Skill("apology", _("making good"), _("Owns what went wrong, and says so."), "M", "circle"),
    Skill("information", _("information"), _("Explains how something is or works."), "I", "diamond"),
    Skill("offer", _("offer"), _("Offers something to do or to give."), "F", "diamond"),
    Skill("advice", _("advice without asking"), _("Says what to do before it was asked for."), "V", "diamond"),
    Skill("confrontation", _("confrontation"), _("Blames, corrects, warns or talks down."), "X", "triangle"),
    Skill("self_disclosure", _("about yourself"), _("Tells something of your own life or view."), "D", "diamond"),
    Skill("minimal", _("a short word"), _("“Mm”, “okay”: shows that you are there and no more."), "…", "bar"),
    Skill("greeting", _("greeting"), _("Begins, and says who you are."), "G", "bar"),
    Skill("closing", _("closing"), _("Brings the conversation to its end."), "E", "bar"),
    Skill("out_of_role", _("out of the role"), _("Speaks to the program instead of the client."), "/", "triangle"),
)
SKILL_BY_CODE = {skill.code: skill for skill in _ALL}
assert SKILL_BY_CODE.keys() == set(SKILLS)  # noqa: S101 -- a skill without a name is a fault of this file
