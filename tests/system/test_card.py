# SPDX-License-Identifier: BSD-2-Clause
"""`make sdcard` and `make flash-board`: a card that the real U-Boot boots, and devices that are
refused.

Owns: what lsblk says, made up; and files in a device's place. No device is ever written here.
"""

import copy
import hashlib
import re
import shutil
import subprocess
import sys
import time

import pytest

from card import card, flash, image
from conftest import builds
from runner import session, table
from runner.judge import Ending, Verdict, judge
from runner.qemu import Guest
from runner.stream import Stream
from runner.table import ROOT
from runner.watch import Limits, watch
from uboot import table as uboot_table
from uboot.table import SECTOR, BoardError

CARD = [sys.executable, str(ROOT / "tools" / "card")]
ARGS = "selftest=highmem.* panic=poweroff"


def made(tmp_path, board="qemu-virt", dtb=None, args=ARGS, **more):
    out = tmp_path / "card.img"
    one = uboot_table.board(board)
    card.make(one, builds().root, out, dtb, args, **more)
    return one, out


# -- a card that boots -----------------------------------------------------------------------


def virt_tree(tmp_path):
    """What QEMU would hand over, as a file."""
    path = tmp_path / "virt.dtb"
    subprocess.run(["qemu-system-aarch64", "-machine", f"virt,dumpdtb={path}", "-cpu", "cortex-a15",
                    "-smp", "4", "-m", "1G", "-nic", "none", "-display", "none"], check=True,
                   capture_output=True)
    return path


def booted(tmp_path, disk, memory="1G"):
    """What U-Boot and the kernel say; a passed run of ARGS."""
    verdict, text = boot(tmp_path, disk, memory)
    assert verdict is Verdict.PASS, text
    return text


def boot(tmp_path, disk, memory="1G"):
    """The verdict on a run of ARGS, and all that was said."""
    board = table.board("qemu-virt")
    args = [board.binary, "-machine", board.machine, "-cpu", board.cpu, "-m", memory, "-smp", "4",
            "-display", "none", "-nodefaults", "-no-reboot", *board.args, "-bios", board.uboot,
            "-drive", f"if=none,id=disk,format=raw,file={disk}",
            "-device", "virtio-blk-device,drive=disk"]
    stream, said = Stream(), []

    def take(data):
        said.append(data)
        stream.feed(data)

    with Guest(args, tmp_path / "errors") as guest:
        guest.start()
        ending = watch(guest, stream, Limits(), take)
    stream.finish()
    run = table.Run(name="card", board="qemu-virt", bootargs=ARGS)
    result = judge(stream, session.expectation(run, builds()), ending)
    text = b"".join(said).decode("latin-1")
    assert ending is Ending.POWEROFF, text
    return result.verdict, text


@pytest.mark.parametrize(("filesystem", "own_tree"), [("fat", False), ("ext4", True)])
def test_the_card_boots(tmp_path, filesystem, own_tree):
    """Untouched: U-Boot finds script, settings and FIT by itself, and its tree in the FIT."""
    dtb = virt_tree(tmp_path) if own_tree else None
    _, out = made(tmp_path, dtb=dtb, filesystem=filesystem)
    text = booted(tmp_path, out)
    assert f"Using '{'card' if own_tree else 'any'}' configuration" in text
    assert ("Loading fdt from" in text) == own_tree
    assert "smp: 4 of 4 CPUs run, by psci" in text


def test_settings_may_be_changed_on_the_card(tmp_path):
    """fl_memory=tree, and a command before all others; 5 GiB, of which U-Boot sees 1."""
    one, out = made(tmp_path)
    (tmp_path / "fanlight.txt").write_text(card.settings(
        how="fit", config="", tree="control", memory="tree", args=ARGS, first="echo at first"))
    subprocess.run(["mcopy", "-o", "-i", f"{out}@@{one.card_start * SECTOR}",
                    tmp_path / "fanlight.txt", "::"], check=True, capture_output=True)
    text = booted(tmp_path, out, memory="5G")
    assert "\nat first\r\n" in text
    assert "Using 'qemu-virt' configuration" in text  # which fits U-Boot's own tree
    assert "Fanlight: fl_memory=tree: passed on" in text
    assert "memory  5120 MiB in 1 bank, 0x0040000000 to 0x0180000000" in text


