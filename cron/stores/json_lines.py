"""The text of cron.json ⇄ jobs: a job a line, each encoded and decoded only when it changed. No file is touched.

    {"version": 1, "jobs": [
    {"id": …},
    {"id": …}
    ], "checksum": "…"}

The checksum is the SHA-256 of every byte before its own line. Any other JSON with such content is understood
as well: somebody edited it.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from tinydb.storages import Storage
from tinydb.table import Table

from cron import json_text
from cron.codec import VERSION, Given, decode_job, encode_job, upgrade
from cron.job import Job, JobStatus
from gateway.errors import StoreCorruptError, StoreError
from gateway.messages import Json

TABLE = "jobs"
TAIL_BYTES = 90  # of a file: enough to hold its checksum
_OPENING = b'"jobs": ['
_NEVER = datetime.min.replace(tzinfo=UTC)
_CLOSING = re.compile(rb'\], "checksum": "([0-9a-f]{64})"\}')


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One job: the text that was read, the text to write, the object, the value."""

    source: bytes
    text: bytes
    stored: Json
    job: Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a file holds."""

    lines: Mapping[str, Line] = field(default_factory=dict)  # by uid, in the order of the file
    heading: Mapping[str, Json] = field(default_factory=lambda: {"version": VERSION})
    version: int = VERSION  # of the text that was read
    edited: bool = False  # it is not as we wrote it
    jobs: Mapping[str, Job] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def settled(self) -> bool:
        """Whether it may stay as it is until somebody changes a job."""
        return not self.edited and all(line.text is line.source for line in self.lines.values())


class LineStorage(Storage):
    """TinyDB's view of a content: the list of jobs is a table of objects by uid.

    Only an object that was put in since is encoded; `save` gets the lines of all.
    """

    def __init__(self, current: Callable[[], Content], save: Callable[[Mapping[str, Line]], None]) -> None:
        self._current = current
        self._save = save

    def read(self) -> dict[str, dict[str, Json]]:
        return {TABLE: {uid: line.stored for uid, line in self._current().lines.items()}}

    def write(self, data: dict[str, dict[str, Json]]) -> None:
        before = self._current().lines
        lines: dict[str, Line] = {}
        for uid, stored in data[TABLE].items():
            line = before.get(uid)
            lines[uid] = line if line is not None and line.stored is stored else _new_line(stored)
        self._save(lines)


class JobTable(Table):
    """TinyDB's table, with uids for ids."""

    document_id_class = str  # type: ignore[assignment]  # TinyDB's own hint says int

    def replace(self, uid: str, stored: Json) -> None:
        """Put a whole object in the place of another; TinyDB's `update` would merge the two, in place."""

        self.replace_all({uid: stored})

    def replace_all(self, objects: Mapping[str, Json]) -> None:
        """Put whole objects in the place of others, with one write."""

        def put(table: dict[Any, Any]) -> None:
            table.update(objects)

        self._update_table(put)


def render(lines: Mapping[str, Line], heading: Mapping[str, Json]) -> bytes:
    """The text of a file."""
    opening = json.dumps(dict(heading))[:-1].encode() + b", " + _OPENING + b"\n"
    jobs = b",\n".join([line.text for line in lines.values()])
    checksum = hashlib.sha256(opening)
    for piece in (jobs, b"\n"):
        checksum.update(piece)
    return b"".join([opening, jobs, b'\n], "checksum": "', checksum.hexdigest().encode(), b'"}\n'])


def written(lines: Mapping[str, Line], heading: Mapping[str, Json]) -> Content:
    """The content of a file that was just written."""
    lines = {
        uid: line if line.source is line.text else replace(line, source=line.text) for uid, line in lines.items()
    }
    return Content(lines=lines, heading=heading, jobs=_jobs(lines))


