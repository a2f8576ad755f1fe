# SPDX-License-Identifier: BSD-2-Clause
"""`make dist` gives the same bytes wherever it is made, and its how-to works.

Owns: one more build, of a copy of the sources, with another folder, O=, umask, locale and time zone.
Must never: build in the folder that the other tests use.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile

import pytest

from runner.table import ROOT

PACK = [sys.executable, ROOT / "tools" / "dist"]
VERSION = "v0-test"
FLASH = "vexpress-a15-flash.img"


def epoch():
    """The time of the last commit; dist.mk's own where there is no repository."""
    done = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True,
                          text=True, check=False)
    return done.stdout.strip() if (ROOT / ".git").exists() and done.stdout.strip() \
        else "1700000000"


def pack(out, files, *options, umask=0o022):
    """tools/dist, as dist.mk calls it."""
    out.mkdir(exist_ok=True)
    return subprocess.run([*PACK, "--version", VERSION, "--epoch", epoch(), "--out", out, *options,
                           *files], capture_output=True, text=True, check=False, umask=umask)


@pytest.fixture(scope="module", name="archive")
def fixture_archive(builds, tmp_path_factory):
    """The archive of a copy of the sources that was built far away."""
    folder = tmp_path_factory.mktemp("far")
    copy, out = folder / "a-copy" / "of-the-sources", folder / "objects" / "here"
    left_out = {".git", "__pycache__", ".pytest_cache", "build", builds.root.name}
    shutil.copytree(ROOT, copy, symlinks=True,
                    ignore=lambda _, names: [name for name in names if name in left_out])
    environment = {**os.environ, "LC_ALL": "C", "TZ": "Asia/Tokyo", "HOME": str(folder),
                   "USER": "somebody"}
    done = subprocess.run(
        ["make", "-j2", "dist", f"O={out}", f"DIST={folder}/dist", f"DIST_VERSION={VERSION}",
         f"SOURCE_DATE_EPOCH={epoch()}", "NO_INSTALL=1"], cwd=copy, env=environment, umask=0o077,
        capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return folder / "dist" / f"fanlight-{VERSION}.tar.xz"


@pytest.fixture(scope="module", name="unpacked")
def fixture_unpacked(archive, tmp_path_factory):
    """The folder that a user gets."""
    folder = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["tar", "-xf", archive], cwd=folder, check=True)
    return folder / f"fanlight-{VERSION}"


def flash_image(build, out):
    """What `make flash` makes of a build, elsewhere."""
    subprocess.run([sys.executable, ROOT / "tools" / "flashimage.py", "--loader",
                    build / "flash" / "vexpress-a15.bin", "--kernel", build / "fanlight.zImage",
                    "--dtb", build / "vexpress-a15.dtb", "--ram", "2G", "--append", "", "--output",
                    out], check=True, capture_output=True)
    return out


# -- the same bytes --------------------------------------------------------------------------


def test_a_copy_far_away_gives_the_same_bytes(archive, unpacked, builds, tmp_path):
    """The archive is what packing this folder's own build gives."""
    made = sorted(p.name for p in unpacked.iterdir())
    files = [builds.root / name for name in made
             if name not in ("README.md", "LICENSE", "SHA256SUMS", FLASH)]
    assert {"fanlight", "fanlight.zImage", "vexpress-a15.dtb", FLASH} <= set(made)
    files.append(flash_image(builds.root, tmp_path / FLASH))
    for file in files:
        assert file.exists(), f"{file}: make it first"
        assert file.read_bytes() == (unpacked / file.name).read_bytes(), file.name
    done = pack(tmp_path, files)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / archive.name).read_bytes() == archive.read_bytes()


def test_order_umask_and_files_times_do_not_matter(unpacked, tmp_path):
    files = [unpacked / "fanlight.zImage", unpacked / "vexpress-a15.dtb"]
    copies = [tmp_path / file.name for file in files]
    for file, copy in zip(files, copies):
        shutil.copyfile(file, copy)
        os.chmod(copy, 0o755)
    assert pack(tmp_path / "one", files).returncode == 0
    assert pack(tmp_path / "two", reversed(copies), umask=0o077).returncode == 0
    one, two = ((tmp_path / name / f"fanlight-{VERSION}.tar.xz").read_bytes()
                for name in ("one", "two"))
    assert one == two


def test_nothing_of_this_machine_is_in_the_archive(archive):
    with tarfile.open(archive) as tar:
        infos = tar.getmembers()
    assert [i.name for i in infos] == sorted(i.name for i in infos)
    assert {(i.uid, i.gid, i.uname, i.gname, i.mode, i.mtime, i.isreg()) for i in infos} == {
        (0, 0, "", "", 0o644, int(epoch()), True)}