def test_another_boards_tree_is_refused(tmp_path):
    """A configuration of the FIT that this board is not."""
    _, out = made(tmp_path)
    (tmp_path / "fanlight.txt").write_text(card.settings(
        how="fit", config="orangepi-pc", args=ARGS, **{"else": "poweroff"}))
    subprocess.run(["mcopy", "-o", "-i", f"{out}@@{2048 * SECTOR}", tmp_path / "fanlight.txt",
                    "::"], check=True, capture_output=True)
    verdict, text = boot(tmp_path, out)
    assert verdict is Verdict.TRUNCATED
    assert "Fanlight: the tree is for xunlong,orangepi-pc, this U-Boot runs on linux,dummy-virt" in text
    assert "Fanlight: not booted: fit was refused" in text
    assert "Starting kernel" not in text


# -- what is in it ---------------------------------------------------------------------------


def test_the_same_card_each_time(tmp_path):
    digests = set()
    for part in ("one", "two"):
        (tmp_path / part).mkdir()
        time.sleep(2 if digests else 0)  # FAT counts in pairs of seconds
        _, out = made(tmp_path / part, board="midway", dtb=builds().root / "midway.dtb")
        digests.add(hashlib.sha256(out.read_bytes()).hexdigest())
    assert len(digests) == 1


@pytest.mark.parametrize("name", sorted(
    path.parent.name for path in ROOT.glob("boards/*/hardware.toml")
    if uboot_table.board(path.parent.name).card_start))
def test_every_board_of_the_table(tmp_path, name):
    """Its partition is where the table says, and nothing before it but the partition table."""
    one = uboot_table.board(name)
    dtb = builds().root / "vexpress-a15.dtb" if one.dtb else None
    _, out = made(tmp_path, board=name, dtb=dtb, force=True)
    flash.check_image(one, out)
    listed = subprocess.run(["mdir", "-b", "-i", f"{out}@@{one.card_start * SECTOR}", "::"], check=True,
                            capture_output=True, text=True).stdout
    names = {line.removeprefix("::/") for line in listed.split()}
    assert {"boot.scr", "fanlight.itb", "fanlight.txt", "fanlight.zImage"} <= names
    text = subprocess.run(["mtype", "-i", f"{out}@@{one.card_start * SECTOR}", "::fanlight.txt"],
                          check=True, capture_output=True, text=True).stdout
    assert f"fl_args={ARGS}\n" in text and "fl_how=fit\n" in text
    assert (f"fl_first={'; '.join(one.before_boot)}\n" in text) == bool(one.before_boot)
    assert one.compatible


def test_nothing_half_made(tmp_path):
    """A file is missing: an error, and no image, nor the beginning of one."""
    build = tmp_path / "build"
    build.mkdir()
    for name in ("boot.scr", "fanlight.itb", "fanlight.zImage"):
        shutil.copy(builds().root / name, build)
    out = tmp_path / "card.img"
    out.write_bytes(b"the one before")
    with pytest.raises(BoardError, match="uImage: not there"):
        card.make(uboot_table.board("qemu-virt"), build, out, None, ARGS)
    assert out.read_bytes() == b"the one before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["build", "card.img"]


def test_a_tool_that_fails(tmp_path, monkeypatch):
    bad = tmp_path / "bin"
    bad.mkdir()
    (bad / "mkfs.fat").write_text("#!/bin/sh\necho no space >&2\nexit 1\n")
    (bad / "mkfs.fat").chmod(0o755)
    monkeypatch.setenv("PATH", f"{bad}:/usr/bin:/bin")
    with pytest.raises(BoardError, match="mkfs.fat.*no space"):
        image.make(tmp_path / "out" / "x.img", {"uImage": builds().root / "uImage"})
    assert list((tmp_path / "out").iterdir()) == []


def test_words_that_make_no_card(tmp_path):
    with pytest.raises(BoardError, match="another board's tree"):
        made(tmp_path, board="jetson-tk1", dtb=builds().root / "midway.dtb")
    with pytest.raises(BoardError, match="one line only"):
        made(tmp_path, args="a\nfl_how=bootz")
    cut = tmp_path / "cut.dtb"
    cut.write_bytes((builds().root / "midway.dtb").read_bytes()[:500])
    with pytest.raises(BoardError, match="cut: it says"):
        made(tmp_path, board="midway", dtb=cut)


