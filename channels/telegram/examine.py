"""What `tocsin check` asks Telegram: the usual mistakes, before they are met."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from channels.skew import skew
from channels.telegram.client import Client, Identity, Webhook
from channels.telegram.hooks import Hook
from gateway.clock import Clock
from gateway.sections import ChannelSection

SHORT_SECRET = 16  # characters
RECENT = timedelta(hours=1)


async def findings(
    client: Client, section: ChannelSection, clock: Clock, hook: Hook | None = None
) -> list[tuple[str, str]]:
    """(level, sentence) of everything that was looked at; a DeliveryError when Telegram cannot be asked.

    `hook`: the webhook of this instance, in webhook mode.
    """
    me = await client.identify()
    found = await client.webhook()
    about = judge_hook(found, hook, clock.now()) if hook else judge_polling(found)
    return [
        ("ok", f"the token is that of @{me.username}"),
        *about,
        *judge(me, section),
        *skew(client.ahead(clock.now()), "Telegram"),
    ]


def judge_polling(webhook: Webhook) -> Iterator[tuple[str, str]]:
    """What a webhook means for an instance that polls; pure."""
    if webhook.url:
        yield (
            "error",
            "a webhook is set for this bot, so it cannot be polled: another program uses its token. "
            "Remove the webhook (docs/channels/telegram.md says how), or make another bot",
        )


def judge_hook(webhook: Webhook, hook: Hook, now: datetime) -> Iterator[tuple[str, str]]:
    """What Telegram knows of our webhook; pure."""
    if len(hook.secret) < SHORT_SECRET:
        yield (
            "warning",
            f"webhook_secret: has {len(hook.secret)} characters, and whoever guesses it can write in anybody's "
            "name; take a long one (openssl rand -hex 32)",
        )
    if not webhook.url:
        yield "ok", "the webhook is not set yet; the gateway sets it when it starts"
    elif webhook.url != hook.url:
        yield (
            "warning",
            "Telegram calls another address than webhook_url: another program uses this token, or webhook_url is "
            "new; the gateway sets it when it starts",
        )
    else:
        yield "ok", f"the webhook is set; {webhook.pending} updates wait"
    recent = webhook.failed_at is not None and now - webhook.failed_at < RECENT
    if webhook.url == hook.url and recent and webhook.pending:
        yield (
            "warning",
            f"Telegram could not call the webhook: {webhook.error}. Does the address lead to this gateway, with a "
            "certificate that browsers accept?",
        )


def judge(me: Identity, section: ChannelSection) -> Iterator[tuple[str, str]]:
    """What the groups need of the bot; pure."""
    open_groups = [chat for chat, rule in section.groups.items() if not rule.mention or rule.context]
    if open_groups and not me.reads_groups:
        yield (
            "warning",
            f"{', '.join(open_groups)}: mention = false or context, but the bot's privacy mode is on, so Telegram "
            "shows it only commands, mentions and replies: turn it off (@BotFather, /setprivacy) and add the bot "
            "again",
        )
