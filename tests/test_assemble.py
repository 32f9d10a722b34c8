"""Putting the program together, and taking it apart again at any moment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

STOP_AT_ONCE = """
import sys
from pathlib import Path
from advisor_bot.web.serve import server
from advisor_bot.settings import Settings

app = server(Settings(index=Path(sys.argv[1])))
app.state.advisor.versions.close()
"""


def test_a_server_stopped_while_it_still_warms_up_ends_cleanly(published: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STOP_AT_ONCE, str(published)], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
