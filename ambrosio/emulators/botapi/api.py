"""A Bot API server for one bot, without the HTTP.

It follows Telegram's rules as far as they are known and refuses what Telegram refuses. It does not
deliver to webhooks and has no channels, inline mode, payments or other bots.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .. import Json
from . import account_methods, edit_methods, send_methods
from .chat_screen import TIMEOUT_SECONDS
from .errors import BotApiError, bad
from .events import EventBus, Subscription, T
from .faults import ANY, DESCRIPTIONS, Fault, Faults, Garbled, Lost
from .files import Upload
from .flood_limits import FloodLimits
from .groups import FakeGroup
from .schema import Schema
from .state import MethodCall, ServerState
from .update_queue import UpdateQueue
from .users import FakeUser

Method = Callable[[ServerState, MethodCall], Any]

TOKEN = "123456:AmbrosioOnLoopbackOnly"  # noqa: S105 - opens nothing but this emulator
ME: Json = {
    "id": 123456,
    "is_bot": True,
    "first_name": "Ambrosio",
    "username": "ambrosio_bot",
    "can_join_groups": True,
    "can_read_all_group_messages": False,
    "supports_inline_queries": False,
    "can_connect_to_business": False,
    "has_main_web_app": False,
    "has_topics_enabled": False,
}
METHODS: dict[str, Method] = {
    "answerCallbackQuery": edit_methods.answer_callback_query,
    "deleteMessage": edit_methods.delete_message,
    "deleteMessages": edit_methods.delete_messages,
    "deleteMyCommands": account_methods.delete_my_commands,
    "deleteWebhook": account_methods.delete_webhook,
    "editMessageCaption": edit_methods.edit_message_caption,
    "editMessageReplyMarkup": edit_methods.edit_message_reply_markup,
    "editMessageText": edit_methods.edit_message_text,
    "getChat": account_methods.get_chat,
    "getFile": account_methods.get_file,
    "getMe": account_methods.get_me,
    "getMyCommands": account_methods.get_my_commands,
    "getWebhookInfo": account_methods.get_webhook_info,
    "leaveChat": account_methods.leave_chat,
    "sendAudio": send_methods.send_audio,
    "sendChatAction": send_methods.send_chat_action,
    "sendDocument": send_methods.send_document,
    "sendMediaGroup": send_methods.send_media_group,
    "sendMessage": send_methods.send_message,
    "sendMessageDraft": send_methods.send_message_draft,
    "sendPhoto": send_methods.send_photo,
    "sendRichMessage": send_methods.send_rich_message,
    "sendRichMessageDraft": send_methods.send_rich_message_draft,
    "sendVoice": send_methods.send_voice,
    "setChatMenuButton": account_methods.set_chat_menu_button,
    "setMessageReaction": edit_methods.set_message_reaction,
    "setMyCommands": account_methods.set_my_commands,
    "setMyDescription": account_methods.set_my_description,
    "setMyShortDescription": account_methods.set_my_short_description,
    "setWebhook": account_methods.set_webhook,
}
# Method names are case-insensitive, as at Telegram.
NAMES = {name.lower(): name for name in [*METHODS, "getUpdates"]}


@dataclass
class ApiCall:
    """A call of the bot; its outcome is `pending`, `ok`, an error, `lost`, `garbled` or `gone`."""

    method: str
    params: Json
    at: float
    outcome: str = "pending"
    result: Any = None

    def to_json(self) -> Json:
        """Return the call as JSON for subscribers."""
        return {
            "method": self.method,
            "params": self.params,
            "at": self.at,
            "outcome": self.outcome,
            "result": self.result,
        }


class BotApi:
    """The server: one bot, its chats and their users."""

    def __init__(
        self,
        now: Callable[[], float],
        *,
        token: str = TOKEN,
        schema: Schema | None = None,
    ) -> None:
        self.token = token
        events = EventBus()
        self.state = ServerState(
            me=ME,
            now=now,
            events=events,
            updates=UpdateQueue(events),
            flood=FloodLimits(now),
        )
        self.events = events
        self.updates = self.state.updates
        self.files = self.state.files
        self.faults = Faults()
        self.calls: list[ApiCall] = []
        self.violations: list[str] = []
        self._schema = schema
        self._missing_methods: set[str] = set()
        self._users: dict[int, FakeUser] = {}

    @property
    def dropped_entities(self) -> int:
        """How many entities Telegram would have dropped silently."""
        return self.state.dropped_entities

    # --- serving calls ----------------------------------------------------------------------------

    async def call(
        self, method: str, params: Json, files: Mapping[str, Upload] | None = None
    ) -> Any:
        """Serve a call, or raise `BotApiError`; a planned fault may raise `Lost` or `Garbled`."""
        name = NAMES.get(method.lower(), method)
        call = ApiCall(name, params, self.state.now())
        self.calls.append(call)
        self.events.wake()
        try:
            call.result = await self._serve(name, MethodCall(params, files or {}))
            call.outcome = "ok"
        except BotApiError as exc:
            call.outcome = str(exc)
            raise
        except (Lost, Garbled) as exc:
            call.outcome = type(exc).__name__.lower()
            raise
        finally:
            if call.outcome == "pending":
                call.outcome = "gone"
            self.events.publish("call", **call.to_json())
        return call.result

    async def _serve(self, name: str, request: MethodCall) -> Any:
        fault = self.faults.due(name)
        if fault is not None:
            fault.fail_before()
        result = await self._work(name, request)
        if fault is not None:
            await fault.fail_after()
        return result

    async def _work(self, name: str, request: MethodCall) -> Any:
        if name in self._missing_methods:
            raise BotApiError(404, "Not Found")
        self._check(name, request)
        if name == "getUpdates":
            return await self.updates.get(request.params)
        if name not in METHODS:
            raise BotApiError(404, "Not Found")
        chat_id, media = request.params.get("chat_id"), request.params.get("media")
        if isinstance(chat_id, int):
            cost = len(media) if isinstance(media, list) else 1
            self.state.flood.check(name, chat_id, cost)
        return METHODS[name](self.state, request)

    def _check(self, name: str, request: MethodCall) -> None:
        faults = []
        if self._schema is not None:
            faults += self._schema.faults(name, request.params, request.files)
        if request.params.get("parse_mode"):
            faults.append(f"{name} uses parse_mode, which can fail to parse: send entities")
        if not faults:
            return
        self.violations += faults
        if faults == [f"{name} is not a method"]:
            raise BotApiError(404, "Not Found")
        raise bad("; ".join(faults))

    def close(self) -> None:
        """End everything that waits: polls, hanging calls, subscriptions."""
        self.updates.close()
        self.faults.clear()
        self.events.close()

    # --- planned failures -------------------------------------------------------------------------

    def fail(
        self, method: str = ANY, *, code: int = 502, times: float = 1, description: str = ""
    ) -> Fault:
        """Refuse the next calls."""
        return self.fail_every(1, method, code=code, times=times, description=description)

    def fail_every(
        self,
        nth: int,
        method: str = ANY,
        *,
        code: int = 502,
        times: float = math.inf,
        description: str = "",
    ) -> Fault:
        """Refuse every nth call."""
        refusal = BotApiError(code, description or DESCRIPTIONS.get(code, "Error"))
        return self.faults.plan(Fault(method, "refuse", times, nth, refusal=refusal))

    def flood(self, method: str = ANY, *, retry_after: int, times: float = 1) -> Fault:
        """Answer the next calls with 429."""
        description = f"Too Many Requests: retry after {retry_after}"
        refusal = BotApiError(429, description, retry_after)
        return self.faults.plan(Fault(method, "refuse", times, refusal=refusal))

    def hang(self, method: str = ANY) -> Fault:
        """Process the next call but do not answer; `release()` then cuts the connection."""
        return self.faults.plan(Fault(method, "hang", 1, processed=True))

    def delay(self, method: str = ANY) -> Fault:
        """Process the next call, and answer it when `release()` is called."""
        return self.faults.plan(Fault(method, "late", 1, processed=True))

    def drop(self, method: str = ANY, *, processed: bool = False) -> Fault:
        """Close the connection without an answer, before or after the call is processed."""
        return self.faults.plan(Fault(method, "drop", 1, processed=processed))

    def garbage(self, method: str = ANY, *, times: float = 1) -> Fault:
        """Answer the next calls with 200 and invalid JSON."""
        return self.faults.plan(Fault(method, "garbage", times))

    def remove_methods(self, *methods: str) -> None:
        """Remove methods, to act like an older server."""
        self._missing_methods |= set(methods)

    def enable_flood_limits(self) -> None:
        """Enforce Telegram's flood limits (off by default)."""
        self.state.flood.enabled = True

    # --- users and groups -------------------------------------------------------------------------

    def person(self, id: int, first_name: str = "Anna", **fields: Any) -> FakeUser:  # noqa: A002 - Telegram's name
        """Return the user with this id, created on first use."""
        if id not in self._users:
            user = {"id": id, "is_bot": False, "first_name": first_name, **fields}
            self.state.users[id] = user
            self._users[id] = FakeUser(self.state, user)
        return self._users[id]

    def group(
        self,
        id: int,  # noqa: A002 - Telegram's name
        title: str = "Group",
        *,
        topics: dict[int, str] | None = None,
        privacy: bool = True,
        bot: bool = True,
        basic: bool = False,
    ) -> FakeGroup:
        """Create a supergroup, or a `basic` group, which can be upgraded to one.

        With `bot=False` the bot joins only with `group.add_bot`.
        """
        kind = "group" if basic else "supergroup"
        return FakeGroup(
            self.state, id, title, topics=topics or {}, privacy=privacy, bot=bot, kind=kind
        )

    def inject(self, update: Json) -> int:
        """Queue a raw update, valid or not, and return its id."""
        return self.updates.inject(update)

    # --- observing --------------------------------------------------------------------------------

    def calls_to(self, method: str) -> list[ApiCall]:
        """List the calls of a method."""
        return [call for call in self.calls if call.method == method]

    def subscribe(self) -> Subscription:
        """Subscribe to all changes from now on, as dictionaries ready for JSON."""
        return self.events.subscribe()

    async def wait_for(self, predicate: Callable[[], T], *, seconds: float = TIMEOUT_SECONDS) -> T:
        """Wait until the predicate is true, or raise `AssertionError` with all screens."""
        try:
            return await self.events.wait_until(predicate, seconds=seconds)
        except TimeoutError:
            raise AssertionError(f"timed out after {seconds} s\n{self.describe()}") from None

    def describe(self) -> str:
        """Describe all screens and the last calls, for a failed test."""
        screens = [
            f"chat {chat.id}:\n" + "\n".join(f"  {message}" for message in chat.screen())
            for chat in self.state.chats.values()
        ]
        calls = [f"  {call.method}: {call.outcome}" for call in self.calls[-10:]]
        return "\n".join([*screens, "last calls:", *calls])
