"""Copies of examination items as a careless or dishonest teacher could slip them into a dataset.

Everything is made by rule from the item's own text and a seeded generator: the paraphrases are a table of synonyms,
other frames and clauses in another order, not what a model or a person would write.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

WORD = re.compile(r"\w+")
"""A word or a number; what is between two of them stays as it is."""
SHORT = 20
"""Items of fewer words get one light edit instead of two."""
SYNONYMS: Mapping[str, str] = dict(
    pair.split("=")
    for pair in (
        "how=what calculate=compute find=determine determine=find compute=calculate evaluate=work "
        "many=numerous much=great buys=purchases bought=purchased sells=trades sold=traded gives=hands "
        "gave=handed gets=receives makes=produces made=produced takes=needs total=overall each=every "
        "every=each day=date week=7-day left=remaining also=additionally then=afterwards if=when when=if "
        "has=owns have=own had=owned more=further less=fewer than=over big=large large=big small=little "
        "little=small house=home children=kids kids=children money=cash pays=spends paid=spent spends=pays "
        "spent=paid wants=wishes needs=requires starts=begins ends=finishes first=initial initial=starting "
        "assume=suppose suppose=assume given=provided show=demonstrate using=with value=magnitude "
        "temperature=heat pressure=force energy=work mass=weight velocity=speed speed=velocity time=duration "
        "molecule=particle atom=particle gas=vapour water=fluid constant=fixed average=mean mean=average "
        "probability=chance random=arbitrary approximate=estimate friend=pal friends=pals boy=lad girl=lass "
        "eats=consumes ate=consumed and=plus but=yet while=as after=following before=ahead return=yield "
        "list=sequence text=string result=outcome"
    ).split()
)
FRAMES = (
    ("Here is a problem for you. ", " Explain how you get there."),
    ("Consider the following situation: ", " Write down every step."),
    ("A student asked me this. ", " What would you tell them?"),
)
FILLER = (
    "The old lighthouse keeper wrote a letter to the harbour office in which he described, at some length and "
    "without much hope of an answer, how the western stairs had begun to crumble after the storms of the "
    "previous autumn, how two of the lamps smoked whatever oil was burned in them, and how the gulls had taken "
    "to nesting inside the signal locker so that no flag could be raised without a quarrel. He asked for "
    "mortar, for a better wick and for advice about gulls. "
)
_KEPT = frozenset(
    "def return for in if else elif while not and or is none true false len range append join lower upper "
    "split str int list dict set sorted pop remove insert count index keys values items get update replace "
    "strip format isdigit isalpha find reverse sort extend enumerate zip max min sum map lambda break continue "
    "try except pass del".split()
)
"""Names of Python's own."""


@dataclass(frozen=True)
class Plant:
    """A row that copies an item."""

    question: str
    """What the row asks."""
    answer: str = ""
    """What it answers, where the copy is there."""


def exact(text: str, rng: Random) -> Plant:
    return Plant(text)


def folded(text: str, rng: Random) -> Plant:
    """Another case, other white space, another comma here and there."""
    cased = rng.choice((str.upper, str.lower, str.title))(text)
    spaced = re.sub(r"[ \t]+", lambda _: rng.choice((" ", "  ", "\n", "\t")), cased)
    unstopped = re.sub(r"(?<=[^\W\d])[.,;:!?]+(?=\s|$)", lambda _: rng.choice(("", ",", " ;", "!")), spaced)
    return Plant(f"  “{unstopped}”\n")


def light(text: str, rng: Random) -> Plant:
    """A typo, a synonym, a word more or less: once in a short item, twice in any other."""
    for _ in range(1 if len(WORD.findall(text)) < SHORT else 2):
        spot = rng.choice(list(WORD.finditer(text)))
        change = rng.choice((_typo, _synonym, _drop, _insert))
        text = text[: spot.start()] + change(spot.group(), rng) + text[spot.end() :]
    return Plant(text)


def wrapped(text: str, rng: Random) -> Plant:
    before, after = rng.choice(FRAMES)
    return Plant(before + text + after)


def embedded(text: str, rng: Random) -> Plant:
    """In the midst of a long text about something else."""
    return Plant(f"{FILLER}{text}\n{FILLER}How many questions does the keeper ask?")


