"""Events over HTTP: who calls is verified before anything else costs; never more is said than 401.

https://docs.slack.dev/authentication/verifying-requests-from-slack: a signature over the time and the body; what
is older than five minutes is refused, so that nothing recorded can be played again.
"""

import re
from http import HTTPStatus

from slack_sdk.signature import Clock as SignatureClock
from slack_sdk.signature import SignatureVerifier

from channels.base import Call, Reply
from channels.slack.dispatch import Dispatcher
from gateway.clock import Clock

TIMESTAMP, SIGNATURE = "x-slack-request-timestamp", "x-slack-signature"
OLDEST = 300  # seconds

_TIME = re.compile(r"[0-9]{1,12}")
_SIGNED = re.compile(r"v0=[0-9a-f]{64}")

REFUSED = Reply(status=HTTPStatus.UNAUTHORIZED)


class Hooks:
    """The webhook of one app."""

    def __init__(self, signing_secret: str, dispatcher: Dispatcher, clock: Clock) -> None:
        self._dispatcher = dispatcher
        self._clock = clock
        self._verifier = SignatureVerifier(signing_secret, _Moment(clock))

    async def called(self, call: Call) -> Reply:
        """Answer; StoreError when what was written could not be kept."""
        if call.method != "POST":
            return Reply(status=HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "POST"})
        timestamp, signature = call.headers.get(TIMESTAMP, ""), call.headers.get(SIGNATURE, "")
        # The verifier itself raises on what is no number, and on what is not ASCII.
        if not _TIME.fullmatch(timestamp) or not _SIGNED.fullmatch(signature):
            return REFUSED
        if abs(self._clock.now().timestamp() - int(timestamp)) > OLDEST:
            return REFUSED  # the body is not even read
        try:
            body = (await call.body()).decode()
        except UnicodeDecodeError:
            return REFUSED
        if not self._verifier.is_valid(body, timestamp, signature):
            return REFUSED
        headers = {"content-type": call.headers.get("content-type", "")}
        status, answer = await self._dispatcher.request(body, headers)
        media_type = "application/json" if answer else "text/plain; charset=utf-8"
        return Reply(status=status, body=answer.encode(), media_type=media_type)


class _Moment(SignatureClock):
    """Our clock, as the verifier asks for it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock.now().timestamp()
