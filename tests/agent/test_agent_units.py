"""What a session's own manager is given to start the agent, and systems that have none."""

import configparser
import plistlib
import shlex
import subprocess
import sys

import pytest
from desk import Desk
from typer.testing import CliRunner

from vault.agent import peer
from vault.agent.client import connect
from vault.agent.units import unit


@pytest.mark.parametrize("python", ["/usr/bin/python3", "/home/a b/venv/bin/python", '/odd"quote/python', "/per%cent/python"])
def test_the_systemd_unit_is_one(python: str) -> None:
    """Parsed as systemd's files are, it names this interpreter and ends every process with the session."""
    parser = configparser.ConfigParser(interpolation=None, comment_prefixes=("#",), strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(unit("linux", python))
    service = parser["Service"]
    line = shlex.split(service["ExecStart"].replace("%%", "%"))
    assert line == [python, "-P", "-m", "vault.agent.supervisor"]
    assert service["KillMode"] == "control-group"
    assert service["LimitCORE"] == "0"
    assert parser["Install"]["WantedBy"] == "default.target"


def test_the_launchd_agent_is_one() -> None:
    """A property list with a label, the program and its arguments, whatever is in the path."""
    for python in ("/usr/bin/python3", "/a & b/<python>"):
        found = plistlib.loads(unit("darwin", python).encode())
        assert found["Label"] == "memory.agent"
        assert found["ProgramArguments"] == [python, "-P", "-m", "vault.agent.supervisor"]
        assert found["HardResourceLimits"] == {"Core": 0}
        assert found["RunAtLoad"] is True


def test_the_command_prints_it_and_installs_nothing(desk: Desk) -> None:
    """On stdout, ready to be redirected; no file is touched."""
    done = desk("agent", "install", "--print").ok()
    assert done.out == unit(sys.platform, sys.executable)
    assert not list(desk.root.rglob("*.service"))
    assert not desk.processes()


def test_the_module_that_units_name_runs(desk: Desk) -> None:
    """The very command of the unit brings up an agent that an unlock then uses."""
    line = [sys.executable, "-P", "-m", "vault.agent.supervisor"]
    with subprocess.Popen(line, env=desk.env, cwd="/", start_new_session=True) as agent:
        desk.unlock("general")
        assert list(desk.processes("supervisor").values()) == [agent.pid]
        agent.terminate()
        assert agent.wait(5) == 0
    assert not desk.socket.exists()


def test_systems_without_an_agent_say_so(within: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are no such sockets (Windows), unlock and lock are a plain note and everything works in process."""
    from memory_cli.app import build

    monkeypatch.setattr(peer, "supported", lambda: False)
    assert connect() is None
    monkeypatch.setenv("MEMORY_KEYFILE", str(within.keyfile))
    for args in (["unlock"], ["unlock", "secret"], ["lock"], ["agent", "status"], ["agent", "stop"], ["list"]):
        done = CliRunner().invoke(build(), ["--vault", str(within.vault), *args])
        assert done.exit_code == 0, (args, done.output)
        if args[0] == "unlock":
            assert "this system has no agent: every command asks for the passphrase itself" in done.output
        if args[0] == "list":
            assert "Kowalski" in done.output
    assert not within.processes()


def test_support_is_told_by_what_the_system_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unix sockets that pass descriptors, and sessions."""
    import os
    import socket

    assert peer.supported()
    for module, name in ((socket, "AF_UNIX"), (socket, "send_fds"), (os, "getsid")):
        with monkeypatch.context() as patch:
            patch.delattr(module, name)
            assert not peer.supported()
