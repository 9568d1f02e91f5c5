"""docker/ holds together: its images, pins and commands, and what is written about them."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import pytest

typer = pytest.importorskip("typer")

from gpudict.tools.commands.app import command  # noqa: E402

ROOT = Path(__file__).parents[2]
HERE = ROOT / "docker"
TEXT = (HERE / "Dockerfile").read_text()
README = (HERE / "README.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CUDA = {"cpu": (), "cuda": ("12", "13")}


class Instruction(NamedTuple):
    """One instruction of the Dockerfile, in its stage ('' before the first)."""

    stage: str
    word: str
    rest: str


def instructions() -> list[Instruction]:
    joined = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", TEXT))
    stage, found = "", []
    for line in filter(None, joined.splitlines()):
        word, rest = line.split(maxsplit=1)
        stage = rest.split()[-1] if word == "FROM" else stage
        found.append(Instruction(stage, word, rest))
    return found


def the(stage: str, word: str) -> str:
    """Return what the one instruction of that word says in a stage."""
    (only,) = (i.rest for i in instructions() if (i.stage, i.word) == (stage, word))
    return only


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(name: str) -> dict[str, str]:
    """Return release by package of a constraints file, and of the files that it includes."""
    found: dict[str, str] = {}
    for line in (HERE / name).read_text().splitlines():
        if line.startswith("-c "):
            found |= pins(line.removeprefix("-c "))
        elif line and not line.startswith("#"):
            package, release = line.split("==")
            assert re.fullmatch(r"[\d.]+", release), line
            assert package == canonical(package), line
            assert package not in found, f"{package} is pinned twice"
            found[package] = release
    return found


def needs(requirement: str) -> list[tuple[str, str]]:
    """Return (package, least release) of a requirement, extras of the project itself followed."""
    name, extras, least = re.fullmatch(
        r"([\w.-]+)(?:\[(.*?)\])?(?:[>=]=([\w.]+))?(?:;.*)?", requirement
    ).groups()
    if name != "gpudict":
        return [(canonical(name), least or "0")]
    of_extras = PROJECT["project"]["optional-dependencies"]
    asked = [r for extra in extras.split(",") for r in of_extras[extra]]
    return [n for r in (*PROJECT["project"]["dependencies"], *asked) for n in needs(r)]


def release(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


@pytest.mark.parametrize(("target", "cuda"), [("cpu", ""), ("cuda", "12"), ("cuda", "13")])
def test_what_an_image_installs_is_pinned(target, cuda):
    """Each requirement of the install line, of the build and pip itself, at a release it allows."""
    line = the(f"{target}-build", "RUN").replace("${CUDA}", cuda)
    words = shlex.split(line)
    asked = [w.replace(".[", "gpudict[") for w in words[words.index("install") :] if "[" in w]
    assert any(w.startswith("gpudict[") for w in asked)
    pinned = pins(Path(words[words.index("--constraint") + 1]).name)
    build = pins(Path(words[words.index("--build-constraint") + 1]).name)
    for requirement in (*asked, "pip"):
        for package, least in needs(requirement):
            assert package in pinned, f"{package} is not pinned"
            assert release(pinned[package]) >= release(least), package
    for requirement in PROJECT["build-system"]["requires"]:
        for package, least in needs(requirement):
            assert release(build[package]) >= release(least), package
    assert "--constraint docker/constraints.txt pip" in the("source", "RUN")


def test_the_images():
    """Both targets are there, on a base of a fixed release, not as root, with the entry point."""
    stages = {i.stage: i.rest.split()[0] for i in instructions() if i.word == "FROM"}
    (base,) = {image for image in stages.values() if image not in stages}
    assert base == "${PYTHON_IMAGE}"
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.\d+\.\d+-slim-\w+", the("", "ARG"))
    assert {stages["cpu"], stages["cuda"]} == {"base"}
    uid = the("base", "USER").split(":")[0]
    assert int(uid) > 0
    assert f"--uid {uid} " in the("base", "RUN")
    assert not any(i.word == "USER" and i.stage != "base" for i in instructions())
    home = re.search(r"HOME=(\S+)", the("base", "ENV"))[1]
    assert f"--mode 1777 {home} " in the("base", "RUN")
    for target in CUDA:
        assert the(target, "COPY") == f"--from={target}-build /opt/gpudict /opt/gpudict"


def test_the_context_is_what_is_copied():
    """.dockerignore lets in what the Dockerfile copies, and nothing else."""
    rests = [i.rest.split()[:-1] for i in instructions() if (i.stage, i.word) == ("source", "COPY")]
    copied = {word for words in rests for word in words}
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines.index("*") < min(i for i, line in enumerate(lines) if line.startswith("!"))
    assert {line[1:] for line in lines if line.startswith("!")} == copied
    for pattern in copied:
        assert list(ROOT.glob(pattern)), pattern
    needed = (PROJECT["project"]["readme"], *PROJECT["project"]["license-files"], "pyproject.toml")
    assert set(needed) <= copied


def parsed(words: list[str]) -> tuple[str, dict[str, Any]]:
    """Return the command and its options, read by the command itself, which does not run."""
    entry, name, *rest = words
    assert entry == "gpudict"
    if name.startswith("-"):
        command.make_context(entry, [name])
    return name, command.commands[name].make_context(name, rest).params


def test_entry_point_and_health_checks():
    entry = json.loads(the("base", "ENTRYPOINT"))
    assert entry[0] in PROJECT["project"]["scripts"]
    with pytest.raises(typer.Exit) as ended:
        parsed([*entry, *json.loads(the("base", "CMD"))])
    assert ended.value.exit_code == 0
    for target, gpu in (("cpu", False), ("cuda", True)):
        name, health = parsed(json.loads(the(target, "HEALTHCHECK").split(" CMD ")[1]))
        assert name == "doctor"
        assert health["require_gpu"] == gpu


def test_compose():
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    services = yaml.safe_load((HERE / "compose.yaml").read_text())["services"]
    assert set(services) == set(CUDA)
    for name, service in services.items():
        build = service["build"]
        assert build["target"] == name
        assert (HERE / build["context"] / build["dockerfile"]).resolve() == HERE / "Dockerfile"
        assert set(build.get("args", ())) <= {i.rest.split("=")[0] for i in instructions()}
        assert parsed(["gpudict", *service["command"]])[1]["require_gpu"] == (name == "cuda")
    (device,) = services["cuda"]["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}


def test_manifests_of_the_readme():
    """They are YAML, every container's arguments parse, and every one that needs it has a GPU."""
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    blocks = re.findall(r"```yaml\n(.*?)```", README, re.S)
    assert blocks
    for block in blocks:
        manifest = yaml.safe_load(block)
        pod = manifest["spec"]["template"]["spec"]
        volumes = {volume["name"] for volume in pod["volumes"]}
        assert pod["securityContext"]["runAsUser"] == int(the("base", "USER").split(":")[0])
        for container in (*pod["initContainers"], *pod["containers"]):
            parsed(["gpudict", *container["args"]])
            assert container["resources"]["limits"] == {"nvidia.com/gpu": 1}
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes


