"""A tiny BERT cross-encoder: its GGUF, and the same network in numpy to compare with."""

from pathlib import Path

import gguf
import numpy as np
from tiny_models import HEADS, LAYERS, VOCABULARY, WIDTH, bert_tensors

from vault.models.convert import _add_vocabulary, _rename

EPSILON = 1e-12
CONTEXT = 64


def head_tensors(seed: int = 3, *, pooler: bool = True) -> dict[str, np.ndarray]:
    """The classification head: with a pooler as BERT has it, or one layer alone."""
    random = np.random.default_rng(seed)
    names = {"cls.weight": (WIDTH, WIDTH), "cls.bias": (WIDTH,)} if pooler else {}
    names |= {"cls.output.weight": (1, WIDTH), "cls.output.bias": (1,)}
    return {name: random.standard_normal(shape).astype("<f4") for name, shape in names.items()}


def write_reranker(
    path: Path, *, pooling: gguf.PoolingType | None = gguf.PoolingType.RANK, head: dict[str, np.ndarray] | None = None,
    eos: bool = False, template: str | None = None,
) -> Path:  # fmt: skip
    """The GGUF of the tiny BERT with *head* (the usual one if None) to *path*."""
    tensors = _rename(bert_tensors(), LAYERS) | (head_tensors() if head is None else head)
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_name("tiny-cross-encoder")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(4 * WIDTH)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_eps(EPSILON)
    writer.add_causal_attention(False)
    if pooling is not None:
        writer.add_pooling_type(pooling)
    if eos:
        writer.add_add_eos_token(True)
        writer.add_add_sep_token(True)
    if template:
        writer.add_string("tokenizer.chat_template.rerank", template)
    _add_vocabulary(writer, VOCABULARY, types=2)
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def tokens(text: str) -> list[int]:
    """WordPiece of lower-case words over `VOCABULARY`: whole words it has, else letter by letter."""
    found = []
    for word in text.split():
        pieces = [word] if word in VOCABULARY else [word[0], *(f"##{letter}" for letter in word[1:])]
        found += [VOCABULARY.index(piece) for piece in pieces]
    return found


def joined(query: str, passage: str) -> list[int]:
    """``[CLS] query [SEP] passage [SEP]``."""
    start, end = VOCABULARY.index("[CLS]"), VOCABULARY.index("[SEP]")
    return [start, *tokens(query), end, *tokens(passage), end]


def reference(pair: list[int], head: dict[str, np.ndarray]) -> float:
    """The score of a pair of texts in tokens; every token has type 0, as llama.cpp has it."""
    w = {name: tensor.astype(np.float64) for name, tensor in _rename(bert_tensors(), LAYERS).items()}
    x = w["token_embd.weight"][pair] + w["position_embd.weight"][: len(pair)] + w["token_types.weight"][0]
    x = _norm(x, w, "token_embd_norm")
    for layer in range(LAYERS):
        at = f"blk.{layer}."
        q, k, v = (_heads(_dense(x, w, f"{at}attn_{part}")) for part in "qkv")
        weights = np.exp(q @ k.transpose(0, 2, 1) / np.sqrt(WIDTH // HEADS))
        mixed = (weights / weights.sum(axis=-1, keepdims=True)) @ v
        mixed = mixed.transpose(1, 0, 2).reshape(len(pair), WIDTH)
        x = _norm(x + _dense(mixed, w, f"{at}attn_output"), w, f"{at}attn_output_norm")
        inner = _dense(x, w, f"{at}ffn_up")
        inner = 0.5 * inner * (1 + np.tanh(np.sqrt(2 / np.pi) * (inner + 0.044715 * inner**3)))
        x = _norm(x + _dense(inner, w, f"{at}ffn_down"), w, f"{at}layer_output_norm")
    state = x[0]
    if "cls.weight" in head:
        state = np.tanh(_dense(state, head, "cls"))
    return float(_dense(state, head, "cls.output")[0])


def _dense(x: np.ndarray, w: dict[str, np.ndarray], name: str) -> np.ndarray:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def _norm(x: np.ndarray, w: dict[str, np.ndarray], name: str) -> np.ndarray:
    centred = x - x.mean(axis=-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + EPSILON)
    return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]


def _heads(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), HEADS, WIDTH // HEADS).transpose(1, 0, 2)


def write_judge(path: Path) -> Path:
    """A random causal reranker of the Qwen3 family to *path*: a template of its own, and yes and no for answers."""
    random = np.random.default_rng(5)
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]  # the byte alphabet of GPT-2's tokenizer
    others = {byte: chr(256 + n) for n, byte in enumerate(b for b in range(256) if b not in printable)}
    words = [others.get(byte, chr(byte)) for byte in range(256)] + ["<|start|>", "<|end|>", "Ġc", "Ġca", "Ġcat"]
    kinds = [gguf.TokenType.NORMAL] * 256 + [gguf.TokenType.CONTROL] * 2 + [gguf.TokenType.NORMAL] * 3
    writer = gguf.GGUFWriter(path, "qwen3")
    writer.add_context_length(512)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(2 * WIDTH)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(1)
    writer.add_key_length(16)
    writer.add_value_length(16)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10_000.0)
    writer.add_pooling_type(gguf.PoolingType.RANK)
    writer.add_classifier_output_labels(["yes", "no"])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(words)
    writer.add_token_types(kinds)
    writer.add_token_merges(["Ġ c", "Ġc a", "Ġca t"])
    writer.add_eos_token_id(words.index("<|end|>"))
    writer.add_add_bos_token(False)
    writer.add_string("tokenizer.chat_template.rerank", JUDGE)

    def put(name: str, *shape: int, around: float = 0.0) -> None:
        writer.add_tensor(name, (around + 0.5 * random.standard_normal(shape)).astype("<f4"))

    put("token_embd.weight", len(words), WIDTH)
    put("output_norm.weight", WIDTH, around=1)
    put("cls.output.weight", 2, WIDTH)
    shapes = {"attn_q": (32, WIDTH), "attn_k": (16, WIDTH), "attn_v": (16, WIDTH), "attn_output": (WIDTH, 32)}
    shapes |= {"ffn_gate": (2 * WIDTH, WIDTH), "ffn_up": (2 * WIDTH, WIDTH), "ffn_down": (WIDTH, 2 * WIDTH)}
    for layer in range(LAYERS):
        for name, shape in shapes.items():
            put(f"blk.{layer}.{name}.weight", *shape)
        for name, width in (("attn_norm", WIDTH), ("ffn_norm", WIDTH), ("attn_q_norm", 16), ("attn_k_norm", 16)):
            put(f"blk.{layer}.{name}.weight", width, around=1)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


JUDGE = "<|start|>judge\n<Query>: {query}\n<Document>: {document}<|end|>\n"
"""The template of `write_judge`'s model."""
