# SPDX-License-Identifier: BSD-2-Clause
"""What `make` builds for U-Boot: the same bytes each time, and in them what was built.

Owns: the files. That a real U-Boot boots them, and refuses damaged ones, are runs of the table
(uboot-*); that it does so over a serial line is test_load.py's.
"""

import hashlib
import re
import struct
import subprocess

from conftest import builds
from runner.table import ROOT

FILES = ("uImage", "fanlight.itb", "boot.scr")
TREES = sorted(path.stem for path in ROOT.glob("boards/*/*.dts"))
BUILT = ("fanlight.zImage", *(f"{name}.dtb" for name in TREES))


def make(folder, *words):
    """Builds U-Boot's files again, elsewhere, from the kernel that is there."""
    for name in BUILT:
        target = folder / name
        if not target.exists():
            target.write_bytes((builds().root / name).read_bytes())
    argv = ["make", "-s", "-C", str(ROOT), f"O={folder}", *(f"-o{folder / n}" for n in BUILT),
        *words, *(str(folder / name) for name in FILES)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def digests(folder):
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES}


def test_the_same_bytes_each_time(tmp_path):
    """The times inside are the last commit's."""
    found = []
    for part in ("one", "two"):
        folder = tmp_path / part
        folder.mkdir()
        done = make(folder)
        assert done.returncode == 0, done.stderr
        found.append(digests(folder))
    assert found[0] == found[1]
    folder = tmp_path / "later"
    folder.mkdir()
    assert make(folder, "SOURCE_DATE_EPOCH=1000000000").returncode == 0
    later = digests(folder)
    assert all(later[name] != found[0][name] for name in FILES)


def fdt(path, *words):
    return subprocess.run(["fdtget", *words[:-2], path, *words[-2:]], capture_output=True,
                          text=True, check=True).stdout.split()


def test_fit_has_each_board_and_its_tree():
    path = str(builds().root / "fanlight.itb")
    configurations = subprocess.run(["fdtget", "-l", path, "/configurations"], capture_output=True,
                                    text=True, check=True).stdout.split()
    assert set(configurations) == {"any", "qemu-virt", *TREES}
    for board in TREES:
        tree = builds().root / f"{board}.dtb"
        names = fdt(str(tree), "-t", "s", "/", "compatible")
        node = f"/configurations/{board}"
        assert fdt(path, "-t", "s", node, "compatible")[0] in names
        image = f"/images/{fdt(path, '-t', 's', node, 'fdt')[0]}"
        data = bytes(int(x, 16) for x in fdt(path, "-t", "bx", image, "data"))
        assert data == tree.read_bytes()
        digest = bytes(int(x, 16) for x in fdt(path, "-t", "bx", f"{image}/hash-1", "value"))
        assert digest == hashlib.sha256(data).digest()


def test_uimage_holds_the_kernel():
    data = (builds().root / "uImage").read_bytes()
    kernel = (builds().root / "fanlight.zImage").read_bytes()
    magic, = struct.unpack(">I", data[:4])
    assert magic == 0x27051956
    assert data[30] == 14  # IH_TYPE_KERNEL_NOLOAD
    assert data[64:] == kernel


def test_every_line_of_the_script_fits():
    """U-Boot's parser takes a line of any length; people and old U-Boots do not."""
    lines = (ROOT / "tools" / "uboot" / "boot.cmd").read_text().splitlines()
    assert max(map(len, lines)) < 512
    named = set(re.findall(r"^#\tfl_(\w+)=", "\n".join(lines), re.MULTILINE))
    imported = next(line for line in lines if "env import" in line)
    assert named == set(re.findall(r"fl_(\w+)", imported))


def test_without_mkimage_it_says_so(tmp_path):
    done = subprocess.run(["make", "-s", "-C", str(ROOT), "-n", "MKIMAGE=no-such-mkimage", "all"],
                          capture_output=True, text=True, check=False)
    assert "no no-such-mkimage (u-boot-tools, see make deps)" in done.stdout
    assert "uImage" not in done.stdout.replace("uImage, fanlight.itb and boot.scr are left out", "")
