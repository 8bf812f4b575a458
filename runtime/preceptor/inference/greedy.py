"""Greedy decoding of a batch, written out: rows that are finished leave it, and what all rows begin with is read once.

``generate`` keeps every row until the last is finished; of a hundred answers a few ramble, so most of its work
would be thrown away. One token more for 48 rows of SmolLM2-135M takes 93 ms on two cores, for 5 rows 30 ms.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor


class Greedy:
    """Decodes with one model; the tokens every question begins with are given once."""

    def __init__(self, model: Any, prefix: Sequence[int], *, stops: Collection[int], limit: int) -> None:
        """Prepare to decode.

        Args:
            model: A transformers causal model in evaluation mode.
            prefix: Tokens that every row begins with; may be empty.
            stops: Tokens that end an answer.
            limit: Longest answer in tokens, at least 1.

        """
        self._model, self._prefix, self._limit = model, list(prefix), limit
        self._stops = torch.tensor(sorted(stops), device=model.device)

    def finish(self, rows: Sequence[Sequence[int]]) -> Iterator[tuple[int, list[int]]]:
        """Yield ``(row, generated tokens)`` as rows finish; the last token is a stop, unless the limit was reached.

        Args:
            rows: The questions' tokens after the prefix, at least one each.

        """
        with torch.inference_mode():
            tokens, mask, cache = self._start(rows)
            alive = torch.arange(len(rows), device=tokens.device)
            generated = tokens.new_empty((len(rows), 0))
            for step in range(self._limit):
                positions = (mask.cumsum(1) - 1)[:, -tokens.shape[1] :].clamp(min=0)
                logits = self._model(
                    input_ids=tokens,
                    attention_mask=mask,
                    position_ids=positions,
                    past_key_values=cache,
                    use_cache=True,
                    logits_to_keep=1,
                ).logits
                tokens = logits[:, -1].argmax(-1, keepdim=True)
                generated = torch.cat([generated, tokens], 1)
                stopped = torch.isin(tokens[:, 0], self._stops)
                done = stopped if step + 1 < self._limit else torch.ones_like(stopped)
                if done.any():
                    yield from zip(alive[done].tolist(), generated[done].tolist(), strict=True)
                    stay = (~done).nonzero()[:, 0]
                    if not len(stay):
                        return
                    alive, generated, tokens, mask = alive[stay], generated[stay], tokens[stay], mask[stay]
                    cache.batch_select_indices(stay)
                mask = torch.cat([mask, mask.new_ones((len(mask), 1))], 1)

    def _start(self, rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor, Any]:
        """Rows padded on the left, the mask over prefix and rows, and a cache that holds the prefix for each row."""
        from transformers import DynamicCache

        device, start = self._model.device, len(self._prefix)
        width = max(len(row) for row in rows)
        tokens = torch.zeros((len(rows), width), dtype=torch.long, device=device)
        mask = torch.zeros((len(rows), start + width), dtype=torch.long, device=device)
        mask[:, :start] = 1
        for number, row in enumerate(rows):
            tokens[number, width - len(row) :] = torch.tensor(row, device=device)
            mask[number, start + width - len(row) :] = 1
        cache = DynamicCache(config=self._model.config)
        if start:
            ids = torch.tensor([self._prefix], device=device)
            self._model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
            cache.batch_repeat_interleave(len(rows))
        return tokens, mask, cache
