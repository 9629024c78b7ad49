"""One robot's calls, and what their answers mean."""

import base64
import hashlib
from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit

import httpx
from pydantic import SecretStr

from gateway.errors import (
    AmbiguousDeliveryError,
    CredentialsRefusedError,
    DeliveryError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from gateway.messages import Json

TIMEOUT = 20.0
NO_SUCH_ROBOT = 93_000  # "invalid webhook url": the key is wrong, or the robot was removed from its group
TOO_OFTEN = frozenset({45_009, 45_033})  # calls, calls at the same time: nothing was sent
BUSY = -1  # "system busy": nobody says whether it was sent
NO_SUCH_KIND = 40_008
PAUSE = timedelta(seconds=60)  # the limit is one of a minute
"""Codes: https://developer.work.weixin.qq.com/document/path/90313"""


class Client:
    """Calls the address of one robot. It never retries, and shows the address to nobody: it holds the key."""

    def __init__(self, address: SecretStr, *, proxy: str = "") -> None:
        self._address = address
        self._proxy = proxy or None
        self._http: httpx.AsyncClient | None = None

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def say(self, message: Json) -> None:
        """Send one message; one of the DeliveryErrors if it was not, or may not have been."""
        judge(await self._call(self._address.get_secret_value(), json=message))

    async def say_picture(self, content: bytes) -> None:
        """Send a JPEG or PNG of at most 2 MB."""
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        await self.say(
            {"msgtype": "image", "image": {"base64": base64.b64encode(content).decode(), "md5": digest}}
        )

    async def say_file(self, name: str, content: bytes) -> None:
        """Send a file of 6 bytes to 20 MB: first it is brought there, and of that nobody sees anything."""
        try:
            answer = await self._call(self._upload(), files={"media": (name, content)})
            judge(answer)
            brought = str(answer["media_id"])
        except AmbiguousDeliveryError as error:
            raise TransientDeliveryError(f"the file could not be brought there: {error}") from error
        except KeyError as error:
            raise PermanentDeliveryError(f"WeCom took the file {name} and gave it no id") from error
        await self.say({"msgtype": "file", "file": {"media_id": brought}})

    async def ask(self) -> None:
        """Whether the robot is there, asked with a message of a kind that does not exist: nobody sees it."""
        answer = await self._call(self._address.get_secret_value(), json={"msgtype": "none"})
        if answer["errcode"] != NO_SUCH_KIND:
            try:
                judge(answer)
            except PermanentDeliveryError:
                return  # refused, by a robot that is there

    def _upload(self) -> str:
        found = urlsplit(self._address.get_secret_value())
        path = f"{found.path.rpartition('/')[0]}/upload_media"
        return urlunsplit(found._replace(path=path, query=f"{found.query}&type=file"))

    async def _call(self, address: str, **content: Json) -> Json:
        try:
            response = await self._opened().post(address, **content)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise TransientDeliveryError(f"WeCom cannot be reached ({type(error).__name__})") from None
        except httpx.HTTPError as error:  # its own words may hold the address
            raise AmbiguousDeliveryError(f"WeCom did not answer ({type(error).__name__})") from None
        return _answer(response)

    def _opened(self) -> httpx.AsyncClient:
        if self._http is None:
            self._http = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, proxy=self._proxy)
        return self._http


def _answer(response: httpx.Response) -> Json:
    """The answer's JSON, with its code; an error for what is none."""
    status = response.status_code
    if status == httpx.codes.TOO_MANY_REQUESTS:
        raise TransientDeliveryError("WeCom asks for silence (429)", retry_after=PAUSE)
    if 300 <= status < 500:
        raise PermanentDeliveryError(f"WeCom answered {status}; is webhook_url the robot's whole address?")
    found = _json(response)
    if status == httpx.codes.OK and isinstance(found, dict) and isinstance(found.get("errcode"), int):
        return found
    raise AmbiguousDeliveryError(f"WeCom answered {status}, and nothing that can be read")


def _json(response: httpx.Response) -> Json:
    try:
        return response.json()
    except ValueError:
        return None


def judge(answer: Json) -> None:
    """Return if the answer says that all is well; else the error that its code means."""
    code = answer["errcode"]
    if code != 0:
        raise _meaning(code, " ".join(str(answer.get("errmsg", "")).split())[:200])


def _meaning(code: int, words: str) -> DeliveryError:
    text = f"WeCom: {words} ({code})"
    if code in TOO_OFTEN:
        return TransientDeliveryError(text, retry_after=PAUSE)
    if code == NO_SUCH_ROBOT:
        return CredentialsRefusedError(
            f"WeCom knows no robot of this address ({code}); copy webhook_url again from the group's settings"
        )
    return AmbiguousDeliveryError(text) if code == BUSY else PermanentDeliveryError(text)
