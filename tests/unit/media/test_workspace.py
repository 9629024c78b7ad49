"""Nothing outside the workspace is read or written, whatever path is given."""

import errno
import io
import os
from datetime import date
from pathlib import Path

import pytest

from gateway.errors import MediaError
from gateway.media.workspace import Bounded, Workspace, parts_of

SECRET = b"nobody may read this"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace between a file and a folder that are not in it."""
    root = tmp_path / "workspace"
    (root / "reports").mkdir(parents=True)
    (root / "reports" / "march.txt").write_bytes(b"all is well")
    (tmp_path / "secret.txt").write_bytes(SECRET)
    (tmp_path / "workspace2").mkdir()
    (tmp_path / "workspace2" / "secret.txt").write_bytes(SECRET)
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    (root / "inside.txt").symlink_to(root / "reports" / "march.txt")
    (root / "away").symlink_to(tmp_path / "workspace2")
    os.mkfifo(root / "pipe")
    return Workspace(root)


def outside(workspace: Workspace) -> dict[Path, bytes]:
    """Every file that is not in the workspace, with its content."""
    home = workspace.root.parent
    files = (path for path in home.rglob("*") if workspace.root not in path.parents and path.is_file())
    return {path: path.read_bytes() for path in files}


TRAVERSALS = [
    "../secret.txt",
    "reports/../../secret.txt",
    "./.././secret.txt",
    "..",
    "../workspace2/secret.txt",  # a sibling whose name begins like ours
    "/etc/passwd",
    "//etc/passwd",
    "{home}/secret.txt",
    "{home}/workspace/../secret.txt",
    "{home}/workspace2/secret.txt",
    "~/secret.txt",
    "file://{home}/secret.txt",
    "FILE:///etc/passwd",
    "file:secret.txt",
    "http://127.0.0.1/secret.txt",
    "link.txt",
    "away/secret.txt",
    "away/../../secret.txt",
    "reports/../link.txt",
    "secret.txt\0.jpg",
    "reports/march.txt\0",
    "..\\secret.txt",
    "\\secret.txt",
    "%2e%2e/secret.txt",
    "..%2fsecret.txt",
    "\ud800",
    "a" * 2_000,
    "reports/" * 90 + "x",
    "",
    ".",
    "/",
    "reports",
    "reports/",
    "pipe",
    "/proc/self/environ",
    "/dev/zero",
]


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_path_reads_a_byte_outside(workspace: Workspace, path: str) -> None:
    given = path.format(home=workspace.root.parent)

    with pytest.raises(MediaError) as caught:  # P-85
        workspace.open(given)

    assert SECRET.decode() not in str(caught.value)


@pytest.mark.parametrize("path", [*TRAVERSALS, "reports/march.txt/below", "away/new.txt", "away/below/new.txt"])
def test_no_path_writes_a_byte_outside(workspace: Workspace, path: str) -> None:
    given, before = path.format(home=workspace.root.parent), outside(workspace)

    try:  # P-85
        with workspace.writing(given, limit=100) as file:
            file.write(b"overwritten")
    except MediaError:
        refused = True
    else:
        refused = False

    assert outside(workspace) == before
    assert refused or workspace.read(given, limit=100) == b"overwritten"


@pytest.mark.parametrize("path", ["reports/march.txt", "./reports//march.txt", "reports/./march.txt"])
def test_a_file_inside_is_read(workspace: Workspace, path: str) -> None:
    assert workspace.read(path, limit=100) == b"all is well"
    assert workspace.size(path) == 11


def test_a_link_is_not_followed_though_it_leads_inside(workspace: Workspace) -> None:
    with pytest.raises(MediaError, match=r"inside\.txt: is a link, which is not followed"):
        workspace.open("inside.txt")


def test_what_is_not_there_is_said(workspace: Workspace) -> None:
    with pytest.raises(MediaError, match=r"^no\.txt: there is no such file$"):
        workspace.open("no.txt")
    assert workspace.size("no.txt") is None


def test_a_file_that_is_too_long_is_not_read(workspace: Workspace) -> None:
    with pytest.raises(MediaError, match="too large"):
        workspace.read("reports/march.txt", limit=10)


def test_a_new_file_is_private_with_its_folders(workspace: Workspace) -> None:
    old = os.umask(0)  # P-37
    try:
        with workspace.writing("received/day/new.txt", limit=100) as file:
            private = Path(f"/proc/self/fd/{file.fileno()}").stat().st_mode & 0o777
            file.write(b"new")
    finally:
        os.umask(old)

    place = workspace.root / "received" / "day"
    assert private == 0o600  # from its first byte
    assert (place / "new.txt").stat().st_mode & 0o777 == 0o600
    assert place.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in place.iterdir()] == ["new.txt"]


def write(
    workspace: Workspace, path: str, *pieces: bytes, limit: int = 100, fault: Exception | None = None
) -> None:
    """Write a file, piece by piece, and fail at the end if there is a fault."""
    with workspace.writing(path, limit=limit) as file:
        for piece in pieces:
            file.write(piece)
        if fault is not None:
            raise fault


def test_the_limit_ends_a_file_that_goes_on_and_on(workspace: Workspace) -> None:
    with pytest.raises(MediaError, match=r"is too large: 10 bytes at most"):
        write(workspace, "new.txt", b"123456", b"123456", limit=10)

    assert not (workspace.root / "new.txt").exists()
    assert not (workspace.root / "new.txt.part").exists()


def test_a_file_that_fails_half_way_leaves_what_was_there(workspace: Workspace) -> None:
    with pytest.raises(ValueError, match="half way"):
        write(workspace, "reports/march.txt", b"half", fault=ValueError("half way"))

    assert workspace.read("reports/march.txt", limit=100) == b"all is well"


def test_what_a_crash_left_half_is_written_over(workspace: Workspace) -> None:
    (workspace.root / "new.txt.part").write_bytes(b"a longer half of before")

    with workspace.writing("new.txt", limit=100) as file:
        file.write(b"whole")

    assert workspace.read("new.txt", limit=100) == b"whole"


def test_a_full_disk_is_said_in_words(workspace: Workspace) -> None:
    with pytest.raises(MediaError, match=r"^new\.txt: the disk is full$"):
        write(workspace, "new.txt", b"x", fault=OSError(errno.ENOSPC, "No space left on device"))


def test_only_days_that_are_over_are_forgotten(workspace: Workspace, tmp_path: Path) -> None:
    top = workspace.root / "received"
    for name in ("2026-01-01", "2026-03-01", "2026-03-02", "notes", "2026-1-1", "20260101"):
        (top / name / "chat").mkdir(parents=True)
        (top / name / "chat" / "1-0-a.txt").write_bytes(b"a")
    (top / "2026-01-01" / "out").symlink_to(tmp_path / "workspace2")
    (top / "2026-01-02").symlink_to(tmp_path / "workspace2")

    removed = workspace.forget("received", before=date(2026, 3, 2))

    assert sorted(path.name for path in top.iterdir()) == [
        "2026-01-02", "2026-03-02", "2026-1-1", "20260101", "notes"
    ]  # fmt: skip
    assert (tmp_path / "workspace2" / "secret.txt").read_bytes() == SECRET
    assert (workspace.root / "reports" / "march.txt").exists()
    assert removed >= 2


def test_forgetting_where_nothing_came_is_nothing(tmp_path: Path) -> None:
    assert Workspace(tmp_path / "none").forget("received", before=date(2026, 3, 2)) == 0


def test_the_root_may_be_a_link_of_the_operator(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(workspace.root)

    assert Workspace(tmp_path / "linked").read("reports/march.txt", limit=100) == b"all is well"


def test_a_path_is_its_components() -> None:
    assert parts_of("./a//b/./c.txt") == ["a", "b", "c.txt"]


@pytest.mark.parametrize("path", ["reports", "pipe", "link.txt", "away", "none"])
def test_what_is_no_file_leaves_nothing_open(workspace: Workspace, path: str) -> None:
    def open_now() -> int:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    before = open_now()  # P-88

    with pytest.raises(MediaError):
        workspace.open(path)

    assert open_now() == before


def test_a_disk_that_is_full_is_said_by_the_write_itself() -> None:
    file = Bounded(io.FileIO("/dev/full", "wb"), 1_000_000, "a.txt")  # P-35

    # A channel takes errors of the system for trouble on its way to the platform.
    with pytest.raises(MediaError, match=r"^a\.txt: the disk is full$"):
        file.write(b"x" * 100_000)

    file.close()
