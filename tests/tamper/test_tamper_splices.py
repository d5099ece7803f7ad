"""Random splices: files of a vault put back, dropped, exchanged and copied from any moment of its past.

Whatever the mixture: no text that never was is shown, nothing missing goes unmentioned, a removed keyslot stays
removed, and putting the files right again brings everything back.
"""

import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from one_class import add_slot, remove_slot

import vault
from vault.classification import Classification
from vault.errors import VaultError
from vault.keys import keyslots, unlocked
from vault.keys.stretching import KdfLimits

CHEAP = KdfLimits(min_memory_kib=64, min_iterations=1, target_seconds=0.001)


@dataclass
class Past:
    """A vault with a history: its tree at every step, and every text that ever was."""

    base: Path
    moments: list[Path]
    ever: dict[str, set[str]]
    now: dict[str, str]

    def open(self, secret: bytes = b"pw") -> vault.Vault:
        """Open the tree as it stands."""
        return vault.open(
            self.base / "v", passphrase=secret, state=self.base / "s", models=self.base / "none", limits=CHEAP
        )

    def reset(self) -> None:
        """The tree and the state of the present."""
        for each in ("v", "s"):
            shutil.rmtree(self.base / each)
            shutil.copytree(self.base / "present" / each, self.base / each)

    def splice(self, rng: random.Random) -> str:
        """One change that whoever can write the tree can make; returns what it was."""
        tree = self.base / "v"
        files = [
            p for kind in ("header", "objects", "purged") for p in sorted((tree / kind).rglob("*.*")) if p.is_file()
        ]
        source_tree = rng.choice(self.moments)
        source = rng.choice([p for p in sorted(source_tree.rglob("*.*")) if p.suffix in {".age", ".toml"}])
        target = rng.choice(files)
        match rng.choice(["put back", "put back header", "drop", "exchange", "overwrite", "all as it was"]):
            case "put back":
                place = tree / source.relative_to(source_tree)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, place)
                return f"put back {place.name}"
            case "put back header":
                shutil.rmtree(tree / "header")
                shutil.copytree(source_tree / "header", tree / "header")
                return f"header of {source_tree.name}"
            case "drop":
                target.unlink()
                return f"dropped {target.name}"
            case "exchange":
                other = rng.choice(files)
                one, two = target.read_bytes(), other.read_bytes()
                target.write_bytes(two)
                other.write_bytes(one)
                return f"exchanged {target.name} and {other.name}"
            case "overwrite":
                target.write_bytes(source.read_bytes())
                return f"{source.name} over {target.name}"
            case _:
                shutil.rmtree(tree)
                shutil.copytree(source_tree, tree)
                return f"all of {source_tree.name}"

    def objects(self, moment: str = "") -> set[str]:
        """Names of the sealed files that are there, now or in the present that should be."""
        return {p.stem for p in (self.base / moment / "v" / "objects").glob("??/*.age")}

    def fault(self) -> str:
        """What is wrong with what a reader is shown now; empty if nothing is."""
        try:
            self.open(b"lost").close()
        except VaultError:
            pass
        else:
            return "the removed passphrase opens"
        try:
            v = self.open()
        except VaultError:
            return ""  # refused by name
        with v:
            shown = {e.id: e.text for e in v.entries(limit=1000)}
            if invented := {i: t for i, t in shown.items() if t not in self.ever.get(i, ())}:
                return f"shows what never was: {invented}"
            spoken = [f for f in v.examine() if f.severity != "info" and f.subject != "model"]
            if (lost := self.objects("present") - self.objects()) and not spoken:
                return f"silent about {lost}"
            silent = not spoken and v.open_classes == tuple(Classification)
            return f"silent about {self.now.items() - shown.items()}" if silent and shown != self.now else ""


@pytest.fixture(scope="module")
def past(tmp_path_factory) -> Past:
    """Captures, edits, a move, a deletion and a purge in several classes; a passphrase added and removed."""
    base = tmp_path_factory.mktemp("past")
    vault.create(base / "v", passphrase=b"pw", state=base / "s", models=base / "none", limits=CHEAP).close()
    made = Past(base, [], {}, {})

    def moment() -> None:
        with made.open() as v:
            made.now = {e.id: e.text for e in v.entries(limit=1000)}
        for entry, text in made.now.items():
            made.ever.setdefault(entry, set()).add(text)
        made.moments.append(base / f"moment-{len(made.moments)}")
        shutil.copytree(base / "v", made.moments[-1])

    with made.open() as v:
        ids = [
            v.capture(f"needle {n}", classification=c).id
            for n, c in enumerate(["general", "secret", "general", "confidential"])
        ]
        keys = v.opened.need(Classification.GENERAL).keys
        keys = add_slot(v.home, keys, keyslots.passphrase(b"lost"), keys.header.slots[0].kdf, CHEAP)
        slot = keys.header.slots[-1].id
    moment()
    with made.open() as v:
        v.edit(ids[0], "needle 0, edited")
        v.move(ids[2], "secret")
    moment()
    with made.open() as v:
        v.delete(ids[3])
        remove_slot(v.home, v.opened.need(Classification.GENERAL).keys, slot)
        v.edit(ids[0], "needle 0, edited again")
    moment()
    with made.open() as v:
        v.delete(ids[1], purge=True)
        v.capture("needle 5", classification="ultrasecret")
    moment()
    for each in ("v", "s"):
        shutil.copytree(base / each, base / "present" / each)
    return made


def run(past: Past, rounds: int, seed: int) -> list[str]:
    """Faults found in so many rounds of one to four splices, each undone before the next."""
    rng = random.Random(seed)
    faults = []
    for number in range(rounds):
        past.reset()
        done = [past.splice(rng) for _ in range(rng.randint(1, 4))]
        if fault := past.fault():
            faults.append(f"round {number}: {done}: {fault}")
            continue
        shutil.rmtree(past.base / "v")
        shutil.copytree(past.base / "present" / "v", past.base / "v")
        with past.open() as v:
            if {e.id: e.text for e in v.entries(limit=1000)} != past.now:
                faults.append(f"round {number}: {done}: not the same after it was put right")
    return faults


def test_the_present_is_sound(past):
    """Control: without a splice nothing is wrong, all classes open, and the removed passphrase does not."""
    past.reset()
    assert past.fault() == ""
    assert len(past.moments) == 4
    assert sum(len(texts) for texts in past.ever.values()) > len(past.now)


def test_random_splices_show_nothing_false_and_hide_nothing(past):
    """Twenty rounds."""
    assert run(past, 20, 20260301) == []


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_random_splices_at_length(past):
    """Two thousand rounds."""
    assert run(past, 2000, 1) == []


def test_a_reader_without_pins_is_noticed(past, monkeypatch):
    """Positive control: if the header were not held against the pins, the removed passphrase would open again."""
    past.reset()
    shutil.rmtree(past.base / "v" / "header")
    shutil.copytree(past.moments[0] / "header", past.base / "v" / "header")
    assert past.fault() == ""
    real = unlocked._assemble
    monkeypatch.setattr(unlocked, "_assemble", lambda opened, root, found, _: real(opened, root, found, frozenset()))
    assert past.fault() == "the removed passphrase opens"


def test_a_reader_without_the_seen_list_is_noticed(past, monkeypatch):
    """Positive control: if nothing were held against `seen`, a dropped file would go unmentioned."""
    from vault import doctor

    past.reset()
    next((past.base / "v" / "objects").glob("??/*.age")).unlink()
    assert past.fault() == ""
    monkeypatch.setattr(doctor, "_missing", lambda *_: [])
    assert past.fault().startswith("silent about")
