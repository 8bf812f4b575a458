"""What a request may cost at most, what it did cost, and a lease that holds the difference.

Everything is whole numbers: prices become picodollars for a token by their decimal text, and sums of money round up, so
that neither a limit nor a total depends on the order in which anything was added.
"""

from __future__ import annotations

import json
import unicodedata
from fractions import Fraction
from functools import lru_cache

from preceptor.endpoints.messages import AnyRequest, Texts, Usage
from preceptor.recipes.amount import PICODOLLARS, Amount
from preceptor.spec.endpoint import Price

MESSAGE_TOKENS = 64
"""Allowance for a message's role and the markers around it.

The longest in use, Llama 3's ``<|start_header_id|>assistant<|end_header_id|>`` with two line breaks and ``<|eot_id|>``,
have 57 bytes: covered even by a tokenizer that knows none of them as special and spends a token on every byte.
"""
CONVERSATION_TOKENS = 1024
"""Allowance for what a chat template adds once: markers, the date, a default system prompt.

The longest default prompts we know (Command A's safety preamble, Mistral Small's, SmolLM3's) have 1 to 4 KB of English,
which is 250 to 800 tokens.
"""
SCHEMA_TOKENS = 512
"""Allowance for the words around a JSON schema where the client or the server writes it into the prompt."""

_TOKENS_PRICED = 10**6  # a price is for a million tokens
_NOTHING = Amount()


def bound_tokens(request: AnyRequest) -> int:
    """Most prompt tokens the request can have, under any tokenizer in use.

    No token of a byte-level or byte-fallback vocabulary stands for less than one byte, so bytes bound tokens; what
    templates add is bounded by the allowances above. (Vocabularies that first normalise by NFKC can make a few rare
    characters longer. No model with a chat template is known to.) Three to five times what English needs: it is set
    aside while the request is under way, not spent.
    """
    if isinstance(request, Texts):
        return sum(_widest(text) + MESSAGE_TOKENS for text in request.texts)
    text = sum(len(part.encode("utf-8", "surrogatepass")) for turn in request.messages for part in turn.values())
    schema = _longest(json.dumps(request.schema)) + SCHEMA_TOKENS if request.schema is not None else 0
    return text + len(request.messages) * MESSAGE_TOKENS + CONVERSATION_TOKENS + schema


@lru_cache(maxsize=256)
def _longest(schema: str) -> int:
    """Bytes of the longest of the ways in which a schema is written down, with escapes and indentation.

    Remembered, because Python indents slowly, and every request is measured several times.
    """
    return len(json.dumps(json.loads(schema), indent=2))


def _widest(text: str) -> int:
    """Bytes of a text, before or after NFKC: the tokenizers of many embedding models do normalise."""
    forms = (text, unicodedata.normalize("NFKC", text))
    return max(len(form.encode("utf-8", "surrogatepass")) for form in forms)


def worst_case(request: AnyRequest, price: Price) -> Amount:
    """The most that one sending of the request can use up."""
    return charge(Usage(prompt=bound_tokens(request), completion=request.max_tokens), price)


def charge(usage: Usage, price: Price) -> Amount:
    """What a request that used so many tokens costs; a fraction of a picodollar counts as a whole one."""
    prompt, completion, divisor = _rates(price.input, price.output)
    money = usage.prompt * prompt + usage.completion * completion
    return Amount(requests=1, tokens=usage.prompt + usage.completion, picodollars=-(-money // divisor))


def clamp(amount: Amount, most: Amount) -> Amount:
    """The amount, no part of it above the other's."""
    return Amount(
        rows=min(amount.rows, most.rows),
        requests=min(amount.requests, most.requests),
        tokens=min(amount.tokens, most.tokens),
        picodollars=min(amount.picodollars, most.picodollars),
    )


@lru_cache(maxsize=64)
def _rates(prompt: float, completion: float) -> tuple[int, int, int]:
    """Picodollars for a token of the prompt and of the completion, both over the third number, exactly."""
    # The shortest decimal text that reads back as the float is what the document said: 0.15, not 0.1499999….
    first, second = (Fraction(repr(rate)) * PICODOLLARS / _TOKENS_PRICED for rate in (prompt, completion))
    divisor = first.denominator * second.denominator
    return int(first * divisor), int(second * divisor), divisor


class Lease:
    """A share of the budget: what may still be sent under it, and what was. Not for several threads at once."""

    def __init__(self, amount: Amount, recorded: Amount = _NOTHING) -> None:
        """Lend an amount.

        ``recorded`` is what earlier processes spent or may have spent under this lease (``LogIndex.spent``): it stays
        set aside until it is counted. A lease that covers the worst case of everything that can be asked under it,
        as a unit of work's does, needs none.
        """
        self.amount = amount
        """All of it."""
        self.spent = Amount()
        """Settled or counted so far."""
        self.reserved = Amount()
        """Set aside for what is under way."""
        self.recorded = recorded
        """Set aside for what earlier processes did and nobody has counted yet."""
        self.clamped = 0
        """How often something claimed to have cost more than was set aside for it."""

    @property
    def left(self) -> Amount:
        """What may still be set aside."""
        return self.amount - self.spent - self.reserved - self.recorded

    def reserve(self, amount: Amount) -> bool:
        """Set an amount aside if it still fits; whether it did."""
        fits = amount.within(self.left)
        if fits:
            self.reserved = self.reserved + amount
        return fits

    def settle(self, reserved: Amount, actual: Amount) -> Amount:
        """Spend ``actual`` of what was set aside and let go of the rest. Gives what was spent: never more than that."""
        if not actual.within(reserved):
            self.clamped += 1
            actual = clamp(actual, reserved)
        self.reserved = self.reserved - reserved
        self.spent = self.spent + actual
        return actual

    def count(self, amount: Amount) -> None:
        """Count what an earlier sending under this lease has cost, as the log tells."""
        self.recorded = self.recorded - clamp(amount, self.recorded)
        self.spent = self.spent + amount
