"""Files of messages as JSON, in the inbox and in the outbox; pure."""

from gateway.messages import Attachment, Json, Media


def encode(one: Attachment) -> Json:
    """What is known of it; rows of before had the first three only."""
    known: list[Json] = [one.name, one.media_type, one.path]
    return [*known, one.kind.value, one.source, one.size, one.seconds]


def decode(row: Json) -> Attachment:
    """The inverse of `encode`, also of rows of before."""
    if len(row) == 3:
        return Attachment(name=row[0], media_type=row[1], path=row[2])
    name, media_type, path, kind, source, size, seconds = row
    return Attachment(
        name=name,
        media_type=media_type,
        path=path,
        kind=Media(kind),
        source=source,
        size=size,
        seconds=seconds,
    )
