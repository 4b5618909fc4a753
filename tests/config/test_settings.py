"""Right settings are read, wrong ones are told with what would be right, secrets never."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from ambrosio.config import catalogue
from ambrosio.config.settings import NOT_VARIABLES, Settings, load
from ambrosio.core.errors import InvalidSettings

from ..support import ROOT

EXAMPLE = ROOT / ".env.example"
FIELDS = {name: field for name, field in Settings.model_fields.items() if name not in NOT_VARIABLES}


def faults(folder, **given):
    with pytest.raises(InvalidSettings) as caught:
        load(folder, **given)
    return caught.value.problems


def toml(folder, text):
    (folder / "ambrosio.toml").write_text(text, "utf-8")


class TestWhatIsRead:
    def test_nothing_needs_to_be_set(self, tmp_path):
        given = load(tmp_path)

        assert given.ambrosio_owner == frozenset()
        assert given.ambrosio_route == ("llama", "together", "openai")
        assert given.ambrosio_monthly_budget_usd is None
        assert given.database.name == "ambrosio.db"
        assert given.secrets == ()
        assert given.provider_configs(llama_base_url=None) == {}

    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("AMBROSIO_OWNER", "42", frozenset({42})),
            ("AMBROSIO_OWNER", "42, 43 44,", frozenset({42, 43, 44})),
            ("AMBROSIO_OWNER", " ", frozenset()),
            ("AMBROSIO_ROUTE", "together", ("together",)),
            ("AMBROSIO_ROUTE", "together llama", ("together", "llama")),
            ("AMBROSIO_FAST_ROUTE", "together,llama", ("together", "llama")),
            ("AMBROSIO_MONTHLY_BUDGET_USD", "0", Decimal(0)),
            ("AMBROSIO_MONTHLY_BUDGET_USD", "2.50", Decimal("2.50")),
            ("AMBROSIO_MONTHLY_BUDGET_USD", "", None),
            ("AMBROSIO_GRACE_SECONDS", "0", 0),
            ("AMBROSIO_LOG", "json", "json"),
            ("LLAMA_BASE_URL", "http://127.0.0.1:8080/v1/", "http://127.0.0.1:8080/v1"),
            ("LLAMA_BASE_URL", "http://[::1]:8080/v1", "http://[::1]:8080/v1"),
            ("LLAMA_BASE_URL", "", None),
            ("AMBROSIO_DATA_DIR", "/srv/ambrosio", Path("/srv/ambrosio")),
        ],
    )
    @pytest.mark.parametrize("place", ["environment", "file"])
    def test_values_are_read_as_people_write_them(
        self, tmp_path, monkeypatch, name, value, expected, place
    ):
        if place == "environment":
            monkeypatch.setenv(name, value)
        else:
            (tmp_path / ".env").write_text(f"{name}={value}\n", "utf-8")

        given = load(tmp_path)

        assert getattr(given, name.lower()) == expected

    def test_the_environment_overrules_the_file(self, tmp_path, monkeypatch):
        (tmp_path / ".env").write_text("AMBROSIO_OWNER=1\nAMBROSIO_LOG=debug\n", "utf-8")
        monkeypatch.setenv("AMBROSIO_OWNER", "2")

        given = load(tmp_path)

        assert (given.ambrosio_owner, given.ambrosio_log) == (frozenset({2}), "debug")

    def test_the_current_folder_is_looked_at(self, tmp_path, monkeypatch):
        (tmp_path / ".env").write_text("AMBROSIO_OWNER=1\n", "utf-8")
        monkeypatch.chdir(tmp_path)

        assert load().ambrosio_owner == frozenset({1})

    @pytest.mark.parametrize(
        ("here", "data_dir", "owner"),
        [
            ("", "", 1),
            ("DJANGO_SECRET=x\nOTHER=y", "", 1),
            ("AMBROSIO_OWNER=2", "", 2),
            ("", "/elsewhere", None),
        ],
        ids=["none here", "another program's here", "one here", "a deployment"],
    )
    def test_else_the_users_folder_is(self, tmp_path, monkeypatch, here, data_dir, owner):
        users, project = tmp_path / "config" / "ambrosio", tmp_path / "project"
        for folder, file in (
            (users, "AMBROSIO_OWNER=1\nAMBROSIO_SYSTEM_PROMPT_FILE=mine.txt"),
            (project, here),
        ):
            folder.mkdir(parents=True)
            (folder / ".env").write_text(file)
        monkeypatch.setenv("AMBROSIO_DATA_DIR", data_dir)
        monkeypatch.setattr(
            "platformdirs.user_config_path", lambda name: tmp_path / "config" / name
        )
        monkeypatch.chdir(project)

        loaded = load()

        assert loaded.ambrosio_owner == ({owner} if owner else set())
        expected = users / "mine.txt" if owner == 1 else None
        assert loaded.ambrosio_system_prompt_file == expected

    def test_settings_do_not_change(self, tmp_path):
        given = load(tmp_path)

        with pytest.raises(ValidationError):
            given.ambrosio_log = "debug"  # type: ignore[misc]

    def test_variables_of_others_are_none_of_our_business(self, tmp_path, monkeypatch):
        (tmp_path / ".env").write_text("LLAMA_ARG_CTX_SIZE=4096\nHOME_TOWN=Rome\n", "utf-8")
        monkeypatch.setenv("OPENAI_ORGANIZATION", "acme")
        monkeypatch.setenv("LLAMA_CACHE", "/tmp")

        assert load(tmp_path).ambrosio_log == "info"


WRONG = {
    "TELEGRAM_BASE_URL": "api.telegram.org",
    "AMBROSIO_OWNER": "@anna",
    "AMBROSIO_ROUTE": "lama",
    "AMBROSIO_FAST_ROUTE": "nobody",
    "AMBROSIO_IMAGE_ROUTE": "nobody",
    "AMBROSIO_MONTHLY_BUDGET_USD": "-1",
    "AMBROSIO_GRACE_SECONDS": "81",
    "AMBROSIO_STREAM": "yes",
    "AMBROSIO_RICH": "on",
    "AMBROSIO_REASONING": "maybe",
    "AMBROSIO_LOG": "loud",
    "LLAMA_BASE_URL": "127.0.0.1:8080",
    "TOGETHER_BASE_URL": "ftp://api.together.ai",
    "OPENAI_BASE_URL": "https://",
    "OPENAI_CONTEXT": "128k",
    "LLAMA_CONTEXT": "-1",
}


class TestWhatIsWrong:
    @pytest.mark.parametrize(("name", "value"), WRONG.items())
    def test_each_wrong_value_is_told_with_what_would_be_right(
        self, tmp_path, monkeypatch, name, value
    ):
        monkeypatch.setenv(name, value)

        ((told, wrong, right),) = faults(tmp_path)

        assert told == name
        assert value in wrong
        assert right
        assert "\n" not in wrong + right

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("LLAMA_BASE_URL", "http://["),
            ("LLAMA_BASE_URL", "http://127.0.0.1:99999/v1"),
            ("LLAMA_BASE_URL", "http://127.0.0.1:port/v1"),
            ("LLAMA_BASE_URL", "http://127.0.0.1 /v1"),
            ("LLAMA_BASE_URL", "http://:8080"),
            ("AMBROSIO_MONTHLY_BUDGET_USD", "five"),
            ("AMBROSIO_MONTHLY_BUDGET_USD", "nan"),
            ("AMBROSIO_MONTHLY_BUDGET_USD", "inf"),
            ("AMBROSIO_GRACE_SECONDS", "nan"),
            ("AMBROSIO_OWNER", "42,anna"),
            ("AMBROSIO_OWNER", "4.2"),
            ("AMBROSIO_ROUTE", " "),
            ("AMBROSIO_ROUTE", "together/model"),
        ],
    )
    def test_other_ways_to_be_wrong_are_told_too(self, tmp_path, monkeypatch, name, value):
        monkeypatch.setenv(name, value)

        assert {told for told, _, _ in faults(tmp_path)} == {name}

    def test_all_that_is_wrong_is_told_at_once(self, tmp_path, monkeypatch):
        row = "ambrosio.toml: providers.office.base_url"
        for name, value in WRONG.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-1")
        toml(tmp_path, '[providers.office]\nbase_url = "here"\n')

        assert {name for name, _, _ in faults(tmp_path)} == {*WRONG, row, "OPENAI_MODEL"}

    def test_a_route_may_name_a_provider_whose_row_is_wrong(self, tmp_path, monkeypatch):
        monkeypatch.setenv("AMBROSIO_ROUTE", "office")
        toml(tmp_path, '[providers.office]\nbase_url = "here"\n')

        ((told, _, _),) = faults(tmp_path)

        assert told == "ambrosio.toml: providers.office.base_url"

    @pytest.mark.parametrize("name", ["PROVIDERS", "IMAGES", "KNOWN_PROVIDERS", "images"])
    def test_variables_named_like_our_tables_are_not_read(self, tmp_path, monkeypatch, name):
        monkeypatch.setenv(name, "office")

        given = load(tmp_path)

        assert (given.providers, given.images) == ({}, {})
        assert given.ambrosio_route == ("llama", "together", "openai")

    def test_each_setting_says_what_would_be_right(self):
        assert [name for name, field in FIELDS.items() if not field.description] == []

    @pytest.mark.parametrize(
        ("name", "right"),
        [
            ("AMBROSIO_OWNERS", "did you mean AMBROSIO_OWNER?"),
            ("AMBROSIO_BUDGET", "did you mean AMBROSIO_MONTHLY_BUDGET_USD?"),
            ("TELEGRAM_TOKEN", "did you mean TELEGRAM_BOT_TOKEN?"),
            ("TOGETHER_KEY", "did you mean TOGETHER_API_KEY?"),
            ("LLAMA_URL", "did you mean LLAMA_MODEL?"),
        ],
    )
    def test_an_unknown_name_gets_a_suggestion(self, tmp_path, name, right):
        (tmp_path / ".env").write_text(f"{name}=1\n", "utf-8")

        ((told, wrong, hint),) = faults(tmp_path)

        assert (told, wrong) == (name, "is not a setting")
        assert hint.startswith("did you mean ")
        if name not in {"LLAMA_URL", "AMBROSIO_BUDGET"}:
            assert hint == right

    def test_an_unknown_name_that_is_like_nothing_is_told_too(self, tmp_path, monkeypatch):
        monkeypatch.setenv("AMBROSIO_XYZZY_QQQQQQQQQ", "1")

        assert faults(tmp_path)[0][:2] == ("AMBROSIO_XYZZY_QQQQQQQQQ", "is not a setting")

    def test_an_unknown_provider_is_named_as_it_was_written(self, tmp_path, monkeypatch):
        monkeypatch.setenv("AMBROSIO_FAST_ROUTE", "llama,unix:/run/x.sock")

        assert faults(tmp_path)[0][:2] == (
            "AMBROSIO_FAST_ROUTE",
            "names `unix:/run/x.sock`, which is not a provider",
        )

    def test_a_line_names_the_setting_the_value_and_what_is_expected(self, tmp_path, monkeypatch):
        monkeypatch.setenv("AMBROSIO_LOG", "loud")

        with pytest.raises(InvalidSettings) as caught:
            load(tmp_path)

        assert caught.value.lines == [
            "AMBROSIO_LOG: invalid value `loud`; expected debug, info, warning, error or json"
        ]

    def test_a_key_without_a_model_is_told(self, tmp_path, monkeypatch):
        monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-1")

        assert faults(tmp_path)[0][:2] == ("OPENAI_MODEL", "is not set")

    @pytest.mark.parametrize("content", [b"\xff\xfe\xfa", b"\0"])
    def test_a_file_that_is_no_text_is_told(self, tmp_path, content):
        (tmp_path / ".env").write_bytes(b"AMBROSIO_LOG=" + content)

        assert faults(tmp_path)


class TestTheTable:
    def test_the_named_providers_are_rows_of_it(self, tmp_path, monkeypatch):
        monkeypatch.setenv("TOGETHER_API_KEY", "tk")
        monkeypatch.setenv("OPENAI_API_KEY", "ok")
        monkeypatch.setenv("OPENAI_MODEL", "gpt")

        rows = load(tmp_path).provider_configs(llama_base_url="http://127.0.0.1:9931/v1")

        assert list(rows) == ["llama", "together", "openai"]
        assert rows["llama"].start_seconds > rows["together"].start_seconds
        assert rows["together"].context == catalogue.look_up(rows["together"].model)["context"]

    @pytest.mark.parametrize(("key", "managed"), [("", False), ("our-key", True)])
    def test_only_a_server_of_our_own_is_managed(self, tmp_path, key, managed):
        rows = load(tmp_path).provider_configs(llama_base_url="http://a", llama_api_key=key)

        assert (rows["llama"].managed, rows["llama"].cache_reuse) == (managed, managed)

    def test_a_file_adds_rows_and_the_route_may_name_them(self, tmp_path, monkeypatch):
        toml(
            tmp_path,
            '[providers.office]\nbase_url = "http://10.0.0.5:8000/v1"\nlocal = true\n'
            'model = "mistralai/Mixtral-8x7B-Instruct-v0.1"\ncontext = 1000\napi_key = "kk"\n',
        )
        monkeypatch.setenv("AMBROSIO_ROUTE", "office")

        given = load(tmp_path)

        row = given.provider_configs(llama_base_url=None)["office"]
        assert (row.context, row.system_role, row.local) == (1000, False, True)
        assert given.secrets == ("kk",)

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("[providers.office]\nmodel = 'x'\n", "ambrosio.toml: providers.office.base_url"),
            (
                "[providers.office]\nbase_url = 'http://a'\ncolour = 'red'\n",
                "ambrosio.toml: providers.office.colour",
            ),
            (
                "[providers.office]\nbase_url = 'here'\n",
                "ambrosio.toml: providers.office.base_url",
            ),
            (
                "[providers.office]\nbase_url = 'http://a'\nchunk_timeout_seconds = 0\n",
                "ambrosio.toml: providers.office.chunk_timeout_seconds",
            ),
            (
                "[providers.office]\nbase_url = 'http://a'\nmanaged = true\n",
                "ambrosio.toml: providers.office.managed",
            ),
            (
                "[providers.office]\nbase_url = 'http://8.8.8.8'\nlocal = true\n",
                "ambrosio.toml: providers.office",
            ),
            ("[providers]\noffice = 5\n", "ambrosio.toml: providers.office"),
            ("providers = 5\n", "ambrosio.toml: providers"),
            ("images = 5\n", "ambrosio.toml: images"),
            ("[provider.office]\nbase_url = 'http://a'\n", "ambrosio.toml: provider"),
            ("[providers.office\n", "ambrosio.toml"),
        ],
    )
    def test_a_wrong_file_is_told(self, tmp_path, text, name):
        toml(tmp_path, text)

        assert [told for told, _, _ in faults(tmp_path)] == [name]


class TestWindows:
    @pytest.mark.parametrize("name", ["llama", "together", "openai"])
    def test_the_ready_made_rows_have_a_setting_for_it(self, tmp_path, monkeypatch, name):
        values = {"TOGETHER_API_KEY": "tk-1", "OPENAI_API_KEY": "sk-1", "OPENAI_MODEL": "gpt"}
        for key, value in {**values, f"{name.upper()}_CONTEXT": "5000"}.items():
            monkeypatch.setenv(key, value)

        rows = load(tmp_path).provider_configs(llama_base_url="http://127.0.0.1:9931/v1")

        assert rows[name].context == 5000
        assert [row.context for other, row in rows.items() if other != name].count(5000) == 0


SECRETS = (
    "TELEGRAM_BOT_TOKEN",
    "LLAMA_API_KEY",
    "TOGETHER_API_KEY",
    "OPENAI_API_KEY",
    "BRAVE_API_KEY",
)


class TestSecrets:
    def test_they_are_never_shown(self, tmp_path, monkeypatch):
        values = {name: f"secret-{name}" for name in SECRETS}
        values["TELEGRAM_BOT_TOKEN"] = "1234:secret-TELEGRAM_BOT_TOKEN"
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("OPENAI_MODEL", "gpt")
        toml(tmp_path, '[providers.x]\nbase_url = "http://a"\napi_key = "secret-row"\n')

        given = load(tmp_path)

        rows = given.provider_configs(llama_base_url="http://a")
        shown = f"{given!r} {given} {rows!r} {given.model_dump()}"
        assert "secret-" not in shown
        assert set(given.secrets) == {*values.values(), "secret-row"}

    def test_nor_are_they_when_something_is_wrong(self, tmp_path, monkeypatch):
        for name in SECRETS:
            monkeypatch.setenv(name, f"secret-{name}")
        monkeypatch.setenv("AMBROSIO_LOG", "loud")
        toml(tmp_path, '[providers.x]\nbase_url = "no"\napi_key = ["secret-row"]\n')

        told = faults(tmp_path)

        assert len(told) >= 3
        assert "secret-" not in str(told)
        assert "secret-" not in str(InvalidSettings(told))

    def test_all_that_are_secret_are_known(self):
        secret = {name for name, field in FIELDS.items() if field.annotation is SecretStr}

        assert secret == {name.lower() for name in SECRETS}
        assert {name for name in FIELDS if re.search("token$|key", name)} == secret


class TestTheExample:
    def test_it_loads_as_it_is(self, tmp_path):
        (tmp_path / ".env").write_text(EXAMPLE.read_text("utf-8"), "utf-8")

        assert load(tmp_path) == load(tmp_path / "nowhere")

    def test_it_loads_with_all_of_it_switched_on(self, tmp_path):
        text = re.sub(r"^#([A-Z_]+=)", r"\1", EXAMPLE.read_text("utf-8"), flags=re.MULTILINE)
        (tmp_path / ".env").write_text(text, "utf-8")

        assert load(tmp_path).ambrosio_owner == frozenset({123456789})

    def test_it_names_every_setting_and_no_other(self):
        named = re.findall(r"^#?([A-Z_]+)=", EXAMPLE.read_text("utf-8"), flags=re.MULTILINE)

        assert sorted(named) == sorted(name.upper() for name in FIELDS)

    @pytest.mark.parametrize(
        "name", ["TELEGRAM_BASE_URL", "AMBROSIO_ROUTE", "AMBROSIO_STREAM", "TOGETHER_MODEL"]
    )
    def test_what_it_shows_is_the_default(self, name):
        shown = re.search(rf"^#{name}=(.*)$", EXAMPLE.read_text("utf-8"), flags=re.MULTILINE)
        default = FIELDS[name.lower()].default

        assert shown
        assert shown[1] == (",".join(default) if isinstance(default, tuple) else default)
