# SPDX-License-Identifier: BSD-2-Clause
"""What a boot of Debian's kernel needs: fetched by tools/fetch-linux.sh, built from src/.

Owns: build/cache/dtbs (with the kernel and its headers in it) and build/linux.
Must never: install anything, or leave a half-made file under its final name.

The compiler is the one that builds our own kernel; Debian's is the same gcc with another name.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import threading

from runner.table import ROOT

HERE = pathlib.Path(__file__).resolve().parent
SOURCES = HERE / "src"
CROSS = "arm-none-eabi-"
CROSS_USER = "arm-linux-gnueabihf-"  # with glibc
_lock = threading.Lock()


class Unavailable(Exception):
    """Something can't be had on this machine; the text says what and why."""


class BuildError(Exception):
    """What is ours could not be built."""


@dataclasses.dataclass(frozen=True)
class Linux:
    """The files of one kernel."""

    version: str  # "6.1.0-50-armmp-lpae"
    kernel: pathlib.Path
    dtb: pathlib.Path
    headers: pathlib.Path


def _call(*argv: str | pathlib.Path, cwd: pathlib.Path | None = None,
          data: bytes | None = None) -> bytes:
    try:
        done = subprocess.run([str(a) for a in argv], cwd=cwd, input=data, capture_output=True,
                              check=False)
    except OSError as error:
        raise BuildError(f"{argv[0]}: {error.strerror} (try `make deps`)") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise BuildError(f"{' '.join(str(a) for a in argv)}: {said[-2000:]}")
    return done.stdout


def _fetch(folder: pathlib.Path, why: str, *options: str, again: bool) -> None:
    """Call the script. Where it failed before, only if `again` asks for it."""
    if (folder / why).is_file() and not again:
        raise Unavailable((folder / why).read_text().strip())
    done = subprocess.run([str(ROOT / "tools" / "fetch-linux.sh"), *options, str(folder)],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(done.stderr.strip().removeprefix("fetch-linux: ") or "fetching failed")


def fetch(build: pathlib.Path, again: bool = True) -> Linux:
    """Kernel and device tree, from the build folder's cache or from Debian."""
    folder = build / "cache" / "dtbs"
    with _lock:
        if not list(folder.glob("vmlinuz-*")) or not (folder / ".done").is_file():
            _fetch(folder, ".why", again=again)
    found = sorted(folder.glob("vmlinuz-*"))
    dtb = folder / "vexpress-v2p-ca15-tc1.dtb"
    if len(found) != 1 or not dtb.is_file():
        raise Unavailable(f"{folder} has no kernel, or no {dtb.name}")
    version = found[0].name.removeprefix("vmlinuz-")
    return Linux(version, found[0], dtb, folder / "usr" / "src" / f"linux-headers-{version}")


def fetch_headers(build: pathlib.Path, linux: Linux, again: bool = True) -> None:
    """What the module is built with."""
    with _lock:
        if not linux.headers.is_dir():
            _fetch(build / "cache" / "dtbs", ".why-headers", "--headers", again=again)


def _newer(made: pathlib.Path, *sources: pathlib.Path) -> bool:
    """Whether it is there, and newer than all it is made of."""
    return made.is_file() and all(made.stat().st_mtime >= s.stat().st_mtime for s in sources)


def _put(made: pathlib.Path, data: bytes) -> None:
    part = made.with_name(made.name + ".part")
    part.write_bytes(data)
    os.replace(part, made)


def _init(work: pathlib.Path) -> pathlib.Path:
    source, out = SOURCES / "init.c", work / "init"
    if not _newer(out, source):
        part = out.with_name("init.part")
        _call(CROSS + "gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-march=armv7ve", "-marm",
              "-ffreestanding", "-fno-builtin", "-nostdlib", "-static", "-s", "-Wl,--build-id=none",
              "-Wl,-z,max-page-size=4096", "-Wl,-z,noexecstack", "-o", part, source, "-lgcc")
        os.replace(part, out)
    return out


def _work(build: pathlib.Path) -> pathlib.Path:
    work = build / "linux"
    work.mkdir(parents=True, exist_ok=True)
    return work


def _pack(out: pathlib.Path, files: list[pathlib.Path]) -> pathlib.Path:
    """An initrd of these files. The same files give the same bytes, and those the same counts."""
    if _newer(out, *files):
        return out
    stage = out.with_name(out.name + ".files")
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir()
    for file in files:
        os.utime(shutil.copy(file, stage), (0, 0))
    os.utime(stage, (0, 0))
    names = "".join(f"{name}\n" for name in [".", *sorted(file.name for file in files)])
    _put(out, _call("cpio", "-o", "-H", "newc", "--quiet", "--reproducible", "-R", "0:0",
                    cwd=stage, data=names.encode()))
    shutil.rmtree(stage)
    return out


def _module(work: pathlib.Path, linux: Linux) -> pathlib.Path:
    """The module, by Linux's own build; what that build leaves stays in a folder of its own."""
    source, out = SOURCES / "mapbench.c", work / "mapbench.ko"
    common = linux.headers.with_name(re.sub(r"-armmp-lpae$", "-common", linux.headers.name))
    if not _newer(out, source, SOURCES / "Kbuild", linux.kernel):
        folder = work / "module"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name in ("Kbuild", "mapbench.c"):
            shutil.copy(SOURCES / name, folder)
        _call("make", "-s", "-C", linux.headers, "-f", common / "Makefile", f"M={folder}",
              "ARCH=arm", f"CROSS_COMPILE={CROSS}", f"CC={CROSS}gcc", "modules")
        _call(CROSS + "strip", "--strip-debug", "-o", folder / "small.ko", folder / "mapbench.ko")
        os.replace(folder / "small.ko", out)
    return out


def _userbench(work: pathlib.Path) -> pathlib.Path:
    """The program that measures processes: static, with glibc."""
    source, out = SOURCES / "userbench.c", work / "userbench"
    if not _newer(out, source):
        part = out.with_name("userbench.part")
        _call(CROSS_USER + "gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-marm", "-static", "-s",
              "-Wl,--build-id=none", "-o", part, source)
        os.replace(part, out)
    return out


def initrd(build: pathlib.Path) -> pathlib.Path:
    """With the first program alone: enough to look at the kernel."""
    with _lock:
        work = _work(build)
        return _pack(work / "init.cpio", [_init(work)])


def bench_initrd(build: pathlib.Path, linux: Linux, users: bool = True,
                 again: bool = True) -> pathlib.Path:
    """With the module too; and, if `users`, with what measures processes."""
    fetch_headers(build, linux, again)
    with _lock:
        work = _work(build)
        files = [_init(work), _module(work, linux)]
        if not users:
            return _pack(work / "module.cpio", files)
        return _pack(work / "bench.cpio", [*files, _userbench(work)])
