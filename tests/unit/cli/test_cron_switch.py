"""Switching jobs on and off, and removing them."""

import stat

from tests.command_line import CommandLine


def test_a_disabled_job_is_kept_and_does_not_fire_twice_is_no_error(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")

    first, second = tocsin("cron", "disable", "a"), tocsin("cron", "disable", "a")

    assert (first.status, second.status) == (0, 0)  # HP-64
    assert (tocsin.job("a")["status"], tocsin.job("a")["next_run"]) == ("disabled", None)  # AB-54


def test_an_enabled_job_has_its_next_run_in_the_future(tocsin: CommandLine) -> None:
    job = tocsin.add("--name", "a", "--say", "x", "--every", "1h")
    tocsin("cron", "disable", "a")

    enabled = tocsin("cron", "enable", "a", "--json").document

    assert (enabled["status"], enabled["next_run"]) == ("enabled", job["next_run"])  # AB-53, HP-65


def test_a_job_is_removed_by_name_and_a_disabled_one_by_id(tocsin: CommandLine) -> None:
    tocsin.add("--name", "check-updates", "--say", "x", "--every", "1h")
    other = tocsin.add("--name", "off", "--say", "x", "--every", "1h")
    tocsin("cron", "disable", "off")

    by_name = tocsin("cron", "remove", "check-updates")  # PRX-68
    by_id = tocsin("cron", "remove", other["id"], "--json")  # HP-66
    again = tocsin("cron", "remove", other["id"])

    assert (by_name.status, by_id.document["uid"]) == (0, other["uid"])
    assert (again.status, again.out, f"there is no job '{other['id']}' here" in again.err) == (
        1,
        "",
        True,
    )  # AB-52
    assert tocsin.jobs == {}


def test_an_unknown_job_fails_with_a_sentence(tocsin: CommandLine) -> None:
    for verb in ("remove", "enable", "disable", "show", "run"):
        printed = tocsin("cron", verb, "nope")

        assert (printed.status, printed.out) == (1, "")  # AB-52
        assert printed.err == "tocsin: there is no job 'nope' here; list shows those that there are\n"
        assert not tocsin.path.exists()


def test_a_command_that_is_not_built_says_so(tocsin: CommandLine) -> None:
    printed = tocsin("xin")

    assert (printed.status, printed.out) == (2, "")
    assert 'there is no command "xin": it is not built yet' in printed.err


def test_the_folder_that_the_first_job_makes_is_private(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")

    everything = (tocsin.path, *tocsin.path.iterdir())
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in everything}
    assert modes == {(True, 0o700), (False, 0o600)}
