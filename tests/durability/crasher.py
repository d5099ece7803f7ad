"""Kills itself, over and over: ``crasher.py <directory> <kills> <seed>`` prints what was wrong, then a summary.

One process imports everything and forks: each child opens the vault, works and says on a pipe what it begins
and what was acknowledged; the parent kills it at a random moment with SIGKILL, and another child then opens
the vault and compares. So a hundred kills cost a hundred forks and not a hundred interpreters.
"""

import json
import os
import random
import select
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rig import GONE, MARKER, Rig, State, all_entries, errors, plaintext

import vault
from vault import durable

SOON = 0.12
"""Seconds within which a child is killed, at the least; on a busy machine it is given longer to get to work."""
CHECK_EVERY = 4
"""Kills between two comparisons; each child's own opening reconciles in between, and may be killed in it."""


def work(rig: Rig, place: Path, out: int, seed: int, known: dict[str, State]) -> None:
    """Change the vault until killed, saying on *out* what is begun and what was acknowledged."""
    rng = random.Random(seed)

    def say(kind: str, entry: str, state: State) -> None:
        os.write(out, json.dumps([kind, entry, state]).encode() + b"\n")

    locked = rng.random() < 0.2
    living = {i: s for i, s in known.items() if s != GONE}
    with rig.open(place, locked=locked) as v:
        for n in range(1000):
            text = f"{MARKER} {seed}-{n}"
            entry = rng.choice(sorted(living)) if living and not locked and rng.random() < 0.7 else ""
            if not entry:
                say("new", "", ("living", "general", text))
                entry = v.capture(text, "general", title=text).id
                living[entry] = ("living", "general", text)
            else:
                living[entry], act = _change(v, rng, entry, living[entry], text)
                say("begin", entry, living[entry])
                act()
            say("done", entry, living[entry])
            if living[entry] == GONE:
                del living[entry]


def _change(
    v: vault.Vault, rng: random.Random, entry: str, old: State, text: str
) -> tuple[State, Callable[[], object]]:
    """A change of *entry* that makes sense as it stands: (how it will stand, what to do)."""
    if old[0] == "trash":
        return ("living", *old[1:]), lambda: v.restore(entry)
    other = "secret" if old[1] == "general" else "general"
    return rng.choice(
        [
            (("living", old[1], text), lambda: v.edit(entry, text)),
            (("trash", *old[1:]), lambda: v.delete(entry)),
            (("living", other, old[2]), lambda: v.move(entry, other)),
            (GONE, lambda: v.delete(entry, purge=True)),
        ]
    )


class Ledger:
    """What was promised, and what may have happened besides."""

    def __init__(self) -> None:
        self.sure: dict[str, State] = {}
        self.maybe: dict[str, set[State]] = {}
        self.texts: set[str] = set()
        self.done = 0

    def take(self, said: bytes) -> None:
        """Read what a child said before it died; its last line may be torn."""
        for line in said.split(b"\n")[:-1]:
            kind, entry, state = json.loads(line)
            if kind == "new":
                self.texts.add(state[2])
            elif kind == "begin":
                self.maybe.setdefault(entry, set()).add(tuple(state))
            else:
                self.sure[entry] = tuple(state)
                self.maybe.pop(entry, None)
                self.done += 1

    def compare(self, found: dict[str, State]) -> list[str]:
        """What is wrong, and what is known from now on."""
        wrong = []
        for entry, state in self.sure.items():
            allowed = {state} | self.maybe.get(entry, set())
            if found.get(entry, GONE) not in allowed:
                wrong.append(f"{entry} is {found.get(entry, GONE)}, acknowledged {state}, allowed {allowed}")
        for entry in set(found) - set(self.sure):
            if found[entry][2] not in self.texts:
                wrong.append(f"{entry} is {found[entry]}, never captured")
        self.sure = {**dict.fromkeys(self.sure, GONE), **found}
        self.maybe.clear()
        self.texts.clear()
        return wrong


def child(act: Callable[[int], Any], wait: float | None) -> tuple[bytes, int]:
    """Run *act* in a fork; kill it after *wait* seconds. What it wrote, and its status."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        try:
            act(writer)
        except BaseException as error:
            os.write(2, f"child: {error!r}\n".encode())
            os._exit(1)
        os._exit(0)
    os.close(writer)
    said = bytearray()
    until = None if wait is None else time.monotonic() + wait
    while True:
        left = None if until is None else max(0.0, until - time.monotonic())
        if not select.select([reader], [], [], left)[0]:
            os.kill(pid, signal.SIGKILL)
            until = None
            continue
        part = os.read(reader, 1 << 16)
        if not part:
            break
        said += part
    os.close(reader)
    return bytes(said), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def check(rig: Rig, place: Path, out: int) -> None:
    """Say on *out* how every entry stands, and what is wrong with the vault."""
    with rig.open(place) as v:
        wrong = errors(v)
        found = all_entries(v)
    os.write(out, b"")
    answer = json.dumps([wrong + [f"plaintext in {p}" for p in plaintext(place)], found]).encode()
    for start in range(0, len(answer), 4096):
        os.write(out, answer[start : start + 4096])


def looked(ledger: Ledger, n: int, rig: Rig, place: Path) -> list[str] | None:
    """What is wrong after kill *n*, as a process of its own sees it; None where the vault does not open."""
    answer, status = child(lambda out: check(rig, place, out), None)
    if status:
        return None
    faults, found = json.loads(answer)
    return [f"kill {n}: {w}" for w in (*faults, *ledger.compare({i: tuple(s) for i, s in found.items()}))]


def main() -> int:
    """Kill and compare; 0 if nothing was wrong."""
    root, kills, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    rig, place = Rig(root), root / "place"
    place.mkdir()
    rig.create(place).close()
    rng, ledger, wrong = random.Random(seed), Ledger(), []
    longest = max(SOON, 4 * _pace(rig, place, ledger))
    if sys.argv[4:] == ["careless"]:  # positive control: an acknowledgement before anything is stored
        _be_careless()
    killed = 0
    for n in range(kills):
        known = dict(ledger.sure)
        wait = rng.uniform(0.0, longest)
        said, status = child(lambda out, n=n, known=known: work(rig, place, out, seed * 10**6 + n, known), wait)
        killed += status == -signal.SIGKILL
        if status != -signal.SIGKILL:
            wrong.append(f"kill {n}: the child ended by itself with {status}")
        ledger.take(said)
        if n % CHECK_EVERY == CHECK_EVERY - 1 or n == kills - 1 or ledger.maybe:
            found = looked(ledger, n, rig, place)
            wrong += [f"kill {n}: the vault does not open"] if found is None else found
            if found is None:
                break
    print("\n".join(wrong))
    print(f"killed {killed}, acknowledged {ledger.done}, entries {len(ledger.sure)}, wrong {len(wrong)}")
    return bool(wrong)


def _pace(rig: Rig, place: Path, ledger: Ledger) -> float:
    """Seconds that opening and one capture take here and now, once all is loaded: kills are spread over a few times that."""
    ledger.texts.add(MARKER)
    for _ in range(2):
        start = time.monotonic()
        with rig.open(place) as v:
            v.capture(MARKER, "general", title=MARKER)
    return time.monotonic() - start


def _be_careless() -> None:
    import threading

    real = durable.write_files

    def later(files: Any, *, mode: int = 0o600) -> None:
        threading.Timer(0.02, real, args=(files,), kwargs={"mode": mode}).start()

    durable.write_files = later


if __name__ == "__main__":
    sys.exit(main())
