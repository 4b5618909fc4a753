"""What is private stays home, whatever else happens."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
import telegram
from hypothesis import given, settings
from hypothesis import strategies as st

from ambrosio.app import open_providers
from ambrosio.assistant.answer import Answer
from ambrosio.assistant.answers import Assistant
from ambrosio.assistant.images import ImageAssistant
from ambrosio.assistant.progress import Progress
from ambrosio.assistant.speech import SpeechAssistant
from ambrosio.assistant.transcripts import TranscriptAssistant
from ambrosio.bot import callback_data
from ambrosio.bot.answer_view import AnswerStyle, render_answer, render_comparison
from ambrosio.bot.turns import build_turn
from ambrosio.bot.updates import UserQuestion, parse_update
from ambrosio.bot.voice_handler import TranscriptKeeper, local_turn
from ambrosio.commands.context import BotContext, CommandCall
from ambrosio.commands.registry import BUTTONS, BY_NAME
from ambrosio.commands.tool_effects import carry_out
from ambrosio.config.settings import load
from ambrosio.core.addresses import is_local, is_public
from ambrosio.core.context_window import Context, PastTurn
from ambrosio.core.errors import InvalidSettings, NoProvider
from ambrosio.core.messages import Chat, Delete, Delta, Message, PicturePart, Turn
from ambrosio.core.provider_errors import (
    AllProvidersFailed,
    InvalidKey,
    LocalOnlyFailed,
    OutOfCredit,
    Overloaded,
    ProviderError,
    ServerError,
    TimedOut,
    Unreachable,
)
from ambrosio.core.sound import Recording
from ambrosio.emulators.model_server.server import ErrorStatus, FakeModelServer, Says, StallsBefore
from ambrosio.router import CompletionRequest, ImageRouter, Router, SpeechRouter, TranscriptRouter
from ambrosio.router.budget import Budget
from ambrosio.router.policy import Candidate, allowed_providers
from ambrosio.store import Lane, NewUpdate, RecordingKey, Store

from ..support.echo import Decoder, Echo, EchoSound
from ..support.running_bot import OWNER, running_bot

PLACE = Chat(OWNER)
SECRET = "secret"
CLOUD = "openai/gpt-oss-120b"
SDXL = "stabilityai/stable-diffusion-xl-base-1.0"
HOME, AWAY = Candidate("home", paid=False, local=True), Candidate("away", paid=True)


@pytest.mark.parametrize(
    ("private", "spent", "ceiling", "names"),
    [
        (False, 0, None, ("away", "home")),
        (True, 0, None, ("home",)),
        (True, 9, 5, ("home",)),
        (False, 9, 5, ("home",)),
        (False, 0, 0, ("home",)),
    ],
)
def test_privacy_and_money_decide_who_may_be_asked(private, spent, ceiling, names):
    left = None if ceiling is None else Decimal(ceiling - spent)

    assert allowed_providers([AWAY, HOME], local_only=private, left=left) == names
    assert allowed_providers([AWAY], local_only=True, left=None) == ()


@pytest.mark.parametrize(
    ("url", "local", "public"),
    [
        ("http://127.0.0.1:9931/v1", True, False),
        ("http://[::1]:8080/v1", True, False),
        ("http://localhost:8080/v1", True, False),
        ("http://192.168.1.7/v1", True, False),
        ("http://[fd00::7]/v1", True, False),
        ("unix:///run/llama.sock", True, False),
        ("http://[::ffff:8.8.8.8]/v1", False, True),
        ("http://8.8.8.8/v1", False, True),
        ("http://134744072/v1", False, True),
        ("http://0x7f.1/v1", False, False),
        ("http://203.0.113.7/v1", False, True),
        ("http://nas.lan/v1", False, False),
        ("http://127.0.0.1.example.com/v1", False, False),
        ("https://127.0.0.1@example.com/v1", False, False),
    ],
)
def test_an_address_tells_whether_it_is_at_home(url, local, public):
    assert is_local(url) is local
    assert is_public(url) is public


@pytest.mark.parametrize("address", ["8.8.8.8", "[2606:4700::1111]", "134744072"])
def test_a_public_address_cannot_be_called_local(tmp_path, address):
    row = f'[providers.far]\nbase_url = "http://{address}/v1"\nlocal = true\n'
    (tmp_path / "ambrosio.toml").write_text(row)

    with pytest.raises(InvalidSettings, match="public address"):
        load(tmp_path)


def test_the_owner_may_call_a_name_local(tmp_path):
    (tmp_path / "ambrosio.toml").write_text(
        '[providers.nas]\nbase_url = "http://nas.lan/v1"\nlocal = true\n'
        '[providers.far]\nbase_url = "http://far.example/v1"\n'
    )

    rows = load(tmp_path).providers

    assert rows["nas"].is_local
    assert not rows["far"].is_local


# --- the property ---------------------------------------------------------------------------------


@dataclass
class Shown:
    """A message in the chat, with the buttons under it."""

    text: str
    mine: bool
    buttons: tuple[str, ...] = ()

    @property
    def secret(self) -> bool:
        return SECRET in self.text


class Phone:
    """A chat with the assistant, without Telegram: what is said, quoted, edited and pressed.

    The person writes the word "secret" into everything that is private, and the models repeat what
    they are told: so wherever the word turns up, something private has gone.
    """

    def __init__(self, assistant: Assistant, providers: Mapping[str, Any], *, private: bool):
        self.assistant, self.store, self.private = assistant, assistant.store, private
        budget = assistant.router.budget
        sounds: dict[str, Any] = {}
        for name, provider in providers.items():
            sounds[name] = EchoSound(provider)
        rest: Any = {"now": lambda: 0.0, "budget": budget, "sleep": no_sleep}
        transcripts = TranscriptRouter(sounds, tuple(sounds), **rest)
        decoder: Any = Decoder()
        self.ears = TranscriptAssistant(transcripts, decoder)
        speech: Any = SpeechRouter(sounds, tuple(sounds), **rest)
        self.voice = SpeechAssistant(self.store, speech, decoder)
        gallery = ImageRouter({}, (), now=lambda: 0.0)
        studio = ImageAssistant(
            self.store, assistant.router, gallery, now=lambda: 0.0, dice=lambda _: 0
        )
        self.desk = BotContext(
            store=self.store,
            assistant=assistant,
            image_assistant=studio,
            providers=providers,
            transcripts=transcripts,
            speech=speech,
            media=decoder,
            owners=lambda: frozenset({OWNER}),
            now=lambda: 0.0,
        )
        self.messages: list[Shown] = []

    def words(self, *, secret: bool) -> str:
        return f"{SECRET if secret else 'open'} {len(self.messages)}"

    def write(self, text: str) -> int:
        self.messages.append(Shown(text, mine=True))
        return len(self.messages)

    def picked(self, number: int, *, mine: bool | None = None) -> int | None:
        found = [n for n, it in enumerate(self.messages, 1) if mine in {None, it.mine}]
        return found[number % len(found)] if found else None

    async def say(
        self, number: int, *, reply: bool = False, part: bool = False, look: bool = False
    ) -> None:
        old = self.picked(number) if reply else None
        quoted = self.messages[old - 1] if old else None
        text = self.words(secret=self.private or bool(quoted and quoted.secret))
        quote = f"> {quoted.text}" if quoted else ""
        said = UserQuestion(OWNER, text, reply_to_id=old, quote=quote, is_partial_quote=part)
        await self.ask(self.write(text), said, look=look)

    async def speak(self, number: int, *, reply: bool = False) -> None:
        """Say something in a voice note, which is as secret as what would be written."""
        old = self.picked(number) if reply else None
        quoted = self.messages[old - 1] if old else None
        text = self.words(secret=self.private or bool(quoted and quoted.secret))
        quote = f"> {quoted.text}" if quoted else ""
        said = UserQuestion(OWNER, "", reply_to_id=old, quote=quote)
        message = self.write(text)
        local_only = local_turn(self.assistant, PLACE, message, said).local_only
        key = RecordingKey(PLACE, message, OWNER, str(message))
        try:
            heard = await self.ears.transcribe(
                Recording(text.encode(), "recording.ogg", 1.0),
                TranscriptKeeper(self.store, key, Progress()),
                user_id=OWNER,
                local_only=local_only,
            )
        except (NoProvider, AllProvidersFailed):
            return
        await self.ask(message, replace(said, text=heard.text))

    async def edit(self, number: int) -> None:
        if (old := self.picked(number, mine=True)) is None:
            return
        line = self.messages[old - 1]
        line.text = self.words(secret=self.private or line.secret)
        await self.ask(old, UserQuestion(OWNER, line.text, edited=True))

    async def ask(self, message: int, said: UserQuestion, *, look: bool = False) -> None:
        turn, shown = build_turn(self.assistant, PLACE, message, said)
        if look:
            # A picture and a file are as secret as their caption. A hash is written down by who
            # is shown it.
            picture = PicturePart(f"{said.text} shown", 640, 480)
            turn = replace(turn, pictures=(picture,), preface=f"a file: {said.text}")
        await self.turn(turn, shown)

    async def command(self, name: str, args: str) -> None:
        message = self.write(args)
        reply = await BY_NAME[name].run(self.desk, CommandCall(PLACE, OWNER, message, args))
        if reply.turn:
            await self.turn(reply.turn, compares=reply.compare)

    async def switch(self, number: int) -> None:
        self.private = bool(number % 2)
        await self.command("private", "on" if self.private else "off")

    async def press(self, number: int) -> None:
        pressable = [n for n, it in enumerate(self.messages, 1) if it.buttons]
        if not pressable:
            return
        message = pressable[number % len(pressable)]
        buttons = self.messages[message - 1].buttons
        word, _, args = buttons[number % len(buttons)].partition(":")
        if word == "private":
            self.private = args == "on"
        reply = await BUTTONS[word](self.desk, CommandCall(PLACE, OWNER, message, args))
        if reply.reads_turn_id is not None:
            await self.read_aloud(reply.reads_turn_id)
        if reply.turn:
            await self.turn(reply.turn)

    async def read_aloud(self, turn_id: int) -> None:
        stored = self.store.conversations.turn(turn_id)
        assert stored
        local_only = self.assistant.is_local_only(PLACE)
        with suppress(NoProvider, AllProvidersFailed):
            await self.voice.read_aloud(stored, local_only=local_only)

    async def turn(self, turn: Turn, shown=(), *, compares: bool = False) -> None:
        if compares:
            await self.assistant.compare(turn, Progress(), self.arrived)
        else:
            answer = await self.assistant.answer(turn, Progress())
            style = AnswerStyle(speaks=True)
            confirm = partial(carry_out, self.desk, answer.turn, answer.effects)
            rendered = render_answer(answer, style=style, shown=shown)
            self.assistant.save(answer, rendered, confirm=confirm)
        while found := self.store.outbox.next_message(PLACE):
            number, outgoing, _ = found
            if isinstance(outgoing, Delete):
                self.messages[outgoing.message_id - 1] = Shown("", mine=False)
                self.store.record_sent(number, outgoing)
                continue
            if outgoing.edit_message_id is None:
                self.messages.append(Shown("", mine=False))
            there = outgoing.edit_message_id or len(self.messages)
            line = self.messages[there - 1]
            line.text = outgoing.content.text
            line.buttons = tuple(
                callback_data.encode(button, outgoing.turn_id) for button in outgoing.buttons
            )
            self.store.record_sent(number, outgoing, [there])

    async def arrived(self, answer: Answer) -> None:
        self.assistant.save(answer, render_comparison(answer, None))

    async def choose(self, number: int) -> None:
        names = ("", "one", "two", "three", "three/other")
        state = self.store.chats.state(PLACE)
        self.store.chats.set_state(PLACE, replace(state, model=names[number % len(names)]))

    async def forget(self, _: int) -> None:
        with self.store.database.transaction() as db:
            db.execute("DELETE FROM turns")
            db.execute("DELETE FROM answer_messages")
        self.store.chats.set_state(
            PLACE, replace(self.store.chats.state(PLACE), latest_turn_id=None)
        )

    async def do(self, deed: str, number: int) -> None:
        deeds: dict[str, Callable[[int], Awaitable[None]]] = {
            "say": self.say,
            "reply": partial(self.say, reply=True, part=bool(number % 2)),
            "show": partial(self.say, look=True),
            "speak": self.speak,
            "reply with a voice note": partial(self.speak, reply=True),
            "reply with a picture": partial(self.say, reply=True, look=True),
            "edit": self.edit,
            "switch": self.switch,
            "press": self.press,
            "choose": self.choose,
            "forget": self.forget,
        }
        secret, here = self.words(secret=True), self.words(secret=self.private)
        commands = {
            "once": ("private", secret),
            "once, in short": ("private", f"vv {secret}"),
            "compare": ("compare", here),
        }
        if deed in deeds:
            await deeds[deed](number)
        else:
            await self.command(*commands.get(deed, (deed, "")))


DEEDS = [
    *("say", "say", "say", "reply", "reply", "edit", "switch", "switch", "once", "once, in short"),
    *("compare", "press", "press", "retry", "new", "vv", "choose", "forget"),
    *("show", "show", "reply with a picture", "speak", "speak", "reply with a voice note"),
]
FAILURES = st.sampled_from(
    [
        Unreachable,
        TimedOut,
        ServerError,
        InvalidKey,
        OutOfCredit,
        lambda name: Overloaded(name, retry_after_seconds=3600),
        lambda name: ("half of it", ServerError(name)),
        None,
    ]
)
NAMES = ("one", "two", "three")


@st.composite
def houses(draw):
    """Providers here and there, in any order, in any health."""
    providers = {}
    for name in NAMES:
        made = draw(st.lists(FAILURES, max_size=4))
        provider = Echo(
            name,
            local=draw(st.booleans()),
            paid=draw(st.booleans()),
            vision=draw(st.booleans()),
        )
        script = [make(name) if make else None for make in made]
        provider.script = [each for each in script if each]
        providers[name] = provider
    route, fast = draw(st.permutations(NAMES)), draw(st.permutations(NAMES))
    ceiling = draw(st.sampled_from([None, Decimal(0), Decimal(3)]))
    return providers, tuple(route), tuple(fast[: draw(st.integers(0, 3))]), ceiling


async def no_sleep(_: float) -> None:
    await asyncio.sleep(0)


async def live(house, deeds, *, private):
    providers, route, fast, ceiling = house
    clock = iter(range(0, 10_000_000, 7))
    with Store(":memory:", now=lambda: 0.0) as store:
        router = Router(
            providers,
            route,
            fast_route=fast,
            budget=Budget(now=lambda: 0.0, ledger=store.ledger, ceiling=ceiling),
            now=lambda: next(clock),
            sleep=no_sleep,
        )
        phone = Phone(
            Assistant(store, router, "Be kind.", private=private), providers, private=private
        )
        for deed, number in deeds:
            await phone.do(deed, number)
    return phone


@settings(max_examples=300)
@given(
    house=houses(),
    deeds=st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 50)), min_size=3, max_size=30),
    private=st.booleans(),
)
def test_nothing_private_ever_reaches_a_remote_provider(house, deeds, private):
    asyncio.run(live(house, deeds, private=private))

    for provider in house[0].values():
        assert provider.local or not any(SECRET in seen for seen in provider.seen)


def seen(providers):
    return "\n".join(words for provider in providers.values() for words in provider.seen)


@pytest.mark.parametrize(
    "deeds",
    [
        pytest.param([("once", 0), ("forget", 0), ("reply", 0)], id="a forgotten question"),
        pytest.param([("once", 0), ("forget", 0), ("reply", 1)], id="a forgotten answer"),
        pytest.param([("once", 0), ("say", 0), ("reply", 0)], id="an older question"),
        pytest.param([("once", 0), ("say", 0), ("reply", 1)], id="a piece of an older answer"),
        pytest.param([("once", 0), ("edit", 0), ("say", 0)], id="an edited question"),
        pytest.param([("once", 0), ("forget", 0), ("edit", 0)], id="an edit of a forgotten one"),
        pytest.param([("switch", 1), ("say", 0), ("switch", 0), ("say", 0)], id="private mode"),
        pytest.param(
            [("switch", 1), ("compare", 0), ("switch", 0), ("press", 0), ("say", 0)], id="go on"
        ),
        pytest.param([("once, in short", 0), ("press", 0), ("say", 0)], id="longer"),
        pytest.param(
            [("switch", 1), ("show", 0), ("switch", 0), ("reply", 0), ("say", 0)], id="a picture"
        ),
        pytest.param(
            [("switch", 1), ("speak", 0), ("switch", 0), ("reply", 0), ("say", 0)],
            id="a voice note",
        ),
        pytest.param([("once", 0), ("reply with a voice note", 0)], id="a spoken reply"),
        pytest.param([("once", 0), ("press", 0), ("say", 0)], id="read aloud"),
        pytest.param([("once", 0), ("reply", 1), ("say", 0)], id="the words after"),
    ],
)
@pytest.mark.parametrize("broken", [False, True])
async def test_words_once_private_stay_so(deeds, broken):
    home, away = Echo("one", local=True, vision=True), Echo("two", vision=True)
    home.script = [ServerError("one")] * 20 if broken else []

    await live(({"two": away, "one": home}, ("two", "one"), (), None), deeds, private=False)

    assert SECRET in seen({"one": home})
    assert SECRET not in seen({"two": away})
    assert away.seen or ("say", 0) not in deeds[-1:]


async def test_a_private_past_is_enough_to_stay_at_home():
    away = Echo("two")
    router = Router({"two": away}, ("two",), now=lambda: 0.0, sleep=no_sleep)
    past = PastTurn(1, "what is this rash?", "eczema", local_only=True)

    with pytest.raises(LocalOnlyFailed):
        async for _ in router.stream(CompletionRequest("Be kind.", (past,), "and now?")):
            pass

    assert away.seen == []


async def test_a_chat_that_its_owner_has_opened_goes_on_afresh():
    away, home = Echo("two"), Echo("one", local=True)
    router = Router({"two": away, "one": home}, ("two", "one"), now=lambda: 0.0, sleep=no_sleep)
    with Store(":memory:", now=lambda: 0.0) as store:
        before = Phone(Assistant(store, router, "", private=True), {}, private=True)
        await before.say(0)
        after = Phone(Assistant(store, router, "", private=False), {}, private=False)
        after.messages = before.messages
        await after.say(0)
        await after.say(0)

    assert len(home.seen) == 1
    assert "two heard" in away.seen[1]


async def test_what_is_shown_while_a_private_answer_grows_is_private(clock):
    with Store(":memory:", now=clock) as store:
        store.inbox.receive(7, 2, [NewUpdate(1, PLACE, 5, "{}")])
        row = store.inbox.claim(Lane(PLACE))
        assert row
        store.record_draft(row, 6)
        store.conversations.mark_local_only(PLACE, 5)
        store.record_draft(row, 7)

        assert [store.conversations.is_local_only(PLACE, each) for each in (6, 7)] == [False, True]


@pytest.mark.parametrize("text", ["/imagine", "and now?"])
def test_what_is_quoted_from_another_chat_is_left_there(text):
    chat, person = {"id": 42, "type": "private"}, {"id": 42, "is_bot": False, "first_name": "Anna"}
    elsewhere = {"origin": {"type": "user", "sender_user": person, "date": 0}, "message_id": 7}
    message = {
        "message_id": 5,
        "date": 0,
        "chat": chat,
        "from": person,
        "text": text,
        "external_reply": elsewhere,
        "quote": {"text": SECRET, "position": 0},
    }

    said = parse_update({"update_id": 1, "message": message}, telegram.Bot("1:a"), "ambrosio_bot")

    assert SECRET not in str(said)


# --- through everything ---------------------------------------------------------------------------


class TestInTheChat:
    @pytest.fixture
    async def cloud(self):
        return FakeModelServer(model="openai/gpt-oss-120b", server_kind="together")

    @pytest.fixture
    async def house(self, api, telegram_url, tmp_path, model_url, cloud):
        """Run with a provider at home and one that only its row calls remote."""
        async with cloud.serving() as url:
            (tmp_path / "ambrosio.toml").write_text(
                f'[providers.together]\nbase_url = "{url}"\nlocal = false\n'
                'model = "openai/gpt-oss-120b"\nserver_kind = "together"\n'
            )
            async with running_bot(
                api,
                telegram_url,
                tmp_path,
                llama_base_url=model_url,
                ambrosio_route=("together", "llama"),
            ) as life:
                yield life
        assert api.violations == []

    async def test_a_private_chat_never_fails_over_to_a_remote_provider(
        self, anna, model, cloud, house
    ):
        await anna.say("/private on")
        told = await anna.wait_answer()
        model.script(ErrorStatus(500), ErrorStatus(500))
        await anna.say("what is this rash?")
        line = await anna.wait_text("only local models were asked")
        model.script(Says("Eczema."))
        await anna.press("Retry")
        await anna.wait_text("Eczema.")

        assert "only llama" in told.text
        assert line.buttons == ("Retry", "Choose a model", "Leave private mode")
        assert cloud.requests == []

    async def test_leaving_private_mode_begins_anew_and_says_why(self, anna, cloud, house):
        await anna.say("/private on")
        await anna.wait_answer()
        await anna.say("what is this rash?")
        await anna.wait_answer()
        await anna.say("/private off")
        told = await anna.wait_answer()
        await anna.say("rice?")
        await anna.wait_answer()

        assert "new conversation" in told.text
        assert [request.messages[1:] for request in cloud.requests] == [(("user", "rice?"),)]

    async def test_one_private_message_stands_beside_the_conversation(
        self, anna, model, cloud, house
    ):
        model.script(Says("Eczema."), Says("Wash it."))
        await anna.say("hello")
        await anna.wait_answer()
        await anna.say("/private what is this rash?")
        answer = await anna.wait_text("Eczema.")
        await anna.say("rice?")
        await anna.wait_answer()
        await anna.say("and now?", reply_to=answer.message_id)
        await anna.wait_text("Wash it.")

        assert model.requests[0].messages[1][1] == "hello"
        assert ("assistant", "Eczema.") in model.requests[1].messages
        assert all("rash" not in str(asked.messages) for asked in cloud.requests)
        assert len(cloud.requests) == 2

    async def test_an_edited_private_question_is_answered_in_place(self, anna, model, cloud, house):
        model.script(Says("Eczema."), Says("Hives."))
        number = await anna.say("/private what is this rash?")
        answer = await anna.wait_text("Eczema.")
        await anna.edit(number, "/private what is this itching rash?")
        await house.settled()
        await anna.edit(number, "/private  what is this itching rash?")
        await house.settled()

        [line] = anna.answers
        assert line.message_id == answer.message_id
        assert line.text.startswith("Hives.")
        assert len(model.requests) == 2
        assert cloud.requests == []

    async def test_an_edit_that_makes_a_question_private_asks_nobody_else(
        self, anna, model, cloud, house
    ):
        cloud.script(Says("A rash."))
        model.script(Says("Eczema."))
        number = await anna.say("what is this rash?")
        await anna.wait_text("A rash.")
        await anna.edit(number, "/private what is this rash on my foot?")
        await anna.wait_text("Eczema.")
        await house.settled()

        assert len(cloud.requests) == 1

    @pytest.mark.parametrize("edited", ["/compare is this a rash?", "is this a rash?"])
    async def test_an_edit_does_not_let_a_private_question_out(
        self, anna, model, cloud, house, edited
    ):
        number = await anna.say("/private what is this rash?")
        await anna.wait_answer()
        await anna.edit(number, edited)
        await house.settled()

        assert len(model.requests) == 2
        assert cloud.requests == []

    async def test_a_private_find_is_not_quoted_to_anybody_else(self, anna, model, cloud, house):
        await anna.say("/private what is this rash?")
        await anna.wait_answer()
        await anna.say("/search rash")
        found = await anna.wait_answer()
        await anna.say("and now?", reply_to=found.message_id)
        await house.settled()

        assert "rash" in str(model.requests[-1].messages)
        assert cloud.requests == []

    @pytest.mark.parametrize("deed", ["quote", "quote the answer", "edit"])
    async def test_a_command_that_was_given_in_private_stays_so(
        self, anna, model, cloud, house, deed
    ):
        await anna.say("/private on")
        await anna.wait_answer()
        command = await anna.say("/imagine this rash --n 9")
        told = await anna.wait_text("this rash")
        await anna.say("/private off")
        await anna.wait_answer()
        if deed == "edit":
            await anna.edit(command, "what is this rash?")
        else:
            await anna.say("and?", reply_to=command if deed == "quote" else told.message_id)
        await house.settled()

        assert "rash" in str(model.requests[-1].messages)
        assert cloud.requests == []

    async def test_nothing_behind_private_vv_asks_nobody(self, anna, model, house):
        await anna.say("/private vv")

        assert (await anna.wait_answer()).text.startswith("There is no question after")
        assert model.requests == []

    async def test_the_promise_says_what_it_does_not_cover(self, anna, house):
        await anna.say("/private")
        told = await anna.wait_answer()
        await anna.press("Turn on")
        await anna.wait_text("private now")

        assert "Telegram itself carries and sees every message" in told.text

    async def test_where_tells_who_was_asked(self, anna, cloud, house):
        cloud.script(ErrorStatus(500))
        await anna.say("hello")
        await anna.wait_answer()
        await anna.say("/private what is this rash?")
        await anna.wait_answer()
        await anna.say("/where")

        told = (await anna.wait_answer()).text

        assert "together" in told
        assert "llama · local: 2 messages" in told

    async def test_where_tells_of_a_question_that_nobody_has_lived_to_answer(
        self, anna, cloud, house
    ):
        cloud.script(StallsBefore())
        question = await anna.say("hello")
        await cloud.wait_for(lambda: cloud.served)
        [visit] = house.store.chats.visits(Chat(42))
        assert visit.provider == "together"
        await anna.edit(question, "hello again")
        await anna.wait_answer()
        await anna.say("/where")

        assert "together: 2 messages" in (await anna.wait_answer()).text


@contextlib.asynccontextmanager
async def listening(answer=b""):
    """Listen on loopback for whoever comes, and answer all alike."""
    heard = []

    async def serve(reader, writer):
        heard.append(await reader.read(65536))
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}", heard


async def words_of(folder, **given):
    async with open_providers(load(folder, **given)) as providers:
        context = Context((Message("user", "rash?"),), 3, None, 0)
        return [part async for part in providers["llama"].stream(context)]


async def test_a_proxy_of_the_environment_never_sees_what_stays_home(
    tmp_path, model, model_url, monkeypatch
):
    async with listening() as (proxy, heard):
        for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy)

        assert await words_of(tmp_path, llama_base_url=model_url)

    assert heard == []
    assert len(model.requests) == 1


@contextlib.asynccontextmanager
async def socket_of(url, path):
    """Let a server on loopback be reached by a Unix socket as well."""

    async def relay(reader, writer):
        while piece := await reader.read(65536):
            writer.write(piece)
        writer.close()

    async def serve(reader, writer):
        there = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        await asyncio.gather(relay(reader, there[1]), relay(there[0], writer))

    async with await asyncio.start_unix_server(serve, path):
        yield f"unix:{path}"


async def test_a_server_on_a_unix_socket_is_at_home_and_answers(tmp_path, model, model_url):
    model.window = 5000
    model.script(Says("Eczema."))
    async with socket_of(model_url, tmp_path / "llama.sock") as address:
        row = f'[providers.llama]\nbase_url = "{address}"\nserver_kind = "llama"\n'
        (tmp_path / "ambrosio.toml").write_text(row)
        async with open_providers(load(tmp_path)) as providers:
            await providers["llama"].health()
            manner = await providers["llama"].profile()
        parts = await words_of(tmp_path, llama_base_url=address)

    assert providers["llama"].local
    assert manner.window == 5000
    assert any(isinstance(part, Delta) and part.text == "Eczema." for part in parts)


@pytest.mark.parametrize("address", ["unix:", "unix:llama.sock", "unix:/run/a b", "unix:/run/a?b"])
def test_what_is_no_path_is_no_socket(tmp_path, address):
    with pytest.raises(InvalidSettings):
        load(tmp_path, llama_base_url=address)


async def test_a_local_server_cannot_send_a_question_elsewhere(tmp_path):
    async with listening() as (elsewhere, heard):
        moved = f"HTTP/1.1 307 Moved\r\nLocation: {elsewhere}/v1/chat/completions\r\n"
        answer = f"{moved}Content-Length: 0\r\n\r\n".encode()
        async with listening(answer) as (url, asked):
            with pytest.raises(ProviderError):
                await words_of(tmp_path, llama_base_url=f"{url}/v1")

    assert len(asked) == 1
    assert heard == []


async def test_a_wish_in_private_is_not_painted_elsewhere(api, telegram_url, tmp_path, anna):
    cloud = FakeModelServer(model="openai/gpt-oss-120b", server_kind="together")
    async with cloud.serving() as url:
        (tmp_path / "ambrosio.toml").write_text(
            f'[providers.together]\nbase_url = "{url}"\nlocal = false\n'
            f'server_kind = "together"\n'
            'model = "openai/gpt-oss-120b"\n'
            'image_model = "stabilityai/stable-diffusion-xl-base-1.0"\n'
        )
        async with running_bot(api, telegram_url, tmp_path) as life:
            await anna.say("/private on")
            await life.settled()
            await anna.say("/imagine this rash")
            await anna.wait_text("nothing was sent")
            await life.settled()

    assert cloud.requests == []
    assert cloud.image_requests == []


async def painted_in_private(anna, house):
    """Have a rash painted in private mode, and leave it; give the photo."""
    await anna.say("/private on")
    await house.settled()
    await anna.say("/imagine a rash")
    photo = await anna.wait_answer()
    await anna.say("/private off")
    await house.settled()
    return photo


class TestPictures:
    """A painter at home, and before it one outside that writes and paints."""

    @pytest.fixture
    async def cloud(self):
        return FakeModelServer(model=CLOUD, image_model=SDXL, server_kind="together")

    @pytest.fixture
    async def easel(self):
        return FakeModelServer(model=CLOUD, image_model=SDXL, server_kind="together")

    @pytest.fixture
    async def house(self, api, telegram_url, tmp_path, model_url, cloud, easel):
        async with cloud.serving() as url, easel.serving() as home:
            (tmp_path / "ambrosio.toml").write_text(
                f'[providers.together]\nbase_url = "{url}"\nlocal = false\n'
                f'server_kind = "together"\n'
                f'model = "{CLOUD}"\nimage_model = "{SDXL}"\n'
                f'[providers.easel]\nbase_url = "{home}"\nserver_kind = "together"\n'
                f'image_model = "{SDXL}"\n'
            )
            route = ("together", "llama", "easel")
            async with running_bot(
                api, telegram_url, tmp_path, llama_base_url=model_url, ambrosio_route=route
            ) as life:
                yield life
        assert api.violations == []

    async def test_the_painter_outside_comes_first_in_the_open(self, anna, cloud, easel, house):
        await anna.say("/imagine a red fox")
        await house.settled()

        assert (len(cloud.image_requests), easel.image_requests) == (1, [])

    @pytest.mark.parametrize("whose", ["question", "answer"])
    async def test_what_was_said_in_private_is_painted_at_home(
        self, anna, model, cloud, easel, house, whose
    ):
        model.script(Says("Eczema."))
        question = await anna.say("/private what is this rash?")
        answer = await anna.wait_text("Eczema.")
        said = {"question": question, "answer": answer.message_id}[whose]
        await anna.say("/imagine", reply_to=said)
        await house.settled()

        assert len(easel.image_requests) == 1
        assert (cloud.requests, cloud.image_requests) == ([], [])

    async def test_a_private_picture_is_changed_at_home(self, anna, model, cloud, easel, house):
        photo = await painted_in_private(anna, house)
        model.script(Says("a rash at night"))
        await anna.say("make it night", reply_to=photo.message_id)
        await house.settled()

        assert [asked.prompt for asked in easel.image_requests] == ["a rash", "a rash at night"]
        assert "Said: make it night" in model.requests[-1].messages[-1][1]
        assert (cloud.requests, cloud.image_requests) == ([], [])

    async def test_a_private_picture_is_changed_even_if_nobody_at_home_writes(
        self, anna, model, cloud, easel, house
    ):
        photo = await painted_in_private(anna, house)
        model.answer = lambda _: ErrorStatus(500)
        await anna.say("make it night", reply_to=photo.message_id)
        await house.settled()

        assert easel.image_requests[-1].prompt == "a rash, make it night"
        assert (cloud.requests, cloud.image_requests) == ([], [])

    @pytest.mark.parametrize("button", ["Again", "Vary"])
    async def test_a_private_picture_is_painted_once_more_at_home(
        self, anna, cloud, easel, house, button
    ):
        photo = await painted_in_private(anna, house)
        await anna.press(button, photo.message_id)
        await house.settled()

        assert len(easel.image_requests) > 1
        assert (cloud.requests, cloud.image_requests) == ([], [])
