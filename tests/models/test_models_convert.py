"""The converter: deterministic, bounded, and typed about what is wrong."""

import contextlib
import json
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import VOCABULARY, bert_tensors, safetensors

from vault.errors import Damaged
from vault.models.convert import HEADER_LIMIT, BertShape, convert, read_safetensors


def _file(header: object, data: bytes = b"\0" * 8) -> bytes:
    packed = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(packed)) + packed + data


def _tensor(**changes: object) -> dict[str, object]:
    return {"t": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}}


def test_conversion_is_deterministic(tiny_source: Path, tiny_shape: BertShape, tmp_path: Path):
    """The same weights give the same bytes, in whatever order the source file has them."""
    shuffled = tmp_path / "shuffled"
    shuffled.mkdir()
    (shuffled / "model.safetensors").write_bytes(safetensors(dict(reversed(bert_tensors().items()))))
    targets = []
    for number, source in enumerate((tiny_source, tiny_source, shuffled)):
        target = tmp_path / f"{number}.gguf"
        convert(source / "model.safetensors", tiny_source / "vocab.txt", tiny_shape, target)
        targets.append(target.read_bytes())
    assert targets[0] == targets[1] == targets[2]


def test_other_weights_give_another_file(tiny_source: Path, tiny_shape: BertShape, tmp_path: Path):
    """Control of the test above: the bytes do depend on the weights."""
    other = tmp_path / "other.safetensors"
    other.write_bytes(safetensors(bert_tensors(seed=2)))
    for number, source in enumerate((tiny_source / "model.safetensors", other)):
        convert(source, tiny_source / "vocab.txt", tiny_shape, tmp_path / f"{number}.gguf")
    assert (tmp_path / "0.gguf").read_bytes() != (tmp_path / "1.gguf").read_bytes()


def test_reads_what_was_written(tmp_path: Path):
    """Every float32 tensor comes back exactly; other dtypes are left out."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors(bert_tensors()))
    found = read_safetensors(path)
    expected = {name: tensor for name, tensor in bert_tensors().items() if tensor.dtype == "<f4"}
    assert found.keys() == expected.keys()
    assert all((found[name] == expected[name]).all() for name in expected)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\1\2\3",
        struct.pack("<Q", 2**63),
        struct.pack("<Q", HEADER_LIMIT + 1) + b" " * (HEADER_LIMIT + 1),
        _file(b"{"),
        _file(b"\xff\xfe"),
        _file(b"[" * 100_000),
        _file([]),
        _file({"t": 1}),
        _file({"t": {}}),
        _file(_tensor(data_offsets=[0, 9])),
        _file(_tensor(data_offsets=[8, 0])),
        _file(_tensor(data_offsets=[-8, 0])),
        _file(_tensor(data_offsets=[0, 2**70])),
        _file(_tensor(data_offsets=[0.0, 8.0])),
        _file(_tensor(data_offsets=[0])),
        _file(_tensor(shape=[3])),
        _file(_tensor(shape=[-2])),
        _file(_tensor(shape="2")),
        _file(_tensor(), data=b""),
        _file(_tensor(), data=b"\0" * 7),
    ],
)
def test_malformed_safetensors_are_damaged(content: bytes, tmp_path: Path):
    """Whatever is wrong with the file, the error is `Damaged` and says what to do."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(Damaged) as caught:
        read_safetensors(path)
    assert caught.value.remedy


def test_wellformed_safetensors_is_accepted(tmp_path: Path):
    """Control of the test above: its builder makes a file that reads."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(_file(_tensor()))
    assert read_safetensors(path)["t"].tolist() == [0.0, 0.0]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_altered_safetensors_never_crash(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory):
    """Any byte changed and any truncation reads or is `Damaged`, nothing else."""
    content = bytearray(safetensors({"a": bert_tensors()["embeddings.LayerNorm.bias"]}))
    index = data.draw(st.integers(0, len(content) - 1))
    content[index] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))]
    path = tmp_path_factory.getbasetemp() / "altered.safetensors"
    path.write_bytes(content)
    with contextlib.suppress(Damaged):
        read_safetensors(path)


def test_missing_tensor_is_named(tiny_source: Path, tiny_shape: BertShape, tmp_path: Path):
    """Weights of another architecture are refused, naming the first tensor that is not there."""
    tensors = bert_tensors()
    del tensors["encoder.layer.1.output.dense.bias"]
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors(tensors))
    with pytest.raises(Damaged, match=r"encoder\.layer\.1\.output\.dense\.bias"):
        convert(path, tiny_source / "vocab.txt", tiny_shape, tmp_path / "out.gguf")


@pytest.mark.parametrize(
    "words", [VOCABULARY[1:], [*VOCABULARY[:-1], "extra", "more"], ["x"] * len(VOCABULARY)]
)
def test_foreign_vocabulary_is_refused(
    words: list[str], tiny_source: Path, tiny_shape: BertShape, tmp_path: Path
):
    """A vocabulary of another length, or without the special words, is not taken."""
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(words))
    with pytest.raises(Damaged, match="vocabulary"):
        convert(tiny_source / "model.safetensors", path, tiny_shape, tmp_path / "out.gguf")
