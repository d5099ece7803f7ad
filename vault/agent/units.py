"""How a person's session can start and end the agent: a systemd user unit, a launchd agent."""

import plistlib

_MODULE = ("-P", "-m", "vault.agent.supervisor")
_SYSTEMD = """\
# ~/.config/systemd/user/memory-agent.service, then: systemctl --user enable --now memory-agent
[Unit]
Description=memory: keeps unlocked classes open, locks them at logout

[Service]
ExecStart={command}
Restart=on-success
KillMode=control-group
LimitCORE=0
NoNewPrivileges=yes
ProtectSystem=full

[Install]
WantedBy=default.target
"""


def unit(platform: str, python: str) -> str:
    """The unit for *platform* (``sys.platform``) that runs the agent with the interpreter *python*."""
    if platform == "darwin":
        # ~/Library/LaunchAgents/memory.agent.plist, then: launchctl load it
        return plistlib.dumps(
            {
                "Label": "memory.agent",
                "ProgramArguments": [python, *_MODULE],
                "RunAtLoad": True,
                "KeepAlive": True,
                "ProcessType": "Background",
                "HardResourceLimits": {"Core": 0},
            }
        ).decode()
    return _SYSTEMD.format(command=" ".join(map(_quoted, (python, *_MODULE))))


def _quoted(part: str) -> str:
    """A word of a systemd command line (systemd.service(5), "Command lines")."""
    escaped = part
    for special, written in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        escaped = escaped.replace(special, written)
    return f'"{escaped}"' if escaped != part or " " in part else part
