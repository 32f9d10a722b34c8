"""What is made once a machine, before the first publish: the reading encoder, and an owner's encoder as ONNX.

An owner's sentence-transformers model is turned into an ONNX file in a process of its own, and the two are compared.
It is made in a hidden folder and renamed, so a half-written one is never used.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from advisor_bot.disk import file_hash, sync
from advisor_bot.errors import EncoderError
from advisor_bot.models.encoder import Encoder
from advisor_bot.models.merge import is_merged, merge_into
from advisor_bot.models.opening import (
    Models,
    cores,
    encoder_of,
    fingerprint_of,
    first_line,
    is_sound,
    manifest_of,
    onnx_encoder,
    open_export,
    open_reader,
    prompts_of,
    reader_fingerprint,
    sentence_transformer,
    source_of,
)
from advisor_bot.settings import Settings

LEAST_COSINE = 0.9999
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


def prepare_models(settings: Settings, *, say: Callable[[str], None]) -> Models:
    """Return the models to publish with, made and checked first where this machine has not done so yet.

    Raises ``EncoderError`` when a model is missing or altered.
    """
    own = ensure_models(settings, say=say)
    reader = open_reader(settings, workers=cores())
    encoder = open_export(own, settings, threads=1, workers=cores()) if own else encoder_of(reader)
    return Models(encoder, reader)


def ensure_models(settings: Settings, *, say: Callable[[str], None]) -> Path | None:
    """Make what is made once a machine where it is missing or damaged; return where an owner's encoder stands."""
    reading = settings.encoder_folder / reader_fingerprint()
    with _writing(reading.parent):
        if not is_merged(reading, thoroughly=True):
            say("Preparing the reader (once a machine).")
            merge_into(reading)
        return _ensure_export(settings, say) if settings.embedding_model else None


def _ensure_export(settings: Settings, say: Callable[[str], None]) -> Path:
    source = source_of(settings.embedding_model, download=True)
    target = settings.encoder_folder / fingerprint_of(source)
    if not is_sound(target, thoroughly=True):
        say("Exporting the encoder (once a machine; this takes a minute).")
        _export_into(source, target, settings.embedding_model)
        reason = manifest_of(target)["impossible"]
        if reason:
            say(f"The encoder cannot be exported ({reason}); sentence-transformers will compute the vectors.")
    return target


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Hold the lock on the folder of encoders, what crashed exports left cleared away; say it where it is not ours."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            for leftover in folder.glob(".export-*"):
                shutil.rmtree(leftover, ignore_errors=True)
            yield
    except OSError as error:
        raise EncoderError(
            f"{error.filename or folder} cannot be written: {error.strerror}. "
            "Set ADVISOR_CACHE to a folder for the exported encoder."
        ) from None


def _export_into(source: Path, target: Path, name: str) -> None:
    """Export in a process of its own, so that torch never stays in this one, and put it in place at once."""
    building = target.parent / f".export-{os.getpid()}-{time.monotonic_ns()}"
    building.mkdir()
    package = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH", ""))))
    command = [sys.executable, "-W", "ignore", "-m", "advisor_bot.models.export", str(source), str(building), name]
    try:
        done = subprocess.run(command, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True)
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"the export ended with code {done.returncode}"]
            raise EncoderError(lines[-1])
        for file in building.iterdir():
            sync(file)
        if not is_sound(target):
            shutil.rmtree(target, ignore_errors=True)
            building.rename(target)
            sync(target.parent)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _export(source: Path, building: Path, name: str) -> None:
    """Write the export of the model in ``source`` into ``building``, or why there is none."""
    model = sentence_transformer(source)
    manifest: dict[str, Any] = {
        "name": name,
        "model": name,
        "dimension": int(model.get_embedding_dimension()),
        "prompts": prompts_of(model),
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
            manifest["files"] = {file: file_hash(building / file) for file in ("model.onnx", "tokenizer.json")}
            manifest["sizes"] = {file: (building / file).stat().st_size for file in manifest["files"]}
            _write_manifest(building, manifest)
            manifest["cosine"] = _least_cosine(model, onnx_encoder(building, 1, 1))
            if manifest["cosine"] < LEAST_COSINE:
                manifest["impossible"] = f"its vectors differ, cosine {manifest['cosine']:.5f}"
        except Exception as error:  # whatever torch or onnxruntime cannot do, sentence-transformers can
            manifest["impossible"] = first_line(error)
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
        """The transformer with mean pooling and normalization, as one graph."""

        def __init__(self, transformer: Any, typed: bool) -> None:
            super().__init__()
            self.transformer, self.typed = transformer, typed

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            types = {"token_type_ids": torch.zeros_like(input_ids)} if self.typed else {}
            states = self.transformer(input_ids=input_ids, attention_mask=attention_mask, **types).last_hidden_state
            mask = attention_mask.unsqueeze(-1).to(states.dtype)
            mean = (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, p=2, dim=1)

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
            output_names=["vectors"],
            dynamic_axes={
                "input_ids": {0: "text", 1: "token"},
                "attention_mask": {0: "text", 1: "token"},
                "vectors": {0: "text"},
            },
        )


def _least_cosine(model: Any, exported: Encoder) -> float:
    """Return the smallest cosine between the two engines over the checked sentences."""
    reference = np.asarray(model.encode_document(list(_CHECKED), normalize_embeddings=True, show_progress_bar=False))
    return float((reference * exported.encode(_CHECKED)).sum(axis=1).min())


def _write_manifest(building: Path, manifest: dict[str, Any]) -> None:
    (building / "manifest.json").write_text(json.dumps(manifest, indent=1), "utf-8")


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
