"""The demo's page in a real browser: alone with the test as the bot, and the whole demo."""

import asyncio
import os
import queue
import re
import shutil
import signal
import subprocess
import tarfile
import threading

import pytest

from ambrosio.demo.model_offer import MODELS
from ambrosio.demo.session import FORUM, FRIEND, GROUP, TOPICS, YOU
from ambrosio.emulators.botapi.files import blank_png

from ..support import PATIENCE_SECONDS, media_files
from ..support.browser import CHROMIUM, FLAGS
from ..support.demo_page import DemoPage, DemoProcess
from ..support.fake_huggingface import FakeHuggingFace
from ..support.heif_files import RED, grid

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
if CHROMIUM is None:
    pytest.skip("chromium is not installed (apt-get install chromium)", allow_module_level=True)

DESKTOP, PHONE = {"width": 1280, "height": 820}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser):
    """Open pages, and fail the test if a script error occurs in one of them."""
    contexts, faults = [], []

    def open_(url, size=DESKTOP, **options):
        context = browser.new_context(viewport=size, **options)
        context.set_default_timeout(1_000 * PATIENCE_SECONDS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(url)
        page.locator("#chats button").first.wait_for(state="attached")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert faults == []


# --- the page alone -------------------------------------------------------------------------------


@pytest.fixture
def demo_page():
    with DemoPage() as demo_page:
        yield demo_page


def write(page, words):
    page.locator("#words").fill(words)
    page.keyboard.press("Enter")


def item(page, words):
    return page.locator(".item[data-id]", has_text=words).last


def test_entities_are_rendered_as_in_telegram(demo_page, open_page):
    page = open_page(demo_page.page_url)
    text = "Bold 🍚 code print() said it hidden site"
    marks = [
        ("bold", "Bold", {}),
        ("italic", "🍚", {}),
        ("pre", "print()", {"language": "python"}),
        ("blockquote", "said it", {}),
        ("spoiler", "hidden", {}),
        ("text_link", "site", {"url": "https://example.org/"}),
    ]
    entities = [
        {"type": kind, "offset": units(text, words), "length": units(words), **more}
        for kind, words, more in marks
    ]
    demo_page.bot("sendMessage", chat_id=YOU, text=text, entities=entities)

    said = item(page, "Bold")

    assert said.locator("strong").inner_text() == "Bold"
    assert said.locator("em").inner_text() == "🍚"
    assert said.locator(".block header").inner_text().split() == ["python", "Copy"]
    assert said.locator("pre").inner_text() == "print()"
    assert said.locator(".quote").inner_text() == "said it"
    assert said.locator("a").get_attribute("href") == "https://example.org/"
    assert not said.locator(".spoiler.seen").count()
    said.locator(".spoiler").click()
    assert said.locator(".spoiler.seen").inner_text() == "hidden"


def units(text, before=None):
    return len((text if before is None else text[: text.index(before)]).encode("utf-16-le")) // 2


def test_a_rich_message_is_rendered_from_its_markdown(demo_page, open_page):
    page = open_page(demo_page.page_url)
    table = "| Kind | With |\n|---|---|\n| **Basmati** | falafel |"
    markdown = f"## Rice\n\n{table}\n\n- rinse\n- wait $\\frac{{1}}{{3}}$ h"
    demo_page.bot("sendRichMessage", chat_id=YOU, rich_message={"markdown": markdown})

    said = item(page, "Basmati")

    assert said.locator("h4").inner_text() == "Rice"
    assert said.locator("tr").all_inner_texts() == ["Kind\tWith", "Basmati\tfalafel"]
    assert said.locator("li").all_inner_texts() == ["rinse", "wait 1⁄3 h"]


def test_model_output_is_never_interpreted_as_html(demo_page, open_page):
    page = open_page(demo_page.page_url)
    demo_page.bot("sendMessage", chat_id=YOU, text="<img src=x onerror=document.title=1> <b>no</b>")

    assert "<b>no</b>" in item(page, "onerror").inner_text()
    assert page.title() == "Ambrosio"


def test_a_draft_grows_and_is_replaced_by_the_answer(demo_page, open_page):
    page = open_page(demo_page.page_url)
    draft = page.locator(".growing")

    demo_page.bot("sendMessageDraft", chat_id=YOU, draft_id=7, text="Rinse the rice")
    draft.get_by_text("Rinse the rice").wait_for()
    demo_page.bot("sendMessageDraft", chat_id=YOU, draft_id=7, text="Rinse the rice and wait")
    draft.get_by_text("Rinse the rice and wait").wait_for()
    demo_page.bot("sendMessage", chat_id=YOU, text="Rinse the rice and wait.")

    item(page, "Rinse the rice and wait.").wait_for()
    assert draft.count() == 0
    assert page.locator(".item[data-id]").count() == 1


def test_a_stoppable_draft_has_a_stop_button(demo_page, open_page):
    page = open_page(demo_page.page_url)
    demo_page.bot("sendMessageDraft", chat_id=YOU, draft_id=7, text="One", can_stop=True)

    page.get_by_role("button", name="Stop").click()

    page.locator(".growing").wait_for(state="detached")
    stopped = [update["stopped_message_generation"] for update in demo_page.take_updates()]
    assert [event["draft_id"] for event in stopped] == [7]


def test_a_button_waits_for_its_answer_and_shows_it(demo_page, open_page):
    page = open_page(demo_page.page_url)
    rows = [[{"text": "Longer", "callback_data": "longer:1"}]]
    sent = demo_page.bot("sendMessage", chat_id=YOU, text="Basmati.", reply_markup=keys(rows))

    button = page.get_by_role("button", name="Longer")
    button.click()
    page.locator("[aria-busy=true]").wait_for()
    query = demo_page.take_updates()[0]["callback_query"]
    demo_page.bot("answerCallbackQuery", callback_query_id=query["id"], text="Gladly")

    page.locator(".toast", has_text="Gladly").wait_for()
    assert (query["data"], query["message"]["message_id"]) == ("longer:1", sent["message_id"])
    assert button.get_attribute("aria-busy") is None


def test_a_message_that_asks_for_a_reply_gets_one(demo_page, open_page):
    page = open_page(demo_page.page_url)
    prompt = demo_page.bot(
        "sendMessage", chat_id=YOU, text="What shall I find?", reply_markup={"force_reply": True}
    )
    page.locator("#about", has_text="What shall I find?").wait_for()
    write(page, "rice")
    item(page, "rice").wait_for()

    [update] = demo_page.take_updates()
    assert update["message"]["reply_to_message"]["message_id"] == prompt["message_id"]
    assert not page.locator("#about").is_visible()


def keys(rows):
    return {"inline_keyboard": rows}


def test_an_album_opens_in_the_viewer_and_the_arrow_keys_browse_it(demo_page, open_page):
    page = open_page(demo_page.page_url)
    media = [
        {
            "type": "photo",
            "media": f"attach://p{number}",
            **({"caption": "A fox"} if not number else {}),
        }
        for number in range(3)
    ]
    files = {f"p{number}": (f"{number}.png", blank_png(64, 64)) for number in range(3)}
    demo_page.bot("sendMediaGroup", files, chat_id=YOU, media=media)

    pictures = page.locator(".photos button")
    pictures.nth(2).wait_for()
    pictures.nth(0).click()
    viewer = page.locator("#viewer")
    viewer.get_by_text("1 of 3").wait_for()
    page.keyboard.press("ArrowRight")
    viewer.get_by_text("2 of 3").wait_for()
    page.keyboard.press("Escape")

    assert page.locator(".item[data-id]").count() == 1
    assert not viewer.is_visible()


def test_files_are_sent_as_an_album_or_as_documents(demo_page, open_page):
    page = open_page(demo_page.page_url)

    for file in ("one.png", "two.png"):
        attach(
            page, "Pictures", {"name": file, "mimeType": "image/png", "buffer": blank_png(40, 30)}
        )
    write(page, "Two rooms")
    item(page, "Two rooms").wait_for()
    attach(page, "Files", {"name": "list.txt", "mimeType": "text/plain", "buffer": b"rice"})
    page.locator("#send").click()
    item(page, "list.txt").wait_for()

    sent = [update["message"] for update in demo_page.take_updates()]
    assert [message.get("caption") for message in sent] == ["Two rooms", None, None]
    assert sent[0]["media_group_id"] == sent[1]["media_group_id"]
    assert sent[0]["photo"][-1]["width"] == 40
    assert sent[2]["document"]["file_name"] == "list.txt"
    assert page.locator(".photos").count() == 1


def test_a_picture_that_the_browser_cannot_draw_is_sent_as_a_file(demo_page, open_page):
    page = open_page(demo_page.page_url)
    heic = {"name": "IMG_1.HEIC", "mimeType": "image/heic", "buffer": grid(*[RED] * 4)}
    attach(page, "Pictures", heic)
    page.locator("#words").press("Enter")
    page.locator(".bubble", has_text="IMG_1.HEIC").wait_for()

    sent = demo_page.take_updates()[0]["message"]
    assert sent["document"]["file_name"] == "IMG_1.HEIC"


def attach(page, kind, file):
    page.locator("#attach").click()
    with page.expect_file_chooser() as choosing:
        page.get_by_role("menuitem", name=kind).click()
    choosing.value.set_files(file)
    page.locator("#tray figure").last.wait_for()


def test_a_recording_is_sent_as_a_voice_note(demo_page, open_page):
    page = open_page(demo_page.page_url)
    page.locator("#attach").click()
    with page.expect_file_chooser() as choosing:
        page.get_by_role("menuitem", name="voice note").click()
    choosing.value.set_files({"name": "a.wav", "mimeType": "audio/wav", "buffer": wav(2)})

    page.locator(".voice").wait_for()

    assert demo_page.take_updates()[0]["message"]["voice"]["duration"] == 2


def test_a_voice_note_can_be_recorded(demo_page, open_page):
    page = open_page(demo_page.page_url)

    page.get_by_role("button", name="Record a voice note").click()
    page.locator("#recording", has_text=re.compile("[1-9]$")).wait_for()
    page.get_by_role("button", name="Send").click()
    page.locator(".voice").wait_for()

    voice = demo_page.take_updates()[0]["message"]["voice"]
    assert voice["duration"] >= 1
    assert voice["file_size"] > 100


def test_an_answer_that_speaks_is_played(demo_page, open_page):
    page = open_page(demo_page.page_url)
    voice = {"voice": ("answer.ogg", media_files.sound(media_files.tone(1.0)), "audio/ogg")}
    demo_page.bot("sendVoice", voice, chat_id=YOU, duration=1, caption="Basmati.")
    said = item(page, "Basmati.")

    said.get_by_role("button", name="Play").click()

    said.get_by_role("button", name="Pause").wait_for()
    said.get_by_role("button", name="Play").wait_for()
    assert float(said.get_by_role("slider").input_value()) > 0


def wav(seconds):
    rate, sound = 8000, b"\x80" * 8000 * seconds
    head = b"WAVEfmt " + (16).to_bytes(4, "little") + b"\x01\0\x01\0"
    head += rate.to_bytes(4, "little") * 2 + b"\x01\0\x08\0data" + len(sound).to_bytes(4, "little")
    return b"RIFF" + (len(head) + len(sound)).to_bytes(4, "little") + head + sound


def test_the_message_menu_replies_and_edits(demo_page, open_page):
    page = open_page(demo_page.page_url)
    write(page, "Which rise?")
    demo_page.bot("sendMessage", chat_id=YOU, text="Do you mean rice?")

    choose(page, "Do you mean rice?", "Reply")
    write(page, "Yes")
    item(page, "Yes").locator(".replied", has_text="Do you mean rice?").wait_for()
    choose(page, "Which rise?", "Edit")
    write(page, "Which rice?")
    item(page, "Which rice?").get_by_text("edited").wait_for()

    _, reply, edited = demo_page.take_updates()
    assert reply["message"]["reply_to_message"]["text"] == "Do you mean rice?"
    assert edited["edited_message"]["text"] == "Which rice?"


def choose(page, words, option):
    item(page, words).locator(".bubble").click(button="right")
    page.get_by_role("menuitem", name=option).click()


def test_the_command_menu_shows_the_bots_commands(demo_page, open_page):
    page = open_page(demo_page.page_url)
    scope = {"type": "chat", "chat_id": YOU}
    commands = [{"command": "help", "description": "what I can do"}]
    demo_page.bot("setMyCommands", commands=commands, scope=scope)

    page.locator("#words").press_sequentially("/he")
    page.get_by_role("option", name="/help what I can do").wait_for()
    page.keyboard.press("Enter")

    item(page, "/help").wait_for()
    assert demo_page.take_updates()[0]["message"]["text"] == "/help"


def test_notifications_show_which_messages_ring(demo_page, open_page):
    page = open_page(demo_page.page_url)

    demo_page.bot("sendMessage", chat_id=YOU, text="A file follows", disable_notification=True)
    demo_page.bot("sendMessage", chat_id=GROUP, text="Dinner is ready")
    page.locator(".notice", has_text="Dinner is ready").wait_for()

    assert page.locator(".notice").count() == 1
    assert item(page, "A file follows").get_by_title("Sent silently").count() == 1
    assert page.locator("#chats .count").inner_text() == "1"


def test_each_topic_of_a_group_is_a_separate_chat(demo_page, open_page):
    page = open_page(demo_page.page_url)
    garden, holidays = TOPICS
    place = {"chat_id": FORUM, "message_thread_id": garden}
    demo_page.bot("sendMessage", chat_id=FORUM, message_thread_id=holidays, text="By train")
    page.locator("#chats button", has_text="By train").wait_for()

    page.locator("#chats button", has_text="Garden").click()
    write(page, "@ambrosio_bot when do beans go out?")
    demo_page.bot("sendChatAction", **place, action="typing")
    page.locator("#status", has_text="is typing").wait_for()
    demo_page.bot("sendMessage", **place, text="In May.")
    item(page, "In May.").wait_for()
    page.reload()
    item(page, "In May.").wait_for()

    assert page.locator(".item[data-id]").count() == 2
    message = demo_page.take_updates()[0]["message"]
    assert (message["chat"]["id"], message["message_thread_id"]) == (FORUM, garden)


def test_a_pairing_link_is_opened_as_the_chosen_user(demo_page, open_page):
    page = open_page(demo_page.page_url)
    demo_page.bot("sendMessage", chat_id=YOU, text="https://t.me/ambrosio_bot?start=s3cret")

    page.get_by_role("link", name="s3cret").click()
    page.locator("#sheet").get_by_role("button", name="Ben").click()

    item(page, "/start s3cret").wait_for()
    message = demo_page.take_updates()[0]["message"]
    assert (message["from"]["id"], message["text"]) == (FRIEND, "/start s3cret")


def test_the_call_log_shows_refused_calls(demo_page, open_page):
    page = open_page(demo_page.page_url)
    page.locator("#drawerbutton").click()
    demo_page.call("sendMessage", json={"chat_id": 1, "text": "a"})

    page.locator("#calls .bad", has_text="chat not found").wait_for()


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_nothing_overflows_horizontally(demo_page, open_page, size):
    page = open_page(demo_page.page_url, size, has_touch=size is PHONE)
    text = "x" * 300 + "\n" + "y = " + "1 + " * 80
    pre = {"type": "pre", "offset": 301, "length": len(text) - 301, "language": "python"}
    demo_page.bot("sendMessage", chat_id=YOU, text=text, entities=[pre])
    item(page, "xxx").wait_for()

    choose(page, "xxx", "Reply")
    wide = "[...document.querySelectorAll('.bubble, .box, .bar, #about button')]"
    wide += ".map(element => element.getBoundingClientRect())"
    inside = page.evaluate(f"{wide}.every(box => box.left >= 0 && box.right <= innerWidth)")

    assert inside
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_chat_scrolled_to_the_bottom_stays_there(demo_page, open_page):
    page = open_page(demo_page.page_url)
    for number in range(30):
        demo_page.bot("sendMessage", chat_id=YOU, text=f"Line {number}")
    item(page, "Line 29").wait_for()
    for number in range(3):
        demo_page.bot(
            "sendMessage", chat_id=YOU, text="\n".join(f"{number} {line}" for line in range(20))
        )
        picture = {"photo": ("chart.png", blank_png(600, 400), "image/png")}
        demo_page.bot("sendPhoto", picture, chat_id=YOU)

    page.locator(".photos").nth(2).wait_for()
    page.locator("#down").wait_for(state="hidden")
    page.locator("#scroll").hover()
    page.mouse.wheel(0, -600)
    page.locator("#down").wait_for()
    demo_page.bot("sendMessage", chat_id=YOU, text="And one more")

    page.locator("#down", has_text="1").wait_for()


# Collects every visible text whose contrast with its background is below 4.5.
CONTRASTS = """() => {
  const pen = Object.assign(document.createElement("canvas"), { width: 1, height: 1 })
    .getContext("2d", { willReadFrequently: true });
  const bytes = (colour) => {
    pen.clearRect(0, 0, 1, 1); pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const over = ([r, g, b, a], below) =>
    [r, g, b].map((value, i) => value * a / 255 + below[i] * (1 - a / 255));
  const light = (colour) => {
    const [r, g, b] = colour.map((value) => value / 255)
      .map((value) => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    if (!element) return [255, 255, 255];
    const style = getComputedStyle(element);
    return over(bytes(style.backgroundColor), behind(element.parentElement));
  };
  const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode, owner = text.parentElement;
    if (!text.data.trim() || owner.closest("script, style, svg, .face, .spoiler")) continue;
    if (!owner.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const below = behind(owner);
    const one = light(over(bytes(getComputedStyle(owner).color), below)), two = light(below);
    const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${owner.className} ${text.data.trim()}`);
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_enough_contrast(demo_page, open_page, scheme):
    page = open_page(demo_page.page_url, color_scheme=scheme, reduced_motion="reduce")
    write(page, "/usage what is this?")
    sent = item(page, "/usage")
    sent.wait_for()
    text = "print() said http://example.org"
    entities = [
        {"type": "pre", "offset": 0, "length": 7, "language": "python"},
        {"type": "blockquote", "offset": 8, "length": 4},
    ]
    rows = keys([[{"text": "Longer", "callback_data": "longer:1"}]])
    demo_page.bot("sendMessage", chat_id=YOU, text=text, entities=entities, reply_markup=rows)
    demo_page.bot("sendMessage", chat_id=GROUP, text="Dinner", disable_notification=True)
    demo_page.bot("sendMessageDraft", chat_id=YOU, draft_id=7, text="One", can_stop=True)
    page.get_by_role("button", name="Stop").wait_for()
    page.locator("#drawerbutton").click()
    demo_page.call("sendMessage", json={"chat_id": 1, "text": "a"})
    page.locator("#calls .bad").wait_for()
    page.locator("#commands").click()

    assert page.evaluate(CONTRASTS) == []
    page.locator("#chats button", has_text="Kitchen").click()
    write(page, "Hello")
    page.get_by_role("button", name="Ben", exact=True).click()
    item(page, "Hello").wait_for()
    assert page.evaluate(CONTRASTS) == []


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    """Fetch axe-core from the npm registry, and return its script."""
    folder = tmp_path_factory.mktemp("axe")
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    try:
        subprocess.run(
            [npm, "pack", "--silent", "axe-core@4.14.1"],
            cwd=folder,
            check=True,
            timeout=60,
            capture_output=True,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        pytest.skip("axe-core cannot be fetched from the npm registry")
    with tarfile.open(next(folder.glob("*.tgz"))) as package:
        script = package.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()


def find_faults(page, axe):
    """Return what axe-core finds serious or critical, with the first element of each."""
    # Through the debugger, because the page's policy runs only its own script.
    page.evaluate(axe)
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
    return [
        (fault["id"], fault["nodes"][0]["html"], fault["nodes"][0]["failureSummary"])
        for fault in found
        if fault["impact"] in {"serious", "critical"}
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_axe_finds_nothing_serious(demo_page, open_page, axe, scheme, size):
    page = open_page(demo_page.page_url, size, color_scheme=scheme, reduced_motion="reduce")
    page.locator(".welcome").wait_for()
    empty = find_faults(page, axe)
    write(page, "Which rice?")
    table = "| Kind | With |\n|---|---|\n| Basmati | falafel |\n\n```python\nprint()\n```"
    demo_page.bot("sendRichMessage", chat_id=YOU, rich_message={"markdown": table})
    rows = keys([[{"text": "Longer", "callback_data": "longer:1"}]])
    demo_page.bot("sendMessage", chat_id=YOU, text="Basmati.", reply_markup=rows)
    demo_page.bot("sendMessageDraft", chat_id=YOU, draft_id=7, text="One", can_stop=True)
    page.get_by_role("button", name="Pull the plug").wait_for()
    talking = find_faults(page, axe)
    page.locator("#drawerbutton").click()
    drawn = find_faults(page, axe)
    page.locator("#drawerclose").click()
    page.locator("#model").click()
    asking = find_faults(page, axe)

    assert (empty, talking, drawn, asking) == ([], [], [], [])


def test_messages_can_be_reached_by_keyboard(demo_page, open_page):
    page = open_page(demo_page.page_url)
    demo_page.bot("sendMessage", chat_id=YOU, text="First")
    demo_page.bot("sendMessage", chat_id=YOU, text="Second")
    item(page, "Second").wait_for()

    page.locator("#scroll").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.type("answer")
    page.keyboard.press("Enter")

    item(page, "answer").locator(".replied", has_text="First").wait_for()


# --- the whole demo -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Run `ambrosio demo` as a user would, with the stand-in."""
    folder = tmp_path_factory.mktemp("demo")
    with DemoProcess(folder) as running:
        yield running


# An answer of the stand-in grows for a second, in which this process may not come to look.
ON_GROWING = """([words, pressed]) => {
  window.grown = new Promise((resolve) => {
    const look = () => {
      const growing = [...document.querySelectorAll(".growing")];
      if (!growing.some((element) => element.innerText.includes(words))) return;
      observer.disconnect();
      if (pressed) document.querySelector(pressed).click();
      resolve();
    };
    const observer = new MutationObserver(look);
    const everything = { subtree: true, childList: true, characterData: true };
    observer.observe(document.body, everything);
  });
}"""


def ask_and_see_growing(page, question, words, *, press=""):
    """Ask, and wait until words grow, to press at once what a selector finds."""
    page.evaluate(ON_GROWING, [words, press])
    write(page, question)
    page.evaluate("window.grown")


def test_an_answer_streams_in(demo, open_page):
    page = open_page(demo.page_url)
    ask_and_see_growing(page, "Show me your formatting", "A little of everything")
    item(page, "Canned demo answer").wait_for()

    assert page.locator(".growing").count() == 0
    assert page.locator("#model").inner_text() == "Better model"
    assert page.locator("#status").inner_text() == "A stand-in answers, not a model"
    assert item(page, "A little").locator("pre", has_text="def water").count() == 1
    assert page.locator(".notice").count() == 0


def test_private_mode_leaves_out_the_stand_in_that_is_away(demo, open_page):
    page = open_page(demo.page_url)
    write(page, "/private on")
    item(page, "only llama will be asked").wait_for()
    write(page, "/private off")
    item(page, "no longer private").wait_for()


def test_vv_gets_one_line_and_longer_gets_more(demo, open_page):
    page = open_page(demo.page_url)
    write(page, "vv jasmin or basmati rice with falafel?")

    answer = item(page, "Basmati.")
    answer.wait_for()
    answer.get_by_role("button", name="Longer").click()

    page.locator(".item.in[data-id]", has_text="Rinse 150 g of basmati").wait_for()


def test_stop_keeps_the_text_so_far(demo, open_page):
    page = open_page(demo.page_url)
    write(page, "Tell me a long story")

    page.locator(".growing", has_text="Monday").wait_for()
    page.get_by_role("button", name="Stop", exact=True).click()

    item(page, "Stopped.").get_by_text("Monday").wait_for()


def test_images_arrive_as_an_album_with_buttons(demo, open_page):
    page = open_page(demo.page_url)
    write(page, "/imagine a quiet valley --n 2 --size 256x256")

    page.locator(".photos.n2 button").first.click()
    page.locator("#viewer").get_by_text("1 of 2").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Again").last.click()

    page.locator(".photos.n2").nth(1).wait_for()
    assert "a quiet valley" in page.locator(".item", has=page.locator(".photos")).last.inner_text()


def test_an_edited_question_is_answered_again_in_place(demo, open_page):
    page = open_page(demo.page_url)
    write(page, "vv tea or coffee?")
    answer = item(page, "Coffee.")
    answer.wait_for()
    number = answer.get_attribute("data-id")

    page.keyboard.press("ArrowUp")
    write(page, "vv tea or water?")

    page.locator(f".item[data-id='{number}']", has_text="Water.").get_by_text("edited").wait_for()


def test_a_stranger_gets_no_answer(demo, open_page):
    page = open_page(demo.page_url)
    page.locator("#chats button", has_text="Mallory").click()
    write(page, "Hello?")
    item(page, "Hello?").wait_for()

    page.locator("#chats button", has_text="Ambrosio").first.click()
    write(page, "vv black or white?")
    item(page, "White.").wait_for()
    page.locator("#chats button", has_text="Mallory").click()

    assert page.locator("#status").inner_text() == "the bot ignores strangers"
    assert page.locator(".item.out").count() == 1
    assert page.locator(".item.in").count() == 0


def test_voice_notes_photos_and_files_are_answered(demo, open_page):
    page = open_page(demo.page_url)
    write(page, "/new")
    item(page, "New conversation").wait_for()
    page.get_by_role("button", name="Record a voice note").click()
    page.locator("#recording", has_text=re.compile("[1-9]$")).wait_for()
    page.get_by_role("button", name="Send").click()

    heard = page.locator(".item.in[data-id]", has_text="Says the stand-in: why is the sky blue?")
    heard.wait_for()
    page.locator(".item.in[data-id]", has_text="orange and red").last.wait_for()
    for name in ("one.png", "two.png"):
        picture = {"name": name, "mimeType": "image/png", "buffer": blank_png(64, 48)}
        attach(page, "Pictures", picture)
    write(page, "What is this?")
    page.locator(".photos.n2").last.wait_for()
    item(page, "this stand-in cannot see it").wait_for()
    write(page, "Why is the sky blue?")
    page.locator(".item.in[data-id]", has_text="orange and red").nth(1).wait_for()
    attach(page, "Files", {"name": "list.txt", "mimeType": "text/plain", "buffer": b"rice"})
    page.locator("#send").click()
    page.locator(".doc", has_text="list.txt").wait_for()
    item(page, "this stand-in cannot read it").wait_for()

    assert page.locator(".item.out[data-id] .voice").count() == 1
    assert page.locator(".item.in[data-id]", has_text="cannot see it").count() == 1


def test_a_reload_keeps_the_chat(demo, open_page):
    page = open_page(demo.page_url)
    write(page, "vv salt or sugar?")
    item(page, "Sugar.").wait_for()
    before = page.locator(".item[data-id]").count()

    page.reload()

    item(page, "Sugar.").wait_for()
    assert page.locator(".item[data-id]").count() == before


def test_pulling_the_plug_in_mid_answer_loses_nothing(demo, open_page):
    page = open_page(demo.page_url)
    demo.wait_online()
    killed = demo.bot_pid
    ask_and_see_growing(page, "Why is the sky blue?", "Sunlight", press=".growing .plug")

    line = page.locator(".service")
    line.get_by_text("You pulled the plug in mid-answer").wait_for()
    page.locator(".item.in[data-id]", has_text="orange and red").last.wait_for()
    line.get_by_text("It was back after").wait_for()
    assert line.count() == 1
    assert demo.bot_pid != killed


@pytest.fixture
def hub(tmp_path):
    """Run a Hugging Face with a model for the real llama.cpp, and return its address."""
    pytest.importorskip("xllamacpp", reason="llama.cpp is not installed")
    gguf_model = pytest.importorskip("tests.support.gguf_model", reason="gguf is not installed")
    content = gguf_model.make(tmp_path / "made.gguf").read_bytes()
    repo = MODELS[-1].reference.partition(":")[0]
    hub = FakeHuggingFace({repo: {"Qwen3.5-4B-Q4_K_M.gguf": content}})
    ready: queue.Queue[str] = queue.Queue()
    loop, down = asyncio.new_event_loop(), asyncio.Event()

    async def serve():
        async with hub.serving() as url:
            ready.put(url)
            await down.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    yield ready.get(timeout=PATIENCE_SECONDS), gguf_model.REPLY
    loop.call_soon_threadsafe(down.set)
    thread.join(PATIENCE_SECONDS)
    loop.close()


def test_a_better_model_is_a_button_away_and_the_chat_is_kept(hub, open_page, tmp_path):
    url, reply = hub
    (tmp_path / "data").mkdir()
    with DemoProcess(tmp_path / "data", HF_ENDPOINT=url) as running:
        page = open_page(running.page_url)
        write(page, "vv tea or coffee?")
        item(page, "Coffee.").wait_for()

        page.get_by_role("button", name="Better model").click()
        page.get_by_role("button", name="best for this machine").click()
        page.locator("#modelsaid", has_text="Qwen3.5 4B is here").wait_for()
        page.get_by_role("button", name="Close").last.click()
        page.locator("#status", has_text="online").wait_for()
        write(page, "Tell me about rice")

        item(page, reply[:20]).wait_for()
        assert item(page, "Coffee.").count() == 1
        assert page.locator("#model").inner_text() == "Qwen3.5-4B-GGUF:Q4_K_M"


def test_a_stopped_bot_is_reported_and_can_be_restarted(demo, open_page):
    page = open_page(demo.page_url)
    demo.wait_online()
    os.kill(demo.bot_pid, signal.SIGKILL)

    page.get_by_role("button", name="Restart the bot").click()
    write(page, "vv day or night?")

    item(page, "Night.").wait_for()
    assert not page.locator("#banner").is_visible()
