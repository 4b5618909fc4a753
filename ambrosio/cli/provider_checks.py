"""Whether the configured providers answer, for `ambrosio doctor`."""

import asyncio
import importlib.util
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing, suppress

from ..config.settings import Settings
from ..core.errors import NoProvider
from ..core.messages import AnswerFinished
from ..core.provider_errors import (
    AllProvidersFailed,
    InvalidKey,
    Loading,
    ModelNotFound,
    NotRunning,
    OutOfCredit,
    OverBudget,
    Overloaded,
    ProviderError,
    WrongAddress,
)
from ..llama.sizing import Resources, measure_resources
from ..providers.openai_compatible import OpenAIProvider
from ..providers.speech import Speaker
from ..router import CompletionRequest, Router
from ..router.budget import Budget
from .findings import Finding

ANSWER_SECONDS = 60
MAX_MODEL_NAMES = 5
# A machine that is sold with 8 GB has a little less.
EARS_BYTES = 7_500_000_000
OFFER_EARS = (
    "to transcribe them on this machine, set LLAMA_EARS=ggml-org/Qwen3-ASR-0.6B-GGUF:Q8_0 in .env "
    "(a download of 1 GB; 1.8 GB of memory while it transcribes)"
)
OFFER_SIGHT = (
    "set LLAMA_GGUF to a vision model, such as unsloth/Qwen3.5-4B-GGUF:Q4_K_M if this machine has "
    "8 GB of memory, or TOGETHER_MODEL=Qwen/Qwen3.5-9B, or vision = true in ambrosio.toml"
)
OFFER_OTHERS = "set TOGETHER_API_KEY in .env, or transcription_model in ambrosio.toml"
OFFER_SPEECH = "set TOGETHER_API_KEY in .env, or speech_model in ambrosio.toml"
# The settings of the ready-made rows begin with these.
PREFIXES = {"llama": "LLAMA", "together": "TOGETHER", "openai": "OPENAI"}
SET_UP = (
    "start llama.cpp, Ollama or LM Studio on this machine, or set LLAMA_GGUF or TOGETHER_API_KEY "
    "in .env"
)


async def check_providers(
    settings: Settings, providers: Mapping[str, OpenAIProvider]
) -> AsyncIterator[Finding]:
    """Ask each provider for one word, and say whether any of them answers."""
    working = 0
    answering = [provider for provider in providers.values() if provider.config.supports_chat]
    for provider in answering:
        answer = await _check_answer(settings, provider)
        working += answer.ok
        yield answer
        async for finding in _check_models(settings, provider):
            yield finding
    if not answering:
        yield Finding("answers", "failed", "no model is set up", SET_UP)
    elif not working:
        yield Finding("answers", "failed", "no provider answers")
    else:
        yield Finding("answers", "ok", f"{working} of {len(answering)} providers answer")
    yield await check_sight(answering)
    yield await check_hearing(providers)
    yield await check_speech(providers)


async def check_sight(providers: Iterable[OpenAIProvider]) -> Finding:
    """Say which providers see pictures, or how to set one up."""
    seeing = []
    for provider in providers:
        with suppress(ProviderError):
            if await provider.sees():
                seeing.append(provider.name)
    if not seeing:
        return Finding("vision", "skipped", f"no model can see pictures; {OFFER_SIGHT}")
    if not importlib.util.find_spec("pillow_heif"):
        detail = "the decoders for pictures and PDFs are not installed"
        return Finding("vision", "flawed", detail, "run `pip install '.[media]'`")
    return Finding("vision", "ok", f"{' and '.join(seeing)} can see pictures")


async def check_hearing(
    providers: Mapping[str, OpenAIProvider],
    measure: Callable[[], Resources] = measure_resources,
) -> Finding:
    """Say which providers transcribe voice notes, or how to set one up."""
    hearing = [name for name, provider in providers.items() if await provider.hears()]
    if not hearing:
        enough = measure().total_bytes >= EARS_BYTES
        advice = OFFER_EARS if enough else OFFER_OTHERS
        return Finding("voice", "skipped", f"no model can transcribe voice notes; {advice}")
    if not importlib.util.find_spec("av"):
        detail = "the decoder for recordings is not installed"
        return Finding("voice", "flawed", detail, "run `pip install '.[media]'`")
    return Finding("voice", "ok", f"{' and '.join(hearing)} can transcribe voice notes")


async def check_speech(providers: Mapping[str, OpenAIProvider]) -> Finding:
    """Say which providers read answers aloud, or how to set one up."""
    speakers = [Speaker(provider) for provider in providers.values()]
    able = [str(speaker.ref) for speaker in speakers if await speaker.is_able()]
    if not able:
        return Finding("speech", "skipped", f"no model can read answers aloud; {OFFER_SPEECH}")
    return Finding("speech", "ok", f"{' and '.join(able)} can read answers aloud")


