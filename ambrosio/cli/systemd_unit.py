"""The unit file with which systemd runs Ambrosio, for the machine or for one user. Pure.

`docs/ambrosio.service` is made from it too, by `python -m scripts.service_unit`.
"""

import re
from dataclasses import dataclass

UNIT_NAME = "ambrosio.service"
ACCOUNT = "ambrosio"
HOME = "/var/lib/ambrosio"

_HEAD = """\
[Unit]
Description=Ambrosio, a personal assistant in Telegram
{network}
[Service]
# "Ready" and "alive" both mean that Telegram has answered. Without a network, Ambrosio waits.
Type=notify
TimeoutStartSec=infinity
WatchdogSec=180
Restart=always
RestartSec=10
# Exit code 2 is an invalid setting; restarting does not fix that.
RestartPreventExitStatus=2
"""
# A user's own service manager does not know the network.
_NETWORK = """\
Wants=network-online.target
After=network-online.target
"""
_PROCESS = """\
# Only the bot gets the stop signal; it stops its own child processes. Running answers get
# AMBROSIO_GRACE_SECONDS (80 at most) to finish.
KillMode=mixed
TimeoutStopSec=90
# If memory runs out, the kernel ends the local model first; the bot goes on and starts it again.
OOMPolicy=continue

UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
"""
# What only the machine's own service manager can do everywhere.
_MACHINE = """\
MemoryMax=90%
CapabilityBoundingSet=
# A model on a GPU needs PrivateDevices=no.
PrivateDevices=yes
PrivateTmp=yes
PrivateUsers=yes
ProtectClock=yes
ProtectControlGroups=yes
# A model file in somebody's home directory is out of reach; keep it in the data folder.
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
"""


@dataclass(frozen=True, slots=True)
class Service:
    """How Ambrosio is to be run.

    Attributes:
        program: the words that start it, the first with an absolute path.
        folder: the working directory, with `.env` and `ambrosio.toml`.
        for_machine: from boot on, under an account of its own; else for one user.
    """

    program: tuple[str, ...]
    folder: str
    for_machine: bool


def render_unit(service: Service) -> str:
    """Render the unit file, or raise `ValueError` for a path that systemd cannot take."""
    lines = [f"WorkingDirectory={_path(service.folder)}"]
    if service.for_machine:
        lines = [
            f"User={ACCOUNT}",
            f"StateDirectory={ACCOUNT}",
            "StateDirectoryMode=0700",
            *lines,
            "# Settings that only root may read can stand here instead of in .env.",
            "EnvironmentFile=-/etc/ambrosio.env",
        ]
    lines.append(f"ExecStart={_command(service)}")
    parts = [_HEAD.format(network=_NETWORK if service.for_machine else ""), "\n".join(lines), ""]
    parts.append(_PROCESS + (_MACHINE if service.for_machine else ""))
    target = "multi-user.target" if service.for_machine else "default.target"
    parts.append(f"[Install]\nWantedBy={target}\n")
    return "\n".join(parts)


def _path(text: str) -> str:
    """Write a path where systemd takes the rest of the line."""
    if re.search(r"[\x00-\x1f\x7f]|^\s|[\s\\]$", text):
        raise ValueError(text)
    return text.replace("%", "%%")


def _command(service: Service) -> str:
    program, *arguments = (*service.program, "run")
    if re.search(r"[\"'\\]", program):
        raise ValueError(program)
    # Variables are filled in everywhere but in the first word.
    return " ".join([_word(program), *(_word(word.replace("$", "$$")) for word in arguments)])


def _word(text: str) -> str:
    """Write a word of a command so that systemd reads the same one."""
    escaped = _path(text)
    if re.fullmatch(r"[\w./%$+,:@=-]+", escaped, re.ASCII):
        return escaped
    return '"' + escaped.replace("\\", "\\\\").replace('"', '\\"') + '"'
