"""What must be true of the turns of a stream of messages, whatever happened while it ran."""

from collections import Counter

from gateway.agent.outcome import CRASH_BUDGET
from tests.journeys.crash_child import Place, look


def check_turns(place: Place, said: int) -> set[str]:
    """Each message has one turn that is done, or was killed too often (these are returned); each job ran once."""
    with look(place.home) as database:
        turns = database.execute(
            "SELECT message ->> 'text', turns.state, claims FROM turns JOIN inbox USING (seq) "
            "WHERE kind = 'person'"
        ).fetchall()
        runs = database.execute("SELECT job ->> 'name', status FROM runs").fetchall()
    given_up = {text.split()[1] for text, state, claims in turns if state == "abandoned" and claims > CRASH_BUDGET}
    reminders = {f"r{n}" for n in range(0, said, 4)}
    assert Counter(text.split()[1] for text, _, _ in turns) == Counter(map(str, range(said)))
    assert {text.split()[1] for text, state, _ in turns if state != "done"} == given_up
    ran = Counter(name for name, _ in runs)
    assert {name: [status for other, status in runs if other == name] for name in ran if ran[name] > 1} == {}
    assert {status for _, status in runs} == {"succeeded"}
    assert reminders - {f"r{n}" for n in given_up} <= {name for name, _ in runs} <= reminders
    return given_up
