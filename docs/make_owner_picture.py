"""Makes the pictures of an owner's color and logo: ``.venv/bin/python docs/make_owner_picture.py [--index DIR]``."""

from __future__ import annotations

import os

from make_pictures import QUESTION, ROOT, ask, chromium, index_folder, opened, save, server


def main() -> None:
    index = index_folder(__doc__)
    os.environ |= {"ADVISOR_COLOR": "#8a1f3d", "ADVISOR_LOGO": str(ROOT / "examples" / "logo.svg")}
    with server(index) as url, chromium() as browser:
        for scheme in ("light", "dark"):
            page = opened(browser, url, 1120, 620, scheme)
            ask(page, QUESTION)
            save(page, f"owner-{scheme}")


if __name__ == "__main__":
    main()
