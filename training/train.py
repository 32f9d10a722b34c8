"""Train the reading encoder's upper layers and the reader, as one network, on guides with questions.

    python training/train.py [--epochs 4] [--out build/reader.pt]

Below the tuned layers states never change, so they are computed once. A step is two guides, one for each of two
processes: up to forty questions of each, and a few of other guides, which it does not answer. A process has one
thread: two threads in one took as long as one. The same seed gives the same weights.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F  # noqa: N812
from data import GUIDES, KEPT_APART, Guide, Question, load, minilm, tokenizer
from measure import figures, seen
from model import Read, Reader, Upper
from torch import Tensor, nn
from torch.multiprocessing.spawn import spawn

OUT = Path(__file__).parent.parent / "build" / "reader.pt"
STEP, FOREIGN, TOGETHER = 40, 4, 11  # questions of a guide a step, those of other guides, read at a time
CANDIDATES, NEAREST, NEAR = 16, 4, 24
RATES = {"upper": 8e-5, "reader": 1e-3}
WARM = 80
GO_ON = 0.35  # share of the rates when training goes on from weights
OFTEN = 4  # times that the packaged guide's own questions are asked an epoch: it has four times the sentences
UNLISTED = 0.5  # how much a sentence counts that nobody marked, where others help: the marks are not complete
BARE = 0.15  # share of steps in which the sentences come without their headings
RANK = 0.3  # how much it counts that each answered question scores above each that is not
SEED, PROCESSES = 16, 2
TELL = 25  # steps between two lines that tell how it goes


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it is trained on: its lower states, and what of the guide at hand answers it."""

    question: Question
    states: Tensor


def main() -> None:
    """Train, measuring on guides kept apart after every epoch, and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--start", type=Path, help="weights to go on from, at a third of the rates")
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        spawn(train, (Path(folder), args.epochs, args.out, args.start), nprocs=PROCESSES)  # type: ignore[no-untyped-call]


def train(rank: int, folder: Path, epochs: int, out: Path, start: Path | None) -> None:
    """Train as one of ``PROCESSES``, which meet in ``folder``; the first one saves and tells."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=PROCESSES)
    torch.manual_seed(SEED)
    encoder, reader, tokens = minilm(), Reader(), tokenizer()
    if start is not None:
        saved = torch.load(start)
        encoder.upper.load_state_dict(saved["upper"])
        reader.load_state_dict(saved["reader"])
    files = sorted(GUIDES.glob("*.json"))
    guides = sorted(
        together([load(file, tokens, encoder) for file in files[rank::PROCESSES]], folder, rank),
        key=lambda guide: guide.name,
    )
    trained = [guide for guide in guides if guide.name not in KEPT_APART]
    kept = [guide for guide in guides if guide.name in KEPT_APART][::2]
    if rank == 0:
        say(f"{len(trained)} guides to train on, {sum(len(g.questions) for g in trained)} questions")
    random.seed(SEED + rank)
    torch.manual_seed(SEED + rank)
    for epoch in fit(encoder.upper, reader, trained, epochs, rank, 1.0 if start is None else GO_ON):
        rows = together(seen(encoder.upper, reader, kept[rank::PROCESSES]), folder, rank)
        if rank == 0:
            torch.save({"upper": encoder.upper.state_dict(), "reader": reader.state_dict(), "epoch": epoch}, out)
            say(f"epoch {epoch}: {figures(rows)}")
    dist.destroy_process_group()


