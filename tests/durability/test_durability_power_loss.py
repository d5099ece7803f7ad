"""T3: the power goes at any moment, and un-synced writes are dropped, torn or reordered (about 15 s)."""

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from disk import Disk
from one_class import add_slot
from rig import CLASSES, GONE, MARKER, Rig, State, all_entries, errors, fast_directory, plaintext
from shim import Call, Shim, installed

import vault
from vault import durable
from vault.keys import keyslots
from vault.keys.keyslots import GROUPS
from vault.layout import lay_out

LATER = keyslots.keyfile(b"l" * 64)
Indexes = dict[str, bytes]


@dataclass
class Promise:
    """What holds at a point of a story."""

    made: bool = False
    """Whether the vault's creation was acknowledged."""
    entries: dict[str, State] = field(default_factory=dict)
    attempted: dict[str, State] = field(default_factory=dict)
    """Changes that were begun and not acknowledged: they may have happened."""
    texts: tuple[str, ...] = ()
    """Texts of captures begun."""
    later: bool = False
    """Whether the second keyfile's slot was acknowledged."""
    indexes: list[Indexes] = field(default_factory=list)
    """Database files at each acknowledgement."""

    def take(self, mark: dict[str, object]) -> None:
        """Go on past a mark."""
        self.attempted = dict(mark.get("attempt", {}))  # type: ignore[call-overload]
        self.texts = tuple(mark.get("texts", ()))  # type: ignore[arg-type]
        self.entries |= mark.get("entries", {})  # type: ignore[operator]
        self.made |= bool(mark.get("made"))
        self.later |= bool(mark.get("later"))
        if "indexes" in mark:
            self.indexes.append(mark["indexes"])  # type: ignore[arg-type]


def databases(place: Path) -> Indexes:
    """The database files as they lie on disk now."""
    return {p.name: p.read_bytes() for p in (place / "state").rglob("*.db*") if not p.name.endswith("-shm")}


def record(rig: Rig, place: Path, rounds: int = 2) -> list[Call]:
    """Live through a scenario at *place*; the calls made, with marks of what was promised."""
    place.mkdir()
    with installed(place) as shim:
        lay_out(place / "v", {g: [rig.secret] for g in GROUPS}, single=True, state=place / "state")
        shim.mark({"made": True})
        with rig.open(place) as v:
            for n in range(rounds):
                _live(v, shim, place, n)
        shim.mark({"indexes": databases(place)})
        with rig.open(place) as v:  # and again, with everything known
            _capture(v, shim, place, "last")
    return shim.calls


def _capture(v: vault.Vault, shim: Shim, place: Path, name: str) -> str:
    text = f"{MARKER} {name}"
    shim.mark({"texts": [text]})
    entry = v.capture(text, "general", title=name)
    shim.mark({"entries": {entry.id: ("living", "general", text)}, "indexes": databases(place)})
    return entry.id


def _change(shim: Shim, place: Path, entry_id: str, state: State, act: Callable[[], object]) -> None:
    shim.mark({"attempt": {entry_id: state}})
    act()
    shim.mark({"entries": {entry_id: state}, "indexes": databases(place)})


def _live(v: vault.Vault, shim: Shim, place: Path, n: int) -> None:
    a, b, c, d = (_capture(v, shim, place, f"{n}-{i}") for i in range(4))
    edited = f"{MARKER} edited {n}"
    _change(shim, place, a, ("living", "general", edited), lambda: v.edit(a, edited))
    _change(shim, place, b, ("trash", "general", f"{MARKER} {n}-1"), lambda: v.delete(b))
    _change(shim, place, c, ("living", "secret", f"{MARKER} {n}-2"), lambda: v.move(c, "secret"))
    _change(shim, place, d, GONE, lambda: v.delete(d, purge=True))
    _change(shim, place, b, ("living", "general", f"{MARKER} {n}-1"), lambda: v.restore(b))
    many = [f"{MARKER} many {n}-{i}" for i in range(5)]
    shim.mark({"texts": many})
    entries = list(v.capture_many([{"text": t, "classification": "general"} for t in many]))
    shim.mark({"entries": {e.id: ("living", "general", e.text) for e in entries}, "indexes": databases(place)})
    if n == 0:
        general = v.opened.classes[vault.Classification.GENERAL]
        general.keys = add_slot(v.home, general.keys, LATER)
        shim.mark({"later": True})


