"""Messages between the processes of the agent: bounded frames of JSON over Unix sockets.

A message is one frame or several; a frame is four bytes of length, whose highest bit says that more follow, and at
most 1 MiB. Values are plain data and the value types of the library, each of which is named here: what is not
named cannot be sent, and nothing received is ever executed.
"""

import json
import os
import signal
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache
from importlib import import_module
from typing import Any

from vault import errors
from vault.classification import Classification
from vault.errors import VaultError

PROTOCOL = 2
"""One more whenever a value type or a verb changes: an agent of another version is not talked to."""
MAX_FRAME = 1024 * 1024
MAX_QUESTION = 32 * 1024 * 1024
"""Most bytes that a worker takes: a batch of drafts with their metadata, or of vectors."""
MAX_MESSAGE = 128 * 1024 * 1024
"""Most bytes of one message between a client and a worker; a page of 200 entries of 1 MiB does not fit and is split
by its reader."""
HEAD = 4
"""Bytes of a frame's length."""
OTHER_VERSION = "it is of another version: memory agent stop"
_MORE = 0x80000000
_DOCUMENTS = frozenset({"metadata", "extra"})
"""Fields that hold JSON of a person's own, which may nest as deeply as JSON goes: they cross as text."""
_MODULES = frozenset(
    {
        "vault.classify.detectors.detection",
        "vault.classify.personal",
        "vault.classify.reasons",
        "vault.classify.verdict",
        "vault.compartment.candidates",
        "vault.compartment.corrections",
        "vault.compartment.facets",
        "vault.compartment.filters",
        "vault.compartment.records",
        "vault.compartment.spelling",
        "vault.entry",
        "vault.preparing",
        "vault.search.hit",
        "vault.search.query",
        "vault.search.request",
        "vault.search.terms",
    }
)
"""Where the value types live that may cross: the dataclasses defined there. Imported when the first one arrives."""


class Gone(Exception):
    """The other side closed the connection, or sent what no peer of ours sends."""


def send(to: socket.socket, value: Any, fds: Sequence[int] = ()) -> None:
    """Send one message, with file descriptors beside its first frame.

    Raises:
        Gone: nobody takes it.
    """
    data = json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    try:
        with without_signal():
            for start in range(0, len(data), MAX_FRAME):
                part = data[start : start + MAX_FRAME]
                more = _MORE if start + MAX_FRAME < len(data) else 0
                frame = struct.pack(">I", len(part) | more) + part
                if fds and start == 0:
                    sent = socket.send_fds(to, [frame], list(fds))
                    frame = frame[sent:]
                to.sendall(frame)
    except (OSError, ValueError) as error:
        raise Gone from error