def fit(upper: Upper, reader: Reader, trained: Sequence[Guide], epochs: int, rank: int, share: float) -> Iterator[int]:
    """Train ``upper`` and ``reader`` at a ``share`` of the rates; yield the number of every epoch that is done."""
    parameters = [*upper.parameters(), *reader.parameters()]
    optimizer = torch.optim.AdamW([
        {"params": list(upper.parameters()), "rate": RATES["upper"], "weight_decay": 0.01},
        {"params": list(reader.parameters()), "rate": RATES["reader"], "weight_decay": 0.05},
    ])  # fmt: skip
    told: list[float] = []
    steps, step, start = epochs * (len(plan(trained, 0)) // PROCESSES), 0, time.monotonic()
    for epoch in range(1, epochs + 1):
        upper.train()
        reader.train()
        for guide, part in plan(trained, epoch)[rank::PROCESSES][: steps // epochs]:
            for group in optimizer.param_groups:
                group["lr"] = share * group["rate"] * min(1, (step + 1) / WARM) * (1 - step / steps)
            asked = [Asked(guide.questions[row], guide.asked[row]) for row in part] + foreign(guide, trained)
            with torch.autocast("cpu", torch.bfloat16):
                sentences = guide.bare if random.random() < BARE else guide.sentences
                loss = loss_of(upper, reader, sentences, asked)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            share_gradients(parameters)
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            step += 1
            told.append(loss.item())
            if rank == 0 and step % TELL == 0:
                say(f"step {step} of {steps}, loss {sum(told[-TELL:]) / TELL:.3f}, {time.monotonic() - start:.0f} s")
        yield epoch


def share_gradients(parameters: Sequence[nn.Parameter]) -> None:
    """Give every process the mean of the gradients of all."""
    grads = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
    flat = torch.cat([grad.reshape(-1) for grad in grads])
    dist.all_reduce(flat)
    pieces = torch.split(flat / PROCESSES, [grad.numel() for grad in grads])
    for parameter, piece in zip(parameters, pieces, strict=True):
        parameter.grad = piece.view_as(parameter)


def together(mine: list[Any], folder: Path, rank: int) -> list[Any]:
    """Return what all processes have made, in the order of the processes."""
    torch.save(mine, folder / f"{rank}.pt")
    dist.barrier()
    found = [torch.load(folder / f"{other}.pt", weights_only=False) for other in range(PROCESSES)]
    dist.barrier()
    return [one for some in found for one in some]


def plan(guides: Sequence[Guide], epoch: int) -> list[tuple[Guide, list[int]]]:
    """Return the steps of an epoch in their order: guides, each with the numbers of some of its questions."""
    order = random.Random(f"{SEED} {epoch}")
    found = []
    for guide in guides:
        rows = order.sample(range(len(guide.questions)), len(guide.questions))
        count = -(-len(rows) // STEP)
        times = OFTEN if guide.name.startswith("own") else 1
        found += [(guide, rows[number::count]) for number in range(count)] * times
    order.shuffle(found)
    return found


def foreign(guide: Guide, guides: Sequence[Guide]) -> list[Asked]:
    """Return questions of other guides, which ``guide`` does not answer."""
    found = []
    for other in random.sample([one for one in guides if one is not guide], FOREIGN):
        (row,) = random.sample(range(len(other.questions)), 1)
        found.append(Asked(Question(other.questions[row].text, "no", (), ()), other.asked[row]))
    return found


# --- a step -----------------------------------------------------------------------------------------------------------


def loss_of(upper: Upper, reader: Reader, sentences: Sequence[Tensor], asked: Sequence[Asked]) -> Tensor:
    """Return the loss of some questions on a guide: of their vectors, and of what the reader says."""
    pv, p, pm = encoded(upper, sentences)
    order = sorted(asked, key=lambda one: len(one.states))  # those of a length together: less padding
    qv, q, qm = encoded(upper, [one.states for one in order])
    cosines = qv @ pv.T
    total = contrast(upper, cosines, [one.question for one in order])
    for start in range(0, len(order), TOGETHER):
        rows = slice(start, start + TOGETHER)
        questions = [one.question for one in order[rows]]
        chosen = torch.tensor([candidates(q, row) for q, row in zip(questions, cosines[rows].detach(), strict=True)])
        short, long = int(qm[rows].sum(1).max()), int(pm[chosen].sum(2).max())
        read = reader(q[rows, :short], qm[rows, :short], p[chosen][:, :, :long], pm[chosen][:, :, :long],
                      qv[rows], pv[chosen])  # fmt: skip
        total = total + reading(read, questions, chosen) * len(questions) / len(order)
    return total


def encoded(upper: Upper, states: Sequence[Tensor], size: int = 32) -> tuple[Tensor, Tensor, Tensor]:
    """Return vectors, padded narrow states and their mask of texts, in the order given."""
    longest = max(len(one) for one in states)
    order = sorted(range(len(states)), key=lambda row: len(states[row]))
    vectors, narrow, masks = [], [], []
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        x = nn.utils.rnn.pad_sequence([states[row].float() for row in rows], batch_first=True)
        lengths = torch.tensor([len(states[row]) for row in rows])
        there = torch.arange(x.shape[1])[None] < lengths[:, None]
        vector, made = upper(x, there, there)
        vectors.append(vector)
        narrow.append(F.pad(made, (0, 0, 0, longest - x.shape[1])))
        masks.append(F.pad(there, (0, longest - x.shape[1])))
    back = torch.tensor(order).argsort()
    return torch.cat(vectors)[back].float(), torch.cat(narrow)[back], torch.cat(masks)[back]


def candidates(question: Question, near: Tensor) -> list[int]:
    """Return ``CANDIDATES`` sentences to read: what answers and helps, the nearest others, and some farther ones."""
    marked = list(dict.fromkeys([*question.best, *question.help]))[:6]
    others = [row for row in near.argsort(descending=True).tolist() if row not in {*question.best, *question.help}]
    want = CANDIDATES - len(marked)
    far = want // 5
    near_rows = random.sample(others[NEAREST:NEAR], max(0, min(want - far, len(others), NEAR) - NEAREST))
    chosen = marked + others[:NEAREST] + near_rows
    rest = [row for row in others[NEAREST:] if row not in set(near_rows)]
    return (chosen + random.sample(rest, min(len(rest), CANDIDATES - len(chosen))))[:CANDIDATES]


def contrast(upper: Upper, cosines: Tensor, questions: Sequence[Question]) -> Tensor:
    """Return the contrastive loss: all sentences of the guide are candidates, "none of them" is one more."""
    score = torch.cat([cosines, upper.none.expand(len(cosines), 1)], 1) * upper.scale
    want = torch.zeros_like(score)
    for row, question in enumerate(questions):
        want[row, list(question.help)] = 0.3 if question.best else 0.6
        want[row, list(question.best)] = 1.0
        want[row, -1] = {"answered": 0.0, "partial": 0.5, "no": 1.0}[question.verdict]
    return -(want / want.sum(1, keepdim=True) * F.log_softmax(score, 1)).sum(1).mean()


def reading(read: Read, questions: Sequence[Question], chosen: Tensor) -> Tensor:
    """Return the loss of what the reader says of ``chosen`` (questions, sentences)."""
    best = marks([question.best for question in questions], chosen)
    helps = marks([question.best + question.help for question in questions], chosen)
    verdict = torch.tensor([[q.verdict == "answered", q.verdict != "no"] for q in questions], dtype=torch.float32)
    counts = torch.where((helps == 0) & (verdict[:, 1:] > 0), UNLISTED, 1.0)
    loss = torch.zeros(())
    for scores, share in ((read.scores.float(), 1.0), (read.alone.float(), 0.4)):
        bce = F.binary_cross_entropy_with_logits
        single = bce(scores[..., 0], best) + 0.7 * bce(scores[..., 1], helps, counts)
        any_of = bce(scores.logsumexp(1), verdict, torch.tensor([1.0, 0.7]))
        loss = loss + share * (
            single + 0.6 * listwise(scores[..., 0], best) + 0.3 * listwise(scores[..., 1], helps) + 0.5 * any_of
        )
    whole = F.binary_cross_entropy_with_logits(read.verdict.float(), verdict, torch.tensor([1.0, 0.7]))
    return loss + 0.6 * whole + RANK * ranking(read.verdict[:, 0].float(), verdict[:, 0] > 0)


def ranking(scores: Tensor, yes: Tensor) -> Tensor:
    """Return how far questions that are answered (``yes``) are from scoring above all others, pair by pair."""
    if yes.all() or not yes.any():
        return torch.zeros(())
    return F.softplus(scores[~yes] - scores[yes][:, None]).mean()


def marks(rows: Sequence[tuple[int, ...]], chosen: Tensor) -> Tensor:
    """Return 1 where a chosen sentence is among the marked ones of its question, else 0."""
    return torch.tensor([
        [float(place in marked) for place in line] for marked, line in zip(rows, chosen.tolist(), strict=True)
    ])  # fmt: skip


def listwise(scores: Tensor, want: Tensor) -> Tensor:
    """Return how far the marked sentences are from ranking first, over all questions."""
    share = want / want.sum(1, keepdim=True).clamp(min=1)
    return -(share * F.log_softmax(scores, 1)).sum(1).mean()


def say(line: str) -> None:
    """Tell how it goes, at once."""
    print(line, flush=True)


if __name__ == "__main__":
    main()
