"""Characters that stand in for what the parser must not see, and what they become afterwards.

They are Unicode noncharacters, which no real text contains (`preprocess.clean` removes them).
"""

import re

OPEN, CLOSE = "\ufdd0", "\ufdd1"
ANGLE, ESCAPED_ANGLE, COLON, JOINT = "\ufdd2\ufdd3\ufdd4\ufdd5"

# Stars, underscores and tildes in a line: `emphasis` decides what they mean.
STAR, UNDERSCORE, TILDE = "\ufdd6\ufdd7\ufdd8"
# The same characters where they are bullets, rules and fences: the parser's.
BLOCK_STAR, BLOCK_UNDERSCORE, BLOCK_TILDE = "\ufdd9\ufdda\ufddb"
BACKSLASH = "\ufddc"

NUMBERED = re.compile(f"{OPEN}([0-9]+){CLOSE}")

MARKS = (("*", STAR), ("_", UNDERSCORE), ("~", TILDE))
BLOCK_MARKS = ((BLOCK_STAR, "*"), (BLOCK_UNDERSCORE, "_"), (BLOCK_TILDE, "~"))
LITERAL_MARKS = str.maketrans({STAR: "*", UNDERSCORE: "_", TILDE: "~"})
TO_BLOCKS = str.maketrans({"*": BLOCK_STAR, "_": BLOCK_UNDERSCORE, "~": BLOCK_TILDE})

SHOWN = str.maketrans(
    {ANGLE: "<", ESCAPED_ANGLE: "<", COLON: ":", JOINT: "", BACKSLASH: "\\", "\t": " "}
)
RAW = LITERAL_MARKS | str.maketrans(
    {ANGLE: "<", ESCAPED_ANGLE: r"\<", COLON: ":", JOINT: "", BACKSLASH: "\\"}
)
