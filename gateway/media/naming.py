"""Names of files that strangers gave, and where such files lie in the workspace; pure.

A name of a stranger is data. What is made of it can stand in a path, in a command line and in a note for a model
without leaving its place there.
"""

import hashlib
import re
import unicodedata
from datetime import UTC, datetime

RECEIVED = "received"
"""The folder of what came: received/<day>/<owner>/<row>-<n>-<name>."""

SENT = "sent"
"""The folder of copies that are on their way out: sent/<day>/<delivery>/<n>-<name>."""

LONGEST_NAME = 80  # characters
LONGEST_BYTES = 200  # of a name in UTF-8: file systems take 255, and a number stands before it
LONGEST_EXTENSION = 12
LONGEST_FOLDER = 40

_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,12}")
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+=,()-")
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0\ufffc")  # letters and symbols that are empty
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE)


def safe(name: str, *, otherwise: str = "file") -> str:
    """A name for a file: one component, plain letters, never empty or hidden, at most 80 characters.

    Its extension stays. `otherwise`: what it is called where nothing of the name can be kept.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    plain = re.sub(r"_{2,}", "_", "".join(map(_plain, last)))
    plain = plain.lstrip("._-+=,").rstrip("._-")
    plain = plain if plain.strip("_.,+=()-") else otherwise
    if _RESERVED.fullmatch(plain):
        plain = f"_{plain}"
    return _shortened(plain)


def received_at(day: datetime, owner: str, seq: int, n: int, name: str) -> str:
    """Where the n-th file of a message lies, relative to the workspace: the same whenever it is asked.

    `day`: when the message was written; `owner`: of its chat; `seq`: its row of the inbox.
    """
    return f"{RECEIVED}/{day.astimezone(UTC):%Y-%m-%d}/{folder(owner)}/{seq}-{n}-{safe(name)}"


def is_of_another(path: str, owner: str) -> bool:
    """Whether a file at this path came from the chat of somebody else, or is on its way out; neither may be sent.

    `path`: as somebody wrote it, relative to the workspace.
    """
    steps = [step for step in path.split("/") if step not in {"", "."}]
    if not steps or steps[0] not in {RECEIVED, SENT}:
        return False
    return steps[0] == SENT or steps[2:3] != [folder(owner)]


def sent_at(day: datetime, delivery: str, n: int, name: str) -> str:
    """Where the copy lies that a message sends, relative to the workspace."""
    return f"{SENT}/{day.astimezone(UTC):%Y-%m-%d}/{folder(delivery)}/{n}-{safe(name)}"


def folder(key: str) -> str:
    """A folder's name for a key of ours; different keys have different ones."""
    digest = hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=4).hexdigest()
    return f"{safe(key.replace(':', '-'), otherwise='chat')[:LONGEST_FOLDER]}-{digest}"


def fenced(name: str) -> str:
    """A stranger's name as a sentence may hold it."""
    return f'"{safe(name)}"'


def _plain(letter: str) -> str:
    """The letter, "_" for one that means something to somebody else, nothing for one that cannot be seen."""
    if letter.isascii() and letter.isprintable():
        return letter if letter in _PLAIN else "_"  # spaces, quotes, brackets, what shells and Windows take amiss
    kind = unicodedata.category(letter)
    if kind[0] == "C" or letter in _BLANK:  # controls, the direction of writing, halves, what is nobody's
        return ""
    return letter if kind[0] in "LMN" or kind == "So" else "_"


def _shortened(name: str) -> str:
    stem, dot, end = name.rpartition(".")
    extension = f".{end}" if dot and stem and _EXTENSION.fullmatch(f".{end}") else ""
    stem = stem if extension else name
    room = LONGEST_BYTES - len(extension)
    stem = stem[: LONGEST_NAME - len(extension)].encode()[:room].decode(errors="ignore")
    return f"{stem.rstrip('._ ')}{extension}"
