"""Sizes of files in words; pure."""


def words(size: int) -> str:
    """Bytes as people say them, in steps of 1,000: "20 MB", "1.5 MB", "120 kB", "7 bytes"."""
    for unit, name in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")):
        if size >= unit:
            amount = size / unit
            return f"{amount:.1f}".removesuffix(".0") + f" {name}" if amount < 10 else f"{amount:.0f} {name}"
    return f"{size} bytes" if size != 1 else "1 byte"


def length(seconds: int) -> str:
    """How long a recording is: "0:05", "12:30", "1:02:03"."""
    minutes, second = divmod(max(seconds, 0), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
