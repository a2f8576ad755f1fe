# SPDX-License-Identifier: BSD-2-Clause
"""The Containerfile and what it leans on, as far as that can be seen without a container engine.

Owns: that each of its lines is one an engine knows, that what it runs exists, that .dockerignore
leaves out no source, and that tools/deps.sh installs as root without sudo and without a terminal.
Must never: install anything.
"""

import fnmatch
import json
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILE = ROOT / "Containerfile"
KNOWN = {"FROM", "ENV", "RUN", "WORKDIR", "COPY", "CMD"}


def instructions():
    """(name, argument) of each line; continued lines joined."""
    text = re.sub(r"\\\n\s*", " ", FILE.read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(" ", 1)) for line in lines]


def targets():
    """What `make` can be asked for."""
    text = "".join(p.read_text(encoding="utf-8")
                   for p in [ROOT / "Makefile", *ROOT.glob("t*/**/*.mk")])
    return {name for line in re.findall(r"^\.PHONY:(.*)$", text, re.MULTILINE)
            for name in line.split()}


def test_every_line_is_an_instruction():
    found = instructions()
    assert {name for name, _ in found} == KNOWN
    assert found[0] == ("FROM", "debian:bookworm")
    names = [name for name, _ in found]
    assert names.index("WORKDIR") < names.index("COPY") < names.index("CMD") == len(names) - 1


def test_what_it_runs_exists():
    shell = [text for name, text in instructions() if name == "RUN"]
    shell.append(" ".join(json.loads(instructions()[-1][1])))
    assert len(shell) >= 3
    for line in shell:
        subprocess.run(["sh", "-n", "-c", line], check=True)
    asked = [word for line in shell for word in re.findall(r"\bmake (\w+)", line)]
    assert {"deps", "run"} <= set(asked) <= targets()


def test_its_examples_name_targets():
    examples = re.findall(r"^#\s+podman run .* make (\w+)", FILE.read_text(), re.MULTILINE)
    assert examples and set(examples) <= targets()


def test_make_and_git_are_there_before_the_sources():
    before = []
    for name, text in instructions():
        if name == "COPY":
            break
        before.append(text)
    assert re.search(r"apt-get -qq install -y --no-install-recommends git make$",
                     "\n".join(before), re.MULTILINE)


def test_no_source_is_left_out():
    patterns = [line for line in (ROOT / ".dockerignore").read_text().split("\n")
                if line and not line.startswith("#")]
    assert patterns
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True,
                          check=False)
    if done.returncode:
        pytest.skip("not a repository: what is a source cannot be told")
    lost = [name for name in done.stdout.splitlines() for pattern in patterns
            if any(fnmatch.fnmatchcase(part, pattern.removeprefix("**/"))
                   for part in name.split("/"))]
    assert lost == []


# -- tools/deps.sh ---------------------------------------------------------------------------


TOOLS = {
    "id": "echo $UID_SAID",
    "dpkg-query": 'case " $HAVE " in *" ${!#} "*) echo installed;; *) exit 1;; esac',
    "apt-get": 'echo "apt-get $*" >>"$LOG"; exit ${APT_STATUS:-0}',
}


@pytest.fixture(name="deps")
def fixture_deps(tmp_path):
    """A function that runs tools/deps.sh where nothing but these tools and bash's own exist."""
    for name, text in TOOLS.items():
        tool = tmp_path / "bin" / name
        tool.parent.mkdir(exist_ok=True)
        tool.write_text(f"#!/bin/bash\n{text}\n")
        tool.chmod(0o755)
    (tmp_path / "bin" / "grep").symlink_to("/bin/grep")

    def run(**environment):
        log = tmp_path / "log"
        log.write_text("")
        done = subprocess.run(
            ["/bin/bash", ROOT / "tools" / "deps.sh"], stdin=subprocess.DEVNULL,
            env={"PATH": str(tmp_path / "bin"), "LOG": str(log), "HAVE": "", **environment},
            capture_output=True, text=True, check=False)
        return done, log.read_text().splitlines()
    return run


def packages():
    """Both lists of the script, in its order."""
    text = (ROOT / "tools" / "deps.sh").read_text()
    blocks = re.findall(r"^(?:test_)?packages=\((.*?)\)$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    return [word for block in blocks for line in block.splitlines()
            for word in line.split("#")[0].split()]


def test_root_without_sudo_or_terminal_installs_all(deps):
    done, log = deps(UID_SAID="0")
    assert done.returncode == 0, done.stderr
    assert log == ["apt-get -qq update", "apt-get -qq install -y --no-install-recommends "
                   + " ".join(packages())]


def test_root_installs_only_what_is_missing(deps):
    done, log = deps(UID_SAID="0", HAVE=" ".join(packages()[1:]))
    assert done.returncode == 0, done.stderr
    assert log[-1].endswith(f"--no-install-recommends {packages()[0]}")
    assert deps(UID_SAID="0", HAVE=" ".join(packages()))[1] == []


@pytest.mark.parametrize("environment, why", [
    ({"UID_SAID": "1000"}, "not root, and there is no sudo"),
    ({"UID_SAID": "0", "NO_INSTALL": "1"}, "NO_INSTALL is set"),
], ids=["nobody", "no-install"])
def test_where_it_cannot_install_it_lists(deps, environment, why):
    done, log = deps(**environment)
    assert done.returncode == 1 and log == []
    assert why in done.stderr and " ".join(packages()) in done.stderr


def test_a_failed_update_is_a_failure(deps):
    done, log = deps(UID_SAID="0", APT_STATUS="100")
    assert done.returncode == 100 and log == ["apt-get -qq update"]


def test_deps_is_what_make_calls():
    done = subprocess.run(["make", "-n", "deps", "NO_INSTALL=1"], cwd=ROOT, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0 and "NO_INSTALL=1 tools/deps.sh" in done.stdout
