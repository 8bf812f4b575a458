"""A tiny random Llama with a tokenizer made on the spot: a real student that learns short answers in seconds."""

from __future__ import annotations

import string
from pathlib import Path

SPREAD = 0.2
"""Standard deviation of the random weights."""
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write_tiny_student(directory: Path, *, layers: int = 2, hidden: int = 64, seed: int = 0) -> Path:
    """Write a model that transformers loads into ``directory`` and return it. One token a printable character."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from tokenizers.decoders import Fuse
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    specials = ["<pad>", "<unk>", "<|im_start|>", "<|im_end|>"]
    vocabulary = {token: index for index, token in enumerate([*specials, *sorted(set(string.printable))])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.decoder = Fuse()
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="<unk>",
        eos_token="<|im_end|>",
        additional_special_tokens=["<|im_start|>"],
        chat_template=TEMPLATE,
    )
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        pad_token_id=vocabulary["<pad>"],
        eos_token_id=vocabulary["<|im_end|>"],
        bos_token_id=None,
        # Wider than usual: adapters cannot move a frozen output matrix whose largest logit is nearly nothing.
        initializer_range=SPREAD,
    )
    torch.set_num_threads(1)  # products this small gain nothing from threads, and lose much where tests share cores
    torch.manual_seed(seed)
    LlamaForCausalLM(config).save_pretrained(directory)
    wrapped.save_pretrained(directory)
    return directory
