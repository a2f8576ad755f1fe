# SPDX-License-Identifier: BSD-2-Clause
"""Writing a card: the commands, and the devices that are refused.

Owns: what `lsblk` says of a device, held against what a card may be. The writing leaves out what
lies before the partition but for the partition table: a board's own loader may be there.
Must never: write to what is mounted, holds a system, is no whole disk, or is larger than a card
and was not named twice; nor run anything without being told to.
"""

from __future__ import annotations

import json
import os
import pathlib
import stat
import subprocess

from uboot.table import SECTOR, BoardError, Hardware

CARD_MAX = 128 << 30
SYS_BLOCK = pathlib.Path("/sys/block")
MEMBERS = ("crypto_LUKS", "LVM2_member", "linux_raid_member")  # of something larger, mounted or not
COLUMNS = "NAME,PATH,TYPE,SIZE,RO,RM,MOUNTPOINTS,FSTYPE,PKNAME,MODEL,TRAN"


def lsblk() -> list[dict]:
    """What block devices there are."""
    argv = ["lsblk", "--json", "--bytes", "--output", COLUMNS]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except OSError as error:
        raise BoardError(f"lsblk: {error.strerror}") from error
    if done.returncode:
        raise BoardError(f"lsblk: {done.stderr.strip()}")
    return json.loads(done.stdout)["blockdevices"]


def _all(devices: list[dict]):
    for device in devices:
        yield device
        yield from _all(device.get("children") or [])


def _mounted(device: dict) -> list[str]:
    found = [point for point in device.get("mountpoints") or [] if point]
    for child in device.get("children") or []:
        found += _mounted(child)
    return found


def _used(device: dict) -> list[str]:
    """Parts of a larger whole, below the partitions: LVM, RAID, encryption."""
    return [child["path"] for child in _all(device.get("children") or [])
            if child.get("type") not in ("part",)]


def _is_card(device: dict) -> bool:
    """Whether a person can take it out; soldered eMMC has a card's name, and another type."""
    if device["name"].startswith("mmcblk"):
        try:
            return (SYS_BLOCK / device["name"] / "device" / "type").read_text().strip() == "SD"
        except OSError:
            return False
    return bool(device["rm"]) or device.get("tran") in ("usb", "mmc")


def refuse(path: str, really: str, devices: list[dict]) -> dict:
    """The device, if it may be written; BoardError says why not."""
    real = os.path.realpath(path)
    found = next((one for one in _all(devices) if one.get("path") == real), None)
    if found is None:
        what = "no such device" if not os.path.exists(real) else "not a block device"
        raise BoardError(f"{path}: {what}")
    if found["type"] != "disk":
        raise BoardError(f"{path}: a {found['type']}, not a whole disk")
    if points := _mounted(found):
        system = [point for point in points if point in ("/", "/boot", "/usr", "/var", "[SWAP]")
                  or point.startswith("/boot/")]
        if system:
            raise BoardError(f"{path}: this system's own disk: {', '.join(system)} is on it")
        raise BoardError(f"{path}: mounted: {', '.join(points)}: unmount it first")
    if used := _used(found):
        raise BoardError(f"{path}: in use by {', '.join(used)}")
    if found["ro"]:
        raise BoardError(f"{path}: write-protected")
    if not found["size"]:
        raise BoardError(f"{path}: empty: no card in it?")
    unusual = []
    if found["size"] > CARD_MAX:
        unusual.append(f"{found['size'] >> 30} GiB, more than a card of {CARD_MAX >> 30}")
    if found.get("fstype") in MEMBERS:
        unusual.append(f"holds a {found['fstype']}")
    if not _is_card(found):
        unusual.append(f"a built-in disk ({found.get('tran') or 'of a kind that is not told'})")
    if unusual and really != path:
        raise BoardError(f"{path}: {' and '.join(unusual)}: if you mean it, name it twice: "
                         f"REALLY={path}")
    return found


def writes(board: Hardware, image: pathlib.Path, device: str) -> list[list[str]]:
    """The commands: from the partition on, and the partition table's sector when that is there."""
    common = ["dd", f"if={image}", f"of={device}", f"bs={SECTOR}", "conv=fsync,notrunc"]
    return [[*common, f"skip={board.card_start}", f"seek={board.card_start}"], [*common, "count=1"]]


def check_image(board: Hardware, image: pathlib.Path) -> None:
    """BoardError if this is no card of this board's making."""
    if not image.is_file():
        raise BoardError(f"{image}: not there: make sdcard BOARD={board.name}")
    with open(image, "rb") as file:
        first = file.read(SECTOR)
        gap = file.read(board.card_start * SECTOR - SECTOR)
        rest = file.read(1)
    if first[510:512] != b"\x55\xaa" or not rest:
        raise BoardError(f"{image}: no card image: no partition table, or cut")
    if int.from_bytes(first[454:458], "little") != board.card_start or any(gap):
        raise BoardError(f"{image}: not made for {board.name}: its partition is elsewhere")
    count = int.from_bytes(first[458:462], "little")
    if image.stat().st_size != (board.card_start + count) * SECTOR:
        raise BoardError(f"{image}: cut: its partition table says "
                         f"{(board.card_start + count) * SECTOR} bytes")


def is_block(path: str) -> bool:
    """Whether it is a block device now."""
    try:
        return stat.S_ISBLK(os.stat(path).st_mode)
    except OSError:
        return False


def run(board: Hardware, image: pathlib.Path, device: str) -> None:
    """Write it."""
    if not is_block(device):
        raise BoardError(f"{device}: not a block device any more")
    for argv in writes(board, image, device):
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BoardError(f"{' '.join(argv)}: {done.stderr.strip()}: the card is not whole now: "
                             "write it again")
