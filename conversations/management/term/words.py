"""Names, and what people say: invented, plain, and varied enough for a search to find some of it and not all."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from monitoring import pricing

FIRST = (
    "Aisha", "Alba", "Aleksander", "Amara", "Ana", "Andrei", "Anouk", "Aoife", "Beatriz", "Bilal", "Carla", "Chidi",
    "Clara", "Dagny", "Daniel", "Dara", "Diego", "Elif", "Emre", "Esther", "Fatima", "Finn", "Gabriela", "Goran",
    "Hana", "Hugo", "Ines", "Ingrid", "Ivan", "Jonas", "Julia", "Kamal", "Kenji", "Lena", "Leo", "Lin", "Lucas", "Mads",
    "Maya", "Milan", "Mina", "Nadia", "Nils", "Noor", "Olga", "Omar", "Paula", "Petra", "Quentin", "Rania", "Rosa",
    "Samir", "Sara", "Selma", "Tariq", "Teresa", "Tomas", "Uma", "Viktor", "Wanda", "Yara", "Yusuf", "Zoe",
)  # fmt: skip
LAST = (
    "Abbott", "Achebe", "Aguilar", "Ahmed", "Andersson", "Baker", "Bauer", "Beck", "Benali", "Bianchi", "Brandt",
    "Brooks", "Byrne", "Castillo", "Chen", "Cohen", "Costa", "Dahl", "Delgado", "Demir", "Diaz", "Doyle", "Dubois",
    "Eriksen", "Farah", "Fischer", "Flores", "Fuchs", "Garcia", "Gomez", "Haddad", "Hansen", "Herrera", "Horvath",
    "Ibrahim", "Ito", "Jansen", "Jovanovic", "Kaya", "Keller", "Khan", "Kim", "Kovacs", "Kowalski", "Larsen", "Lopez",
    "Mbeki", "Medina", "Mendes", "Meyer", "Molina", "Moreau", "Navarro", "Nguyen", "Nowak", "Obi", "Okafor", "Ortega",
    "Patel", "Pereira", "Petrov", "Popescu", "Quinn", "Ramos", "Reyes", "Rossi", "Ruiz", "Santos", "Sato", "Schmidt",
    "Silva", "Singh", "Sorensen", "Suzuki", "Takala", "Torres", "Varga", "Vega", "Vogel", "Walsh", "Weber", "Yilmaz",
    "Young", "Zhang", "Ziegler",
)  # fmt: skip
COURSES = (
    ("SW 101", "Interviewing"), ("SW 210", "Interviewing skills"), ("SW 305", "Crisis intervention"),
    ("SW 320", "Work with families"), ("NU 114", "Patient communication"), ("NU 230", "Breaking bad news"),
    ("ME 201", "The consultation"), ("PS 150", "Motivational interviewing"), ("PS 260", "Counselling practice"),
    ("LA 120", "Spanish conversation"), ("LA 220", "Everyday English"), ("BU 140", "Sales conversations"),
)  # fmt: skip
TITLES = (
    "First talk", "Open questions", "Listening and reflecting", "Sharing what is hard", "Planning the next step",
    "A conversation under pressure", "Ending well", "Practice before the exam", "Assessment talk", "Follow-up visit",
)  # fmt: skip
SAID_BY_STUDENTS = (
    "Hello, thank you for coming in today.", "How have you been since we last talked?",
    "It sounds as if that week was very hard on you.", "What would help you most right now?",
    "Could you tell me more about the rent?", "Who else lives with you at home?",
    "I am not sure that I understood you.", "So you are worried that the letter means you have to move out.",
    "What did the doctor say about the treatment?", "On a scale from one to ten, how ready do you feel?",
    "You have already managed a lot on your own.", "Would it be all right if we looked at the numbers together?",
    "What happened after the argument with your brother?", "When you say tired, what does a normal night look like?",
    "Let us stay with that for a moment.", "I hear that trust is not easy for you here.",
    "Which of these worries comes first?", "Can we agree on one small step until Friday?",
    "Thank you for telling me this.", "¿Cómo se siente usted hoy?",
)  # fmt: skip
SAID_BY_CLIENTS = (
    "I do not know why they sent me here.", "The flat is cold and the landlord does not answer.",
    "I sleep three hours, maybe four.", "My sister says that I should stop complaining.",
    "Nobody asked me that before.", "It is the money. It is always the money.", "I would rather not talk about him.",
    "The benefits office lost my papers twice.", "Well, I drink a glass in the evening, like everybody.",
    "I am two months behind with the rent.", "You would not understand, you are very young.",
    "When the nurse came in I could not hear a word any more.", "Perhaps you are right.",
    "I keep thinking about the diagnosis.", "My son has not called since Easter.", "That is a good question.",
    "I used to play the accordion, before all this.", "Friday could work, if the bus runs.",
    "I am sorry, I do not usually cry.", "Estoy cansada de explicarlo otra vez.",
)  # fmt: skip
# Once in some ten thousand messages, for a search that finds next to nothing.
RARE = "There was marzipan on the table, and nobody touched it."
# So many are made once; what is said is one of them.
SAYINGS = 20_000
COMMENTS = (
    "A calm beginning, and real curiosity.", "You often ask two questions at once.", "Good use of silence.",
    "Try to reflect before you advise.", "Well summed up at the end.", "Notice how she changes the subject here.",
)  # fmt: skip


def name_of_person(rng: Random) -> str:
    """A first and a last name; a large school has some twice."""
    return f"{rng.choice(FIRST)} {rng.choice(LAST)}"


@dataclass(frozen=True, slots=True)
class Saying:
    """Something said, with the tokens that it is taken for and may have at most."""

    text: str
    tokens: int
    most_tokens: int


def sayings(rng: Random, sentences: tuple[str, ...], most_tokens: Callable[[str], int]) -> list[Saying]:
    """What may be said: one to three sentences, sometimes with somebody's name, and very rarely something odd."""
    texts = (_said(rng, sentences) for _saying in range(SAYINGS))
    return [Saying(text, pricing.estimate_tokens(text), most_tokens(text)) for text in texts]


def _said(rng: Random, sentences: tuple[str, ...]) -> str:
    number = rng.random()
    text = " ".join(rng.choices(sentences, k=1 + (number > 0.4) + (number > 0.8)))
    if rng.random() < 0.1:
        text += f" It was {name_of_person(rng)} who said so."
    return text if number > 0.0001 else f"{text} {RARE}"
