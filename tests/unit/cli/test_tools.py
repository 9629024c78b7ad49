"""The list of tools on the command line."""

from tests.command_line import CommandLine

PRX = {"cron_add", "cron_list", "cron_remove", "cron_update", "cron_run", "cron_runs", "schedule", "cron"}


def test_all_tools_are_listed_and_aliases_marked(tocsin: CommandLine) -> None:
    """PRX-01, C-09"""
    listed = {tool["name"]: tool for tool in tocsin("tools", "list", "--json").document["tools"]}

    aliases = {name for name, tool in listed.items() if tool["alias_of"] == "cron"}
    assert listed.keys() >= PRX | {"message", "manage_cron_job", "web_fetch"}
    assert aliases == (PRX - {"schedule", "cron"}) | {"manage_cron_job"}
    assert all(tool["description"].endswith(".") or tool["name"] == "web_fetch" for tool in listed.values())


def test_the_list_is_a_table_for_a_person(tocsin: CommandLine) -> None:
    lines = tocsin("tools", "list").out.splitlines()

    assert lines[0].split()[:2] == ["NAME", "ALIAS"]
    assert any(line.startswith("cron_add") and " cron " in line for line in lines)
