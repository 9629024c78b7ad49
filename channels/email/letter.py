"""A part as a mail, ready to be sent: its headers, words and files; pure."""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from channels.email.html import marked
from gateway.errors import PermanentDeliveryError
from gateway.messages import Parcel

REPEAT = "↻ "
_MAILBOX = re.compile(r"([\w.!#$%&'*+/=?^`{|}~-]{1,64})@([\w.-]{1,253})")
_TYPE = re.compile(r"([\w.+-]+)/([\w.+-]+)", re.ASCII)

File = tuple[str, str, bytes]
"""Name, media type, content."""


def letter(parcel: Parcel, sender: Address, now: datetime, files: Sequence[File] = ()) -> EmailMessage:
    """The whole mail; PermanentDeliveryError when the chat is no mail address.

    Its id is made from the parcel's, so that a repeat has the same one, and servers that know it can drop it.
    """
    payload, sign = parcel.payload, REPEAT if parcel.repeat else ""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = mailbox(parcel.address.chat)
    mail["Subject"] = sign + payload["subject"]
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = _id(f"part {parcel.id}", sender.domain)
    mail["Auto-Submitted"] = "auto-generated"  # no machine answers it (RFC 3834)
    if parcel.address.thread:
        beginning = _id(f"thread {parcel.address.session}", sender.domain)
        mail["In-Reply-To"] = beginning
        mail["References"] = beginning
    mail.set_content(sign + payload["text"])
    html = marked(payload["html"], sign.strip()) if sign else payload["html"]
    mail.add_alternative(html, subtype="html")
    for name, media_type, content in files:
        kind, subtype = _kind(media_type)
        mail.add_attachment(content, maintype=kind, subtype=subtype, filename=_file_name(name))
    return mail


def mailbox(text: str) -> Address:
    """An address such as anna@example.org, and nothing beside it: no name, no list, no line.

    Letters other than ASCII may stand behind the "@" only: few servers know others.
    """
    found = _MAILBOX.fullmatch(text)
    if found is None or not found[1].isascii():
        raise PermanentDeliveryError(f"{text[:80]!r} is no mail address")
    try:
        return Address(username=found[1], domain=found[2].encode("idna").decode())
    except (UnicodeError, ValueError) as error:
        raise PermanentDeliveryError(f"{text[:80]!r} is no mail address: {error}") from error


def sender_of(text: str) -> Address:
    """An address, also with a name before it: Bot <bot@example.org>; PermanentDeliveryError if it is neither."""
    name, _, address = text.rpartition("<")
    if not name:
        return mailbox(text)
    box = mailbox(address.removesuffix(">"))
    shown = name.strip().strip('"')
    if not address.endswith(">") or not shown.isprintable():
        raise PermanentDeliveryError(f"{text[:80]!r} is no mail address")
    return Address(display_name=shown, username=box.username, domain=box.domain)


def _id(text: str, domain: str) -> str:
    return f"<{hashlib.sha256(text.encode()).hexdigest()[:32]}@{domain}>"


def _kind(media_type: str) -> tuple[str, str]:
    found = _TYPE.fullmatch(media_type.lower())
    if found is None or found[1] in {"multipart", "message"}:  # those are built of mails
        return "application", "octet-stream"
    return found[1], found[2]


def _file_name(name: str) -> str:
    return "".join(one if one.isprintable() and one not in "/\\" else "_" for one in name)[-150:] or "file"
