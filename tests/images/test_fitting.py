"""What each image model can do, and how an order is fitted to it."""

from decimal import Decimal

import pytest

from ambrosio.config.image_models import (
    IMAGE_MODELS,
    ImageModelConfig,
    find_by_name,
    look_up_image_model,
    price,
)
from ambrosio.core.images import ImageOrder, ImagePrompt
from ambrosio.core.messages import Chat, Turn
from ambrosio.images.fitting import describe_dropped, fit
from ambrosio.images.options import parse

SDXL = "stabilityai/stable-diffusion-xl-base-1.0"
SCHNELL = "black-forest-labs/FLUX.1-schnell"
PRO = "black-forest-labs/FLUX.2-pro"
IMAGEN = "google/imagen-4.0-fast"
GPT = "gpt-image-1"


def make_order(prompt, seeds=(7,)):
    return ImageOrder(Turn(Chat(7), 1, 7, ""), prompt, seeds)


def fit_typed(typed, model, seeds=(7,)):
    prompt = parse(typed)
    assert isinstance(prompt, ImagePrompt)
    return fit(make_order(prompt, seeds), model, look_up_image_model(model, {}))


SHAPES = [
    ("a fox", SDXL, (1024, 1024, ""), ()),
    ("a fox --ar 16:9", SDXL, (1368, 768, ""), ()),
    ("a fox --ar 9:16", SDXL, (768, 1368, ""), ()),
    ("a fox --size 1024x768", SDXL, (1024, 768, ""), ()),
    ("a fox --size 1023x765", SDXL, (1024, 768, ""), ("1024×768 instead of 1023×765",)),
    ("a fox --size 4096x2048", SDXL, (1920, 960, ""), ("1920×960 instead of 4096×2048",)),
    ("a fox --size 64x128", SDXL, (256, 512, ""), ("256×512 instead of 64×128",)),
    ("a fox --ar 20:1", SDXL, (1920, 256, ""), ("1920×256 instead of 20:1",)),
    ("a fox --ar 16:9", SCHNELL, (1368, 768, "16:9"), ()),
    ("a fox --size 1600x900", SCHNELL, (1368, 768, "16:9"), ("16:9 instead of 1600×900",)),
    ("a fox --ar 21:9", IMAGEN, (1368, 768, "16:9"), ("16:9 instead of 21:9",)),
    ("a fox --ar 3:2", GPT, (1536, 1024, ""), ()),
    ("a fox --ar 16:9", GPT, (1536, 1024, ""), ("1536×1024 instead of 16:9",)),
]
STEPS = [
    ("a fox", SDXL, 30, ()),
    ("a fox --steps 50", SDXL, 50, ()),
    ("a fox --steps 50", SCHNELL, 12, ("12 steps instead of 50",)),
    ("a fox", SCHNELL, 4, ()),
    ("a fox", PRO, 0, ()),
    ("a fox --steps 20", PRO, 0, ("without --steps, which this model does not take",)),
]
OPTIONS = [
    ('a fox --no "text"', PRO, ("without --no, which this model does not know",)),
    ('a fox --no "text"', SDXL, ()),
    ("a fox --seed 5", IMAGEN, ("without --seed, which this model does not take",)),
    ("a" * 4050, "dall-e-3", ("prompt cut at 4000 characters",)),
]


@pytest.mark.parametrize(("typed", "model", "shape", "changes"), SHAPES)
def test_a_shape_is_fitted_to_the_nearest_the_model_supports(typed, model, shape, changes):
    [request], noted = fit_typed(typed, model)

    assert (request.width, request.height, request.ratio) == shape
    assert noted == changes


@pytest.mark.parametrize(("typed", "model", "steps", "changes"), STEPS)
def test_steps_stay_within_the_limits_of_the_model(typed, model, steps, changes):
    [request], noted = fit_typed(typed, model)

    assert request.steps == steps
    assert noted == changes


@pytest.mark.parametrize(("typed", "model", "changes"), OPTIONS)
def test_an_unsupported_option_is_left_out_and_noted(typed, model, changes):
    _, noted = fit_typed(typed, model)

    assert noted == changes


def count_by_seed(requests):
    return [(request.seed, request.count) for request in requests]


def test_each_seed_gets_a_request_of_its_own():
    requests, _ = fit_typed("a fox --n 4", SDXL, (7, 8, 9, 10))

    assert count_by_seed(requests) == [(7, 1), (8, 1), (9, 1), (10, 1)]


def test_consecutive_seeds_share_a_request_if_the_model_allows_it():
    order = make_order(ImagePrompt("a fox"), (7, 8, 9, 10, 20))

    requests, _ = fit(order, "m", ImageModelConfig(max_count=3))

    assert count_by_seed(requests) == [(7, 3), (10, 1), (20, 1)]


def test_a_model_without_seeds_generates_the_maximum_per_request():
    requests, _ = fit_typed("a fox --n 4", GPT, (7, 8, 9, 10))

    assert count_by_seed(requests) == [(None, 4)]


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("sdxl", SDXL),
        ("SD-XL", SDXL),
        ("flux", "black-forest-labs/FLUX.2-dev"),
        ("flux schnell", SCHNELL),
        ("FLUX.2-pro", PRO),
        (PRO, PRO),
        ("unknown", ""),
    ],
)
def test_a_model_is_found_by_its_short_name(name, model):
    assert find_by_name(name, {}) == model


def test_a_configured_model_overrides_the_table():
    configs = {SDXL: ImageModelConfig(name="mine", max_steps=10)}

    assert look_up_image_model(SDXL, configs).max_steps == 10
    assert find_by_name("mine", configs) == SDXL


@pytest.mark.parametrize(
    ("model", "steps", "usd"),
    [
        (SDXL, 30, "0.0019"),
        (SCHNELL, 4, "0.0027"),
        (SCHNELL, 8, "0.0054"),
        (PRO, 0, "0.03"),
        ("Lykon/DreamShaper", 20, None),
    ],
)
def test_an_image_has_the_listed_price(model, steps, usd):
    cost = price(look_up_image_model(model, {}), width=1000, height=1000, steps=steps)

    assert cost == (None if usd is None else Decimal(usd))


def test_only_options_that_were_set_are_described_as_dropped():
    assert describe_dropped(ImagePrompt("a fox"), {"steps", "seed"}) == ()
    assert describe_dropped(ImagePrompt("a fox", steps=5), {"steps", "seed"}) == (
        "without --steps, which this model refused",
    )


def test_every_model_of_the_table_is_consistent():
    for model in IMAGE_MODELS:
        config = look_up_image_model(model, {})
        assert config.min_side <= config.width <= config.max_side
        assert config.steps <= config.max_steps
