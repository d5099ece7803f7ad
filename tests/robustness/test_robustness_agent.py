"""T11 for the agent's messages: whatever comes in, it is a value or `Gone`; no crash, no hang, nothing executed (5 s).

The long form runs on the same properties with many more examples.
"""

import json
import os
import socket
import struct
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vault.agent import wire

json_like = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.sampled_from(
        ["vault.entry:Entry", "vault.entry:Revision", "vault.search.query:Query", "os:system", "general", "2026-01-01"]
    )),
    lambda inner: st.one_of(
        st.lists(inner, max_size=6),
        st.dictionaries(st.sampled_from([*"tmsbdcoj", "", "x"]), inner, max_size=2),
    ),
    max_leaves=15,
)  # fmt: skip
sound = st.one_of(st.integers(), st.text(max_size=30), st.binary(max_size=60), st.lists(st.integers(), max_size=5))


def parsed(data: bytes) -> Any:
    """The value in *data*, or None where it is none."""
    try:
        return wire.parse(data)
    except wire.Gone:
        return None


def check_bytes(data: bytes) -> None:
    """Any bytes are a value or `Gone`."""
    parsed(data)


def check_structure(value: Any) -> None:
    """Any JSON, tags in every wrong place included, is a value or `Gone`."""
    parsed(json.dumps(value).encode())


def check_stream(data: bytes, fds: int) -> None:
    """Any stream, with descriptors beside it, ends: in messages, then `Gone`; and no descriptor is left open."""
    before = descriptors()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(5)
        with Path(os.devnull).open() as null:
            if data and fds:
                socket.send_fds(ours, [data], [null.fileno()] * fds)
            else:
                ours.sendall(data)
        ours.close()
        while True:
            try:
                _, came = wire.receive(theirs, limit=70_000, max_fds=4)
            except wire.Gone:
                break
            wire.close(came)
    assert descriptors() == before


def descriptors() -> int:
    """How many files this process has open."""
    return len(list(Path("/dev/fd").iterdir()))


def check_frames(value: Any, cut: int) -> None:
    """A sound message that is torn after any byte is `Gone`; whole, it is itself, however it was split into frames."""
    data = json.dumps(wire._plain(value), ensure_ascii=False).encode("utf-8", "surrogatepass")
    size = max(1, cut % 13)
    frames = b""
    for start in range(0, len(data), size):
        part = data[start : start + size]
        frames += struct.pack(">I", len(part) | (0x80000000 if start + size < len(data) else 0)) + part
    for stream, whole in ((frames, True), (frames[: cut % len(frames)], False)):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            sender = threading.Thread(target=_send, args=(ours, stream))
            sender.start()
            try:
                assert wire.receive(theirs)[0] == value
                assert whole
            except wire.Gone:
                assert not whole
            finally:
                sender.join()


def _send(ours: socket.socket, stream: bytes) -> None:
    ours.sendall(stream)
    ours.shutdown(socket.SHUT_WR)


CHECKS = (
    (check_bytes, (st.binary(max_size=400),), 1.0),
    (check_structure, (json_like,), 1.5),
    (check_stream, (st.binary(max_size=300), st.integers(0, 4)), 0.5),
    (check_frames, (sound, st.integers(0, 10_000)), 0.3),
)


@pytest.mark.parametrize(("check", "given_by", "share"), CHECKS, ids=lambda v: getattr(v, "__name__", ""))
def test_any_message(check: Any, given_by: tuple[Any, ...], share: float) -> None:
    """A few hundred tries of each."""
    settings(max_examples=int(300 * share), deadline=None)(given(*given_by)(check))()


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("check", "given_by", "share"), CHECKS, ids=lambda v: getattr(v, "__name__", ""))
def test_any_message_soak(check: Any, given_by: tuple[Any, ...], share: float) -> None:
    """Many more."""
    settings(max_examples=int(300_000 * share), deadline=None)(given(*given_by)(check))()


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\xff\xfe", b"[" * 100_000, b'{"t":' * 100_000, b'{"m":[[' * 50_000, b"9" * 10_000, b"1e999", b"NaN", b'{"b":"!"}',
        b'{"s":[{"m":[]}]}', b'{"m":[[{"m":[]},1]]}', b'{"o":[]}', b'{"o":[["x"]]}', b'{"o":["vault.entry:Entry"]}', b'{"j":"[1"}',
        b'{"j":"' + b"[" * 100_000 + b'"}', b'{"d":"yesterday"}', b'{"d":5}', b'{"c":"top"}', b'{"t":[],"m":[]}', b"{}", b'{"x":1}',
        b'{"o":["builtins:object"]}', b'{"o":["vault.entry:encode",1]}', b'{"o":["vault.entry:__name__"]}', b'{"b":' + b"1" * 5000 + b"}",
    ],
    ids=lambda d: repr(d[:24]),
)  # fmt: skip
def test_known_bad_ones(data: bytes) -> None:
    """What each of these once was: a crash somewhere. None is a message of ours; nothing but `Gone` comes of it."""
    parsed(data)


def test_a_message_has_a_limit() -> None:
    """Frames add up to no more than the receiver takes; the sum is refused before it is read."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(5)
        wire.send(ours, "x" * 900)
        assert wire.receive(theirs, limit=1000)[0] == "x" * 900
        wire.send(ours, "x" * 1100)
        with pytest.raises(wire.Gone):
            wire.receive(theirs, limit=1000)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(5)
        ours.sendall((struct.pack(">I", 0x80000000 | 400) + b"1" * 400) * 3)
        with pytest.raises(wire.Gone):
            wire.receive(theirs, limit=1000)


def test_long_messages_come_in_frames() -> None:
    """A text of several megabytes, with every kind of character, crosses whole."""
    value = ['ä€𝄞\ud800\0"\\' * 400_000, b"\0\xff" * 700_000]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender = threading.Thread(target=wire.send, args=(ours, value))
        sender.start()
        assert wire.receive(theirs)[0] == value
        sender.join()


def test_control_a_reader_that_trusts_the_length_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Positive control: without the bound on frames the stream check meets a reader that waits for bytes that never come."""
    monkeypatch.setattr(wire, "MAX_FRAME", 2**31)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(0.2)
        ours.sendall(struct.pack(">I", 60_000_000) + b"x")
        began = threading.Event()
        reader = threading.Thread(target=lambda: (began.set(), parsed_stream(theirs)))
        reader.start()
        began.wait()
        reader.join(0.1)
        assert reader.is_alive()
        reader.join(5)


def parsed_stream(theirs: socket.socket) -> None:
    """Read one message, or none."""
    try:
        wire.receive(theirs)
    except wire.Gone:
        return
