"""Whom the rice test asks: the models that are set up, or SmolLM2."""

import json

import pytest
from click.testing import CliRunner

from ambrosio.cli import main

from ..support.real_model import REAL_MODEL


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AMBROSIO_DATA_DIR", str(tmp_path))
    # Two tests at once leave one core for each.
    monkeypatch.setenv("LLAMA_THREADS", "1")
    monkeypatch.setattr("ambrosio.llama.discovery.USUAL_ADDRESSES", ("http://127.0.0.1:1",))
    return tmp_path


class TestWithoutAModel:
    pytestmark = REAL_MODEL

    def test_smollm2_is_asked(self, home):
        ran = CliRunner().invoke(main.main, ["rice", "--quick", "--json"])

        assert ran.exit_code == 0, ran.stderr
        (row,) = json.loads(ran.stdout)["models"]
        assert row["model"].startswith("smollm2/")
        assert (row["asked"], row["failed"]) == (8, 0)
        assert row["right_length"] >= 6
        assert "SmolLM2, the demo's small model, answers" in ran.stderr
