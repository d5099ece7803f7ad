"""llama.cpp, loaded quietly: the one place that imports llama_cpp and opens a GGUF with it.

Promises: nothing is ever written to stdout or stderr, a missing extra is a `ModelMissing` with the command
that fixes it, and a file llama.cpp refuses is `Damaged`. llama_cpp is imported inside the functions.
"""

import ctypes
import functools
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from vault.errors import Damaged, ModelMissing

INSTALL_REMEDY = "run: memory model install"
EXTRA_COMMAND = "pip install llama-cpp-python==0.3.36 gguf==0.19.0"
"""Installs what the extra ``model`` names; by those names, because ours on an index may be somebody else's."""
EXTRA_REMEDY = f"run: {EXTRA_COMMAND}"
INSTRUCT_REMEDY = "add another instruct model: memory model add PATH"


@functools.cache
def load_llama() -> Any:
    """The llama_cpp module, with its logging replaced by silence.

    Raises:
        ModelMissing: the extra is not installed, or its shared library does not load on this machine.
    """
    try:
        import llama_cpp
    except (ImportError, OSError, RuntimeError) as error:  # the last two: a shared library that is not there
        raise ModelMissing("the library that runs models is not installed", remedy=EXTRA_REMEDY) from error
    llama_cpp.llama_log_set(_silence(llama_cpp), ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    return llama_cpp


@functools.cache  # the callback must outlive every model
def _silence(llama: Any) -> Any:
    return llama.llama_log_callback(lambda _level, _text, _data: None)


def open_model(path: Path) -> Any:
    """The llama.cpp model in *path*, memory-mapped (a ``llama_model *``).

    Raises:
        ModelMissing: as `load_llama`, or there is no such file.
        Damaged: llama.cpp refuses it (truncated, not a GGUF, unknown architecture).
    """
    llama = load_llama()
    if not path.is_file():
        raise ModelMissing("the model's file is gone", remedy=INSTALL_REMEDY)
    params = llama.llama_model_default_params()
    params.use_mmap = True
    params.n_gpu_layers = 0  # starting a GPU takes longer than a small model needs
    model = llama.llama_model_load_from_file(os.fsencode(path), params)
    if not model:
        raise Damaged(
            "the model does not load: it is damaged, cut short or of an unknown kind",
            remedy="get the file again, then: memory model add PATH (or: memory model install)",
        )
    return model


def release_mapped(directory: Path) -> None:
    """Give back the pages of the models below *directory* until they are read again (Linux; elsewhere nothing happens).

    Loading brings in the whole file. Half of an embedder is the table of its vocabulary, of which texts use little:
    what they do use comes back from the page cache. For a process that holds a model all day.
    """
    if sys.platform != "linux":
        return
    from mmap import MADV_DONTNEED

    libc = ctypes.CDLL(None)
    try:
        lines = Path("/proc/self/maps").read_text(errors="surrogateescape").splitlines()
    except OSError:  # no /proc: then they stay
        return
    for line in lines:
        span, access, _offset, _device, _inode, *name = line.split(maxsplit=5)
        if name and "w" not in access and Path(name[0]).is_relative_to(directory.resolve()):
            start, end = (int(number, 16) for number in span.split("-"))
            libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), MADV_DONTNEED)


def metadata(model: Any, key: str) -> str | None:
    """The value of GGUF metadata *key* as text (at most 4 KiB of it), or None."""
    llama = load_llama()
    buffer = ctypes.create_string_buffer(4096)
    length = llama.llama_model_meta_val_str(model, key.encode(), buffer, len(buffer))
    return None if length < 0 else buffer.value.decode("utf-8", "replace")


def extra_installed() -> bool:
    """Whether the extra that runs models seems to be installed; imports nothing."""
    try:
        return importlib.util.find_spec("llama_cpp") is not None
    except (ImportError, ValueError):
        return False
