"""Kills client, worker or supervisor, over and over: ``agent_crasher.py <directory> <kills> <seed>``.

As `crasher`, with the classes open in the agent: each child works through it until it is killed, or until what it
works with is. Then the vault is compared, in turn without the agent and after a new unlock. Prints what was wrong.
"""

import json
import os
import random
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import crasher
from crasher import CHECK_EVERY, Ledger, child, looked, work
from rig import CLASSES, MARKER, Rig, State

import vault
from vault.agent.classes import Keeping
from vault.agent.client import connect
from vault.errors import VaultBusy, VaultError

TYPED = 3
"""What a child ends with that met an error of ours."""
VICTIMS = ("client", "client", "worker", "supervisor")
IMPORTED = 6


class AgentRig(Rig):
    """As `Rig`, but the vault is open in the agent, which is asked to open it where it is not."""

    def open(self, place: Path, *secrets: Any, locked: bool = False) -> vault.Vault:
        """The vault at *place* through the agent."""
        if locked:
            return super().open(place, *secrets, locked=True)
        where = {"state": place / "state", "models": self.root / "none"}
        v = vault.connect(place / "v", **where)
        if set(v.open_classes) == set(CLASSES):
            return v
        v.close()
        return self.unlock(place)

    def unlock(self, place: Path) -> vault.Vault:
        """The vault at *place*, unlocked anew in the agent."""
        where = {"state": place / "state", "models": self.root / "none"}
        v = vault.connect(place / "v", keeping=Keeping(dict.fromkeys(CLASSES, (3600.0, 0.0)), all_terminals=True), **where)
        v.unlock([self.secret], CLASSES)
        return v


class FreshRig(AgentRig):
    """As `AgentRig`, but every opening is a new unlock."""

    def open(self, place: Path, *secrets: Any, locked: bool = False) -> vault.Vault:
        """The vault at *place*, unlocked anew."""
        return self.unlock(place)


def client(rig: AgentRig, place: Path, out: int, seed: int, known: dict[str, State]) -> None:
    """Import a few, then change one after the other, until killed; an error of ours is an orderly end."""

    def say(kind: str, entry: str, text: str) -> None:
        os.write(out, json.dumps([kind, entry, ("living", "general", text)]).encode() + b"\n")

    try:
        if seed % 5 == 0:
            texts = [f"{MARKER} {seed} imported {n}" for n in range(IMPORTED)]
            with rig.open(place) as v:
                for text in texts:
                    say("new", "", text)
                for entry in v.capture_many({"text": t, "classification": "general", "title": t} for t in texts):
                    say("done", entry.id, entry.text)
                    known = known | {entry.id: ("living", "general", entry.text)}
        work(rig, place, out, seed, known)
    except VaultError:
        os._exit(TYPED)


def kill(victim: str) -> None:
    """Kill the agent's supervisor, or one of its workers."""
    with suppress(VaultError):
        agent = connect()
        if agent is None:
            return
        with agent:
            workers = [row["pid"] for row in agent.status()]
            peer = agent._connection.getsockopt(1, 17, 12)  # SOL_SOCKET, SO_PEERCRED
        pids = [int.from_bytes(peer[:4], sys.byteorder)] if victim == "supervisor" else workers
        if pids:
            with suppress(ProcessLookupError):
                os.kill(random.choice(pids), signal.SIGKILL)


def round_of(rig: AgentRig, place: Path, rng: random.Random, seed: int, known: dict[str, State], victim: str) -> tuple[bytes, int]:
    """Let a child work, kill the *victim* at a random moment: what the child said, and how it ended."""
    reader, writer = os.pipe()
    assassin = os.fork() if victim != "client" else 0
    if victim != "client" and assassin == 0:
        os.read(reader, 1)
        time.sleep(rng.uniform(0.0, 0.12))
        kill(victim)
        os._exit(0)

    def act(out: int) -> None:
        os.write(writer, b"!")
        client(rig, place, out, seed, known)

    said = child(act, rng.uniform(0.0, 0.15) if victim == "client" else rng.uniform(0.15, 0.3))
    if assassin:
        os.waitpid(assassin, 0)
    os.close(reader)
    os.close(writer)
    return said


def ready(rig: AgentRig, place: Path) -> None:
    """Unlock, whatever was killed; a supervisor's socket may outlive it by a moment, in which it is said to be busy."""
    for patience in range(20, -1, -1):
        try:
            rig.open(place).close()
        except VaultBusy:
            if not patience:
                raise
            time.sleep(0.05)
        else:
            return


def main() -> int:
    """Kill and compare; 0 if nothing was wrong."""
    root, kills, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    rig, alone, fresh, place = AgentRig(root), Rig(root), FreshRig(root), root / "place"
    place.mkdir()
    alone.create(place).close()
    rig.open(place).close()
    if sys.argv[4:] == ["careless"]:  # positive control: an acknowledgement before anything is stored
        crasher._be_careless()
    rng, ledger, wrong = random.Random(seed), Ledger(), []
    ended = dict.fromkeys(("killed", "typed"), 0)
    for n in range(kills):
        victim = VICTIMS[n % len(VICTIMS)]
        ready(rig, place)
        said, status = round_of(rig, place, rng, seed * 10**6 + n, dict(ledger.sure), victim)
        if status not in {-signal.SIGKILL, TYPED} or (status == TYPED and victim == "client"):
            wrong.append(f"kill {n} of {victim}: the child ended by itself with {status}")
        ended["typed" if status == TYPED else "killed"] += 1
        ledger.take(said)
        if n % CHECK_EVERY == CHECK_EVERY - 1 or n == kills - 1 or ledger.maybe:
            found = looked(ledger, n, fresh if n % 10 == 0 else alone, place)
            wrong += [f"kill {n}: the vault does not open"] if found is None else found
            if found is None:
                break
    agent = connect()
    if agent is not None:
        with agent:
            agent.stop()
    print("\n".join(wrong))
    print(f"rounds {sum(ended.values())}, {ended}, acknowledged {ledger.done}, entries {len(ledger.sure)}, wrong {len(wrong)}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
