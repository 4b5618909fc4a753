"""`make screenshot`: the screenshot at the top of the README, taken from the running demo.

It shows a vv question, an album, and an answer that is being streamed.
"""

import signal
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from tests.support.browser import CHROMIUM, FLAGS
from tests.support.demo_page import DemoProcess

SIZE = ViewportSize(width=1120, height=1190)


def main() -> None:
    """Save the screenshot in the file given as argument."""
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, DemoProcess(Path(folder)) as demo:
        demo.wait_online()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page(viewport=SIZE, device_scale_factor=1.5, locale="en-GB")
            page.goto(demo.page_url)
            write_chat(page)
            # The answer grows too quickly to be caught otherwise.
            demo.process.send_signal(signal.SIGSTOP)
            page.screenshot(path=target)
            demo.process.send_signal(signal.SIGCONT)
            browser.close()
    print(f"{target}: {target.stat().st_size // 1024} kB")


def write_chat(page: Page) -> None:
    """Write the messages that the screenshot shows."""
    write(page, "vv jasmin or basmati rice with falafel?")
    page.locator(".item.in", has_text="Basmati.").wait_for()
    write(page, "/imagine a quiet valley at dawn --n 2 --seed 12")
    page.locator(".photos img").nth(1).wait_for()
    page.locator(".photos img").evaluate_all(
        "images => Promise.all(images.map(image => image.decode()))"
    )
    expect(page.locator(".notice")).to_have_count(0)
    write(page, "Which word comes up most often in a text? In Python, please.")
    page.locator(".growing", has_text="Counter(words)").wait_for()


def write(page: Page, text: str) -> None:
    """Write a message."""
    page.locator("#words").fill(text)
    page.keyboard.press("Enter")


if __name__ == "__main__":
    main()
