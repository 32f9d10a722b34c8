"""The two networks as they are trained: MiniLM's encoder, its upper layers tuned, and the reader.

Names of parameters are those of the shipped files: ``models/merge.py`` and ``data/reader/card.json`` go by them.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

STATE, WIDTH = 384, 128  # numbers of MiniLM's token state, and of the narrower one that the reader compares
LAYERS, UPPER = 6, 3
LOW = -1e4


class Drop(nn.Module):
    """Dropout of whole features: the same for all tokens of a text, which takes a fraction of the random numbers."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` (..., tokens, width), in training without a ``share`` of its features."""
        if not self.training or not self.share:
            return x
        kept = torch.rand(*x.shape[:-2], 1, x.shape[-1]) >= self.share
        made: Tensor = x * (kept.to(x.dtype) / (1 - self.share))
        return made


class Layer(nn.Module):
    """A transformer layer. ``first``: norms come before what they norm (the reader), else after (MiniLM)."""

    def __init__(self, width: int, heads: int, inner: int, *, first: bool, drop: float) -> None:
        super().__init__()
        self.heads, self.first, self.drop = heads, first, Drop(drop)
        self.qkv, self.o = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)
        eps = 1e-5 if first else 1e-12
        self.norm1, self.norm2 = nn.LayerNorm(width, eps), nn.LayerNorm(width, eps)

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        """Return ``x`` (texts, tokens, width) after the layer; ``there`` (texts, tokens) is False on padding."""
        if self.first:
            x = x + self.drop(self._attend(self.norm1(x), there))
            made: Tensor = x + self.drop(self._feed(self.norm2(x)))
            return made
        x = self.norm1(x + self.drop(self._attend(x, there)))
        y: Tensor = self.norm2(x + self.drop(self._feed(x)))
        return y

    def _attend(self, x: Tensor, there: Tensor) -> Tensor:
        n, tokens, width = x.shape
        q, k, v = self.qkv(x).view(n, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        scores = q @ k.transpose(2, 3) * (width // self.heads) ** -0.5
        weights = scores.masked_fill(~there[:, None, None], LOW).softmax(-1)
        made: Tensor = self.o((weights @ v).transpose(1, 2).reshape(n, tokens, width))
        return made

    def _feed(self, x: Tensor) -> Tensor:
        made: Tensor = self.down(F.gelu(self.up(x)))
        return made


class Embeddings(nn.Module):
    """MiniLM's embeddings of words and places."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(30_522, STATE), nn.Embedding(512, STATE)
        self.norm = nn.LayerNorm(STATE, 1e-12)
        self.register_buffer("segment", torch.zeros(STATE))

    def forward(self, ids: Tensor) -> Tensor:
        """Return the first states (texts, tokens, 384) of ``ids``."""
        places = self.places(torch.arange(ids.shape[1], device=ids.device))
        made: Tensor = self.norm(self.words(ids) + places + self.segment)
        return made


class Upper(nn.Module):
    """The layers that are tuned, and what comes after them.

    ``scale`` and ``none``, the score of "none of these", serve the contrastive loss alone.
    """

    def __init__(self, drop: float = 0.1) -> None:
        super().__init__()
        self.layers = nn.ModuleList(minilm_layer(drop) for _ in range(UPPER))
        self.project = nn.Linear(STATE, WIDTH)
        self.scale, self.none = nn.Parameter(torch.tensor(20.0)), nn.Parameter(torch.tensor(0.45))

    def forward(self, x: Tensor, there: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
        """Return unit vectors (texts, 384), the mean of what is ``kept``, and narrow states (texts, tokens, 128)."""
        for layer in self.layers:
            x = layer(x, there)
        weight = kept.to(x.dtype)[:, :, None]
        return F.normalize((x * weight).sum(1) / weight.sum(1), dim=-1), self.project(x)


class Encoder(nn.Module):
    """The whole encoder: ids -> vectors, states."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = Embeddings()
        self.layers = nn.ModuleList(minilm_layer(0.0) for _ in range(LAYERS - UPPER))
        self.upper = Upper()

    def lower(self, ids: Tensor, there: Tensor) -> Tensor:
        """Return the states below the tuned layers."""
        x: Tensor = self.embeddings(ids)
        for layer in self.layers:
            x = layer(x, there)
        return x

    def forward(self, ids: Tensor, mask: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
        """Return vectors (texts, 384) and states (texts, tokens, 128)."""
        vectors, states = self.upper(self.lower(ids, mask), mask, kept)
        return vectors, states


def minilm_layer(drop: float) -> Layer:
    """Return a layer of MiniLM's shape."""
    return Layer(STATE, 12, 1_536, first=False, drop=drop)


class Compare(nn.Module):
    """Each token against the counterpart it is softly aligned with."""

    def __init__(self, drop: float) -> None:
        super().__init__()
        self.own = nn.Linear(WIDTH, WIDTH)
        self.other, self.product, self.gap = (nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(3))
        self.near, self.drop = nn.Linear(2, WIDTH, bias=False), Drop(drop)

    def forward(self, own: Tensor, others: Tensor, cosines: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Return the compared tokens (questions, sentences, tokens, 128) and each one's best cosine."""
        other, best = weights @ others, cosines.amax(-1)
        near = torch.stack([best, (weights * cosines).sum(-1)], -1)
        x = self.own(own) + self.other(other) + self.product(own * other) + self.gap((own - other).abs())
        return self.drop(F.gelu(x + self.near(near))), best


class Read(NamedTuple):
    """What the reader says: of sentences (questions, sentences, 2), of the question (questions, 2).

    The last axis is *answers*, *helps*. ``alone``: a sentence seen by itself; ``scores``: among the others.
    """

    alone: Tensor
    scores: Tensor
    verdict: Tensor


class Reader(nn.Module):
    """Holds a question against sentences, word by word, then the sentences against each other."""

    def __init__(self, drop: float = 0.2, blocks: int = 2) -> None:
        super().__init__()
        self.norm, self.tau = nn.LayerNorm(WIDTH), nn.Parameter(torch.tensor(8.0))
        self.of_q, self.of_p = Compare(drop), Compare(drop)
        self.kinds = nn.Parameter(torch.randn(3, WIDTH) * 0.02)  # the pair as a whole, the question's, the sentence's
        self.blocks = nn.ModuleList(reader_layer(drop) for _ in range(blocks))
        self.vectors = nn.Linear(STATE, WIDTH)
        self.pool = nn.Sequential(nn.Linear(4 * WIDTH + 5, WIDTH), nn.GELU(), Drop(drop))
        self.alone, self.place = nn.Linear(WIDTH, 2), nn.Linear(3, WIDTH)
        self.steep = nn.Parameter(torch.tensor([20.0, 15.0]))
        self.start = nn.Parameter(torch.tensor([-9.0, -5.0]))
        self.any = nn.Parameter(torch.randn(WIDTH) * 0.02)
        self.among, self.after = reader_layer(drop), nn.LayerNorm(WIDTH)
        self.more, self.verdict = nn.Linear(WIDTH, 2), nn.Linear(WIDTH, 2)
        self.best = nn.Parameter(torch.ones(2))

    def forward(self, q: Tensor, qm: Tensor, p: Tensor, pm: Tensor, qv: Tensor, pv: Tensor) -> Read:
        """Read ``p`` (questions, sentences, tokens, 128) for ``q`` (questions, tokens, 128); masks, vectors alike."""
        cosine = (qv[:, None] * pv).sum(-1)
        pooled = self.pool(self._pairs(q, qm, p, pm, qv, pv, cosine))
        alone = self.alone(pooled) + cosine[..., None] * self.steep + self.start
        behind = cosine - cosine.amax(1, keepdim=True)
        x = pooled + self.place(torch.stack([cosine, behind, alone[..., 0]], -1))
        x = torch.cat([self.any.expand(len(x), 1, WIDTH), x], 1)
        x = self.after(self.among(x, torch.ones_like(x[..., 0], dtype=torch.bool)))
        scores = alone + self.more(x[:, 1:])
        return Read(alone, scores, self.verdict(x[:, 0]) + self.best * scores.amax(1))

    def _pairs(self, q: Tensor, qm: Tensor, p: Tensor, pm: Tensor, qv: Tensor, pv: Tensor, cosine: Tensor) -> Tensor:
        """Return what is known of each pair by itself, (questions, sentences, 517)."""
        n, count, long = p.shape[:3]
        short = q.shape[1]
        q, p = self.norm(q), self.norm(p)
        cosines = F.normalize(q, dim=-1)[:, None] @ F.normalize(p, dim=-1).transpose(2, 3)
        of_q = cosines.masked_fill(~pm[:, :, None], -1.0)
        of_p = cosines.transpose(2, 3).masked_fill(~qm[:, None, None], -1.0)
        to_p = (of_q * self.tau).masked_fill(~pm[:, :, None], LOW).softmax(-1)
        to_q = (of_p * self.tau).masked_fill(~qm[:, None, None], LOW).softmax(-1)
        cq, near_q = self.of_q(q[:, None], p, of_q, to_p)
        cp, near_p = self.of_p(p, q[:, None], of_p, to_q)
        pairs = n * count
        x = torch.cat([
            self.kinds[0].expand(pairs, 1, WIDTH),
            cq.reshape(pairs, short, WIDTH) + self.kinds[1],
            cp.reshape(pairs, long, WIDTH) + self.kinds[2],
        ], 1)  # fmt: skip
        of = qm[:, None].expand(n, count, short).reshape(pairs, short)
        there = torch.cat([torch.ones_like(of[:, :1]), of, pm.reshape(pairs, long)], 1)
        for block in self.blocks:
            x = block(x, there)
        most_q = x[:, 1 : short + 1].masked_fill(~of[..., None], LOW).amax(1)
        most_p = x[:, short + 1 :].masked_fill(~pm.reshape(pairs, long)[..., None], LOW).amax(1)
        shape = (n, count, WIDTH)
        product = self.vectors(qv)[:, None] * self.vectors(pv)
        numbers = self._numbers(near_q, qm[:, None], near_p, pm, cosine)
        return torch.cat([x[:, 0].view(shape), most_q.view(shape), most_p.view(shape), product, numbers], -1)

    def _numbers(self, near_q: Tensor, qm: Tensor, near_p: Tensor, pm: Tensor, cosine: Tensor) -> Tensor:
        least = near_q.masked_fill(~qm, 1.0).amin(-1)
        mean_q = (near_q * qm).sum(-1) / qm.sum(-1)
        mean_p = (near_p * pm).sum(-1) / pm.sum(-1)
        return torch.stack([least, mean_q, mean_p, cosine, cosine.amax(1, keepdim=True) - cosine], -1)


def reader_layer(drop: float) -> Layer:
    """Return a layer of the reader's shape."""
    return Layer(WIDTH, 4, 2 * WIDTH, first=True, drop=drop)


def whole(read: Read, cosine: Tensor) -> Tensor:
    """Return the 11 numbers (questions, 11) that calibration works on: of each question, not of a sentence.

    Its two verdicts, the best of ``alone`` and of ``scores``, the best cosine, the second and third best scores.
    """
    few = read.scores.new_full((len(read.scores), 2, 2), -10.0)
    best = torch.cat([read.scores, few], 1).topk(3, dim=1).values
    rest = best[:, 1:].transpose(1, 2).reshape(len(best), 4)
    return torch.cat([read.verdict, read.alone.amax(1), read.scores.amax(1), cosine.amax(1)[:, None], rest], 1)
