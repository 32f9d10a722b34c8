"""Guides of any size out of generated text, published with made-up vectors, so that a hundred thousand passages fit.

    python -m performance.generated PASSAGES INDEX

The words are those of the project's own guide, as often as there; so questions about it meet many passages. What the
encoder and the reader would make of a text is made up (the same for the same words); encoding so much takes hours.
All else, from cutting to Chroma, is what `ingest.py` does. Asking is not changed at all.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from performance.common import ROOT, WORK, Figures, environ, megabytes, say

SECTION = 600  # characters, about a passage
PAGE = 20  # sections


def published(passages: int, seconds: float) -> tuple[Path, Figures]:
    """Return an index of so many generated passages, made once, and what making it took.

    Raises ``RuntimeError`` where that fails, or takes more than so many seconds.
    """
    index = WORK / f"generated-{passages}"
    note = index / "made.json"
    if not note.exists():
        command = [sys.executable, "-W", "ignore", "-m", "performance.generated", str(passages), str(index)]
        shutil.rmtree(index, ignore_errors=True)
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=environ(), capture_output=True, text=True, timeout=max(1.0, seconds)
            )
        except subprocess.TimeoutExpired:
            raise RuntimeError("publishing it does not fit the time of this part") from None
        if done.returncode:
            raise RuntimeError((done.stderr.strip().splitlines() or ["no word"])[-1])
        note.write_text(done.stdout.strip().splitlines()[-1], encoding="utf-8")
    made: Figures = json.loads(note.read_text("utf-8"))
    say(f"published in {made['seconds']:.0f} s, at most {made['peak, MB']:.0f} MB")
    return index, made


def texts(passages: int) -> list[str]:
    """Return pages of sections, in Markdown; each section is one passage or close to it."""
    chance = np.random.default_rng(20261126)
    words = np.array(re.findall(r"[A-Za-z][a-z]+", (ROOT / "corpus" / "guide.md").read_text("utf-8")))
    pages = []
    for number in range(-(-passages // PAGE)):
        sections = []
        for part in range(min(PAGE, passages - number * PAGE)):
            drawn = chance.choice(words, (4, 22))
            sentences = [" ".join(row).lower().capitalize() + f" {number}-{part}." for row in drawn]
            sections.append(f"## {' '.join(drawn[0, :3])} {part}\n\n" + " ".join(sentences))
        pages.append(f"# Page {number}\n\n" + "\n\n".join(sections) + "\n")
    return pages


def make(passages: int, index: Path) -> Figures:
    """Publish, and return seconds and memory."""
    from advisor_bot.documents.load import parse
    from advisor_bot.index import publish as publishing
    from advisor_bot.models.export import prepare_models
    from advisor_bot.models.opening import Models
    from advisor_bot.settings import Settings

    settings = Settings(index=index)
    real = prepare_models(settings, say=lambda _: None)
    made_up = Models(MadeUpEncoder(real.encoder), MadeUpReader(real.reader))  # type: ignore[arg-type]
    publishing.prepare_models = lambda *_, **__: made_up  # type: ignore[assignment]
    began = time.monotonic()
    documents = [parse(f"page-{n:05}.md", text, markup=True) for n, text in enumerate(texts(passages))]
    done = publishing.publish(documents, settings)
    assert done.plan
    seconds = time.monotonic() - began
    return {"seconds": seconds, "texts": done.plan.embed, "peak, MB": megabytes("self", "VmHWM")}


class _MadeUp:
    def __init__(self, real: Any) -> None:
        self.name, self.fingerprint, self.dimension = getattr(real, "name", ""), real.fingerprint, real.dimension
        self._chance = np.random.default_rng(1)
        self._known: dict[str, Any] = {}

    def _vector(self, text: str) -> Any:
        """Return a direction that texts of the same words share."""
        total = np.zeros(self.dimension, np.float32)
        for word in text.lower().split():
            if word not in self._known:
                seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=4).digest(), "big")
                self._known[word] = np.random.default_rng(seed).normal(size=self.dimension).astype(np.float32)
            total += self._known[word]
        return total / max(float(np.linalg.norm(total)), 1e-9)


class MadeUpEncoder(_MadeUp):
    def encode(self, given: Sequence[str], **_: Any) -> Any:
        return np.array([self._vector(text) for text in given], np.float32)


class MadeUpReader(_MadeUp):
    def sentences(self, given: Sequence[Any], **_: Any) -> list[Any]:
        from advisor_bot.models.reader import STATE, Encoded

        found = []
        for one in given:
            states = np.zeros(len(one.text.split()) + len(one.heading.split()) + 3, STATE)
            states["values"] = self._chance.integers(-127, 127, states["values"].shape, dtype=np.int8)
            states["scale"] = 0.01
            found.append(Encoded(self._vector(f"{one.heading} {one.text}"), states))
        return found


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "src"))
    print(json.dumps(make(int(sys.argv[1]), Path(sys.argv[2]))))