@pytest.mark.parametrize(("first", "behind"), [(0, 8192), (16, 8193), (20, 20)])
def test_a_table_that_contradicts_itself(tmp_path, monkeypatch, first, behind):
    """What is reserved must lie between the partition table and the partition."""
    text = (ROOT / "boards" / "orangepi-pc" / "hardware.toml").read_text()
    (tmp_path / "boards" / "some").mkdir(parents=True)
    (tmp_path / "boards" / "some" / "hardware.toml").write_text(
        text.replace("[[16, 8192,", f"[[{first}, {behind},"))
    monkeypatch.setattr(table, "ROOT", tmp_path)
    with pytest.raises(BoardError, match="SPL at 8 KiB.*are not between"):
        uboot_table.board("some")


# -- writing it ------------------------------------------------------------------------------


GOOD = {"name": "sdb", "path": "/dev/sdb", "type": "disk", "size": 16 << 30, "ro": False,
        "rm": True, "mountpoints": [None], "tran": "usb", "model": "Reader",
        "children": [{"name": "sdb1", "path": "/dev/sdb1", "type": "part", "size": 8 << 30,
                      "ro": False, "rm": True, "mountpoints": [None], "tran": None}]}


def changed(**changes):
    device = copy.deepcopy(GOOD)
    device.update(changes)
    return device


def child(**changes):
    device = copy.deepcopy(GOOD)
    device["children"][0].update(changes)
    return device


def test_a_card_is_taken():
    assert flash.refuse("/dev/sdb", "", [GOOD])["path"] == "/dev/sdb"
    assert flash.refuse("/dev/sdb", "/dev/sdb", [changed(size=1 << 40)])
    assert flash.refuse("/dev/sdb", "/dev/sdb", [changed(rm=False, tran="sata")])


@pytest.mark.parametrize(("kind", "taken"), [("SD", True), ("MMC", False), (None, False)])
def test_a_reader_on_the_board_and_soldered_flash(tmp_path, monkeypatch, kind, taken):
    """Both are called mmcblk; the kernel says which is which."""
    if kind:
        (tmp_path / "mmcblk0" / "device").mkdir(parents=True)
        (tmp_path / "mmcblk0" / "device" / "type").write_text(kind + "\n")
    monkeypatch.setattr(flash, "SYS_BLOCK", tmp_path)
    device = changed(name="mmcblk0", rm=False, tran=None)
    if taken:
        assert flash.refuse("/dev/sdb", "", [device])
    else:
        with pytest.raises(BoardError, match="a built-in disk .* REALLY=/dev/sdb"):
            flash.refuse("/dev/sdb", "", [device])


