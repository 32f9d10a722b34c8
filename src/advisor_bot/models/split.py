"""The reader's graph in two parts: what is made of each sentence by itself, and what of all of them together.

So sentences of about one length go through the first part in a batch of their own, with next to no padding, and the
batches on two cores. The graph is cut once a machine (``merge.py``); the numbers are those of the whole graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PAIRS, TOGETHER = "pairs.onnx", "together.onnx"
BATCH = 10  # sentences
_POOLED = (517, 128)  # shape of the weights that take what is known of each sentence by itself; no others have it
Inputs = dict[str, NDArray[Any]]
Found = Sequence[NDArray[Any]]
Spread = Callable[[Callable[[Any], Found], Iterable[Any]], Iterable[Found]]


def split_into(folder: Path, graph: bytes) -> None:
    """Write the two parts of the reader's ``graph`` into ``folder``."""
    import onnx

    whole = onnx.load_model_from_string(graph)
    cut = _cut(whole.graph)
    question = [one.name for one in whole.graph.input]
    _write(folder / PAIRS, whole, question, cut)
    _write(folder / TOGETHER, whole, [*cut, "qv", "pv"], [one.name for one in whole.graph.output])


def is_in_parts(folder: Path) -> bool:
    """Tell whether ``folder`` holds the two parts."""
    return (folder / PAIRS).exists() and (folder / TOGETHER).exists()


def open_parts(
    folder: Path, session: Callable[[Path], Any], run: Callable[[Any, Inputs], Found], workers: int
) -> Callable[[Inputs], Found]:
    """Open both parts; one question's batches are read by so many ``workers`` at a time, whom all questions share."""
    pairs, together = session(folder / PAIRS), session(folder / TOGETHER)
    names = [one.name for one in pairs.get_outputs()]
    return compare_in_parts(partial(run, pairs), partial(run, together), names, _over(workers))


def _over(workers: int) -> Spread:
    """Return a map over so many threads; over none but the caller's once the process is ending."""
    if workers < 2:
        return map
    pool = ThreadPoolExecutor(workers, "read")

    def spread(of: Callable[[Any], Found], batches: Iterable[Any]) -> Iterable[Found]:
        try:
            return pool.map(of, batches)
        except RuntimeError:  # it takes no more work
            return map(of, batches)

    return spread


def compare_in_parts(
    pairs: Callable[[Inputs], Found],
    together: Callable[[Inputs], Found],
    names: Sequence[str],
    spread: Spread,
) -> Callable[[Inputs], Found]:
    """Return what the whole graph would: inputs q, p, pm, qv, pv -> scores, numbers of the whole question.

    ``names`` are what ``pairs`` returns, one row a sentence on the second axis; ``spread`` maps over the batches.
    """

    def compare(inputs: Inputs) -> Found:
        lengths = inputs["pm"].sum(1)
        order = np.argsort(lengths, kind="stable")
        batches = np.array_split(order, -(-len(order) // BATCH))

        def of(rows: NDArray[np.int64]) -> Found:
            longest = int(lengths[rows].max())
            parts = {"p": inputs["p"][rows, :longest], "pm": inputs["pm"][rows, :longest], "pv": inputs["pv"][rows]}
            return pairs(
                {"q": inputs["q"], "qv": inputs["qv"], **{k: np.ascontiguousarray(v) for k, v in parts.items()}}
            )

        found = list(spread(of, batches))
        back = np.argsort(order)
        joined = [np.concatenate([part[n] for part in found], 1)[:, back] for n in range(len(names))]
        return together({"qv": inputs["qv"], "pv": inputs["pv"], **dict(zip(names, joined, strict=True))})

    return compare


def _cut(graph: Any) -> list[str]:
    """Return the names of all that is known of each sentence by itself."""
    made = _makers(graph)
    weights = next(one.name for one in graph.initializer if tuple(one.dims) == _POOLED)
    pooled = made[next(node.input[0] for node in graph.node if weights in node.input)]
    *parts, numbers = pooled.input
    return [*parts, *made[numbers].input[:3]]  # its last two numbers are of the vectors, which both parts have


def _makers(graph: Any) -> dict[str, Any]:
    return {name: node for node in graph.node for name in node.output}


def _write(file: Path, whole: Any, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Write what leads from ``inputs`` to ``outputs``."""
    import onnx

    made, wanted, needed = _makers(whole.graph), list(outputs), set[str]()
    while wanted:
        name = wanted.pop()
        if name and name not in needed and name not in inputs:
            needed.add(name)
            wanted += made[name].input if name in made else ()
    known = {one.name: one for one in (*whole.graph.input, *whole.graph.output)}

    def shown(name: str) -> Any:
        return known.get(name) or onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)

    graph = onnx.helper.make_graph(
        [node for node in whole.graph.node if needed.intersection(node.output)],
        file.stem,
        list(map(shown, inputs)),
        list(map(shown, outputs)),
        [one for one in whole.graph.initializer if one.name in needed],
    )
    part = onnx.helper.make_model(graph, opset_imports=whole.opset_import, ir_version=whole.ir_version)
    onnx.save_model(part, str(file))
