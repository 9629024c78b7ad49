"""Slack in mode http: it calls the gateway at its own listener, signed, and is answered in the chat."""

from gateway.agent.models.scripted import Script
from tests.journeys.slack.story import ANNA, BORIS, GENERAL, Opener, echo, hears, prompts
from tests.servers.slack import APP_TOKEN

HTTP = {"mode": "http", "app_token": ""}
ANY_PORT = {"port": 0}
SCRIPT: Script = echo


async def test_messages_commands_and_buttons_come_by_signed_calls(open_town: Opener) -> None:
    """CARD-07, CARD-09"""
    async with open_town(SCRIPT, settings=HTTP, web=ANY_PORT) as town:
        ts = town.slack.say("hello", user=ANNA, channel=GENERAL, mention=True)
        answers = await hears(town, 1, chat=GENERAL, thread=ts)
        await town.slack.answered(town.slack.slash("remind in 1s tea", user=BORIS))
        await hears(town, 2, chat=town.slack.im(BORIS))
        await town.slack.wait_for(lambda: town.slack.sent[-1].buttons)
        await town.slack.answered(town.slack.press(town.slack.sent[-1].ts, "✓ Done", user=BORIS))
        await town.slack.wait_for(lambda: "✓" in town.slack.texts(town.slack.im(BORIS))[-1])

        assert answers == ["heard hello"]
        assert town.slack.sockets.total == 0
        assert (town.slack.doubled, town.slack.lost) == (0, 0)


async def test_p46_retries_over_http_are_answered_and_do_nothing_again(open_town: Opener) -> None:
    # P-46
    async with open_town(SCRIPT, settings=HTTP, web=ANY_PORT) as town:
        ts = town.slack.say("hello", user=ANNA)
        await hears(town, 1, chat=town.slack.im(ANNA))
        (delivery,) = town.slack.deliveries_of(ts)
        answers = [
            await town.slack.hooks.send("events_api", delivery.payload, retry=number) for number in range(1, 4)
        ]

        assert [answer.status for answer in answers] == [200, 200, 200]
        assert len(prompts(town)) == 1
        assert town.slack.texts(town.slack.im(ANNA)) == ["heard hello"]


async def test_p82_who_is_not_slack_gets_401_and_no_detail(open_town: Opener) -> None:
    # P-82
    async with open_town(SCRIPT, settings=HTTP, web=ANY_PORT) as town:
        ts = town.slack.say("hello", user=ANNA)
        await hears(town, 1, chat=town.slack.im(ANNA))
        (delivery,) = town.slack.deliveries_of(ts)
        forged = [
            await town.slack.hooks.post(b"{}", signature=signature, timestamp=timestamp)
            for signature, timestamp in (("v0=" + "0" * 64, None), ("", None), ("v0=x", "now"), (APP_TOKEN, "1"))
        ]
        old = await town.slack.hooks.post(b"{}", timestamp="1000000000")

        assert [answer.status for answer in (*forged, old)] == [401] * 5
        assert {answer.body for answer in (*forged, old)} == {b""}
        assert delivery.attempts[0].status == 200
