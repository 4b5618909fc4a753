"""Debian's chromium, for the tests of the page and for the README's picture."""

import shutil

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Chromium's own microphone, which beeps.
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
