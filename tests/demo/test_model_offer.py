"""The models offered for download: which fit the memory, and which is there already."""

import pytest

from ambrosio.demo import model_offer
from ambrosio.demo.model_offer import MODELS, find_downloaded_offer, list_offers
from ambrosio.llama.sizing import MB, Resources


def set_memory(monkeypatch, free_mb):
    machine = Resources(2, free_mb * MB, 32_000 * MB)
    monkeypatch.setattr("ambrosio.llama.sizing.measure_resources", lambda: machine)


@pytest.fixture(autouse=True)
def llama_cpp(monkeypatch):
    monkeypatch.setattr(model_offer, "find_spec", lambda name: name)


@pytest.mark.parametrize(
    ("free_mb", "best"), [(5_000, 3), (4_999, 2), (2_499, 1), (1_599, 0), (1_299, None)]
)
def test_the_best_model_for_the_memory_is_marked(monkeypatch, tmp_path, free_mb, best):
    set_memory(monkeypatch, free_mb)

    offers = list_offers(tmp_path)["models"]

    fitting = range(0 if best is None else best + 1)
    assert [number for number, offer in enumerate(offers) if offer["fits"]] == list(fitting)
    assert [number for number, offer in enumerate(offers) if offer["best"]] == (
        [] if best is None else [best]
    )


def test_without_llama_cpp_nothing_is_offered(monkeypatch, tmp_path):
    monkeypatch.setattr(model_offer, "find_spec", lambda _name: None)

    offers = list_offers(tmp_path)

    assert offers["models"] == []
    assert "needs llama.cpp" in offers["unavailable"]
    assert find_downloaded_offer(tmp_path) == ""


def test_the_best_downloaded_model_that_fits_is_found(monkeypatch, tmp_path):
    set_memory(monkeypatch, 2_499)
    there = {MODELS[0].reference, MODELS[1].reference, MODELS[3].reference}
    monkeypatch.setattr(
        "ambrosio.llama.download.find_downloaded",
        lambda reference, _folder: tmp_path if reference in there else None,
    )

    assert find_downloaded_offer(tmp_path) == MODELS[1].reference
