"""Who is let in, what a vv question is, and who may be asked for how much."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambrosio.bot.access import (
    UPDATE_KINDS,
    Access,
    Admitted,
    Dropped,
    Membership,
    PairingAttempt,
    check_access,
)
from ambrosio.commands.pairing import MAX_GUESSES, MAX_GUESSES_PER_USER, PAIRING_SECONDS, Pairing
from ambrosio.core.addresses import is_local
from ambrosio.core.messages import Chat
from ambrosio.core.vv import split_vv
from ambrosio.router.policy import Candidate, allowed_providers

BOT, OWNER, GUEST, STRANGER, GROUP, FOREIGN_GROUP = 7, 42, 43, 66, -100, -200
ACCESS = Access(BOT, "ambrosio_bot", frozenset({OWNER}), frozenset({GUEST}), frozenset({GROUP}))
ANNA = {"id": OWNER, "is_bot": False, "first_name": "Anna"}
EVE = {"id": STRANGER, "is_bot": False, "first_name": "Eve"}
PRIVATE = {"id": OWNER, "type": "private"}
ALLOWED = {"id": GROUP, "type": "supergroup", "title": "Family"}
FOREIGN = {"id": FOREIGN_GROUP, "type": "group", "title": "Elsewhere"}


def message(**fields):
    return {"message_id": 5, "date": 1, "chat": PRIVATE, "from": ANNA, "text": "tea?", **fields}


def said(**fields):
    return {"update_id": 1, "message": message(**fields)}


def pressed(by, **fields):
    return {"update_id": 1, "callback_query": {"id": "1", "from": by, "data": "x", **fields}}


def membership(chat, by, status="member"):
    changed = {"chat": chat, "from": by, "new_chat_member": {"status": status, "user": {"id": BOT}}}
    return {"update_id": 1, "my_chat_member": changed}


def stopped(chat, **fields):
    return {"update_id": 1, "stopped_message_generation": {"chat": {"id": chat}, **fields}}


IN = Admitted(Chat(OWNER), OWNER, 5)
GROUP_IN = replace(IN, chat=Chat(GROUP))


class TestTheGate:
    @pytest.mark.parametrize(
        "update",
        [
            said(),
            said(text="/new"),
            said(text="  "),
            said(text=None, caption="look", photo=[{}]),
            said(text=None, sticker={"emoji": "🙂"}),
            said(forward_origin={"type": "user", "sender_user": EVE}),
            said(forward_origin={"type": "channel", "chat": FOREIGN}, text="/stop it, they said"),
            said(text="stop"),
            said(text="/stopper"),
            said(text="/stop@other_bot"),
            said(message_thread_id=9),
            {"update_id": 1, "edited_message": message()},
        ],
    )
    def test_words_of_the_owner_are_let_in(self, update):
        verdict = check_access(update, ACCESS)

        urgent = update.get("message", {}).get("text") == "/stop it, they said"
        assert verdict == replace(IN, urgent=urgent)

    @pytest.mark.parametrize(
        ("update", "verdict"),
        [
            (
                said(**{"from": {"id": GUEST}, "chat": {"id": GUEST, "type": "private"}}),
                Admitted(Chat(GUEST), GUEST, 5),
            ),
            (
                said(message_thread_id=9, is_topic_message=True),
                replace(IN, chat=Chat(OWNER, 9)),
            ),
            (said(text="/stop"), replace(IN, urgent=True)),
            (said(text="/cancel now"), replace(IN, urgent=True)),
            (said(text="/STOP@Ambrosio_Bot"), replace(IN, urgent=True)),
            (pressed(ANNA, message=message()), replace(IN, urgent=True)),
            (
                pressed(ANNA, message={**message(chat=ALLOWED), "from": {"id": BOT}}),
                replace(GROUP_IN, urgent=True),
            ),
            (stopped(OWNER), Admitted(Chat(OWNER), OWNER, 0, urgent=True)),
            (
                stopped(OWNER, message_thread_id=9),
                Admitted(Chat(OWNER, 9), OWNER, 0, urgent=True),
            ),
        ],
    )
    def test_whoever_is_let_in_has_a_place_in_the_line(self, update, verdict):
        assert check_access(update, ACCESS) == verdict

    @pytest.mark.parametrize(
        ("update", "reason"),
        [
            (said(**{"from": EVE}), "stranger"),
            (said(**{"from": EVE, "chat": ALLOWED}), "stranger"),
            (
                said(**{"from": EVE}, forward_origin={"type": "user", "sender_user": ANNA}),
                "stranger",
            ),
            (said(**{"from": EVE}, reply_to_message=message()), "stranger"),
            (said(**{"from": EVE}, text="/start"), "stranger"),
            (said(**{"from": EVE}, text="/start a b"), "stranger"),
            (said(**{"from": EVE}, text="/start " + "a" * 65), "stranger"),
            (said(**{"from": EVE, "chat": ALLOWED}, text="/start code"), "stranger"),
            ({"update_id": 1, "edited_message": message(**{"from": EVE})}, "stranger"),
            (pressed(EVE, message=message()), "stranger"),
            (pressed(EVE, message=message(chat=ALLOWED)), "stranger"),
            (stopped(STRANGER), "stranger"),
            (stopped(GROUP), "stranger"),
            (said(**{"from": {**ANNA, "is_bot": True}}), "not a person"),
            (said(sender_chat=FOREIGN), "not a person"),
            (said(sender_chat=None), "not a person"),
            (
                said(**{"from": {"id": 1087968824}}, chat=ALLOWED, sender_chat=ALLOWED),
                "not a person",
            ),
            (said(business_connection_id="b"), "not a person"),
            (said(guest_query_id="g"), "not a person"),
            (said(chat=FOREIGN), "chat"),
            (said(chat=FOREIGN, text="@ambrosio_bot tea?"), "chat"),
            (said(chat={"id": GROUP + 1, "type": "channel"}), "chat"),
            (pressed(ANNA, message=message(chat=FOREIGN)), "chat"),
            (said(chat=ALLOWED), "not addressed"),
            (pressed(ANNA, inline_message_id="i"), "inline"),
            (pressed(ANNA), "inline"),
            (membership(PRIVATE, EVE), "kind"),
            (membership({"id": -5, "type": "channel"}, ANNA), "kind"),
        ],
    )
    def test_everybody_else_is_dropped(self, update, reason):
        assert check_access(update, ACCESS) == Dropped(reason)

    @pytest.mark.parametrize(
        "kind",
        [
            "channel_post",
            "edited_channel_post",
            "business_connection",
            "business_message",
            "edited_business_message",
            "deleted_business_messages",
            "guest_message",
            "inline_query",
            "chosen_inline_result",
            "shipping_query",
            "poll",
            "poll_answer",
            "message_reaction",
            "chat_member",
            "chat_join_request",
            "something_new",
        ],
    )
    def test_kinds_that_nobody_asked_for_are_dropped(self, kind):
        assert check_access({"update_id": 1, kind: message()}, ACCESS) == Dropped("kind")

    @pytest.mark.parametrize(
        ("fields", "addressed"),
        [
            ({"text": "tea?"}, False),
            ({"text": "@ambrosio_bot tea?"}, True),
            ({"text": "tea, @Ambrosio_Bot?"}, True),
            ({"text": "/imagine@ambrosio_bot tea"}, True),
            ({"text": "/imagine tea"}, False),
            ({"text": "/imagine@other_bot tea"}, False),
            ({"text": "@ambrosio_bot2 tea?"}, False),
            ({"text": "anna@ambrosio_bot"}, False),
            ({"text": None, "caption": "@ambrosio_bot what is this?"}, True),
            ({"reply_to_message": {"from": {"id": BOT, "is_bot": True}}}, True),
            ({"reply_to_message": {"from": EVE}}, False),
            ({"reply_to_message": {"sender_chat": FOREIGN}}, False),
        ],
    )
    def test_in_groups_only_what_is_meant_for_the_bot_is_let_in(self, fields, addressed):
        verdict = check_access(said(chat=ALLOWED, **fields), ACCESS)

        assert verdict == (GROUP_IN if addressed else Dropped("not addressed"))

    @pytest.mark.parametrize(
        ("chat", "by", "status", "present", "welcome"),
        [
            (FOREIGN, ANNA, "member", True, True),
            (FOREIGN, ANNA, "administrator", True, True),
            (FOREIGN, EVE, "member", True, False),
            (FOREIGN, {"id": GUEST}, "member", True, False),
            (ALLOWED, EVE, "administrator", True, True),
            (ALLOWED, EVE, "kicked", False, True),
            (FOREIGN, ANNA, "left", False, True),
        ],
    )
    def test_only_an_owner_puts_the_bot_into_a_group(self, chat, by, status, present, welcome):
        expected = Membership(chat["id"], chat["title"], present, welcome)

        assert check_access(membership(chat, by, status), ACCESS) == expected

    def test_a_stranger_with_a_pairing_link_knocks(self):
        update = said(**{"from": EVE, "chat": {"id": STRANGER, "type": "private"}})
        update["message"]["text"] = "/start c0-de_"

        assert check_access(update, ACCESS) == PairingAttempt(STRANGER, "Eve", "c0-de_")

    def test_without_an_owner_nobody_is_let_in(self):
        nobody = Access(BOT, "ambrosio_bot", frozenset())

        assert check_access(said(), nobody) == Dropped("stranger")
        assert check_access(stopped(OWNER), nobody) == Dropped("stranger")

    @pytest.mark.parametrize("kind", UPDATE_KINDS)
    @pytest.mark.parametrize(
        "body",
        [
            None,
            5,
            "x",
            [],
            {},
            {"chat": 5},
            {"from": {"id": "x"}},
        ],
    )
    def test_what_cannot_be_read_is_dropped(self, kind, body):
        assert isinstance(check_access({"update_id": 1, kind: body}, ACCESS), Dropped)

    def test_an_endless_number_is_dropped(self):
        assert check_access(said(**{"from": {"id": 1e999}}), ACCESS) == Dropped("unreadable")


FIELDS = st.sampled_from(
    [
        *("message_id", "from", "chat", "id", "type", "text", "caption", "is_bot", "data"),
        *("sender_chat", "reply_to_message", "message", "message_thread_id", "is_topic_message"),
        *("new_chat_member", "status", "title", "first_name", "guest_query_id"),
    ]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from([OWNER, STRANGER, GROUP, "private", "group", "/stop", "member", "42"]),
)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=6)
)


@given(st.dictionaries(st.sampled_from(UPDATE_KINDS) | FIELDS, JSON, max_size=3))
def test_the_gate_never_raises(update):
    verdict = check_access(update, ACCESS)

    if isinstance(verdict, Admitted):
        assert verdict.user_id in ACCESS.people


@given(st.sampled_from(UPDATE_KINDS), st.dictionaries(FIELDS, JSON, max_size=3))
def test_the_gate_never_raises_at_a_message_that_is_almost_right(kind, wrong):
    verdict = check_access(
        {kind: {**message(), "new_chat_member": {"status": "member"}, **wrong}}, ACCESS
    )

    if isinstance(verdict, Admitted):
        assert verdict.user_id in ACCESS.people


class TestPairing:
    @pytest.mark.parametrize(
        ("after", "opens"), [(0, True), (PAIRING_SECONDS - 1, True), (PAIRING_SECONDS, False)]
    )
    def test_a_link_lasts_ten_minutes(self, after, opens):
        pairing = Pairing("code", opened_at=100)

        assert pairing.open("code", user_id=1, now=100 + after) is opens
        assert PAIRING_SECONDS == 600

    def test_a_link_opens_once(self):
        pairing = Pairing("code", opened_at=0)

        assert pairing.open("code", user_id=1, now=1)
        assert not pairing.open("code", user_id=1, now=1)
        assert not pairing.open("code", user_id=2, now=1)
        assert not pairing.is_live(now=1)

    @pytest.mark.parametrize("guess", ["", "Code", "cod", "codee", "ço", "😀"])
    def test_a_wrong_code_opens_nothing(self, guess):
        pairing = Pairing("code", opened_at=0)

        assert not pairing.open(guess, user_id=1, now=1)
        assert pairing.open("code", user_id=1, now=1)

    def test_one_person_has_a_few_guesses(self):
        pairing = Pairing("code", opened_at=0)
        for _ in range(MAX_GUESSES_PER_USER):
            pairing.open("guess", user_id=1, now=1)

        assert not pairing.open("code", user_id=1, now=1)
        assert pairing.open("code", user_id=2, now=1)

    def test_all_together_have_a_few_more(self):
        pairing = Pairing("code", opened_at=0)
        for person in range(MAX_GUESSES):
            pairing.open("guess", user_id=person, now=1)

        assert not pairing.is_live(now=1)
        assert not pairing.open("code", user_id=1000, now=1)


@pytest.mark.parametrize(
    ("text", "concise", "question"),
    [
        ("vv tea?", True, "tea?"),
        ("Vv tea?", True, "tea?"),
        ("VV: tea?", True, "tea?"),
        ("vV, tea?", True, "tea?"),
        ("vv - tea?", True, "tea?"),
        ("vv… tea?", True, "… tea?"),
        ("  vv\ntea?", True, "tea?"),
        ("\u00a0vv\u00a0tea?", True, "tea?"),
        ("vv.tea", True, "tea"),
        ("vv tea vv", True, "tea vv"),
        ("vv vv tea", True, "vv tea"),
        ("vv", True, ""),
        (" vv?! ", True, ""),
        ("vvv x", False, "vvv x"),
        ("vva", False, "vva"),
        ("vv1", False, "vv1"),
        ("vv_x", False, "vv_x"),
        ("vvä", False, "vvä"),
        ("v v", False, "v v"),
        ("x vv", False, "x vv"),
        ("/vv", False, "/vv"),
        ("", False, ""),
    ],
)
def test_vv_at_the_beginning_asks_for_a_short_answer(text, concise, question):
    assert split_vv(text) == (concise, question)


@given(st.text())
def test_whatever_is_no_vv_question_stays_as_it_is(text):
    concise, question = split_vv(text)

    assert text.endswith(question)
    assert concise or question == text


HOME, AWAY = Candidate("home", paid=False), Candidate("away", paid=True)


@pytest.mark.parametrize(
    ("spent", "ceiling", "names"),
    [
        ("0", None, ("away", "home")),
        ("999", None, ("away", "home")),
        ("0", "0", ("home",)),
        ("0", "5", ("away", "home")),
        ("4.99", "5", ("away", "home")),
        ("5", "5", ("home",)),
        ("5.01", "5", ("home",)),
    ],
)
def test_a_ceiling_ends_the_paid_ones(spent, ceiling, names):
    left = None if ceiling is None else Decimal(ceiling) - Decimal(spent)

    assert allowed_providers([AWAY, HOME], left=left) == names


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://localhost:8080/v1", True),
        ("http://LOCALHOST/v1", True),
        ("http://127.0.0.1:9931/v1", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:8080/v1", True),
        ("http://10.0.0.5/v1", True),
        ("http://172.16.0.1", True),
        ("http://192.168.1.7:8080", True),
        ("http://[fd00::1]/v1", True),
        ("http://169.254.1.1", True),
        ("unix:///run/llama.sock", True),
        ("http://172.32.0.1", False),
        ("http://8.8.8.8/v1", False),
        ("http://[2606:4700::1111]/v1", False),
        ("http://0.0.0.0:8080", True),
        ("http://100.64.0.1", False),
        ("http://[::ffff:8.8.8.8]/v1", False),
        ("https://api.together.ai/v1", False),
        ("http://localhost.example.com", False),
        ("http://localhost@example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("http://127.0.0.1@8.8.8.8/", False),
        ("http://nas/v1", False),
        ("http://2130706433/", False),
        ("", False),
        ("nonsense", False),
    ],
)
def test_only_addresses_in_the_house_are_local(url, local):
    assert is_local(url) is local