@pytest.mark.parametrize("command", ["sdcard", "flash-board"])
def test_a_board_without_a_card_says_where_to_look(command):
    done = subprocess.run(["make", command, "BOARD=vexpress-a15", f"O={builds().root}", "NO_INSTALL=1"],
                          cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode
    assert "error: vexpress-a15 starts from no card: boards/vexpress-a15/README.md" in done.stderr


@pytest.mark.parametrize(("device", "why"), [
    (child(mountpoints=["/media/card"]), "mounted: /media/card: unmount"),
    (child(mountpoints=["/"]), "this system's own disk: / is on it"),
    (child(mountpoints=["/boot/efi"]), "this system's own disk: /boot/efi"),
    (child(mountpoints=["[SWAP]"]), r"this system's own disk: \[SWAP\]"),
    (changed(mountpoints=["/data"]), "mounted: /data"),
    (child(children=[{**GOOD["children"][0], "type": "crypt", "path": "/dev/dm-0",
                      "mountpoints": ["/home"]}]), "mounted: /home"),
    (child(children=[{**GOOD["children"][0], "type": "lvm", "path": "/dev/dm-0"}]),
     "in use by /dev/dm-0"),
    (child(type="raid1", path="/dev/md0"), "in use by /dev/md0"),
    (changed(ro=True), "write-protected"), (changed(size=0), "empty: no card"),
    (changed(type="loop"), "a loop, not a whole disk"),
    (changed(size=256 << 30), "256 GiB, more than a card of 128: .* REALLY=/dev/sdb"),
    (changed(rm=False, tran="nvme"), r"a built-in disk \(nvme\)"),
    (changed(fstype="crypto_LUKS"), "holds a crypto_LUKS: .* REALLY=/dev/sdb"),
    (changed(rm=False, tran=None, name="vda"), "a built-in disk")])
def test_devices_that_are_refused(device, why):
    with pytest.raises(BoardError, match=why):
        flash.refuse("/dev/sdb", "", [device])
    if "REALLY" not in why and "built-in" not in why:
        with pytest.raises(BoardError, match=why):
            flash.refuse("/dev/sdb", "/dev/sdb", [device])


def test_partitions_and_files_are_refused(tmp_path):
    with pytest.raises(BoardError, match="a part, not a whole disk"):
        flash.refuse("/dev/sdb1", "", [GOOD])
    with pytest.raises(BoardError, match="not a block device"):
        flash.refuse("/dev/null", "", [GOOD])
    with pytest.raises(BoardError, match="no such device"):
        flash.refuse("/dev/nothing", "", [GOOD])
    with pytest.raises(BoardError, match="not a block device"):
        flash.refuse(str(tmp_path), "", [GOOD])
    (tmp_path / "link").symlink_to("/dev/sdb")  # as in /dev/disk/by-id
    assert flash.refuse(str(tmp_path / "link"), "", [GOOD])["name"] == "sdb"


@pytest.mark.parametrize("name", ["arndale", "dra7-evm", "qemu-virt"])
def test_the_boards_own_loader_stays(tmp_path, name):
    """The commands, done to a file that is full of something else."""
    one, out = made(tmp_path, board=name, dtb=builds().root / "vexpress-a15.dtb", force=True)
    size = out.stat().st_size
    before = bytes(range(256)) * (size // 256 + 64)
    (tmp_path / "device").write_bytes(before)
    for argv in flash.writes(one, out, str(tmp_path / "device")):
        subprocess.run(argv, check=True, capture_output=True)
    after, card_bytes = (tmp_path / "device").read_bytes(), out.read_bytes()
    assert after[:SECTOR] == card_bytes[:SECTOR]
    assert after[SECTOR:one.card_start * SECTOR] == before[SECTOR:one.card_start * SECTOR]
    assert after[one.card_start * SECTOR:size] == card_bytes[one.card_start * SECTOR:]
    assert after[size:] == before[size:]


def test_images_that_are_not_written(tmp_path):
    one, out = made(tmp_path)
    data = out.read_bytes()
    for bad, why in ((data[:-SECTOR], "cut"), (data[:2000], "cut"), (bytes(len(data)), "no card"),
                     (b"", "no card")):
        out.write_bytes(bad)
        with pytest.raises(BoardError, match=why):
            flash.check_image(one, out)
    out.write_bytes(data)
    with pytest.raises(BoardError, match="not made for arndale"):
        flash.check_image(uboot_table.board("arndale"), out)
    with pytest.raises(BoardError, match="make sdcard BOARD=arndale"):
        flash.check_image(uboot_table.board("arndale"), tmp_path / "none")


def command(tmp_path, monkeypatch, *words, lsblk=""):
    """tools/card flash, with a made-up lsblk before all others."""
    folder = tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    (folder / "lsblk").write_text(f"#!/bin/sh\ncat <<'END'\n{lsblk}\nEND\n")
    (folder / "lsblk").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    argv = [*CARD, "flash", "--build", str(tmp_path), "--board", "qemu-virt", *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_printing_is_the_default(tmp_path, monkeypatch):
    one = uboot_table.board("qemu-virt")
    card.make(one, builds().root, tmp_path / "qemu-virt-sdcard.img", None, ARGS)
    device = tmp_path / "device"
    device.write_bytes(bytes(100))
    listed = ('{"blockdevices": [{"name": "sdb", "path": "%s", "type": "disk", "size": 16000000, '
              '"ro": false, "rm": true, "mountpoints": [null], "tran": "usb"}]}' % device)
    done = command(tmp_path, monkeypatch, "--device", str(device), lsblk=listed)
    assert done.returncode == 0, done.stderr
    assert re.search(rf"^sudo dd if=.* of={device} .*skip=2048 seek=2048$", done.stdout, re.M)
    assert "nothing was written" in done.stdout
    done = command(tmp_path, monkeypatch, "--device", str(device), "--run", lsblk=listed)
    assert done.returncode == 1 and "not a block device any more" in done.stderr
    done = command(tmp_path, monkeypatch, "--run", lsblk=listed)
    assert done.returncode == 1 and "DEVICE= must say where" in done.stderr
    assert device.read_bytes() == bytes(100)


def test_this_machines_own_disks_are_refused():
    """Whatever lsblk says here: nothing that is mounted gets through."""
    try:
        devices = flash.lsblk()
    except BoardError as why:
        pytest.skip(str(why))
    for device in devices:
        if flash._mounted(device):
            with pytest.raises(BoardError, match="own disk|mounted|not a whole disk"):
                flash.refuse(device["path"], device["path"], devices)
