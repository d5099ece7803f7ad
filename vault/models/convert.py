"""Safetensors to GGUF for BERT sentence embedders: the one conversion the default model needs.

Promises: the same weights and vocabulary give the same bytes; the reader is bounded and trusts no
offset it has not checked. numpy and gguf are imported inside the functions.
"""

import json
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from vault.errors import Damaged

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Tensors: TypeAlias = dict[str, npt.NDArray[np.float32]]

HEADER_LIMIT = 1024 * 1024
"""Longest safetensors header we parse, in bytes (the default model's is 11,408)."""

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_REMEDY = "get the model again: memory model install"

_FIXED = {
    "embeddings.word_embeddings.weight": "token_embd.weight",
    "embeddings.position_embeddings.weight": "position_embd.weight",
    "embeddings.token_type_embeddings.weight": "token_types.weight",
    "embeddings.LayerNorm.weight": "token_embd_norm.weight",
    "embeddings.LayerNorm.bias": "token_embd_norm.bias",
}
_LAYER = {
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}


@dataclass(frozen=True)
class BertShape:
    """What the weights do not say about themselves (``config.json`` of the published model)."""

    name: str
    """Model name written into the GGUF."""
    heads: int
    """Attention heads; every other size follows from the tensors."""
    layer_norm_epsilon: float
    """Epsilon of every layer norm."""
    licence: str
    """SPDX name of the weights' licence."""


def convert(weights: Path, vocabulary: Path, shape: BertShape, target: Path) -> None:
    """Write the BERT model in *weights* (safetensors, float32) to *target* as a GGUF with float32 tensors.

    float32 because it is exact and, embedding lists, as fast as float16 or faster (which, depends on the
    processor; one text a call float16 gains about a tenth). It costs 45 MB more disk. Pooling is the
    mean, as the published model asks for.

    Args:
        weights: ``model.safetensors``.
        vocabulary: ``vocab.txt``, one WordPiece per line.
        shape: the parameters that are not in the tensors.
        target: overwritten.

    Raises:
        Damaged: *weights* or *vocabulary* is malformed, or a tensor is missing or of the wrong size.
    """
    from gguf import GGMLQuantizationType, GGUFWriter, LlamaFileType, PoolingType

    tensors = read_safetensors(weights)
    words = vocabulary.read_text(encoding="utf-8").splitlines()
    layers = sum(1 for name in tensors if name.endswith(".attention.self.query.weight"))
    renamed = _rename(tensors, layers)
    embedding = renamed["token_embd.weight"]
    if len(words) != embedding.shape[0] or not set(_SPECIAL) <= set(words):
        raise Damaged("the vocabulary does not belong to these weights", remedy=_REMEDY)

    writer = GGUFWriter(target, "bert")
    writer.add_name(shape.name)
    writer.add_license(shape.licence)
    writer.add_file_type(LlamaFileType.ALL_F32)
    writer.add_context_length(renamed["position_embd.weight"].shape[0])
    writer.add_embedding_length(embedding.shape[1])
    writer.add_block_count(layers)
    writer.add_feed_forward_length(renamed["blk.0.ffn_up.weight"].shape[0])
    writer.add_head_count(shape.heads)
    writer.add_layer_norm_eps(shape.layer_norm_epsilon)
    writer.add_causal_attention(False)
    writer.add_pooling_type(PoolingType.MEAN)
    _add_vocabulary(writer, words, types=renamed["token_types.weight"].shape[0])
    for name, tensor in renamed.items():
        writer.add_tensor(name, tensor, raw_dtype=GGMLQuantizationType.F32)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def read_safetensors(path: Path) -> "Tensors":
    """The float32 tensors of the safetensors file *path* by name, mapped read-only.

    Other dtypes (BERT's ``position_ids``) are left out. Layout: eight bytes little-endian header
    length, a JSON header of ``{name: {dtype, shape, data_offsets}}``, then the data
    (https://github.com/huggingface/safetensors, "Format").

    Raises:
        Damaged: the header is too long or not valid, or a tensor lies outside the file.
    """
    import numpy as np

    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else HEADER_LIMIT + 1  # noqa: PLR2004
        if length > min(HEADER_LIMIT, size - 8):
            raise Damaged(f"{path.name} is not a safetensors file", remedy=_REMEDY)
        try:
            header = json.loads(file.read(length))
            entries = [_entry(name, value) for name, value in header.items() if name != "__metadata__"]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise Damaged(f"{path.name} has a malformed header", remedy=_REMEDY) from error
    data = np.memmap(path, dtype=np.uint8, mode="r", offset=8 + length) if size > 8 + length else np.empty(0)
    tensors: Tensors = {}
    for name, dtype, shape, begin, end in entries:
        if not 0 <= begin <= end <= data.size:
            raise Damaged(f"{path.name} is cut short: tensor {name[:80]!r} is not inside", remedy=_REMEDY)
        if dtype != "F32":
            continue
        if prod(shape) * 4 != end - begin:
            raise Damaged(f"{path.name}: tensor {name[:80]!r} has the wrong size", remedy=_REMEDY)
        tensors[name] = data[begin:end].view("<f4").reshape(shape)
    return tensors


def _entry(name: str, value: dict[str, Any]) -> tuple[str, str, list[int], int, int]:
    begin, end = value["data_offsets"]
    shape = value["shape"]
    numbers = [begin, end, *shape]
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError(name)
    return name, value["dtype"], shape, begin, end


def _rename(tensors: "Tensors", layers: int) -> "Tensors":
    """The tensors under llama.cpp's names, in one fixed order; the pooler is not used for embeddings."""
    names = dict(_FIXED)
    for layer in range(layers):
        for theirs, ours in _LAYER.items():
            for part in ("weight", "bias"):
                names[f"encoder.layer.{layer}.{theirs}.{part}"] = f"blk.{layer}.{ours}.{part}"
    missing = sorted(names.keys() - tensors.keys())
    if missing or not layers:
        raise Damaged(f"not a BERT model: tensor {(missing or ['encoder'])[0]} is missing", remedy=_REMEDY)
    return {ours: tensors[theirs] for theirs, ours in names.items()}


def _add_vocabulary(writer: Any, words: list[str], *, types: int) -> None:
    """WordPiece as llama.cpp reads it: ``▁`` marks the start of a word, where BERT marks continuations."""
    from gguf import TokenType

    special = {word: words.index(word) for word in _SPECIAL}
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_type_count(types)
    writer.add_token_list([_phantom(word, special) for word in words])
    writer.add_token_types([TokenType.CONTROL if word in special else TokenType.NORMAL for word in words])
    writer.add_bos_token_id(special["[CLS]"])
    writer.add_eos_token_id(special["[SEP]"])
    writer.add_unk_token_id(special["[UNK]"])
    writer.add_sep_token_id(special["[SEP]"])
    writer.add_pad_token_id(special["[PAD]"])
    writer.add_mask_token_id(special["[MASK]"])


def _phantom(word: str, special: dict[str, int]) -> str:
    if word in special:
        return word
    return word[2:] if word.startswith("##") else f"\u2581{word}"
