"""T18: after a lock no process that is alive holds a key (root only: reads the memory of processes; about 15 s).

Looked for: the roots, their subkeys, the age identities and the passphrase, as raw bytes, hex and base64, in the
writable memory of every process that was started with the test's runtime directory.
"""

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from desk import QUICK, Desk, eventually, kill
from program import fast_directory

import vault
from vault.keys import keyslots
from vault.layout import lay_out

CLASSES = ("general", "secret")
PASSPHRASE = b"a passphrase that nobody else has 9f3kq"
PURPOSES = ("age-x25519", "sqlcipher", "header-mac")
TEXT = "words that nobody else has 7w2qx"
WAYS = ("lock", "ttl", "suspend", "stop", "kill -9")

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not Path("/proc/self/mem").exists(), reason="reads memory as root")


@pytest.fixture(scope="module")
def guarded() -> Iterator[tuple[Desk, dict[str, list[bytes]]]]:
    """A vault that a passphrase opens, and what to look for: name → its forms."""
    with fast_directory() as place:
        desk = Desk(place / "d", {"PATH": f"{place / 'd' / 'bin'}:{os.environ['PATH']}"})
        state = desk.root / "state" / "memory"
        lay_out(desk.vault, {"vault": [keyslots.passphrase(PASSPHRASE)]}, single=True, state=state, limits=QUICK)
        (desk.root / "passphrase").write_bytes(PASSPHRASE)
        secrets = {"passphrase": PASSPHRASE}
        with vault.open(desk.vault, PASSPHRASE, state, models=place) as v:
            for opened in v.opened:
                if opened.classification in CLASSES:
                    root = opened.keys.newest
                    secrets[f"root of {opened.classification}"] = root.secret
                    secrets |= {f"{p} of {opened.classification}": bytes(root.subkey(p)) for p in PURPOSES}
                    secrets[f"identity of {opened.classification}"] = root.identity().encode()
        (desk.root / "bin").mkdir()
        os.mkfifo(desk.root / "announced")
        announcer = desk.root / "bin" / "gdbus"
        announcer.write_text(f'#!/bin/sh\nexec cat "{desk.root}/announced"\n')
        announcer.chmod(0o755)
        with desk.at_work():
            yield desk, {name: forms(value) for name, value in secrets.items()}


