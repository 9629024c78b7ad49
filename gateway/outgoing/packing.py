"""Unpacking the body of an answer, which may be a bomb; pure."""

import zlib

from gateway.errors import ErrorClass, OutgoingError

_GZIP_OR_ZLIB = 47
_BARE_DEFLATE = -15  # what some servers call deflate


def unpacked(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its packing, of which never more than `limit` bytes are made.

    OutgoingError if there would be more, if it is broken, or packed in a way that was not asked for.
    """
    packing = encoding.strip().lower()
    if packing in {"", "identity"} or not body:
        return body
    if packing not in {"gzip", "x-gzip", "deflate"}:
        raise OutgoingError(f'it is packed as "{packing[:20]}", which cannot be read', ErrorClass.PERMANENT)
    try:
        return _inflated(body, _GZIP_OR_ZLIB, limit)
    except zlib.error:
        if packing != "deflate":
            raise _broken() from None
    try:
        return _inflated(body, _BARE_DEFLATE, limit)
    except zlib.error:
        raise _broken() from None


def too_large(limit: int) -> OutgoingError:
    return OutgoingError(f"the answer has more than {limit:,} bytes", ErrorClass.PERMANENT)


def _inflated(body: bytes, form: int, limit: int) -> bytes:
    machine = zlib.decompressobj(form)
    made = machine.decompress(body, limit + 1)
    if len(made) > limit:
        raise too_large(limit)
    if not machine.eof:
        raise _broken()
    return made


def _broken() -> OutgoingError:
    return OutgoingError("the answer broke off or is not what it says", ErrorClass.NETWORK_ERROR)
