"""What models have cost, in `tocsin status`."""

from cron.endings.spent import Spent
from gateway.cli.status_spend import spend_document, spend_lines
from tests.jobs import new_job

NEWS = Spent(subject="job:u1", input_tokens=12_000, output_tokens=400, money=0.042)
GONE = Spent(subject="job:u2", input_tokens=10, output_tokens=5)
ANNA = Spent(subject="owner:test:1", input_tokens=20_000, output_tokens=1_000, money=0.075)
JOBS = [new_job(uid="u1", id="u1", name="news")]


def test_the_total_is_that_of_the_owners_with_their_conversations() -> None:
    document = spend_document("2026-03-02", [ANNA, NEWS, GONE], JOBS)

    assert document == {
        "day": "2026-03-02",
        "input_tokens": 20_000,
        "output_tokens": 1_000,
        "money": 0.075,
        "jobs": [
            {"uid": "u1", "name": "news", "input_tokens": 12_000, "output_tokens": 400, "money": 0.042},
            {"uid": "u2", "name": None, "input_tokens": 10, "output_tokens": 5, "money": 0},
        ],
        "owners": [{"owner": "test:1", "input_tokens": 20_000, "output_tokens": 1_000, "money": 0.075}],
    }


def test_people_read_a_line_for_the_day_and_one_for_each_job() -> None:
    assert list(spend_lines(spend_document("2026-03-02", [ANNA, NEWS, GONE], JOBS))) == [
        "Spent on 2026-03-02: 20,000 tokens in, 1,000 out, 0.0750 in money",
        'Spent by "news": 12,000 tokens in, 400 out, 0.0420 in money',
        'Spent by "u2": 10 tokens in, 5 out',
    ]


def test_a_day_without_a_model_has_no_line() -> None:
    assert list(spend_lines(spend_document("2026-03-02", [], JOBS))) == []
