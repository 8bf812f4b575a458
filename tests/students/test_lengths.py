from __future__ import annotations

import json
import pickle
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from preceptor.students.bounds import bound_of
from preceptor.students.encoding import Encoder
from preceptor.students.lengths import StudentLengths
from support.tiny import write_tiny_student

BEFORE = (
    {"role": "system", "content": "Be short."},
    {"role": "user", "content": "1 + 1?"},
    {"role": "assistant", "content": "2"},
)
CORPUS = ["the quick brown fox jumps over the lazy dog", "Füchse und Häuser\u2026 12.5 km \u5b57"] * 3
MARKS = ["<|im_start|>", "<|im_end|>", "  ", "\n\n"]
NASTY = [*MARKS, "\ufdfa", "\u0130", "\u00bd", "e\u0301", "\U0001f469\u200d\U0001f4bb", "\u2581"]
texts = st.lists(st.one_of(st.text(max_size=20), st.sampled_from(NASTY)), max_size=6).map("".join)


def byte_level(path: Path) -> Path:
    """A tiny student whose tokens are pieces of bytes, as those of most models are."""
    from transformers import PreTrainedTokenizerFast

    directory = write_tiny_student(path)
    template = (directory / "chat_template.jinja").read_text()
    specials = ["<|im_start|>", "<|im_end|>"]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=trained_byte_level(specials), eos_token="<|im_end|>", chat_template=template
    )
    tokenizer.save_pretrained(directory)
    (directory / "generation_config.json").unlink()
    return directory


def trained_byte_level(specials: list[str] | None = None, **settings: Any) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(**{"add_prefix_space": False, **settings})
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=specials or [],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


@pytest.fixture(scope="module")
def by_bytes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return byte_level(tmp_path_factory.mktemp("bytes"))


def lengths(directory: Path, max_tokens: int = 60) -> StudentLengths:
    return StudentLengths(str(directory), Path("/"), BEFORE, max_tokens)


@pytest.mark.parametrize("student", ["tiny", "by_bytes"])
def test_it_says_what_the_trainer_will(student: str, request: pytest.FixtureRequest) -> None:
    directory = request.getfixturevalue(student)
    encoder, counting = Encoder(directory), lengths(directory)
    travelled = pickle.loads(pickle.dumps(counting.prepared()))
    assert travelled.frame is not None
    assert travelled.frame.alone

    @settings(max_examples=200, deadline=None)
    @given(texts, texts, st.integers(20, 200))
    def check(prompt: str, answer: str, most: int) -> None:
        exact = encoder.encode([*BEFORE, {"role": "user", "content": prompt}], answer).length
        for one in (counting, travelled):
            assert one.tokens(prompt, answer) == exact
        for limit in (most, exact - 1, exact, exact + 1):
            assert replace(travelled, max_tokens=limit).too_long(prompt, answer) == (exact > limit)

    check()


