"""tocsin pair: who is let in, from a terminal."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.database.schema import MIGRATIONS, migrate
from gateway.database.sqlite import SqliteDriver
from gateway.pairing import codes, ledger
from gateway.pairing.codes import Code
from tests.command_line import CommandLine


def asks(tocsin: CommandLine, user: str = "7", channel: str = "telegram", *, ago: timedelta = timedelta()) -> str:
    """Somebody has knocked; returns their code."""
    now = datetime.now(UTC) - ago
    code = Code(
        channel=channel,
        user=user,
        name="Mallory\x1b[31m",
        chat=f"d{user}",
        code=f"CODE{channel[:2]}{user}".upper(),
        until=now + codes.GOOD_FOR,
        told=1,
        told_at=now,
    )
    tocsin.kept.write(lambda transaction: ledger.keep(transaction, code))
    return code.code


def test_without_anything_there_is_nobody_and_nothing_is_made(tocsin: CommandLine) -> None:
    listed, document = tocsin("pair", "list"), tocsin("pair", "list", "--json")
    refused = [tocsin("pair", "approve", "ABCD2345"), tocsin("pair", "revoke", "7")]

    assert listed.out == "Nobody asks to be let in, and nobody was.\n"
    assert document.document == {"codes": [], "people": []}
    assert [(one.status, one.out) for one in refused] == [(1, ""), (1, "")]
    assert not (tocsin.path / "gateway.db").exists()


def test_in_a_database_of_an_older_version_there_is_nobody(tocsin: CommandLine) -> None:
    tocsin.path.mkdir(mode=0o700)
    driver = SqliteDriver(tocsin.path / "gateway.db")
    migrate(driver, MIGRATIONS[:4])
    driver.close()

    listed = tocsin("pair", "list", "--json")
    refused = tocsin("pair", "approve", "ABCD2345")

    assert (listed.status, listed.document) == (0, {"codes": [], "people": []})
    assert (refused.status, "still good" in refused.err) == (1, True)


def test_a_code_is_approved_and_taken_back(tocsin: CommandLine) -> None:
    code = asks(tocsin)

    before = tocsin("pair", "list")
    approved = tocsin("pair", "approve", code.lower(), "--json")
    people = tocsin("pair", "list", "--json").document
    revoked = tocsin("pair", "revoke", "7")

    assert before.lines[0].split() == ["CODE", "CHANNEL", "USER", "NAME", "UNTIL"]
    assert code in before.lines[1]
    assert "\x1b" not in before.out
    assert (approved.status, approved.document["user"], approved.document["chat"]) == (0, "7", "d7")
    assert approved.document["approved_by"].startswith("operator:")
    assert people["codes"] == []
    assert [one["user"] for one in people["people"]] == ["7"]
    assert (revoked.status, "may not talk" in revoked.out) == (0, True)
    assert tocsin("pair", "list", "--json").document["people"] == []


def test_without_a_gateway_the_person_is_told_when_it_runs(tocsin: CommandLine) -> None:
    printed = tocsin("pair", "approve", asks(tocsin))

    (waiting,) = tocsin("outbox", "list", "--json").document["messages"]
    assert "is told when the gateway runs" in printed.out
    assert (waiting["caller"], waiting["chat"], waiting["state"]) == ("command", "d7", "open")


def test_who_did_it_is_in_the_audit(tocsin: CommandLine) -> None:
    tocsin("pair", "approve", asks(tocsin))
    tocsin("pair", "revoke", "7")

    audit = tocsin("audit", "--json").document["audit"]
    assert [row["what"] for row in audit] == ["pair.revoke", "pair.approve"]
    assert all(row["who"].startswith("operator:") and row["subject"] == "telegram 7" for row in audit)
    assert tocsin("audit", "--verify").status == 0


@pytest.mark.parametrize(
    "arguments", [("approve", "NONE2345"), ("revoke", "8"), ("revoke", "7", "--channel", "x")]
)
def test_what_is_not_there_fails_with_one_sentence(tocsin: CommandLine, arguments: tuple[str, ...]) -> None:
    tocsin("pair", "approve", asks(tocsin))

    printed = tocsin("pair", *arguments, "--json")

    assert printed.status == 1
    assert len(printed.err.splitlines()) == 1
    assert printed.document == {"error": printed.err.strip().removeprefix("tocsin: ")}


def test_a_code_that_is_over_lets_nobody_in(tocsin: CommandLine) -> None:
    code = asks(tocsin, ago=codes.GOOD_FOR)

    assert tocsin("pair", "list", "--json").document["codes"] == []
    assert tocsin("pair", "approve", code).status == 1


def test_a_person_of_two_channels_is_revoked_on_the_one_that_is_named(tocsin: CommandLine) -> None:
    for channel in ("telegram", "slack"):
        tocsin("pair", "approve", asks(tocsin, channel=channel))

    unclear = tocsin("pair", "revoke", "7")
    named = tocsin("pair", "revoke", "7", "--channel", "slack", "--json")

    assert (unclear.status, "slack, telegram" in unclear.err) == (2, True)
    assert named.document["channel"] == "slack"


def test_who_is_in_the_configuration_is_named_with_the_key(tocsin: CommandLine) -> None:
    tocsin.configure('[channels.telegram]\ntoken = "1:a"\nallow = ["5", "7"]\n')
    tocsin("pair", "approve", asks(tocsin))

    listed, both = tocsin("pair", "revoke", "5"), tocsin("pair", "revoke", "7")

    assert (listed.status, "channels.telegram.allow: take them out there" in listed.err) == (1, True)
    assert (both.status, "still lists them in channels.telegram.allow" in both.err) == (0, True)
