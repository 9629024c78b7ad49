"""What is sent is what a file was when it was named."""

from pathlib import Path

import pytest

from gateway.errors import MediaError
from gateway.media import naming, spool
from gateway.media.spool import MOST, Spool
from gateway.media.workspace import Workspace
from gateway.messages import Media
from tests.fakes import FakeClock

PNG = b"\x89PNG\r\n\x1a\n..."


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = tmp_path / "workspace"
    (root / "out").mkdir(parents=True)
    (root / "out" / "My report.pdf").write_bytes(b"%PDF-1")
    (root / "chart.png").write_bytes(PNG)
    (tmp_path / "secret.txt").write_bytes(b"secret")
    return Workspace(root)


async def test_a_file_is_described_and_copied(workspace: Workspace) -> None:
    (one,) = await Spool(workspace, FakeClock()).attached(["./out/My report.pdf"], "t1.1.0", owner="test:1")

    assert (one.name, one.media_type, one.kind, one.size) == ("My_report.pdf", "application/pdf", Media.FILE, 6)
    assert one.path.startswith("sent/2026-03-02/t1.1.0-")
    assert workspace.read(one.path, limit=100) == b"%PDF-1"


async def test_a_later_change_of_the_file_changes_nothing(workspace: Workspace) -> None:
    (one,) = await Spool(workspace, FakeClock()).attached(["chart.png"], "t1.1.0", owner="test:1")

    (workspace.root / "chart.png").write_bytes(b"another one")

    assert workspace.read(one.path, limit=100) == PNG


async def test_the_same_message_again_has_the_file_that_it_had(workspace: Workspace) -> None:
    maker = Spool(workspace, FakeClock())
    first = await maker.attached(["chart.png"], "t1.1.0", owner="test:1")
    (workspace.root / "chart.png").write_bytes(b"another one")

    again = await maker.attached(["chart.png"], "t1.1.0", owner="test:1")
    other = await maker.attached(["chart.png"], "t1.1.1", owner="test:1")

    assert again[0].path == first[0].path
    assert workspace.read(again[0].path, limit=100) == PNG
    assert workspace.read(other[0].path, limit=100) == b"another one"


@pytest.mark.parametrize(
    ("name", "content", "media_type", "kind"),
    [
        ("a.png", PNG, "image/png", Media.PICTURE),
        ("a.dat", PNG, "image/png", Media.PICTURE),
        ("a.png", b"not one", "image/png", Media.FILE),  # refused as a picture by every platform
        ("a.svg", b"<svg/>", "image/svg+xml", Media.FILE),
        ("a.mp3", b"ID3", "audio/mpeg", Media.AUDIO),
        ("a.mp4", b"ftyp", "video/mp4", Media.VIDEO),
        ("a", b"?", "application/octet-stream", Media.FILE),
    ],
)
async def test_a_file_is_sent_as_what_it_is(
    workspace: Workspace, name: str, content: bytes, media_type: str, kind: Media
) -> None:
    (workspace.root / name).write_bytes(content)

    (one,) = await Spool(workspace, FakeClock()).attached([name], "d", owner="test:1")

    assert (one.media_type, one.kind) == (media_type, kind)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("../secret.txt", "outside the workspace"),
        ("/etc/passwd", "relative to the workspace"),
        ("file:///etc/passwd", "relative to the workspace"),
        ("no.pdf", "there is no such file"),
        ("out", "is not a file"),
        ("", "no path"),
    ],
)
async def test_what_cannot_be_sent_is_said(workspace: Workspace, path: str, words: str) -> None:
    with pytest.raises(MediaError, match=words):  # P-85
        await Spool(workspace, FakeClock()).attached([path], "d", owner="test:1")


async def test_a_file_that_is_too_large_is_not_sent(
    workspace: Workspace,
) -> None:
    with (workspace.root / "big.bin").open("wb") as big:
        big.truncate(spool.LARGEST + 1)  # a hole: takes no room

    with pytest.raises(MediaError, match=r"^big\.bin: is too large: 50 MB at most$"):
        await Spool(workspace, FakeClock()).attached(["big.bin"], "d", owner="test:1")

    assert [path for path in workspace.root.rglob("*big*") if "sent" in path.parts] == []


async def test_a_message_has_only_so_many_files(workspace: Workspace) -> None:
    with pytest.raises(MediaError, match="11 files are too many for one message: 10 at most"):
        await Spool(workspace, FakeClock()).attached(["chart.png"] * (MOST + 1), "d", owner="test:1")


async def test_what_came_from_another_chat_is_not_sent(tmp_path: Path) -> None:
    workspace, day = Workspace(tmp_path), FakeClock().now()
    ours = naming.received_at(day, "test:1", 7, 0, "ours.txt")
    theirs = naming.received_at(day, "test:2", 8, 0, "theirs.txt")
    going_out = naming.sent_at(day, "t9.1.0", 0, "theirs.txt")
    for path in (ours, theirs, going_out):
        with workspace.writing(path, limit=100) as file:
            file.write(b"words")

    sent = await Spool(workspace, FakeClock()).attached([ours], "d", owner="test:1")

    assert [one.name for one in sent] == ["7-0-ours.txt"]
    for path in (theirs, f"./{theirs}", theirs.replace("/", "//"), going_out):
        with pytest.raises(MediaError, match="no such file for this chat"):
            await Spool(workspace, FakeClock()).attached([path], "d", owner="test:1")