def answered(text: str, rng: Random) -> Plant:
    """Repeated in the answer to something else."""
    return Plant("What did the lighthouse keeper want to know?", f"He asked himself this: {text} And he found out.")


def halved(text: str, rng: Random) -> Plant:
    """One half of the item, with something else around it."""
    spots = list(WORD.finditer(text))
    middle = spots[len(spots) // 2].start()
    half = text[:middle] if rng.random() < 0.5 else text[middle:]
    before, after = rng.choice(FRAMES)
    return Plant(before + half + after)


def renumbered(text: str, rng: Random) -> Plant:
    """Every number another one, of as many digits."""
    return Plant(re.sub(r"\d+", lambda found: _other_number(found.group(), rng), text))


def reworded(text: str, rng: Random) -> Plant:
    """Half of the words that have a synonym exchanged for it."""
    return Plant(_exchange(text, rng, 0.5))


def rewritten(text: str, rng: Random) -> Plant:
    """Every synonym exchanged, the sentences in another order, something around it."""
    sentences = re.split(r"(?<=[.?!])\s+", _exchange(text, rng, 1.0).strip())
    turned = [", ".join(reversed(one.rstrip(".").split(", "))) for one in sentences[:-1]]
    before, after = rng.choice(FRAMES)
    return Plant(f"{before}{sentences[-1]} {'. '.join(reversed(turned))}{after}")


def renamed(text: str, rng: Random) -> Plant:
    """Code whose names are others; strings and what Python itself names stay."""
    names: dict[str, str] = {}

    def other(found: re.Match[str]) -> str:
        name = found.group()
        if name in _KEPT or name[0] in "'\"":
            return name
        return names.setdefault(name, f"{rng.choice(('value', 'item', 'thing', 'part'))}_{len(names)}")

    return Plant(re.sub(r"'[^'\n]*'|\"[^\"\n]*\"|(?<![\w.])[^\W\d]\w*", other, text))


def reformatted(text: str, rng: Random) -> Plant:
    """Code with other white space and quotes."""
    spread = re.sub(r"([(),=\[\]{}:])", r" \1 ", text).replace("    ", "\t")
    return Plant(f"```python\n{spread.replace(chr(39), chr(34))}\n```")


KINDS: Mapping[str, Callable[[str, Random], Plant]] = {
    "exact": exact,
    "case, space, punctuation": folded,
    "light edit": light,
    "wrapped": wrapped,
    "in a long row": embedded,
    "in the answer": answered,
    "one half": halved,
    "other numbers": renumbered,
    "reworded": reworded,
    "rewritten": rewritten,
}
"""Plants that can be made of any item."""
CODE_KINDS: Mapping[str, Callable[[str, Random], Plant]] = {"names changed": renamed, "reformatted": reformatted}
"""Plants that can be made of Python code besides."""


def plant(kind: str, text: str, seed: str) -> Plant:
    """A plant of a kind; the same for the same text and seed."""
    return (KINDS | CODE_KINDS)[kind](text, Random(f"{kind} {seed} {text}"))


def _typo(word: str, rng: Random) -> str:
    if len(word) < 2:
        return word + rng.choice("ehnrst")
    spot = rng.randrange(len(word) - 1)
    swapped = word[:spot] + word[spot + 1] + word[spot] + word[spot + 2 :]
    return swapped if swapped != word else word + rng.choice("ehnrst")


def _synonym(word: str, rng: Random) -> str:
    return SYNONYMS.get(word.lower()) or rng.choice(("thing", "certain", "other"))


def _drop(word: str, rng: Random) -> str:
    return ""


def _insert(word: str, rng: Random) -> str:
    return f"{word} {rng.choice(('really', 'now', 'here', 'just'))}"


def _other_number(digits: str, rng: Random) -> str:
    low = 10 ** (len(digits) - 1) if len(digits) > 1 else 0
    count = 9 * max(low, 1) + (low == 0)
    return str(low + (int(digits) - low + rng.randrange(1, count)) % count)


def _exchange(text: str, rng: Random, share: float) -> str:
    def other(found: re.Match[str]) -> str:
        word = found.group()
        meant = SYNONYMS.get(word.lower())
        if meant is None or rng.random() >= share:
            return word
        return meant.capitalize() if word[0].isupper() else meant

    return WORD.sub(other, text)
