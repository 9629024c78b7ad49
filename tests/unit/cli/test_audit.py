"""The audit on the command line."""

from gateway.database.driver import Transaction
from tests.command_line import CommandLine

TOKEN = "sk-abcdefghijklmnopqrstuvwxyz"


def audited(tocsin: CommandLine, *flags: str) -> list[dict[str, object]]:
    return list(tocsin("audit", *flags, "--json").document["audit"])


def test_making_changing_and_removing_a_job_are_three_rows(tocsin: CommandLine) -> None:
    job = tocsin.add("--name", "a", "--say", "x", "--every", "1h")  # NOX-53
    tocsin("cron", "update", "a", "--say", "y")
    tocsin("cron", "remove", "a")

    rows = audited(tocsin, "--job", job["id"])

    assert [row["what"] for row in rows] == ["cron.remove", "cron.update", "cron.add"]  # PRX-80, PRX-82
    assert rows[1]["before"] == {"payload": {"kind": "say", "text": "x"}}  # PRX-81
    assert rows[1]["after"] == {"payload": {"kind": "say", "text": "y"}}
    assert {row["job_uid"] for row in rows} == {job["uid"]}
    assert all(str(row["who"]).startswith("operator:") for row in rows)


def test_a_run_by_hand_and_how_it_ended_are_there_with_who_asked(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")
    tocsin("cron", "run", "a")

    result, asked, _ = audited(tocsin)

    assert (asked["what"], str(asked["who"]).partition(":")[0]) == ("cron.run", "operator")  # PRX-83
    assert (result["what"], result["after"]["status"]) == ("cron.result", "succeeded")  # type: ignore[index]  # PRX-84
    assert result["after"]["run"] == asked["after"]["run"]  # type: ignore[index]


def test_switching_a_job_twice_is_recorded_once(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")
    for verb in ("disable", "disable", "enable"):
        tocsin("cron", verb, "a")

    assert [row["what"] for row in audited(tocsin)] == ["cron.enable", "cron.disable", "cron.add"]


def test_a_job_that_is_gone_and_never_ran_is_found_by_its_name(tocsin: CommandLine) -> None:
    tocsin.add("--name", "gone", "--say", "x", "--every", "1h")
    tocsin("cron", "remove", "gone")

    assert len(audited(tocsin, "--job", "gone")) == 2
    assert tocsin("audit", "--job", "nobody").status == 1


def test_what_looks_like_a_token_is_hidden(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", f"the key is {TOKEN}", "--every", "1h")

    assert TOKEN not in tocsin("audit", "--json").out
    assert "[hidden]" in tocsin("audit").out


def test_the_chain_is_verified(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")
    tocsin("cron", "disable", "a")
    sound = tocsin("audit", "--verify", "--json")

    def forge(transaction: Transaction) -> None:
        transaction.execute("UPDATE audit SET who = 'telegram:5' WHERE what = 'cron.disable'")

    tocsin.kept.write(forge)
    broken = tocsin("audit", "--verify")

    assert (sound.status, sound.document["unbroken"], sound.document["rows"]) == (0, True, 2)
    assert broken.status == 1
    assert "row 2 was changed" in broken.err


def test_looking_makes_nothing(tocsin: CommandLine) -> None:
    assert tocsin("audit").out == "Nothing was recorded yet.\n"
    assert tocsin("audit", "--verify").status == 0
    assert tocsin("sessions", "list").out == "Nobody has spoken yet.\n"
    assert not tocsin.path.exists()


def test_jobs_in_the_database_are_audited_in_the_transaction_that_changes_them(tocsin: CommandLine) -> None:
    tocsin.configure('[cron]\nstore = "sql"\n')
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")
    tocsin("cron", "update", "a", "--every", "2h")
    tocsin("cron", "remove", "a")

    assert [row["what"] for row in audited(tocsin)] == ["cron.remove", "cron.update", "cron.add"]
    assert tocsin("audit", "--verify").status == 0


def test_import_is_named_as_such_and_again_changes_nothing(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")
    exported = tocsin("cron", "export").out
    tocsin("cron", "remove", "a")
    for _ in range(2):
        tocsin("cron", "import", "-", stdin=exported)

    rows = audited(tocsin)

    assert (rows[0]["what"], str(rows[0]["who"]).partition(":")[0]) == ("cron.add", "import")
    assert len(rows) == 3