def forms(secret: bytes) -> list[bytes]:
    """*secret* as raw bytes, hex in both cases, and what is certain of its base64 at each alignment."""
    found = [secret, secret.hex().encode(), secret.hex().upper().encode()]
    for before in range(3):
        padded = b"\0" * before + secret
        text = base64.b64encode(padded[: len(padded) // 3 * 3])
        found.append(text[4 if before else 0 :])
    return found


def memory(pid: int) -> bytes:
    """Everything that process *pid* can write to; nothing if it is gone."""
    found = []
    with suppress(OSError), Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", 0) as mem:
        for line in maps:
            place, rights, *_ = line.split()
            start, end = (int(part, 16) for part in place.split("-"))
            with suppress(OSError, OverflowError):  # pages of a device or of the kernel cannot be read
                mem.seek(start)
                while rights.startswith("rw") and start < end and (part := mem.read(end - start)):
                    found.append(part)
                    start += len(part)
    return b"".join(found)


def held(data: bytes, secrets: dict[str, list[bytes]]) -> list[str]:
    """Names of the *secrets* that are in *data*."""
    return [name for name, many in secrets.items() if any(form in data for form in many)]


def unlock(desk: Desk, *more: str) -> None:
    """Unlock both classes with the passphrase, and use them."""
    desk("unlock", *CLASSES, "--all-terminals", *more, env={"MEMORY_PASSPHRASE_FILE": str(desk.root / "passphrase"), "MEMORY_KEYFILE": None}).ok()


def rounds(guarded: tuple[Desk, dict[str, list[bytes]]], count: int) -> None:
    """Unlock and lock *count* times, in every way in turn; look before and after."""
    desk, secrets = guarded
    for n in range(count):
        way = WAYS[n % len(WAYS)]
        unlock(desk, "--ttl", "2s" if way == "ttl" else "1h")
        if way == "lock":
            desk.keyless("add", "-c", "secret", stdin=f"{TEXT} for the model").ok()
            desk.keyless("search", "words").ok()
        alive = {name: memory(pid) for name, pid in desk.processes().items()}
        few = {name: many[:1] for name, many in secrets.items() if name.split()[0] in {"root", "passphrase"}}
        workers = [held(data, few) for name, data in alive.items() if name.startswith("class_worker")]
        for name, data in alive.items():
            assert data or way == "ttl", f"nothing was read of {name}"
            if way == "lock" and not name.startswith("class_worker"):
                assert held(data, secrets) == [], f"{name} holds a key while it is unlocked"
        if way != "ttl":
            assert len(workers) == len(CLASSES)
            assert all(any(n.startswith("root") for n in found) for found in workers), "positive control"
            if way == "lock":
                assert any(TEXT.encode() in data for data in alive.values()), "positive control"
            assert not any("passphrase" in found for found in workers), "the passphrase ends with the unlocking process"
        end(desk, way)
        after = {pid: memory(pid) for pid, _ in desk.living()}
        for pid, data in after.items():
            assert held(data, secrets) == [], f"{way}: {pid} still holds a key"
            assert TEXT.encode() not in data, f"{way}: {pid} still holds a text"


def end(desk: Desk, way: str) -> None:
    """Lock in this *way*; returns within a second of it."""
    match way:
        case "lock" | "stop":
            desk(*(("agent", "stop") if way == "stop" else ("lock",))).ok()
        case "suspend":
            with (desk.root / "announced").open("w") as announced:
                announced.write("/org/freedesktop/login1: org.freedesktop.login1.Manager.PrepareForSleep (true,)\n")
                announced.flush()
                assert eventually(lambda: not desk.processes("class_worker"), 1.0)
        case "kill -9":
            kill(desk.processes("supervisor").popitem()[1])
            assert eventually(lambda: not desk.processes(), 1.0)
        case "ttl":
            assert eventually(lambda: not desk.processes("class_worker"), 3.0)


LOOK = """
import ctypes, os, subprocess, sys
if len(sys.argv) == 1:  # without CAP_SYS_PTRACE root may look into its own processes only as anybody may look into theirs
    ctypes.CDLL(None).prctl(24, 19, 0, 0, 0)
    os.execv(sys.executable, [sys.executable, "-c", os.environ["LOOK"], "again"])
from pathlib import Path
from vault.agent.client import started
from vault.classification import Classification

def looked_into(pid):
    try:
        return bool(os.readlink(f"/proc/{pid}/fd/0"))
    except PermissionError:
        return False

child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
with started() as agent:
    pipes = agent.unlock("f" * 32, Path("/nowhere"), {Classification.SECRET: (60.0, 0.0)}, all_terminals=True)
    (row,) = agent.status()
    print(looked_into(child.pid), looked_into(row["pid"]), looked_into(agent._pid))
    agent.stop()
child.communicate(b"")
"""


def test_a_worker_takes_its_key_only_when_it_is_closed_to_others(desk: Desk) -> None:
    """When the pipe for its key is there, no process of the same user can look into the worker any more.

    Positive control: an ordinary process is open to its user.
    """
    env = {**desk.env, "LOOK": LOOK}
    done = subprocess.run([sys.executable, "-c", LOOK], env=env, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["True", "False", "False"], done.stdout + done.stderr


def test_no_key_is_left_after_a_lock(guarded: tuple[Desk, dict[str, list[bytes]]]) -> None:
    """Lock, time to live, suspend, stop, kill -9 of the supervisor: no process holds a key afterwards.

    Supervisor and model worker never do, even before.
    """
    rounds(guarded, len(WAYS))


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_no_key_is_left_after_500_locks(guarded: tuple[Desk, dict[str, list[bytes]]]) -> None:
    """As above, 500 times."""
    rounds(guarded, 500)


def test_a_process_that_only_closes_the_index_is_caught(guarded: tuple[Desk, dict[str, list[bytes]]]) -> None:
    """Positive control: what locking would be without killing. Closing leaves the key in memory, in all its forms."""
    desk, secrets = guarded
    code = (
        "import sys, gc, vault\n"
        f"v = vault.open({str(desk.vault)!r}, {PASSPHRASE!r}, {str(desk.root / 'state' / 'memory')!r}, models='/none')\n"
        "v.close()\nv.opened.classes.clear()\ngc.collect()\nprint('locked', flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], env=desk.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"locked\n"
        assert held(memory(child.pid), secrets)
        child.kill()


@pytest.mark.parametrize("form", range(6))
def test_every_form_of_a_key_is_found(form: int) -> None:
    """Positive control: raw, hex, base64 at each alignment, in the middle of other memory."""
    key = os.urandom(32)
    wrappers = [
        key, key.hex().encode(), key.hex().upper().encode(),
        *(base64.b64encode(b"x" * n + key + b"more") for n in range(3)),
    ]  # fmt: skip
    noise = os.urandom(1000)
    assert held(noise + wrappers[form] + noise, {"key": forms(key)}) == ["key"]
    assert held(noise, {"key": forms(key)}) == []