def broken_promises(rig: Rig, calls: list[Call], origin: Path, upto: int, mode: str, rng: random.Random) -> list[str]:
    """What is wrong when the power goes after *upto* calls."""
    disk, promise = Disk(origin), Promise()
    for call in calls[:upto]:
        if call.name == "mark":
            promise.take(call.mark)
    disk.play(calls[:upto])
    place = rig.root / "after"
    disk.write_to(place, rng, mode)
    (place / "state" / "vaults.toml").unlink(missing_ok=True)  # it names the path of before
    try:
        found = _restart(rig, place, promise, rng)
        return [] if found is None else _compare(promise, found)
    except Exception as error:
        return [f"{error!r}"]
    finally:
        shutil.rmtree(place)


def _restart(rig: Rig, place: Path, promise: Promise, rng: random.Random) -> dict[str, State] | None:
    if not promise.made and not (place / "v" / "vault.toml").exists():
        lay_out(place / "v", {g: [rig.secret] for g in GROUPS}, single=True, state=place / "state")
        return None
    if promise.indexes and rng.random() < 0.7:  # the newest index, or an older one, or none at all
        (states,) = (p for p in (place / "state").iterdir() if p.is_dir())
        kept = promise.indexes[-1] if rng.random() < 0.7 else rng.choice(promise.indexes)
        for name, data in kept.items():
            (states / name).write_bytes(data)
    with rig.open(place, locked=True) as v:
        if promise.later:
            v.unlock([LATER], CLASSES[:1])
        v.unlock([rig.secret], CLASSES)
        assert errors(v) == []
        found = all_entries(v)
    assert plaintext(place) == [], "plaintext on disk"
    return found


def _compare(promise: Promise, found: dict[str, State]) -> list[str]:
    wrong = []
    for i, state in promise.entries.items():
        allowed = {state, promise.attempted.get(i, state)}
        if found.get(i, GONE) not in allowed:
            wrong.append(f"{i} is {found.get(i, GONE)}, promised {allowed}")
    for i in set(found) - set(promise.entries):
        if found[i][2] not in promise.texts:
            wrong.append(f"{i} is {found[i]} and was never captured")
    return wrong


def lose_power(rig: Rig, states: int, seed: int = 1) -> list[str]:
    """Everything wrong in *states* ways of losing power during one recorded scenario."""
    origin = rig.root / f"origin{seed}"
    calls = record(rig, origin)
    rng = random.Random(seed)
    wrong = []
    for n in range(states):
        upto = n * 7919 % (len(calls) + 1)  # a prime: every prefix comes before any comes twice
        mode = ("none", "some", "some", "all")[n % 4]
        for w in broken_promises(rig, calls, origin, upto, mode, rng):
            wrong.append(f"seed {seed}, after {upto} of {len(calls)} calls, {mode}: {w}")
    shutil.rmtree(origin)
    return wrong


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """Keyfile and room; opening a vault afterwards need not really sync."""
    with fast_directory() as root:
        yield Rig(root)


def test_the_power_may_go_at_any_moment(rig: Rig) -> None:
    """500 states of the disk: whatever was acknowledged is there, nothing is half, nothing is readable."""
    wrong = lose_power(rig, 500)
    assert not wrong, "\n".join(wrong[:20])


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_the_power_may_go_at_any_moment_soak(rig: Rig) -> None:
    """50,000 states, over a hundred recordings."""
    wrong = [w for seed in range(100) for w in lose_power(rig, 500, seed + 2)]
    assert not wrong, "\n".join(wrong[:20])


@pytest.mark.parametrize("careless", ["sync_fd", "sync_directory", "ack before directory"])
def test_control_a_build_that_does_not_sync_is_caught(rig: Rig, monkeypatch: pytest.MonkeyPatch, careless: str) -> None:
    """Positive controls: no fsync at all, no fsync of directories, and an acknowledgement before it."""
    if careless == "ack before directory":
        late: list[Path] = []
        real = durable.sync_directory

        def deferred(path: Path) -> None:
            for waiting in late:
                real(waiting)
            late[:] = [path]  # one call late: after the caller has been told that all is well

        monkeypatch.setattr(durable, "sync_directory", deferred)
    else:
        monkeypatch.setattr(durable, careless, lambda *_: None)
    assert lose_power(rig, 60)


def test_control_a_build_that_renames_before_the_data_is_synced_is_caught(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Positive control: directories are synced and files are not."""
    real = durable.sync_fd

    def only_directories(fd: int) -> None:
        if Path(f"/proc/self/fd/{fd}").resolve().is_dir():
            real(fd)

    monkeypatch.setattr(durable, "sync_fd", only_directories)
    assert lose_power(rig, 60)