@contextmanager
def without_signal() -> Iterator[None]:
    """Within, writing to who is gone is an error, although the program may let SIGPIPE end it elsewhere."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})
    try:
        yield
    finally:
        if signal.SIGPIPE not in blocked and signal.SIGPIPE in signal.sigpending():
            signal.sigwait({signal.SIGPIPE})
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def receive(of: socket.socket, limit: int = MAX_MESSAGE, max_fds: int = 0) -> tuple[Any, list[int]]:
    """The next message and the file descriptors that came with it.

    Raises:
        Gone: the connection ended, timed out, or what came is no message of at most *limit* bytes.
    """
    fds: list[int] = []
    try:
        return parse(_frames(of, limit, max_fds, fds)), fds
    except Gone:
        close(fds)
        raise


def close(fds: list[int]) -> None:
    """Close file descriptors that came and that nobody took."""
    while fds:
        with suppress(OSError):
            os.close(fds.pop())


def _frames(of: socket.socket, limit: int, max_fds: int, fds: list[int]) -> bytes:
    parts = bytearray()
    while True:
        head = _exactly(of, HEAD, max_fds if not fds else 0, fds)
        length = struct.unpack(">I", head)[0]
        size = length & ~_MORE
        if size > MAX_FRAME or len(parts) + size > limit:
            raise Gone
        parts += _exactly(of, size, 0, fds)
        if not length & _MORE:
            return bytes(parts)


def parse(data: bytes) -> Any:
    """The value in the bytes of a message.

    Raises:
        Gone: they are none.
    """
    try:
        return _value(json.loads(data.decode("utf-8", "surrogatepass")))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise Gone from error


def _exactly(of: socket.socket, size: int, max_fds: int, fds: list[int]) -> bytes:
    data = bytearray()
    try:
        while len(data) < size:
            wanted = min(size - len(data), 65536)
            if max_fds and not fds:
                part, came, _, _ = socket.recv_fds(of, wanted, max_fds, getattr(socket, "MSG_CMSG_CLOEXEC", 0))
                fds += came
            else:
                part = of.recv(wanted)
            if not part:
                raise Gone
            data += part
    except OSError as error:
        raise Gone from error
    return bytes(data)


def _plain(value: Any) -> Any:
    """*value* as JSON; every object in it is a tag, so that nothing a person stored can look like one."""
    if value is None or type(value) in {bool, int, float, str}:
        return value
    if isinstance(value, list):
        return [_plain(each) for each in value]
    for kind, tag, write in _WRITERS:
        if isinstance(value, kind):
            return {tag: write(value)}
    if is_dataclass(value) and type(value).__module__ in _MODULES:
        name = f"{type(value).__module__}:{type(value).__name__}"
        return {"o": [name, *(_field(f.name, getattr(value, f.name)) for f in fields(value))]}
    if hasattr(value, "astype"):  # vectors of the model travel as the bytes of float32 numbers
        rows = value.astype("<f4")
        return _plain(rows.tobytes() if rows.ndim == 1 else tuple(row.tobytes() for row in rows))
    raise TypeError(f"{type(value).__name__} does not cross between processes")


def _field(name: str, value: Any) -> Any:
    return {"j": json.dumps(value, ensure_ascii=False)} if name in _DOCUMENTS else _plain(value)


def _base64(data: bytes) -> str:
    from base64 import b64encode

    return b64encode(data).decode()


_WRITERS: tuple[tuple[type | tuple[type, ...], str, Callable[[Any], Any]], ...] = (
    (Classification, "c", lambda value: value.value),
    (tuple, "t", lambda value: [_plain(each) for each in value]),
    (dict, "m", lambda value: [[_plain(k), _plain(v)] for k, v in value.items()]),
    ((frozenset, set), "s", lambda value: [_plain(each) for each in sorted(value)]),
    ((bytes, bytearray), "b", _base64),
    (datetime, "d", datetime.isoformat),
)


def _value(plain: Any) -> Any:
    if isinstance(plain, list):
        return [_value(each) for each in plain]
    if not isinstance(plain, dict):
        return plain
    ((tag, inner),) = plain.items()
    return _READERS[tag](inner)


def _bytes(text: str) -> bytes:
    from base64 import b64decode

    return b64decode(text)


def _object(inner: list[Any]) -> Any:
    name, *values = inner
    return _value_type(name)(*(_value(each) for each in values))


@cache
def _value_type(name: str) -> Callable[..., Any]:
    module, _, kind = name.partition(":")
    found = getattr(import_module(module), kind) if module in _MODULES else None
    if not isinstance(found, type) or not is_dataclass(found) or found.__module__ != module:
        raise ValueError("no value type")
    return found


_READERS: dict[str, Callable[[Any], Any]] = {
    "b": _bytes,
    "c": Classification,
    "d": datetime.fromisoformat,
    "j": json.loads,
    "m": lambda inner: {_value(k): _value(v) for k, v in inner},
    "o": _object,
    "s": lambda inner: frozenset(_value(each) for each in inner),
    "t": lambda inner: tuple(_value(each) for each in inner),
}


def failure(error: VaultError) -> list[Any]:
    """*error* as the message that makes the other side raise it."""
    return ["error", type(error).__name__, error.message, error.remedy]


def raised(message: Sequence[Any]) -> VaultError:
    """The error that `failure` sent."""
    _, name, text, remedy = message
    kind = getattr(errors, str(name), VaultError)
    known = isinstance(kind, type) and issubclass(kind, VaultError)
    return (kind if known else VaultError)(str(text), remedy=str(remedy))
