"""A file that cannot be used, and whether the bot goes on after it."""

from typing import Any

from ambrosio.emulators.model_server.server import Says


async def refusal_of(anna: Any, model: Any, content: bytes, name: str) -> str:
    """Send a file and return the one line about it, once the next message is answered."""
    model.script(Says("Hello."))
    await anna.send_document(content, name, caption="what is this?")
    line = await anna.wait_answer()
    await anna.say("hello")
    await anna.wait_text("Hello.")

    assert "\n" not in line.text
    assert [request.question for request in model.requests if request.question] == ["hello"]
    return str(line.text)