def test_what_is_prepared_elsewhere_needs_nothing_heavy_here(by_bytes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = pickle.dumps(lengths(by_bytes, 40).prepared())
    assert len(prepared) < 2000

    def refuse(*_: object) -> None:
        raise AssertionError("the encoder was loaded")

    monkeypatch.setattr("preceptor.students.lengths.Encoder", refuse)
    arrived: StudentLengths = pickle.loads(prepared)
    assert arrived.too_long("the quick brown fox" * 20, "4")
    assert not replace(arrived, max_tokens=200).too_long("the quick brown fox" * 4, "4")


def test_bytes_decide_alone_when_the_row_is_short(by_bytes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = lengths(by_bytes, 400).prepared()
    monkeypatch.setattr(StudentLengths, "tokens", lambda *_: pytest.fail("counted"))
    assert not prepared.too_long("the quick brown fox " * 4, "4")
    assert not replace(prepared).too_long("Füchse", "4")


def test_a_template_that_changes_questions_is_followed(tmp_path: Path) -> None:
    directory = write_tiny_student(tmp_path)
    template = (directory / "chat_template.jinja").read_text()
    (directory / "chat_template.jinja").write_text(
        template.replace("message['content']", "message['content'] | tojson")
    )
    counting, encoder = lengths(directory), Encoder(directory)
    prompt = "\u5b57" * 10
    assert counting.tokens(prompt, "4") == encoder.encode([*BEFORE, {"role": "user", "content": prompt}], "4").length
    assert pickle.loads(pickle.dumps(counting.prepared())).tokens(prompt, "4") == counting.tokens(prompt, "4")


def _metaspace(scheme: str = "always", *, unigram: bool = False) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram() if unigram else models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    kind = trainers.UnigramTrainer if unigram else trainers.BpeTrainer
    unknown = {"unk_token": "<unk>"} if unigram else {}
    trainer = kind(vocab_size=120, special_tokens=["<unk>", "<s>"], show_progress=False, **unknown)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def _llama() -> Tokenizer:
    """As Llama 2 and Mistral have it: no pre-tokenizer, unknown letters as bytes."""
    vocabulary = {"<unk>": 0, **{f"<0x{byte:02X}>": byte + 1 for byte in range(256)}, "\u2581": 257, "a": 258, "b": 259}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.add_special_tokens([AddedToken("<s>"), AddedToken("</s>")])
    return tokenizer


def _bert() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece({"[UNK]": 0, "the": 1, "fox": 2, "##x": 3, "f": 4}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _normalised() -> Tokenizer:
    tokenizer = trained_byte_level()
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    return tokenizer


def _split() -> Tokenizer:
    """As Llama 3 and Qwen have it."""
    tokenizer = trained_byte_level()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(" ", "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    return tokenizer


def _written_out() -> Tokenizer:
    tokenizer = trained_byte_level()
    tokenizer.normalizer = normalizers.Replace("&", " and ")
    return tokenizer


def _prefix_before_every_piece() -> Tokenizer:
    tokenizer = trained_byte_level()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split("a", "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False)]
    )
    return tokenizer


def _short_added_token() -> Tokenizer:
    tokenizer = trained_byte_level(add_prefix_space=True)
    tokenizer.add_tokens(["a"])
    return tokenizer


KNOWN = {
    "byte level": trained_byte_level,
    "byte level with a prefix": lambda: trained_byte_level(add_prefix_space=True),
    "split": _split,
    "metaspace": _metaspace,
    "metaspace, first only": lambda: _metaspace("first"),
    "unigram": lambda: _metaspace(unigram=True),
    "llama": _llama,
    "bert": _bert,
    "normalised": _normalised,
}
made = cache(lambda name: (tokenizer := KNOWN[name](), bound_of(_definition(tokenizer))))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(KNOWN)), texts | st.text("ab <s>/", max_size=20), texts)
def test_no_text_has_more_tokens_than_its_bound(name: str, first: str, second: str) -> None:
    tokenizer, bound = made(name)
    assert bound.known
    assert bound.ascii_only == (name in ("bert", "normalised"))
    for parts in ((first,), (first, second)):
        most = bound.most(*parts)
        if most is None:
            assert bound.ascii_only
            continue
        assert len(tokenizer.encode("".join(parts), add_special_tokens=False)) <= most
        assert sum(len(tokenizer.encode(part, add_special_tokens=False)) for part in parts) <= most


@pytest.mark.parametrize("make", [_written_out, _prefix_before_every_piece, _short_added_token])
def test_tokenizers_that_add_tokens_have_no_bound(make: Any) -> None:
    tokenizer = make()
    assert not bound_of(_definition(tokenizer)).known
    assert len(tokenizer.encode("&a" * 9 + "a" * 9)) > 27 or len(tokenizer.encode("&" * 9)) > 9


def _definition(tokenizer: Tokenizer) -> dict[str, Any]:
    return json.loads(tokenizer.to_str())
