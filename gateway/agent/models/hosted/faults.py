"""What went wrong with a hosted model, in the gateway's words.

A sentence never holds the key, and names the host alone, never the whole address. What a server wrote is quoted
only where the operator needs it to mend the request: shortened, with the key removed.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus

import httpx2
from pydantic_ai import exceptions as ai

from gateway.agent.models.hosted.http import AnswerTooLargeError
from gateway.errors import ErrorClass, ModelError
from gateway.messages import Json

_LONGEST_WAIT = timedelta(days=1)
_LONGEST_QUOTE = 200
_OVERLOADED = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY}


_BUSY = "it has a fault of its own or too much to do"
_FAULTS: tuple[tuple[type[Exception], ErrorClass, str], ...] = (
    # the first that fits; the narrower before the wider
    (ai.ModelTimeoutError, ErrorClass.TIMEOUT, "took too long"),
    (ai.ModelConnectionError, ErrorClass.NETWORK_ERROR, "broke the connection off before its answer was whole"),
    (httpx2.HTTPError, ErrorClass.NETWORK_ERROR, "broke the connection off before its answer was whole"),
    (ai.ModelQuotaExceededError, ErrorClass.PERMANENT, "{said}: the account's quota is used up; check its plan"),
    (ai.ModelRateLimitError, ErrorClass.RATE_LIMIT, "{said}: too many requests"),
    (ai.ModelAuthenticationError, ErrorClass.PERMISSION, "{said}: it refuses the key; check model.api_key"),
    (
        ai.ModelContextWindowExceededError,
        ErrorClass.PERMANENT,
        "{said}: the prompt is too long for it; lower agent.context_tokens",
    ),
    (
        ai.ModelNotFoundError,
        ErrorClass.PERMANENT,
        "{said}: not found; check model.name ({model}) and model.base_url{quote}",
    ),
    (ai.ModelUnavailableError, ErrorClass.SERVER_ERROR, f"{{said}}: {_BUSY}"),
    (ai.ModelServerError, ErrorClass.SERVER_ERROR, f"{{said}}: {_BUSY}"),
    (ai.UnexpectedModelBehavior, ErrorClass.SERVER_ERROR, "ended its answer before it had begun"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Whom the sentences are about."""

    host: str
    model: str
    secret: str = field(repr=False)
    idle_timeout: timedelta
    max_answer_bytes: int

    def fault(self, error: Exception) -> ModelError:
        """The error as the port knows it, with its class and the wait that the server asked for."""
        kind, sentence = self._explain(error)
        wait = retry_after(error) if isinstance(error, ai.ModelAPIError) else None
        return ModelError(f"the model server at {self.host} {sentence}", kind, retry_after=wait)

    def cause(self, error: Exception) -> Exception | None:
        """What may stand behind a fault in a traceback: nothing, if a server wrote our key into it."""
        link: BaseException | None = error
        while link is not None and self.secret:
            if self.secret in f"{link!s} {link!r}":
                return None
            link = link.__cause__ or link.__context__
        return error

    def too_large(self) -> ModelError:
        """An answer beyond the limit."""
        return ModelError(f"the model server at {self.host} {self._too_large}", ErrorClass.BAD_OUTPUT)

    def _explain(self, error: Exception) -> tuple[ErrorClass, str]:
        if isinstance(error, AnswerTooLargeError):
            return ErrorClass.BAD_OUTPUT, self._too_large
        if isinstance(error, TimeoutError):
            seconds = f"{self.idle_timeout.total_seconds():g}"
            return ErrorClass.TIMEOUT, f"was silent for {seconds} s (agent.idle_timeout)"
        if isinstance(error, ai.ModelConnectionError) and error.phase in {"connect", "pool"}:
            return ErrorClass.NETWORK_ERROR, "cannot be reached: check model.base_url and the network"
        status = _status(error)
        said = f"answered {status}" if status else "answered with an error"
        for family, kind, words in _FAULTS:
            if isinstance(error, family):
                return kind, words.format(said=said, model=self.model, quote=self._quote(error))
        if status is None:
            name = type(error).__name__
            return ErrorClass.SERVER_ERROR, f"sent an answer that cannot be read or ends too early ({name})"
        return self._explain_status(status, self._quote(error))

    def _explain_status(self, status: int, quote: str) -> tuple[ErrorClass, str]:
        if status < HTTPStatus.BAD_REQUEST:
            return ErrorClass.PERMANENT, f"answered {status}: it is elsewhere; check model.base_url"
        if status in _OVERLOADED or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return ErrorClass.SERVER_ERROR, f"answered {status}: {_BUSY}"
        return ErrorClass.PERMANENT, f"answered {status}: it refuses the request{quote}"

    @property
    def _too_large(self) -> str:
        return f"sent an answer of more than {self.max_answer_bytes // 1024} KiB, which was dropped"

    def _quote(self, error: Exception) -> str:
        words = _message(getattr(error, "body", None))
        if self.secret:
            words = words.replace(self.secret, "…")
        return f' ("{words[:_LONGEST_QUOTE]}")' if words else ""


def retry_after(error: ai.ModelAPIError) -> timedelta | None:
    """The wait that the server asked for, in any of its forms; at most a day, whatever it says."""
    if error.retry_after is None:
        return None
    return timedelta(seconds=min(error.retry_after, _LONGEST_WAIT.total_seconds()))


def _status(error: Exception) -> int | None:
    """The HTTP status of a refusal, or of a redirect, which only the SDK's own error holds."""
    if isinstance(error, ai.ModelHTTPError):
        return error.status_code
    status = getattr(error.__cause__, "status_code", None)
    return status if isinstance(status, int) and status >= HTTPStatus.MULTIPLE_CHOICES else None


def _message(body: Json) -> str:
    """The sentence in an error's body: {"error": {"message": …}}, {"message": …}, {"error": …} or plain text."""
    while isinstance(body, dict):
        body = body.get("message") or body.get("error") or body.get("detail")
    return " ".join(body.split()) if isinstance(body, str) else ""
