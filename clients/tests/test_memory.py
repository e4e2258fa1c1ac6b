"""A remembered state is the one that a replay of the whole conversation gives."""

from hypothesis import given
from hypothesis import strategies as st

from clients import library, state
from clients.voices import memory

SOMEBODY, OTHER = (client.snapshot for client in library.load_library()[:2])
texts = st.sampled_from(["How are you?", "That sounds hard.", "You should go to work.", "What about the rent?", "Why?"])


@given(st.lists(texts, max_size=14))
def test_a_state_is_the_same_remembered_line_by_line_and_replayed_whole(said: list[str]) -> None:
    lines = [state.Line("student" if n % 2 == 0 else "client", text) for n, text in enumerate(said)]
    for end in range(len(lines) + 1):
        assert memory.recall(SOMEBODY, lines[:end]) == state.replay(SOMEBODY, lines[:end])
    assert memory.recall(OTHER, lines) == state.replay(OTHER, lines)


def test_only_so_many_are_kept() -> None:
    for number in range(memory.MOST + 5):
        memory.recall(SOMEBODY, [state.Line("client", f"Line {number}")])
    assert len(memory._known) == memory.MOST