# -- what a user gets ------------------------------------------------------------------------


def test_sums_are_right_and_complete(unpacked):
    done = subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=unpacked,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    listed = [line.split("  ")[1] for line in (unpacked / "SHA256SUMS").read_text().splitlines()]
    assert [*listed, "SHA256SUMS"] == sorted({*listed, "SHA256SUMS"},
                                             key=lambda n: (n == "SHA256SUMS", n))
    assert {p.name for p in unpacked.iterdir()} == {*listed, "SHA256SUMS"}


def test_the_how_to_names_every_file_and_no_other(unpacked):
    text = (unpacked / "README.md").read_text()
    assert "<!--" not in text and VERSION in text
    images = {p.name for p in unpacked.iterdir()} - {"README.md", "LICENSE", "SHA256SUMS"}
    named = set(re.findall(r"[\w.-]+\.(?:zImage|dtb|itb|scr|img|tar)\b|\buImage\b", text))
    assert named - {"fanlight"} <= images
    assert {i for i in images if not i.endswith(".dtb")} <= named | {"fanlight"}


def commands():
    """QEMU's command lines of the how-to that take boot arguments."""
    text = (ROOT / "tools" / "dist" / "howto.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for block in blocks if "selftest" in block]


def test_every_board_has_a_command():
    boards = {re.search(r'^machine = "(.*?)"', path.read_text(), re.MULTILINE)[1]
              for path in ROOT.glob("boards/*/board.toml")}
    assert {re.search(r"-M (\S+)", command)[1] for command in commands()} == boards


@pytest.mark.parametrize("command", commands(), ids=lambda c: re.search(r"-M (\S+)", c)[1])
def test_commands_of_the_how_to_work(unpacked, command):
    files = re.findall(r"(?:-kernel |-dtb )(\S+)", command)
    assert [name for name in files if not (unpacked / name).exists()] == []
    done = subprocess.run(
        ["timeout", "100", "bash", "-c", command.replace("selftest", "selftest='layout.*'")],
        cwd=unpacked, capture_output=True, stdin=subprocess.DEVNULL, check=False,
        env={**os.environ, "QEMU_AUDIO_DRV": "none"})
    said = done.stdout.decode("latin-1")
    assert done.returncode == 0 and '@end {"verdict":"pass"}' in said, said[-1500:]


# -- what must not be packed -----------------------------------------------------------------


BAD = {
    "a path": (lambda f: f.write_bytes(b"x\0/home/me/src/mm/page.c\0"), ("--never", "/home/me/src"),
               r"holds the path /home/me/src, at offset 2"),
    "a path at its end": (lambda f: f.write_bytes(b"/home/me/src\0"), ("--never", "/home/me/src"),
                          r"holds the path /home/me/src, at offset 0"),
    "an empty file": (lambda f: f.write_bytes(b""), (), r"image is empty"),
    "a missing file": (lambda f: None, (), r"image: No such file"),
    "a strange version": (lambda f: f.write_bytes(b"x"), ("--version", "../../x"), r"version '\.\."),
}


@pytest.mark.parametrize("make, options, named", BAD.values(), ids=BAD)
def test_what_must_not_be_packed_is_named_and_nothing_is_left(make, options, named, tmp_path):
    make(tmp_path / "image")
    out = tmp_path / "out"
    done = pack(out, [tmp_path / "image"], *options)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert re.match(rf"dist: .*{named}", done.stderr), done.stderr
    assert list(out.iterdir()) == []


def test_a_path_that_only_begins_alike_is_none(tmp_path):
    (tmp_path / "image").write_bytes(b"/home/me/srcs/x\0")
    assert pack(tmp_path / "out", [tmp_path / "image"], "--never", "/home/me/src").returncode == 0


def test_sums_follow_the_bytes(tmp_path):
    """A changed bit changes its sum: the archive's own, too."""
    sums = []
    for data in (b"image", b"imagf"):
        (tmp_path / "image").write_bytes(data)
        assert pack(tmp_path / "out", [tmp_path / "image"]).returncode == 0
        with tarfile.open(tmp_path / "out" / f"fanlight-{VERSION}.tar.xz") as tar:
            text = tar.extractfile(f"fanlight-{VERSION}/SHA256SUMS").read().decode()
        assert f"{hashlib.sha256(data).hexdigest()}  image\n" in text
        sums.append(text)
    assert sums[0] != sums[1]