def parse(data: bytes, *, before: Content, tz: str, moment: datetime) -> Content:
    """The content of a text. StoreCorruptError when it cannot be read, StoreError when it is of a later version.

    Lines that stand in `before` are not decoded again. A job that was changed under the revision it had there
    gets the next one, and so does its state. `tz` and `moment` are for jobs that were written by hand.
    """
    text = _as_lines(data)
    try:
        return _understand(text or _as_json(data), before, tz=tz, moment=moment)
    except ValueError as error:
        if text is None:
            raise StoreCorruptError(str(error)) from error
    try:  # what looked like our lines was not: one of them may have been broken up by hand
        return _understand(_as_json(data), before, tz=tz, moment=moment)
    except ValueError as error:
        raise StoreCorruptError(str(error)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """A file taken apart: its heading and the text of each job."""

    heading: dict[str, Json]
    jobs: list[bytes]
    edited: bool


def _as_lines(data: bytes) -> _Text | None:
    """Our own form, without decoding a job; None when it is not that."""
    lines = data.split(b"\n")
    closing = _CLOSING.fullmatch(lines[-2]) if len(lines) >= 4 and not lines[-1] else None
    if closing is None or not lines[0].endswith(b", " + _OPENING):
        return None
    body = [line + b"," for line in lines[-3:-2] if line]  # the last job has no comma, and there may be none
    body = lines[1:-3] + body
    if not all(line.endswith(b",") for line in body):
        return None
    checksum = hashlib.sha256(data[: -len(lines[-2]) - 1]).hexdigest().encode()
    try:
        heading = json_text.load(lines[0].removesuffix(b", " + _OPENING) + b"}")
    except ValueError:
        return None
    return _Text(heading=heading, jobs=[line[:-1] for line in body], edited=checksum != closing[1])


def _as_json(data: bytes) -> _Text:
    """Any JSON with a list of jobs; ValueError where it is none."""
    if not data.strip():
        raise ValueError("it is empty")
    match json_text.load(data):
        case {"jobs": list(jobs), **heading}:
            heading.pop("checksum", None)
            texts = [json_text.dump(job) for job in jobs]
            return _Text(heading={str(name): value for name, value in heading.items()}, jobs=texts, edited=True)
    raise ValueError('it is not an object with a list of "jobs"')


def _understand(text: _Text, before: Content, *, tz: str, moment: datetime) -> Content:
    version = _version(text.heading)
    if version > VERSION:
        raise StoreError(
            f"its format is version {version}, and this program knows {VERSION} at most: "
            "use the newer program that wrote it, or restore an older copy"
        )
    reading = _Reading(before=before, version=version, edited=text.edited, tz=tz, moment=moment)
    lines = {line.job.uid: line for line in reading.lines(text.jobs)}
    heading = {"version": VERSION} | text.heading  # "1.4" stays what it is
    if version != VERSION:
        heading["version"] = VERSION
    return Content(lines=lines, heading=heading, version=version, edited=text.edited, jobs=_jobs(lines))


def _version(heading: Mapping[str, Json]) -> int:
    """The major version: 1 of 1, "1.4" or nothing at all."""
    written = str(heading.get("version", VERSION))
    major = written.partition(".")[0]
    if not major.isdecimal():
        raise ValueError(f"its version is {written!r}, which is no number")
    return int(major)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """How the lines of one file are read."""

    before: Content
    version: int
    edited: bool
    tz: str
    moment: datetime

    def lines(self, texts: list[bytes]) -> Iterator[Line]:
        known = {line.source: line for line in self.before.lines.values() if line.job.schedule is not None}
        uids: set[str] = set()
        ids: set[str] = set()
        for text in texts:
            line = known.get(text)
            if line is None or line.job.uid in uids or line.job.id in ids:
                line = self._decode(text, uids, ids)
                earlier = self.before.lines.get(line.job.uid)
                line = earlier if earlier == line else line  # so that who compares by identity sees no change
            uids.add(line.job.uid)
            ids.add(line.job.id)
            yield line

    def _decode(self, text: bytes, uids: set[str], ids: set[str]) -> Line:
        stored = upgrade(json_text.load(text), self.version)
        given = Given(uid=_made_up(text, uids), created_at=self.moment, tz=self.tz)
        job = decode_job(stored, given)
        if job.uid in uids or job.id in ids:
            which = f"uid {job.uid}" if job.uid in uids else f"id {job.id}"
            refusal = f"a job above has the {which} too; leave uid and id out to make this a job of its own"
            job = decode_job(stored, given, refusal=refusal)
        revised = _revised(job, self.before.jobs.get(job.uid))
        canonical = self.version == VERSION and not self.edited and revised is job
        if canonical or (self.version == VERSION and job.status is JobStatus.BROKEN):
            return Line(source=text, text=text, stored=stored, job=revised)
        stored = encode_job(revised)
        return Line(source=text, text=_same_or(text, json_text.dump(stored)), stored=stored, job=revised)


def _same_or(source: bytes, text: bytes) -> bytes:
    return source if source == text else text


def _revised(job: Job, before: Job | None) -> Job:
    """The job with the revisions that follow from what it was: nothing changes under an old one."""
    if before is None:
        return job
    revision, state_revision = job.revision, job.state_revision
    if revision <= before.revision:
        revision = before.revision + (_definition(job) != _definition(before))
    if state_revision <= before.state_revision:
        state_revision = before.state_revision + (json_text.dump(job.state) != json_text.dump(before.state))
    if (revision, state_revision) == (job.revision, job.state_revision):
        return job
    return replace(job, revision=revision, state_revision=state_revision)


def _definition(job: Job) -> Job:
    return replace(job, revision=0, state=None, state_revision=0, state_stamp="")


def _made_up(text: bytes, uids: set[str]) -> str:
    """A uid for a job that has none: the same whenever the same line is read, until it is written down."""
    salt = b""
    while True:
        uid = str(uuid.UUID(bytes=hashlib.sha256(salt + text).digest()[:16], version=4))
        if uid not in uids:
            return uid
        salt += b"+"


def _new_line(stored: Json) -> Line:
    """A line for an object that was encoded from a job: it says everything itself."""
    text = json_text.dump(stored)
    job = decode_job(stored, Given(uid=stored["uid"], created_at=_NEVER, tz=stored["tz"]))
    return Line(source=b"", text=text, stored=stored, job=job)


def _jobs(lines: Mapping[str, Line]) -> Mapping[str, Job]:
    return MappingProxyType({uid: line.job for uid, line in lines.items()})
