"""A small document that is valid, and everything it refers to, for tests that need one."""

from __future__ import annotations

import json
from pathlib import Path

from preceptor.spec.load import Document, load, loads

VALID = """\
apiVersion: preceptor.dev/v1alpha1
kind: Specialization
metadata:
  name: sums
  labels: {team: maths}
spec:
  task:
    description: Addition and subtraction of small numbers.
    system: Answer with a number.
    prompt: "{{ question }}"
    scorer: {kind: numeric}
    items:
      uri: items.jsonl
      id: "{{ id }}"
      answer: "{{ answer }}"
      skill: "{{ skill }}"
    splits: {feedback: 0.25, selection: 0.25, private: 0.5, seed: 3}
  engineer:
    kind: heuristic
    explore: 0.25
  teacher:
    kind: procedural
    values:
      a: {kind: number, low: 1, high: 500}
      b: {kind: number, low: 1, high: 500}
    generators:
      plus:
        kind: sampler
        answer: "{{ a + b }}"
        forms:
          - input: {question: "What is {{ a }} + {{ b }}?"}
          - input: {question: "Add {{ b }} to {{ a }}."}
            difficulty: 2
      minus:
        kind: sampler
        answer: "{{ a - b }}"
        forms:
          - input: {question: "What is {{ a }} - {{ b }}?"}
  student:
    model: student
    training: {method: lora, rank: 4, epochs: 1, maxTokens: 128, batchSize: 8}
    inference: {maxNewTokens: 16}
  dataset:
    size: 40
    minimum: 10
  budget:
    iterations: 2
    rows: 400
    wallClock: 1h
  evaluation: {seeds: 1}
  storage: {uri: runs}
"""
"""The document's text. Tests edit it by replacing lines."""

CONFIG = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "vocab_size": 256,
}
"""A student's ``config.json``: enough for whoever only looks; there are no weights."""


def items(count: int = 24) -> list[dict[str, object]]:
    """Return ``count`` items, half of each skill; no question is asked twice."""
    made: list[dict[str, object]] = []
    for number in range(count):
        left, right = 1000 + number, 11 + number
        skill, sign = ("plus", "+") if number % 2 == 0 else ("minus", "-")
        answer = left + right if skill == "plus" else left - right
        made.append({"id": f"i{number}", "question": f"{left} {sign} {right}?", "answer": answer, "skill": skill})
    return made


def jsonl(records: list[dict[str, object]]) -> str:
    """Return records as JSON Lines."""
    return "".join(json.dumps(record) + "\n" for record in records)


def write_inputs(folder: Path, records: list[dict[str, object]] | None = None) -> None:
    """Write what the document refers to into ``folder``: ``items.jsonl`` and a ``student`` that can be looked at."""
    (folder / "items.jsonl").write_text(jsonl(items() if records is None else records))
    student = folder / "student"
    student.mkdir()
    (student / "config.json").write_text(json.dumps(CONFIG))
    (student / "tokenizer_config.json").write_text("{}")
    (student / "tokenizer.json").write_text("{}")
    (student / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")


def write_document(folder: Path, text: str = VALID) -> Path:
    """Write the document and its inputs into ``folder``; return the document's path."""
    write_inputs(folder)
    path = folder / "sums.yaml"
    path.write_text(text)
    return path


def document(text: str = VALID) -> Document:
    """Return the checked document of a text, whose inputs need not exist."""
    return loads(text, source="sums.yaml", base_dir=Path("/nowhere"))


def load_in(folder: Path, text: str = VALID) -> Document:
    """Return the checked document, written with its inputs into ``folder``; its storage lies there too."""
    return load(write_document(folder, text.replace("storage: {uri: runs}", f"storage: {{uri: {folder / 'runs'}}}")))


def edit(old: str, new: str, text: str = VALID) -> str:
    """Return ``text`` with the one occurrence of ``old`` replaced."""
    if text.count(old) != 1:
        raise ValueError(f"{old!r} occurs {text.count(old)} times")
    return text.replace(old, new)
