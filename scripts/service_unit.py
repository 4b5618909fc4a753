"""Generate `docs/ambrosio.service`, the unit that `ambrosio install` writes on a server.

Run `python -m scripts.service_unit` after changing `ambrosio/cli/systemd_unit.py`; a test compares
the two.
"""

from pathlib import Path

from ambrosio.cli.systemd_unit import HOME, Service, render_unit

PAGE = Path(__file__).parent.parent / "docs" / "ambrosio.service"
HEAD = """\
# What `ambrosio install` writes as root, to read before you run it. From a checkout, as root:
#
#   python3 -m venv /opt/ambrosio && /opt/ambrosio/bin/pip install '.[llama,media]'
#   cp .env.example .env               # fill it in; the service gets a copy of its own
#   /opt/ambrosio/bin/ambrosio install
#   journalctl -u ambrosio -f          # shows the pairing link
#
# To check that everything works:
#   cd /var/lib/ambrosio && sudo -H -u ambrosio /opt/ambrosio/bin/ambrosio doctor

"""


def render_page() -> str:
    """Render the whole file."""
    return HEAD + render_unit(Service(("/opt/ambrosio/bin/ambrosio",), HOME, for_machine=True))


if __name__ == "__main__":
    PAGE.write_text(render_page(), "utf-8")
