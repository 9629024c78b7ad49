"""P-37: whatever the umask, nothing that a gateway writes can be read by others."""

import stat
import subprocess
import sys
from pathlib import Path


def test_every_file_of_a_gateway_is_private_under_an_open_umask(tmp_path: Path) -> None:
    home = tmp_path / "home"
    words = "remind me in 1 second to stretch\nevery day at 9:00 tell me to walk\n"

    # The end of the input closes the console only; the gateway is ended by the signal.
    gateway = f'umask 000; printf "{words}" | timeout -s TERM 4 "{sys.executable}" -m gateway --home "{home}" run'
    result = subprocess.run(["sh", "-c", gateway], capture_output=True, text=True, check=False, timeout=30)

    assert "\nstretch\n" in result.stdout
    modes = {str(path.relative_to(home)): stat.S_IMODE(path.lstat().st_mode) for path in (home, *home.rglob("*"))}
    assert {name: oct(mode) for name, mode in modes.items() if mode not in {0o600, 0o700}} == {}
    assert {"cron.json", "cron.json.lock", "cron.json.bak", "gateway.db", "logs/tocsin.log"} <= modes.keys()
