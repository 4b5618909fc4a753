"""What Telegram finds in a text by itself: commands, mentions, hashtags, links and addresses.

The rules were measured with TDLib's `getTextEntities`; a test compares the two. Bank card numbers
are left out: the Bot API does not report them.
"""

import re

from .. import Json

# The two-letter domains, and the most common longer ones of TDLib's 1,500. Files named like
# `foo.py` or `main.rs` become links, too.
_COUNTRIES = (
    "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs "
    "bt bv bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec "
    "ee eg er es et eu fi fj fk fm fo fr ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy "
    "hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz "
    "la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx "
    "my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re "
    "ro rs ru rw sa sb sc sd se sg sh si sj sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th "
    "tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw"
)
_GENERIC = (
    "com org net edu gov mil int info biz name pro mobi app dev cloud online site tech xyz zip mov "
    "run page blog shop store wiki news club live world today agency digital email life space "
    "website chat games host link menu city food rest top vip work art bar cafe design fun"
)
_TLD = f"(?:{'|'.join(f'{_COUNTRIES} {_GENERIC}'.split())})(?![\\w-])"
_PORT = r"(?::\d{1,4}(?!\d))?"
# A bracket belongs to the path only as one of a pair.
_PATH = r"(?:[/?#](?:\([^\s()<>«»“”…`]*\)|[^\s()<>«»“”…`\"])*(?<![.,:;!?'])|/)?"
_LABELS = r"(?:[^\W_](?:(?:[^\W_]|-)*[^\W_])?\.)+"
_IPV4 = r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w.]*\w)"

_PATTERN = re.compile(
    # A closing tag such as </b> is no command.
    r"(?P<bot_command>(?<![\w/<>])/[A-Za-z0-9_]{1,64}(?:@\w{3,32}|(?!@))(?![\w/>]))"
    r"|(?P<email>(?<![\w.+-])[A-Za-z0-9_.+-]{1,64}@" + _LABELS + _TLD + ")"
    r"|(?P<mention>(?<!\w)@[A-Za-z0-9]\w{3,31}(?!\w))"
    r"|(?P<hashtag>(?<![\w#])\#(?=\d*[^\W\d])\w{1,256})"
    r"|(?P<cashtag>(?<![\w$])\$[A-Z]{1,8}(?!\w))"
    r"|(?P<url>(?:(?i:https?|ftp)://(?:[^\s/@:]+(?::[^\s/@]*)?@)?"
    rf"(?:{_LABELS}(?:[a-zA-Z]{{2,}}|xn--\w+)(?![\w-])|{_IPV4}){_PORT}{_PATH}"
    r"|(?:tg|ton)://[^\s<>]+"
    rf"|(?<![\w@./-])(?:{_LABELS}{_TLD}|{_IPV4}){_PORT}{_PATH})"
    ")"
)


def find_entities(text: str) -> list[Json]:
    """Find what Telegram marks in a text by itself."""
    return [
        {
            "type": match.lastgroup,
            "offset": _utf16_len(text[: match.start()]),
            "length": _utf16_len(match.group()),
        }
        for match in _PATTERN.finditer(text)
    ]


def _utf16_len(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
