"""A name that is almost ours is told; the names of other programs stay alone."""

import pytest

from ambrosio.config.setting_names import count_slips
from ambrosio.config.settings import load
from ambrosio.core.errors import InvalidSettings


@pytest.mark.parametrize(
    ("one", "other", "slips"),
    [
        ("", "", 0),
        ("a", "", 1),
        ("LLAMA_GGUF", "LLAMA_GGUF", 0),
        ("LAMA_GGUF", "LLAMA_GGUF", 1),
        ("LLAMMA_GGUF", "LLAMA_GGUF", 1),
        ("LLAMA_GUFF", "LLAMA_GGUF", 2),
        ("LLMAA_GGUF", "LLAMA_GGUF", 1),
        ("ca", "abc", 3),
        ("kitten", "sitting", 3),
    ],
)
def test_slips_are_counted(one, other, slips):
    assert count_slips(one, other) == count_slips(other, one) == slips


def told(folder):
    try:
        load(folder)
    except InvalidSettings as exc:
        return [(name, hint) for name, problem, hint in exc.problems if "not a setting" in problem]
    return []


@pytest.mark.parametrize("place", ["environment", "file"])
@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("LAMA_GGUF", "LLAMA_GGUF"),
        ("TELEGARM_BOT_TOKEN", "TELEGRAM_BOT_TOKEN"),
        ("TELEGRAM_BOTTOKEN", "TELEGRAM_BOT_TOKEN"),
        ("OPENAI_API_KEYS", "OPENAI_API_KEY"),
        ("TOEGTHER_API_KEY", "TOGETHER_API_KEY"),
        ("OPENAI_MODLE", "OPENAI_MODEL"),
        ("AMBROSO_OWNER", "AMBROSIO_OWNER"),
        ("ambrosio_ruote", "AMBROSIO_ROUTE"),
        ("AMBROSIO_ROUTES_", "AMBROSIO_ROUTE"),
    ],
)
def test_a_slip_is_told_with_what_was_meant(tmp_path, monkeypatch, place, name, meant):
    if place == "file":
        (tmp_path / ".env").write_text(f"{name}=1\n", "utf-8")
    else:
        monkeypatch.setenv(name, "1")

    assert told(tmp_path) == [(name, f"did you mean {meant}?")]


def test_two_slips_are_told_in_the_file(tmp_path):
    (tmp_path / ".env").write_text("OPNAI_APIKEY=1\n", "utf-8")

    assert told(tmp_path) == [("OPNAI_APIKEY", "did you mean OPENAI_API_KEY?")]


@pytest.mark.parametrize(
    "name",
    [
        "TOGETHERAI_API_KEY",
        "OPENAI_API_BASE",
        "OPENAI_ORG_ID",
        "OPENAI_PROJECT",
        "OPENAI_API_KEY_2",
        "OPENAI_API_KEY2",
        "AZURE_OPENAI_API_KEY",
        "OPENROUTER_API_KEY",
        "TELEGRAM_TOKEN",
        "TELEGRAM_CHAT_ID",
        "LLAMA_CPP_LIB",
        "LLAMA_ARG_MODEL",
        "OLLAMA_MODELS",
        "PATH",
        "_",
    ],
)
def test_other_programs_may_have_theirs_in_the_shell(tmp_path, monkeypatch, name):
    monkeypatch.setenv(name, "1")

    assert told(tmp_path) == []


def test_a_name_beside_the_right_one_is_no_slip(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    monkeypatch.setenv("OPENAI_MODEL", "gpt")
    monkeypatch.setenv("OPENAI_API_KEYS", "sk-1,sk-2")

    assert told(tmp_path) == []
