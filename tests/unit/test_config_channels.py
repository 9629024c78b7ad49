"""The channels of the configuration: their names, who may talk there, whom they are, and what is their own."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr

from gateway.config import channel_settings, typed
from gateway.errors import ConfigError
from tests.configuration import load_text, refusal


@pytest.mark.parametrize("name", ["system", "System", "log", "a:b", "a/b", ""])
def test_p70_a_channel_cannot_take_a_name_that_means_something_else(tmp_path: Path, name: str) -> None:
    assert f"channels.{name}: " in refusal(tmp_path, f'[channels."{name}"]\nkind = "telegram"')


@pytest.mark.parametrize("entry", ["@bob", "bob@example.org", "Bob", "Bob Smith", "bob", ""])
@pytest.mark.parametrize("key", ["allow", "owners"])
def test_p65_only_immutable_ids_open_a_door(tmp_path: Path, key: str, entry: str) -> None:
    sentence = refusal(tmp_path, f'[channels.tg2]\nkind = "telegram"\n{key} = ["{entry}"]')

    assert f'channels.tg2.{key}: "{entry}" is not an immutable id' in sentence


@pytest.mark.parametrize(("kind", "entry"), [("slack", "C012ABCDEF"), ("feishu", "oc_a0553eda")])
def test_a_group_that_stands_among_people_is_called_a_group(tmp_path: Path, kind: str, entry: str) -> None:
    sentence = refusal(tmp_path, f'[channels.{kind}]\nallow = ["{entry}"]')

    assert f'channels.{kind}.allow: "{entry}" is the id of a group, not of a person' in sentence


def test_p65_the_members_of_a_group_are_named_by_id_too(tmp_path: Path) -> None:
    sentence = refusal(tmp_path, '[channels.telegram.groups."-100"]\nallow = ["@bob"]')

    assert 'channels.telegram.groups.-100.allow: "@bob" is not an immutable id' in sentence


def test_everybody_cannot_be_an_owner(tmp_path: Path) -> None:
    assert "would make everybody an owner" in refusal(tmp_path, '[channels.telegram]\nowners = ["*"]')


def test_anybody_and_nobody_are_said_loudly(tmp_path: Path) -> None:
    loaded = load_text(tmp_path, '[channels.telegram]\nallow = ["*"]\n[channels.slack]\n[channels.console]\n')

    assert len(loaded.warnings) == 2
    assert "channels.telegram.allow" in loaded.warnings[0]
    assert "ANYBODY" in loaded.warnings[0]
    assert "channels.slack.allow: is empty, so nobody is answered" in loaded.warnings[1]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("", ["is empty, so nobody is answered there but whoever `tocsin pair approve` lets in"]),
        ("pairing = false", ["is empty, so nobody is answered there"]),
        ("owners = [1]", []),
        ("groups = { -100 = {} }", []),
    ],
)
def test_nobody_is_said_where_nobody_is_listed_at_all(tmp_path: Path, keys: str, said: list[str]) -> None:
    loaded = load_text(tmp_path, f"[channels.telegram]\n{keys}")

    assert [one.partition("channels.telegram.allow: ")[2] for one in loaded.warnings] == said


def test_a_transcription_without_an_address_is_said_to_do_nothing(tmp_path: Path) -> None:
    loaded = load_text(tmp_path, "[transcription]\nname = 'whisper-1'")

    assert ["transcription.base_url: missing" in one for one in loaded.warnings] == [True]


def test_ids_may_be_written_as_numbers(tmp_path: Path) -> None:
    channel = load_text(tmp_path, "[channels.telegram]\nallow = [123456]").config.channels["telegram"]

    assert channel.allow == ("123456",)


def test_the_rate_of_one_channel_is_its_own(tmp_path: Path) -> None:
    config = load_text(tmp_path, "[channels.telegram]\nallow = ['1']\nrate = { per_chat = 2 }").config

    rate = config.channels["telegram"].rate
    assert rate is not None
    assert (rate.per_chat, rate.per_second) == (2, None)
    assert config.outbox.rate.per_second is None  # nobody said: each channel knows its own


@pytest.mark.parametrize("key", ["@friends", "friends", "100200300", "-100 200", "-", "", "*"])
def test_a_group_is_named_by_its_id(tmp_path: Path, key: str) -> None:
    sentence = refusal(tmp_path, f'[channels.tg2]\nkind = "telegram"\ngroups = {{ "{key}" = {{}} }}')

    assert f"channels.tg2.groups.{key}: is not the id of a group" in sentence
    assert 'such as "-1001234567890"' in sentence


@pytest.mark.parametrize(("kind", "key"), [("slack", "#general"), ("feishu", "general"), ("pigeon", "@roof")])
def test_a_group_of_any_channel_is_named_by_its_id(tmp_path: Path, kind: str, key: str) -> None:
    sentence = refusal(tmp_path, f'[channels.{kind}.groups."{key}"]\nmention = true')

    assert f"channels.{kind}.groups.{key}: is not the id of a group" in sentence


@pytest.mark.parametrize(
    ("kind", "key"),
    [("telegram", "-100"), ("slack", "C012ABC"), ("feishu", "oc_a0553eda"), ("pigeon", "loft-7")],
)
def test_a_group_may_have_an_id_of_its_platform(tmp_path: Path, kind: str, key: str) -> None:
    config = load_text(tmp_path, f'[channels.{kind}.groups."{key}"]\nmention = false').config

    assert config.channels[kind].groups[key].mention is False


def test_a_groups_id_needs_no_quotes_in_yaml(tmp_path: Path) -> None:
    text = "channels: {telegram: {groups: {-100123: , -100456: {mention: false, allow: [7]}}}}"

    groups = load_text(tmp_path, text, name="config.yaml").config.channels["telegram"].groups

    assert {chat: (rule.mention, rule.allow) for chat, rule in groups.items()} == {
        "-100123": (True, None),
        "-100456": (False, ("7",)),
    }


def test_a_number_as_an_unknown_key_in_yaml_is_named_like_any_other(tmp_path: Path) -> None:
    text = "cron: {5: x}\nevent: [{7: y}]"

    assert "config.yaml: cron.5: unknown key" in refusal(tmp_path, text, name="config.yaml")


@pytest.mark.parametrize(
    ("kind", "key"), [("telegram", "token"), ("slack", "bot_token"), ("feishu", "app_id"), ("pigeon", "token")]
)
def test_p47_two_channels_of_one_kind_cannot_read_for_the_same_bot(tmp_path: Path, kind: str, key: str) -> None:
    text = f'[channels.{kind}]\n{key} = "SENTINEL"\n[channels.second]\nkind = "{kind}"\n{key} = "SENTINEL"'

    sentence = refusal(tmp_path, text)

    assert f"channels.second.{key}: is the same as channels.{kind}.{key}" in sentence
    assert "SENTINEL" not in sentence


def test_a_file_of_a_token_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")

    absent = refusal(tmp_path, "[channels.telegram]\ntoken_file = 'absent'")
    binary = refusal(tmp_path, "[channels.telegram]\ntoken_file = 'binary'")

    assert f"channels.telegram.token_file: {tmp_path}/absent cannot be read: No such file or directory" in absent
    assert f"channels.telegram.token_file: {tmp_path}/binary cannot be read: it is no text" in binary


def test_p47_a_token_from_a_file_and_one_from_the_environment_are_compared(tmp_path: Path) -> None:
    (tmp_path / "bot.token").write_text("123:SENTINEL\n")
    text = '[channels.telegram]\ntoken_file = "bot.token"\n[channels.tg2]\nkind = "telegram"'

    sentence = refusal(tmp_path, text, TOCSIN__CHANNELS__TG2__TOKEN="123:SENTINEL")

    assert "channels.tg2.token: is the same as channels.telegram.token" in sentence
    assert "SENTINEL" not in sentence


@pytest.mark.parametrize(
    "second",
    [
        'kind = "telegram"\ntoken = "2:b"',
        'kind = "telegram"\ntoken = "1:a"\nenabled = false',
        'kind = "pigeon"\ntoken = "1:a"',
    ],
)
def test_neither_another_bot_nor_one_that_is_off_nor_another_platform_is_a_rival(
    tmp_path: Path, second: str
) -> None:
    config = load_text(tmp_path, f'[channels.telegram]\ntoken = "1:a"\n[channels.second]\n{second}').config

    assert set(config.channels) == {"telegram", "second"}


def test_two_channels_without_a_token_are_not_taken_for_the_same(tmp_path: Path) -> None:
    config = load_text(tmp_path, '[channels.telegram]\ntoken = ""\n[channels.tg2]\nkind = "telegram"').config

    assert set(config.channels) == {"telegram", "tg2"}


class PigeonSettings(BaseModel):
    """What a channel declares of itself."""

    model_config = ConfigDict(extra="forbid")

    loft: str
    token: SecretStr
    owners: tuple[str, ...] = ()


def test_a_channel_gets_its_own_keys_and_the_shared_ones_that_it_declares(tmp_path: Path) -> None:
    config = load_text(
        tmp_path, '[channels.pigeon]\nloft = "roof"\ntoken = "x"\nallow = ["1"]\nowners = ["2"]'
    ).config

    settings = channel_settings(config, "pigeon", PigeonSettings)

    assert settings == PigeonSettings(loft="roof", token=SecretStr("x"), owners=("2",))


def test_a_channels_own_mistakes_are_explained_in_the_same_words() -> None:
    with pytest.raises(ConfigError) as caught:
        typed(PigeonSettings, {"lofft": "x", "token": "SENTINEL"}, where="channels.pigeon")

    assert str(caught.value) == (
        "channels.pigeon.loft: missing; channels.pigeon.lofft: unknown key; did you mean channels.pigeon.loft?"
    )
