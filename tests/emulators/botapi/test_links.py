"""What Telegram finds in a text by itself, compared with TDLib."""

import pytest

from ambrosio.emulators.botapi.links import find_entities

from ...support.tdlib import execute

# The Bot API's names; it does not report bank card numbers.
TYPES = {
    "textEntityTypeBotCommand": "bot_command",
    "textEntityTypeMention": "mention",
    "textEntityTypeHashtag": "hashtag",
    "textEntityTypeCashtag": "cashtag",
    "textEntityTypeUrl": "url",
    "textEntityTypeEmailAddress": "email",
}


@pytest.mark.parametrize(
    "text",
    [
        "😀 /imagine@ambrosio_bot x for @anna_b, https://e.org/x not/this a@b.org",
        'a </b> b </b>/c /x> </x //x _/x @/x #/x -/x «/x» "/x" (x)/2a 1/2 /3 /help, /x: /x/',
        "/x@ab y /x@abc /x-y /a_b /ä ä/x /xä",
        "see https://example.org. (https://example.org) https://e.org/a)b https://e.org/<x>",
        "example.org foo.py main.rs foo.js ambrosio.toml e.g.this i.e. x end.Start 3.5 kg file.md:",
        "http://localhost:80/x https://foo.zz http://a.b http://127.0.0.1:8765/k/ 1.2.3 1.2.3.4.5",
        "192.168.1.1:8080/x 256.1.1.1 x.com:80 x.com:99999 x.com? x.com/a, b x.com,y.com",
        "(see x.com/a_(b)) x.com/a'b x.com/«a» “x.com/a” x.com/… `x.com/a` a_b.com x.co.uk",
        "bücher.de",
        "ftp://example.org/x tg://resolve?domain=x HTTPS://X.org/Y http://user:pw@x.org/ t.me/x",
        "a.b@example.org, me@x.com.au! x@y git@github.com:x/y user@host a@bcde",
        "@ambrosio_bot @abc @abcd @1abc @a_b_c. #tag #1 #1a #a_b a#b #äö $USD $USD1 a$USD $A",
    ],
)
def test_links_are_found_as_by_tdlib(text):
    found = execute(**{"@type": "getTextEntities", "text": text})["entities"]
    expected = [
        (TYPES[entity["type"]["@type"]], entity["offset"], entity["length"]) for entity in found
    ]

    marks = [(mark["type"], mark["offset"], mark["length"]) for mark in find_entities(text)]

    assert marks == expected
