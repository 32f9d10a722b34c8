"""The reading data as the networks take it: guides, their sentences as token ids, what was asked of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from follow_ups import follow_ups
from model import LAYERS, UPPER, Encoder
from tokenizers import Tokenizer
from torch import Tensor, nn

from advisor_bot.models.opening import source_of
from advisor_bot.models.reader import HEADING, QUESTION, SENTENCE

GUIDES = Path(__file__).parent / "data" / "guides"
# Never trained on. The first twelve were kept apart from the weights that shipped before, too.
KEPT_APART = (
    "A-01 B-03 C-06 E-02 G-02 I-02 K-02 N-02 Q-03 R-04 S-05 V-05 "
    "B-04 F-06 J-04 M-07 P-05 U-06 W-02 X-03 AA-04 AC-07 AE-03 AG-05 AU-01 AU-02 AU-03 rows-17 rows-18"
).split()
CLS, SEP = 101, 102
OPENING = 40  # tokens of a long question's beginning that are kept, as when it is asked


@dataclass(frozen=True, slots=True)
class Question:
    """A question: its verdict (answered, partial, no), the numbers of the sentences that answer and that help."""

    text: str
    verdict: str
    best: tuple[int, ...]
    help: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Guide:
    """A guide; ``sentences`` and ``asked`` are the states of texts below the tuned layers, (tokens, 384) each.

    ``bare`` are those of the sentences without their headings, as a text without headings has them; empty where the
    guide is not trained on.
    """

    name: str
    questions: list[Question]
    sentences: list[Tensor]
    asked: list[Tensor]
    bare: list[Tensor]


def tokenizer() -> Any:
    """Return MiniLM's tokenizer, which cuts and pads nothing."""
    found = Tokenizer.from_file(str(source_of("") / "tokenizer.json"))
    found.no_truncation()
    found.no_padding()
    return found


def sentence_ids(tokens: Any, heading: str, text: str) -> list[int]:
    """Return the ids of a sentence under its heading, as the program reads it."""
    head = ids(tokens, heading.rstrip(".?! ") + ".")[:HEADING] if heading else []
    return [CLS, *head, *ids(tokens, text)[:SENTENCE], SEP]


def question_ids(tokens: Any, text: str) -> list[int]:
    """Return the ids of a question; of a long one, its beginning and its end."""
    found, most = ids(tokens, text), QUESTION - 2
    if len(found) > most:
        found = found[:OPENING] + found[OPENING - most :]
    return [CLS, *found, SEP]


def ids(tokens: Any, text: str) -> list[int]:
    """Return the ids of a text without marks around it."""
    found: list[int] = tokens.encode(text, add_special_tokens=False).ids
    return found


def minilm() -> Encoder:
    """Return the encoder with MiniLM's own weights."""
    from safetensors.torch import load_file

    weights = load_file(str(source_of("") / "model.safetensors"))
    encoder = Encoder().eval()
    with torch.no_grad():
        for name, parts in parts_of().items():
            place = encoder.get_parameter(name)
            place.copy_(torch.cat([weights[part] for part in parts]))
        encoder.embeddings.get_buffer("segment").copy_(weights["embeddings.token_type_embeddings.weight"][0])
        nn.init.orthogonal_(encoder.upper.project.weight)
        nn.init.zeros_(encoder.upper.project.bias)
    return encoder


def parts_of(upper: bool = True) -> dict[str, list[str]]:
    """Return which of MiniLM's tensors, one under the other, make each parameter of the encoder."""
    found = {
        "embeddings.words.weight": ["embeddings.word_embeddings.weight"],
        "embeddings.places.weight": ["embeddings.position_embeddings.weight"],
        "embeddings.norm.weight": ["embeddings.LayerNorm.weight"],
        "embeddings.norm.bias": ["embeddings.LayerNorm.bias"],
    }
    for number in range(LAYERS if upper else LAYERS - UPPER):
        below = LAYERS - UPPER
        ours = f"layers.{number}" if number < below else f"upper.layers.{number - below}"
        theirs = f"encoder.layer.{number}"
        for name, parts in {
            "qkv": [f"attention.self.{part}" for part in ("query", "key", "value")],
            "o": ["attention.output.dense"],
            "norm1": ["attention.output.LayerNorm"],
            "up": ["intermediate.dense"],
            "down": ["output.dense"],
            "norm2": ["output.LayerNorm"],
        }.items():
            for kind in ("weight", "bias"):
                found[f"{ours}.{name}.{kind}"] = [f"{theirs}.{part}.{kind}" for part in parts]
    return found


def load(file: Path, tokens: Any, encoder: Encoder) -> Guide:
    """Return the guide in ``file``; one to train on is asked follow-ups, too.

    Raises ``KeyError`` where a question names a sentence that is not there.
    """
    found = json.loads(file.read_text("utf-8"))
    at: dict[str, int] = {}
    texts: list[list[int]] = []
    bare: list[list[int]] = []
    for number, section in enumerate(found["sections"], 1):
        for place, text in enumerate(section["sentences"], 1):
            at[f"{number}.{place}"] = len(texts)
            texts.append(sentence_ids(tokens, section["heading"], text))
            bare.append(sentence_ids(tokens, "", text))
    trained = file.stem not in KEPT_APART
    rows = found["questions"] + (follow_ups(file.stem, found["questions"]) if trained else [])
    questions = [
        Question(row["q"], row["verdict"], tuple(at[k] for k in row["best"]), tuple(at[k] for k in row["help"]))
        for row in rows
    ]
    asked = lower(encoder, [question_ids(tokens, question.text) for question in questions])
    return Guide(file.stem, questions, lower(encoder, texts), asked, lower(encoder, bare) if trained else [])


@torch.no_grad()
def lower(encoder: Encoder, texts: Sequence[list[int]]) -> list[Tensor]:
    """Return the states below the tuned layers, in half precision: they never change, so they are computed once."""
    out: dict[int, Tensor] = {}
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    for start in range(0, len(order), 32):
        rows = order[start : start + 32]
        there = torch.zeros(len(rows), max(len(texts[row]) for row in rows), dtype=torch.bool)
        padded = torch.zeros(there.shape, dtype=torch.long)
        for line, row in enumerate(rows):
            padded[line, : len(texts[row])], there[line, : len(texts[row])] = torch.tensor(texts[row]), True
        made = encoder.lower(padded, there)
        out |= {row: made[line, : len(texts[row])].half().clone() for line, row in enumerate(rows)}
    return [out[row] for row in range(len(texts))]
