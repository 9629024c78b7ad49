"""Files in messages, as every channel has them."""

import resource
from dataclasses import replace
from pathlib import Path

import pytest

from channels.console import ConsoleChannel
from channels.files import file_parts, is_wordless, listed, open_file
from channels.log import LogChannel
from gateway.errors import PermanentDeliveryError, TransientDeliveryError
from gateway.messages import Attachment, Caller, ChatAddress, Media, OutboundMessage
from tests.fakes import FakeClock

REPORT = Attachment(
    name="report.pdf", media_type="application/pdf", path="sent/d/0-report.pdf", kind=Media.FILE, size=4
)
SAID = OutboundMessage(
    delivery_id="d",
    address=ChatAddress(channel="test", chat="1"),
    caller=Caller.MODEL,
    text="here it is",
    attachments=(REPORT,),
)


def test_each_file_is_a_part_that_has_no_plainer_form() -> None:
    first, second = file_parts(replace(SAID, attachments=(REPORT, replace(REPORT, name="b.pdf"))))

    assert first.payload == {
        "file": {
            "path": "sent/d/0-report.pdf",
            "name": "report.pdf",
            "media_type": "application/pdf",
            "kind": "file",
        }
    }
    assert second.payload["file"]["name"] == "b.pdf"
    assert first.plain is None


@pytest.mark.parametrize(
    ("text", "files", "wordless"),
    [("", (REPORT,), True), (" \n", (REPORT,), True), ("a", (REPORT,), False), ("", (), False)],
)
def test_only_files_are_no_words(text: str, files: tuple[Attachment, ...], wordless: bool) -> None:
    assert is_wordless(replace(SAID, text=text, attachments=files)) is wordless


def test_the_file_of_a_part_is_opened(tmp_path: Path) -> None:
    (tmp_path / "sent" / "d").mkdir(parents=True)
    (tmp_path / "sent" / "d" / "0-report.pdf").write_bytes(b"%PDF")

    with open_file(tmp_path, file_parts(SAID)[0].payload) as file:
        assert file.read() == b"%PDF"


@pytest.mark.parametrize("path", ["sent/d/0-report.pdf", "../secret", "/etc/passwd"])
def test_a_file_that_is_gone_can_never_be_sent(tmp_path: Path, path: str) -> None:
    (part,) = file_parts(replace(SAID, attachments=(replace(REPORT, path=path),)))  # P-85

    with pytest.raises(PermanentDeliveryError, match=r"^the file report\.pdf cannot be sent: "):
        open_file(tmp_path, part.payload)


def test_a_file_that_cannot_be_opened_just_now_is_sent_later(tmp_path: Path) -> None:
    (tmp_path / "sent" / "d").mkdir(parents=True)
    (tmp_path / "sent" / "d" / "0-report.pdf").write_bytes(b"%PDF")
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)

    resource.setrlimit(resource.RLIMIT_NOFILE, (0, allowed[1]))  # P-88: no descriptor is left
    try:
        with pytest.raises(TransientDeliveryError, match="too many files are open"):
            open_file(tmp_path, file_parts(SAID)[0].payload)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, allowed)


def test_a_channel_of_text_shows_where_the_files_are() -> None:
    shown = "[file: report.pdf → sent/d/0-report.pdf]"

    assert listed(SAID) == shown
    for channel in (ConsoleChannel("console", FakeClock()), LogChannel()):
        assert [part.payload["text"] for part in channel.render(SAID)] == [f"here it is\n{shown}"]
        assert [part.payload["text"] for part in channel.render(replace(SAID, text=""))] == [shown]