def commands() -> list[list[str]]:
    """Return the words of each command in the README's shell blocks."""
    blocks = "".join(re.findall(r"```sh\n(.*?)```", README, re.S))
    return [shlex.split(c) for c in blocks.replace("\\\n", "").splitlines() if c]


def test_commands_of_the_readme():
    """What follows the image is a command line of gpudict; targets and build arguments exist."""
    stages = {i.stage for i in instructions()}
    asked = 0
    for words in commands():
        if "--target" in words:
            assert words[words.index("--target") + 1] in stages
        at = [
            i for i, word in enumerate(words) if re.match(r"gpudict(:\w+|\.sif)$|cpu$|cuda$", word)
        ]
        runs = "run" in words and "--entrypoint" not in words
        if runs:
            parsed(["gpudict", *words[at[0] + 1 :]])
            asked += 1
    assert asked >= 8


@pytest.mark.parametrize("tool", ["hadolint", "shellcheck"])
def test_linters(tool):
    """Clean, or skipped where the linter is not installed."""
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    file = HERE / {"hadolint": "Dockerfile", "shellcheck": "rehearse.sh"}[tool]
    done = subprocess.run([tool, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rehearsal_reads_the_dockerfile():
    """Its shell reads the same instructions as this file: install lines, copies, commands."""
    script = (HERE / "rehearse.sh").read_text()
    functions = re.findall(r"^(?:instructions|words)\(\).*?^}", script, re.M | re.S)
    assert len(functions) == 2

    def says(call: str) -> str:
        command = ["bash", "-euc", "\n".join([*functions, call])]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    for stage in ("source", "cpu-build", "cuda-build"):
        for word in ("RUN", "COPY"):
            there = [i.rest for i in instructions() if (i.stage, i.word) == (stage, word)]
            squeezed = [re.sub(r" +", " ", line) for line in there]
            assert re.sub(r" +", " ", says(f"instructions {stage} {word}")).splitlines() == squeezed
    assert says("words base ENTRYPOINT").split() == ["gpudict"]
    assert says("words cuda HEALTHCHECK").split() == ["gpudict", "doctor", "--require-gpu"]
    with pytest.raises(subprocess.CalledProcessError):
        says("words base HEALTHCHECK")
