"""Calibrate what was trained, and write it as the program ships it.

    python training/export.py [--weights build/reader.pt] [--out src/advisor_bot/data/reader]

``upper.npz``: the tuned layers in eight bits, matrices with a scale for each row. ``reader.onnx``: the reader.
``encoder.onnx``: the encoder's graph without weights, which ``models/merge.py`` fills. ``card.json``: what is known.
Everything is measured as it ships: with weights and states in eight bits. Run ``about.py`` after it.
"""

from __future__ import annotations

import argparse
import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from calibrate import calibrate
from data import GUIDES, KEPT_APART, load, minilm, parts_of, tokenizer
from measure import READ, figures, seen
from model import STATE, WIDTH, Encoder, Reader, whole
from numpy.typing import NDArray
from torch import Tensor, nn

from advisor_bot.disk import file_hash

WEIGHTS = Path(__file__).parent.parent / "build" / "reader.pt"
OUT = Path(__file__).parent.parent / "src" / "advisor_bot" / "data" / "reader"
FILES = ("upper.npz", "reader.onnx", "encoder.onnx")


def main() -> None:
    """Write the files, measured and calibrated on the guides kept apart."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    torch.set_num_threads(2)
    encoder, reader, saved = minilm(), Reader().eval(), torch.load(args.weights)
    arrays = in_eight_bits(saved["upper"])
    encoder.upper.load_state_dict(whole_again(arrays))
    reader.load_state_dict(saved["reader"])
    args.out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(args.out / "upper.npz", allow_pickle=False, **arrays)
    write_reader(args.out / "reader.onnx", reader)
    write_encoder(args.out / "encoder.onnx", encoder.eval())
    write_card(args.out, measured(encoder, reader), saved)


def measured(encoder: Encoder, reader: Reader) -> dict[str, Any]:
    """Return the card's part on how good it is, and the calibration."""
    tokens = tokenizer()
    kept = [load(GUIDES / f"{name}.json", tokens, encoder) for name in KEPT_APART]
    rows = seen(encoder.upper, reader, kept)
    found = calibrate(rows)
    return {"figures": figures(rows) | found.pop("calibrated"), **found}


def write_card(out: Path, known: dict[str, Any], saved: dict[str, Any]) -> None:
    """Write the card; what ``about.py`` put there stays."""
    file = out / "card.json"
    about = json.loads(file.read_text("utf-8")).get("about", {}) if file.exists() else {}
    card = {
        "data": f"{len(list(GUIDES.glob('*.json'))) - len(KEPT_APART)} guides of training/data; nothing else",
        "kept_apart": KEPT_APART,
        "read": READ,
        **known,
        "epochs": saved["epoch"],
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "sha256": {name: file_hash(out / name) for name in FILES},
        "bytes": {name: (out / name).stat().st_size for name in FILES},
        "dimension": STATE,
        "lower": parts_of(upper=False),
        "about": about,
    }
    file.write_text(json.dumps(card, indent=1) + "\n", "utf-8")
    print(json.dumps({name: card[name] for name in ("figures", "limits", "at_limits", "bytes")}, indent=1))


# --- weights ----------------------------------------------------------------------------------------------------------


def in_eight_bits(weights: dict[str, Tensor]) -> dict[str, NDArray[Any]]:
    """Return matrices as ``NAME.int8`` and ``NAME.scale`` (rows, 1), the rest in half precision."""
    found: dict[str, NDArray[Any]] = {}
    for name, tensor in weights.items():
        array = tensor.float().numpy()
        if array.ndim == 2:
            scale = np.maximum(np.abs(array).max(1, keepdims=True) / 127, 1e-6).astype(np.float16)
            found[f"{name}.int8"] = np.round(array / scale.astype(np.float32)).clip(-127, 127).astype(np.int8)
            found[f"{name}.scale"] = scale
        else:
            found[name] = array.astype(np.float16)
    return found


def whole_again(arrays: dict[str, NDArray[Any]]) -> dict[str, Tensor]:
    """Return the weights that ``in_eight_bits`` packed, as the program unpacks them."""
    found = {}
    for name, array in arrays.items():
        if name.endswith(".int8"):
            bare = name.removesuffix(".int8")
            found[bare] = torch.from_numpy(array.astype(np.float32) * arrays[f"{bare}.scale"].astype(np.float32))
        elif not name.endswith(".scale"):
            found[name] = torch.from_numpy(array.astype(np.float32))
    return found


# --- graphs -----------------------------------------------------------------------------------------------------------


class Asking(nn.Module):
    """The reader for one question, as the program calls it."""

    def __init__(self, reader: Reader) -> None:
        super().__init__()
        self.reader = reader

    def forward(self, q: Tensor, p: Tensor, pm: Tensor, qv: Tensor, pv: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores (sentences, 2) and the numbers of the whole (11,)."""
        there = torch.ones_like(q[None, :, 0], dtype=torch.bool)
        read = self.reader(q[None], there, p[None], pm[None], qv[None], pv[None])
        return read.scores[0], whole(read, (pv @ qv)[None])[0]


def write_reader(file: Path, reader: Reader) -> None:
    """Write the reader's graph with its weights."""
    sample = (torch.randn(5, WIDTH), torch.randn(7, 9, WIDTH), torch.ones(7, 9, dtype=torch.bool),
              torch.randn(STATE), torch.randn(7, STATE))  # fmt: skip
    axes = {"q": {0: "lq"}, "p": {0: "c", 1: "lp"}, "pm": {0: "c", 1: "lp"}, "pv": {0: "c"}, "scores": {0: "c"}}
    write_graph(file, Asking(reader).eval(), sample, ["q", "p", "pm", "qv", "pv"], ["scores", "whole"], axes)


def write_encoder(file: Path, encoder: Encoder) -> None:
    """Write the encoder's graph, its weights emptied but for what no file of MiniLM's or ours holds by name."""
    ids = torch.randint(1_000, 2_000, (3, 7))
    sample = (ids, torch.ones_like(ids, dtype=torch.bool), torch.ones_like(ids, dtype=torch.bool))
    texts = {0: "n", 1: "l"}
    axes = {"ids": texts, "mask": texts, "kept": texts, "vectors": {0: "n"}, "states": texts}
    write_graph(file, encoder, sample, ["ids", "mask", "kept"], ["vectors", "states"], axes, fold=False)
    graph = onnx.load(str(file))
    for place in graph.graph.initializer:
        if place.name.startswith("upper.") or place.name in parts_of(upper=False):
            place.ClearField("raw_data")
    onnx.save(graph, str(file))


def write_graph(
    file: Path,
    module: nn.Module,
    sample: tuple[Tensor, ...],
    inputs: list[str],
    outputs: list[str],
    axes: dict[str, dict[int, str]],
    *,
    fold: bool = True,
) -> None:
    """Write ``module`` as an ONNX graph; without ``fold``, weights keep their names and shapes."""
    with torch.no_grad():
        torch.onnx.export(
            module,
            sample,
            str(file),
            dynamo=False,  # the newer exporter needs onnxscript
            opset_version=17,
            input_names=inputs,
            output_names=outputs,
            dynamic_axes=axes,
            do_constant_folding=fold,
        )


if __name__ == "__main__":
    main()