async def _check_answer(settings: Settings, provider: OpenAIProvider) -> Finding:
    """Ask for one word, as a vv question."""
    clock = asyncio.get_running_loop().time
    router = Router(
        {provider.name: provider},
        (provider.name,),
        now=clock,
        budget=Budget(now=clock, ceiling=settings.ambrosio_monthly_budget_usd),
    )
    request = CompletionRequest("Answer with one word.", (), "Say OK", concise=True)
    answered_by = ""
    try:
        async with asyncio.timeout(ANSWER_SECONDS), aclosing(router.stream(request)) as events:
            async for event in events:
                if isinstance(event, AnswerFinished):
                    answered_by = str(event.ref)
    except AllProvidersFailed as exc:
        return await _refusal(settings, provider, exc.causes[-1])
    except NoProvider as exc:
        return Finding(provider.name, "flawed", exc.problem_text, exc.remedy_text(for_owner=True))
    except TimeoutError:
        return Finding(
            provider.name, "flawed", f"no answer within {ANSWER_SECONDS} s", "look at its log"
        )
    first_word = router.health.providers[provider.name].first_word_seconds or 0
    where = "local" if provider.local else "remote"
    return Finding(provider.name, "ok", f"{answered_by} answers after {first_word:.1f} s ({where})")


async def _refusal(settings: Settings, provider: OpenAIProvider, cause: ProviderError) -> Finding:
    if right := await _address_with_v1(provider, cause):
        detail = f"there is nothing at {provider.config.base_url}, but {right} answers"
        return Finding(provider.name, "flawed", detail, f"change its base URL to {right}")
    problem = cause.problem_text.removeprefix(f"{provider.name} ").rstrip(".")
    detail = f"{problem} ({cause.detail})" if cause.detail else problem
    return Finding(provider.name, "flawed", detail, _fix(settings, provider, cause))


def _fix(settings: Settings, provider: OpenAIProvider, cause: ProviderError) -> str:
    """Say what to do about a failure: where it has a setting, which."""
    own_row = provider.name in settings.providers
    prefix = "" if own_row else PREFIXES.get(provider.name, "")
    url = provider.config.base_url
    match cause:
        case NotRunning():
            return cause.hint
        case InvalidKey():
            return (
                f"set a valid key: {f'{prefix}_API_KEY' if prefix else 'api_key in ambrosio.toml'}"
            )
        case ModelNotFound():
            model = f"{prefix}_MODEL" if prefix else "model in ambrosio.toml"
            return f"set another model: {model}; or correct its base URL, {url}"
        case WrongAddress():
            return f"correct its base URL, {url}"
        case OutOfCredit() | OverBudget() | Loading() | Overloaded():
            return cause.remedy_text(for_owner=True)
        case _ if provider.local:
            return f"check that the server at {url} is running"
        case _:
            return f"check the network, and its base URL, {url}"


async def _address_with_v1(provider: OpenAIProvider, cause: ProviderError) -> str:
    """Return the base URL with `/v1` behind it if the API is there; "" if it is not."""
    base_url = provider.config.base_url.rstrip("/")
    if not isinstance(cause, WrongAddress | ModelNotFound):
        return ""
    if provider.config.socket or base_url.endswith("/v1"):
        return ""
    config = provider.config.model_copy(update={"base_url": f"{base_url}/v1"})
    try:
        await OpenAIProvider(provider.name, config, provider.http).models()
    except ProviderError:
        return ""
    return config.base_url


async def _check_models(settings: Settings, provider: OpenAIProvider) -> AsyncIterator[Finding]:
    """Check that Together serves the configured models."""
    if provider.config.server_kind != "together":
        return
    try:
        served = await provider.models()
    except ProviderError as exc:
        yield Finding("models", "skipped", f"not checked: {exc.log_text}")
        return
    configured = [
        ("model", settings.together_model, {"chat", "language"}),
        ("image model", settings.together_image_model, {"image"}),
        ("transcription model", settings.together_transcription_model, {"transcribe"}),
        ("speech model", settings.together_speech_model, {"audio"}),
    ]
    for subject, model_id, kinds in configured:
        if any(model.id == model_id for model in served):
            yield Finding(subject, "ok", model_id)
            continue
        others = [model.id for model in served if model.kind in kinds]
        available = ", ".join(others[:MAX_MODEL_NAMES]) or "none"
        setting = f"TOGETHER_{subject.upper().replace(' ', '_')}"
        yield Finding(
            subject,
            "flawed",
            f"{model_id} is not served there",
            f"set {setting} to one of those that are: {available}",
        )
