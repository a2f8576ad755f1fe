# SPDX-License-Identifier: BSD-2-Clause
"""tools/dist: packs images into fanlight-VERSION.tar.xz, the same bytes from the same input.

    tools/dist --version V --epoch SECONDS --out DIR [--never PATH]… FILE…

Names are sorted; times, owners and modes fixed. README.md comes from howto.md beside this file,
without the parts about files that are not packed; SHA256SUMS is made here, LICENSE taken from the
source tree. Exit status: 0, or 1 with what is wrong: a file that is missing or empty, or that holds
one of the paths that it must never hold.

Owns: the archive. Must never: build, or leave half an archive behind.
"""

import argparse
import hashlib
import io
import lzma
import os
import pathlib
import re
import sys
import tarfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
_PART = re.compile(r"^<!-- with (\S+) -->\n(.*?)^<!-- end -->\n", re.MULTILINE | re.DOTALL)


class Trouble(Exception):
    """Something that must not be packed."""


def contents(path, never):
    """A file's bytes, if they may be given away."""
    data = path.read_bytes()
    if not data:
        raise Trouble(f"{path} is empty")
    for word in never:
        m = re.search(re.escape(os.fsencode(word)) + b"[/\\0]", data)
        if m:
            raise Trouble(f"{path} holds the path {word}, at offset {m.start()}: it would differ"
                          " from folder to folder")
    return data


def howto(names, version):
    """The how-to, without the parts about files that are not there."""
    text = _PART.sub(lambda m: m[2] if m[1] in names else "", (HERE / "howto.md").read_text())
    return text.replace("VERSION", version)


def members(files, version, never):
    """{name: bytes} of everything in the archive."""
    found = {path.name: contents(path, never) for path in files}
    if len(found) != len(files):
        raise Trouble("two files of one name")
    found["README.md"] = howto(found, version).encode()
    found["LICENSE"] = (ROOT / "LICENSE").read_bytes()
    sums = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(found.items())]
    found["SHA256SUMS"] = "".join(sums).encode()
    return found


def packed(folder, found, epoch):
    """A tar archive without anything of this machine's."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in sorted(found.items()):
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size, info.mtime, info.mode = len(data), epoch, 0o644
            tar.addfile(info, io.BytesIO(data))
    return lzma.compress(out.getvalue(), preset=6)


def main():
    parser = argparse.ArgumentParser(prog="dist", description="packs a release")
    parser.add_argument("--version", required=True)
    parser.add_argument("--epoch", required=True, type=int, help="time of all files")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="folder of the archive")
    parser.add_argument("--never", action="append", default=[], metavar="PATH",
                        help="must be in no file")
    parser.add_argument("files", nargs="+", type=pathlib.Path, metavar="FILE")
    args = parser.parse_args()
    folder = f"fanlight-{args.version}"
    archive = args.out / f"{folder}.tar.xz"
    part = archive.with_name(f".{archive.name}.part")
    try:
        if not re.fullmatch(r"[\w.+-]+", args.version):
            raise Trouble(f"version {args.version!r}: letters, digits, and . + - _ only")
        data = packed(folder, members(args.files, args.version, args.never), args.epoch)
        part.write_bytes(data)
        os.replace(part, archive)
    except Trouble as error:
        return f"dist: {error}"
    except OSError as error:
        return f"dist: {error.filename}: {error.strerror}"
    print(f"  {archive}: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")
    return None


if __name__ == "__main__":
    sys.exit(main())
