"""A tiny model for the real llama.cpp: it always says the same sentence, and costs next to nothing.

Its weights are noise, but the blocks add nothing to the stream of numbers (their last matrices are
zero), so that what comes out depends on the newest token alone; and the output matrix leads from
every token of one sentence to the next. It reads and writes at the full cost of its size, and what
it says survives being read again, so caches behave as with a model that was trained.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from gguf import GGUFWriter, LlamaFileType, TokenType

REPLY = (
    "Certainly, dear friend: these few words are all that so small a model can say; "
    "ask me whatever you like."
)
THOUGHT = "Hm - let us consider it first"
# Long enough not to be taken for a loop when it is said again and again.
LITANY = " ".join(first + second + "x" for first in "bcdfghjklmnpqrs" for second in "aeiouywvtz")
# What else the vocabulary should know, so that a question is not read letter by letter.
PRIMER = """
You are an assistant that people reach from their phone. If a request begins with the string
answer it as concisely as possible. Give only what was asked for, no introduction, no summary.
question number please tell about rice and tea in the morning with jasmin basmati falafel
system user assistant one two three four five six seven eight nine ten the of and to a in is
"""
# What a model with tools calls first; every piece is a token of its own.
CALL = (
    *("<tool_call>", '\n{"name": "calcul', 'ator"', ', "arguments": ', '{"expression"'),
    *(': "17 %', ' of 4,380"}', "}\n", "</tool_call>"),
)
ANSWERING = "<|answering|>"
END, START, STOP = "<|end_of_text|>", "<|im_start|>", "<|im_end|>"
THINK, THOUGHT_END = "<think>", "</think>"

TEMPLATES = {
    "chatml": (
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    ),
    # The server tells a model that thinks by a template that knows where thoughts go.
    "thinking": (
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}"
        "{% if m.role == 'assistant' and m.reasoning_content %}"
        "{{ '<think>' + m.reasoning_content + '</think>' }}{% endif %}"
        "{{ m.content + '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
        "{% if enable_thinking is defined and not enable_thinking %}"
        "{{ '<think></think>' }}{% endif %}{% endif %}"
    ),
    # Qwen's, with tools: their definitions stand behind the system prompt. The mark at the end is
    # ours: behind a result, or without tools, this model says its sentence.
    "tools": (
        "{% if tools or messages[0].role == 'system' %}{{ '<|im_start|>system\n' }}"
        "{% if messages[0].role == 'system' %}{{ messages[0].content + '\n' }}{% endif %}"
        "{% if tools %}{{ '\n# Tools\n<tools>' }}{% for tool in tools %}"
        "{{ '\n' + (tool | tojson) }}{% endfor %}"
        "{{ '\n</tools>\nCall one with a JSON object within <tool_call></tool_call> tags:\n' }}"
        '{{ \'<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\' }}'
        "{{ '\n</tool_call>' }}"
        "{% endif %}{{ '<|im_end|>\n' }}{% endif %}"
        "{% for m in messages %}{% if m.role == 'user' %}"
        "{{ '<|im_start|>user\n' + m.content + '<|im_end|>\n' }}"
        "{% elif m.role == 'assistant' %}{{ '<|im_start|>assistant\n' }}"
        "{% if m.content %}{{ m.content }}{% endif %}{% for call in m.tool_calls or [] %}"
        '{{ \'<tool_call>\n{"name": "\' + call.function.name + \'", "arguments": \' }}'
        "{{ call.function.arguments if call.function.arguments is string"
        " else call.function.arguments | tojson }}{{ '}\n</tool_call>' }}{% endfor %}"
        "{{ '<|im_end|>\n' }}{% elif m.role == 'tool' %}"
        "{{ '<|im_start|>user\n<tool_response>\n' + m.content + '\n</tool_response><|im_end|>\n' }}"
        "{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
        "{% if messages[-1].role == 'tool' or not tools %}{{ '<|answering|>' }}{% endif %}"
        "{% endif %}"
    ),
    # Starling's: no word of a system, and a name for each who speaks.
    "starling": (
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}"
        "{{ 'GPT4 Correct User: ' + m.content + '<|im_end|>' }}{% elif m.role == 'assistant' %}"
        "{{ 'GPT4 Correct Assistant: ' + m.content + '<|im_end|>' }}{% else %}"
        "{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}"
        "{% endfor %}{% if add_generation_prompt %}{{ 'GPT4 Correct Assistant:\n' }}{% endif %}"
    ),
    # Gemma's: no system either, and the model has a name of its own.
    "gemma": (
        "{{ bos_token }}{% if messages[0].role == 'system' %}"
        "{{ raise_exception('System role not supported') }}{% endif %}{% for m in messages %}"
        "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('Conversation roles must alternate user/assistant/user/...') }}"
        "{% endif %}"
        "{{ '<|im_start|>' + ('model' if m.role == 'assistant' else m.role) + '\n' }}"
        "{{ m.content | trim + '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>model\n' }}{% endif %}"
    ),
    # Mixtral's: strict alternation, or an error.
    "mixtral": (
        "{{ bos_token }}{% for m in messages %}"
        "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('Conversation roles must alternate user/assistant/user/...') }}"
        "{% endif %}{% if m.role == 'user' %}{{ '[INST] ' + m.content + ' [/INST]\n' }}"
        "{% elif m.role == 'assistant' %}{{ m.content + '<|im_end|>' }}{% else %}"
        "{{ raise_exception('Only user and assistant roles are supported!') }}"
        "{% endif %}{% endfor %}"
    ),
}


@dataclass(frozen=True)
class Size:
    """The measures of a model."""

    width: int = 64
    layers: int = 2
    heads: int = 2
    inner: int = 128
    context: int = 32_768


SMALL = Size()
# Large enough for a prompt to take a while.
SLOW = Size(width=512, layers=8, heads=8, inner=1536)

PIECES = re.compile(r" ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+")


class Words:
    """A byte-level vocabulary that is learnt from a text by joining what stands together."""

    def __init__(self, text: str, joins: int = 1500) -> None:
        printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
        others = [byte for byte in range(256) if byte not in printable]
        self.letters = {byte: chr(byte) for byte in printable}
        self.letters |= {byte: chr(256 + index) for index, byte in enumerate(others)}
        self.joins: list[tuple[str, str]] = []
        words = Counter(self._spelled(piece) for piece in PIECES.findall(text))
        while len(self.joins) < joins:
            pairs: Counter[tuple[str, str]] = Counter()
            for word, count in words.items():
                for pair in pairwise(word):
                    pairs[pair] += count
            if not pairs:
                break
            best = min(pairs, key=lambda pair: (-pairs[pair], pair))
            self.joins.append(best)
            words = Counter({_joined(word, best): count for word, count in words.items()})
        # Two ways of joining may lead to the same token.
        made = [first + second for first, second in self.joins]
        self.tokens = list(dict.fromkeys([*self.letters.values(), *made]))

    def _spelled(self, piece: str) -> tuple[str, ...]:
        return tuple(self.letters[byte] for byte in piece.encode())

    def split(self, text: str) -> list[str]:
        """Cut a text into tokens, as the server does."""
        rank = {pair: number for number, pair in enumerate(self.joins)}
        found: list[str] = []
        for piece in PIECES.findall(text):
            word = self._spelled(piece)
            while known := [pair for pair in pairwise(word) if pair in rank]:
                word = _joined(word, min(known, key=rank.__getitem__))
            found += word
        return found


def _joined(word: Sequence[str], pair: tuple[str, str]) -> tuple[str, ...]:
    out: list[str] = []
    index = 0
    while index < len(word):
        if tuple(word[index : index + 2]) == pair:
            out.append("".join(pair))
            index += 2
        else:
            out.append(word[index])
            index += 1
    return tuple(out)


def make(
    path: Path,
    template: str = "chatml",
    *,
    size: Size = SMALL,
    reply: str = REPLY,
    endless: bool = False,
    architecture: str = "llama",
) -> Path:
    """Write a model; an endless one begins its sentence again when it has come to the end."""
    words = Words(reply + " " + THOUGHT + PRIMER)
    special = [END, START, STOP, THINK, THOUGHT_END]
    special += [*CALL, ANSWERING] if template == "tools" else []
    ids = {token: number for number, token in enumerate([*words.tokens, *special])}
    newline = words.letters[10]
    thoughts = [THINK, *words.split(THOUGHT), THOUGHT_END] if template == "thinking" else []
    said = words.split(" " + reply if reply[0] != " " else reply)
    chain = [newline, *thoughts, *said, said[0] if endless else STOP]
    if template == "starling":
        chain = [newline, *chain[1:]]
    steps = dict(pairwise(chain))
    assert len(steps) == len(chain) - 1, "no token may be said twice"
    if template == "tools":
        steps = dict(pairwise([newline, *CALL, STOP])) | dict(pairwise([ANSWERING, *said, STOP]))
    if thoughts:
        # Told not to think, the prompt ends behind the thought; so does a thought of its own.
        steps[THOUGHT_END] = said[0]
    writer = GGUFWriter(path, architecture)
    writer.add_name(f"tiny {template}")
    _add_measures(writer, size, len(ids))
    _add_vocabulary(writer, words, special, ids, TEMPLATES[template])
    _add_tensors(writer, size, [(ids[here], ids[there]) for here, there in steps.items()], ids)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_measures(writer: GGUFWriter, size: Size, vocabulary: int) -> None:
    writer.add_file_type(LlamaFileType.MOSTLY_F16)
    writer.add_context_length(size.context)
    writer.add_embedding_length(size.width)
    writer.add_block_count(size.layers)
    writer.add_feed_forward_length(size.inner)
    writer.add_head_count(size.heads)
    writer.add_head_count_kv(size.heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(size.width // size.heads)
    writer.add_vocab_size(vocabulary)


def _add_vocabulary(
    writer: GGUFWriter, words: Words, special: Sequence[str], ids: dict[str, int], template: str
) -> None:
    kinds = [TokenType.NORMAL] * len(words.tokens)
    kinds += [
        TokenType.USER_DEFINED if token in {THINK, THOUGHT_END, *CALL} else TokenType.CONTROL
        for token in special
    ]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([*words.tokens, *special])
    writer.add_token_types(kinds)
    writer.add_token_merges([f"{first} {second}" for first, second in words.joins])
    writer.add_bos_token_id(ids[END])
    writer.add_eos_token_id(ids[STOP])
    writer.add_add_bos_token(False)
    writer.add_chat_template(template)


def _add_tensors(
    writer: GGUFWriter, size: Size, steps: Iterable[tuple[int, int]], ids: dict[str, int]
) -> None:
    noise = np.random.default_rng(7)

    def matrix(name: str, rows: int, columns: int, scale: float) -> None:
        values = noise.standard_normal((rows, columns), dtype=np.float32) * scale
        writer.add_tensor(f"{name}.weight", values.astype(np.float16))

    def ones(name: str) -> None:
        writer.add_tensor(f"{name}.weight", np.ones(size.width, np.float32))

    inward = noise.standard_normal((len(ids), size.width), dtype=np.float32)
    outward = np.zeros((len(ids), size.width), np.float32)
    for here, there in steps:
        outward[there] += inward[here]
    writer.add_tensor("token_embd.weight", inward.astype(np.float16))
    writer.add_tensor("output.weight", outward.astype(np.float16))
    ones("output_norm")
    width, inner, scale = size.width, size.inner, size.width**-0.5
    for layer in range(size.layers):
        block = f"blk.{layer}."
        ones(block + "attn_norm")
        ones(block + "ffn_norm")
        for name in ("attn_q", "attn_k", "attn_v"):
            matrix(block + name, width, width, scale)
        matrix(block + "attn_output", width, width, 0)
        matrix(block + "ffn_gate", inner, width, scale)
        matrix(block + "ffn_up", inner, width, scale)
        matrix(block + "ffn_down", width, inner, 0)


if __name__ == "__main__":
    target, *wishes = sys.argv[1:]
    kind = next((wish for wish in wishes if wish in TEMPLATES), "chatml")
    make(Path(target), kind, size=SLOW if "slow" in wishes else replace(SMALL))
