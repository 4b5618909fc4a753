"""The files for a server name what there is: settings, verbs, extras, paths, addresses."""

import ipaddress
import json
import re
import tomllib

import pytest
import yaml

from ambrosio.cli import main
from ambrosio.config import settings
from ambrosio.core.addresses import is_local

from .support import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def read_dockerfile():
    """Read the instructions as (name, arguments), one list for each stage."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    stages: list[list[tuple[str, str]]] = [[]]
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        name, _, arguments = line.partition(" ")
        if name == "FROM":
            stages.append([])
        stages[-1].append((name, " ".join(arguments.split())))
    return stages


BUILD, IMAGE = read_dockerfile()[1:]
ENVIRONMENT = dict(
    re.findall(r'(\w+)=("[^"]*"|\S+)', " ".join(value for name, value in IMAGE if name == "ENV"))
)


def last(name):
    return [arguments for instruction, arguments in IMAGE if instruction == name][-1]


def test_the_image_is_built_from_all_that_the_wheel_needs():
    copied = [word for name, words in BUILD if name == "COPY" for word in words.split()[:-1]]
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
    needed = {
        "pyproject.toml",
        PROJECT["readme"],
        *PROJECT["license-files"],
        *wheel["targets"]["wheel"]["packages"],
        *wheel["targets"]["wheel"]["force-include"],
    }
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert set(copied) == needed == {line[1:] for line in ignored if line.startswith("!")}
    assert all((ROOT / name).exists() for name in copied)


def test_the_extras_of_the_image_and_the_wheels_it_insists_on_exist():
    (extras,) = re.findall(r'EXTRAS="(.*?)"', " ".join(words for _, words in BUILD))
    (binaries,) = re.findall(r"--only-binary (\S+)", " ".join(words for _, words in BUILD))
    assert extras == "llama,media"
    listed = [*PROJECT["dependencies"]]
    for extra in extras.split(","):
        listed += PROJECT["optional-dependencies"][extra]
    assert set(binaries.split(",")) <= {re.split(r"[<>=\[]", name)[0] for name in listed}


def test_the_image_starts_and_checks_the_bot_as_nobody_special(tmp_path, monkeypatch):
    assert json.loads(last("ENTRYPOINT")) == ["ambrosio"]
    (verb,) = json.loads(last("CMD"))
    program, health = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
    assert {verb, health} <= set(main.main.commands)
    assert program == "ambrosio"
    assert last("USER") == "10001:10001"
    assert last("WORKDIR") == last("VOLUME") == ENVIRONMENT["AMBROSIO_DATA_DIR"] == "/data"
    for name, value in ENVIRONMENT.items():
        if name.startswith("AMBROSIO_"):
            monkeypatch.setenv(name, value)
    assert settings.load(tmp_path).ambrosio_exit_after_minutes == 10


def compose(uncommented=""):
    text = (ROOT / "compose.yaml").read_text("utf-8")
    return yaml.safe_load(re.sub(f"# (?={uncommented})", "", text) if uncommented else text)


@pytest.mark.parametrize("name", ["ambrosio", "llama"])
def test_a_container_may_do_little(name):
    service = compose()["services"][name]
    assert service["read_only"] is service["init"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"\$\{\w+:-\d+g\}", service["mem_limit"])
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}
    assert service["restart"] == "unless-stopped"
    assert "ports" not in service
    # All that it writes goes to a volume, or to memory.
    assert [entry.partition(":")[0] for entry in service["tmpfs"]] == ["/tmp"]
    assert {volume.partition(":")[0] for volume in service["volumes"]} <= set(compose()["volumes"])


def test_the_bot_finds_the_server_beside_it_at_a_local_address(tmp_path):
    whole = compose()
    (subnet,) = [row["subnet"] for row in whole["networks"]["default"]["ipam"]["config"]]
    server, bot = whole["services"]["llama"], whole["services"]["ambrosio"]
    address = server["networks"]["default"]["ipv4_address"]
    (port,) = re.findall(r"--port (\d+)", server["command"])
    given = bot["environment"]["LLAMA_BASE_URL"]
    (url,) = re.findall(r"http://[^}]+", given)

    assert url == f"http://{address}:{port}/v1"
    assert ipaddress.ip_address(address) in ipaddress.ip_network(subnet)
    assert is_local(url)
    # What the settings say comes first, and without the profile there is no server.
    assert given == f"${{LLAMA_BASE_URL:-${{COMPOSE_PROFILES:+{url}}}}}"
    assert settings.load(tmp_path, llama_base_url=url).has_provider


def test_a_server_on_the_docker_host_counts_as_local(tmp_path):
    (ways,) = re.findall(
        r"^    #   (\[providers.*?)^    # extra_hosts",
        (ROOT / "compose.yaml").read_text("utf-8"),
        re.DOTALL | re.MULTILINE,
    )
    (tmp_path / "ambrosio.toml").write_text(re.sub(r"^    # +", "", ways, flags=re.MULTILINE))
    (row,) = settings.load(tmp_path).providers.values()
    assert row.is_local
    assert compose("extra_hosts")["services"]["ambrosio"]["extra_hosts"] == [
        "host.docker.internal:host-gateway"
    ]


def test_the_grace_period_of_the_container_is_longer_than_that_of_the_bot():
    (seconds,) = re.findall(r"\d+", compose()["services"]["ambrosio"]["stop_grace_period"])
    field = settings.Settings.model_fields["ambrosio_grace_seconds"]
    (most,) = [limit.le for limit in field.metadata if hasattr(limit, "le")]
    assert int(seconds) > most


WORKFLOWS = {
    path.name: yaml.safe_load(path.read_text("utf-8"))
    for path in (ROOT / ".github" / "workflows").glob("*.yaml")
}


def jobs():
    return [
        pytest.param(job, id=f"{name}:{title}")
        for name, workflow in sorted(WORKFLOWS.items())
        for title, job in workflow["jobs"].items()
    ]


@pytest.mark.parametrize("job", [*jobs()])
def test_a_job_ends_by_itself_and_runs_what_there_is(job):
    if "uses" in job:
        assert (ROOT / job["uses"]).exists()
        return
    assert job["timeout-minutes"] <= 60
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    for step in job["steps"]:
        assert ("run" in step) != ("uses" in step)
        for target in re.findall(r"\bmake (\w+)", step.get("run", "")):
            assert target in targets
        # What comes from outside of the file would be read by the shell.
        assert "${{" not in step.get("run", "")
        if step.get("uses", "").startswith("actions/checkout"):
            assert step["with"] == {"persist-credentials": False}


def test_the_oldest_python_is_tested_and_those_after_it():
    (matrix,) = [
        job["strategy"]["matrix"]["python"]
        for job in WORKFLOWS["test.yaml"]["jobs"].values()
        if "strategy" in job
    ]
    assert f">={matrix[0]}" == PROJECT["requires-python"]
    assert matrix == [f"3.{minor}" for minor in range(11, 15)]


def test_only_the_job_that_publishes_may():
    for workflow in WORKFLOWS.values():
        assert workflow["permissions"] == {"contents": "read"}
    release = WORKFLOWS["release.yaml"]["jobs"]
    allowed = {name: job.get("permissions", {}) for name, job in release.items()}
    assert allowed["pypi"] == {"id-token": "write"}
    assert allowed["image"] == {"contents": "read", "packages": "write"}
    assert not any(allowed[name] for name in allowed.keys() - {"pypi", "image"})
    # No password for PyPI anywhere, and nothing goes out untested.
    text = (ROOT / ".github" / "workflows" / "release.yaml").read_text("utf-8")
    assert set(re.findall(r"secrets\.(\w+)", text)) == {"GITHUB_TOKEN"}
    assert release["build"]["needs"] == release["image"]["needs"] == "test"
    assert release["pypi"]["needs"] == "build"


def test_the_image_is_released_for_both_architectures():
    (build,) = [
        step["with"]
        for step in WORKFLOWS["release.yaml"]["jobs"]["image"]["steps"]
        if step.get("uses", "").startswith("docker/build-push-action")
    ]
    assert build["platforms"] == "linux/amd64,linux/arm64"
