"""What `tocsin check` asks Telegram: the usual mistakes, before they are met."""

from collections.abc import Iterator
from datetime import timedelta

from channels.telegram.client import Client, Identity, Webhook
from gateway.clock import Clock
from gateway.sections import ChannelSection

SKEW = timedelta(seconds=30)  # reminders that are this far off are noticed


async def findings(client: Client, section: ChannelSection, clock: Clock) -> list[tuple[str, str]]:
    """(level, sentence) of everything that was looked at; a DeliveryError when Telegram cannot be asked."""
    me = await client.identify()
    return [*judge(me, await client.webhook(), section), *_clock(client.ahead(clock.now()))]


def judge(me: Identity, webhook: Webhook, section: ChannelSection) -> Iterator[tuple[str, str]]:
    """What the platform's answers say; pure."""
    yield "ok", f"the token is that of @{me.username}"
    if webhook.url:
        yield (
            "error",
            "a webhook is set for this bot, so it cannot be polled: another program uses its token. "
            "Remove the webhook (docs/channels/telegram.md says how), or make another bot",
        )
    open_groups = [chat for chat, rule in section.groups.items() if not rule.mention]
    if open_groups and not me.reads_groups:
        yield (
            "warning",
            f"{', '.join(open_groups)}: mention = false, but the bot's privacy mode is on, so Telegram shows it "
            "only commands, mentions and replies: turn it off (@BotFather, /setprivacy) and add the bot again",
        )


def _clock(ahead: timedelta) -> Iterator[tuple[str, str]]:
    if abs(ahead) > SKEW:
        way = "ahead of" if ahead > timedelta() else "behind"
        yield (
            "error",
            f"this machine's clock is {abs(ahead.total_seconds()):.0f} s {way} Telegram's: jobs fire at wrong "
            "times until it is set (timedatectl set-ntp true)",
        )
