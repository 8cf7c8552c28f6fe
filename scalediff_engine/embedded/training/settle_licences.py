"""Settles the licence of every picture of the corpus from the packages' own copyright files.

Input: curated.json over the packages unpacked in x/ (see CORPUS.md), and gcompris-qt-data of an
older release unpacked beside them. Output: corpus_licences.json, and leave_out.txt with the names
of the tiles that a new training must not use. Needs python-debian, numpy and Pillow.

    python settle_licences.py curated.json --older y/b11 --tiles corpus_tiles.json ...

Of a picture the first of these that holds is kept as the ground of its licence:
  named     the copyright file names the picture (for gcompris: with another ending, .jpg for .webp)
  folder    a pattern in the copyright file covers its folder or its kind
  own       the program says so beside the picture (palapeli's .desktop files, the docstrings of
            skimage.data)
  package   only the general statement of a package whose pictures have one origin
  open      only the general statement of a package of many origins, or words about another picture
"""

import argparse
import collections
import fnmatch
import io
import json
import re
import struct
import zlib
from pathlib import Path

import numpy as np
from debian.copyright import Copyright
from PIL import Image

# Installed folder -> folder of the source package, which the copyright files speak about.
FOLDERS = {
    "usr/share/backgrounds/mate/": "",
    "usr/share/backgrounds/gnome/": "backgrounds/",
    "usr/share/games/wesnoth/1.18/": "",
    "usr/share/games/freecol/": "data/",
    "usr/share/games/supertuxkart/": "",
    "usr/share/naev/dat/": "dat/",
    "usr/share/krita/": "krita/data/",
    "usr/share/games/colobot/": "data/",
}
# Their pictures come from many places and are listed one by one: what the list misses is open.
MANY_ORIGINS = ("gcompris", "supertuxkart", "naev", "freecol", "stellarium")
NEWEST_GNOME = "f14-gnome-backgrounds"
REFUSED = re.compile(r"G?FDL|-NC|-ND|sampling", re.IGNORECASE)
SKIMAGE = {  # docstrings of skimage.data
    "astronaut": ("public-domain", "NASA"),
    "brick": ("CC0-1.0", "CC0Textures"),
    "chelsea": ("CC0-1.0", "Stefan van der Walt"),
    "coffee": ("CC0-1.0", "Rachel Michetti"),
    "rocket": ("public-domain", "SpaceX"),
}
# Of 256 bits, encodings and slight crops of one picture differ in 38 at most, others in 92 or more.
SAME = 40


def resources(path):
    """The files in a Qt resource file: {path without ending: bytes} (pictures only)."""
    blob = Path(path).read_bytes()
    version, tree, data, names = struct.unpack(">4I", blob[4:20])
    size, found = (14 if version == 1 else 22), {}

    def walk(index, folder):
        at = tree + index * size
        offset, flags = struct.unpack(">IH", blob[at : at + 6])
        name = folder
        if index:
            start = names + offset
            (length,) = struct.unpack(">H", blob[start : start + 2])
            text = blob[start + 6 : start + 6 + 2 * length].decode("utf-16-be")
            name = f"{folder}/{text}" if folder else text
        if flags & 2:
            count, first = struct.unpack(">II", blob[at + 6 : at + 14])
            for child in range(count):
                walk(first + child, name)
        elif name.lower().endswith((".webp", ".jpg", ".jpeg", ".png")):
            (start,) = struct.unpack(">I", blob[at + 10 : at + 14])
            (length,) = struct.unpack(">I", blob[data + start : data + start + 4])
            content = blob[data + start + 4 : data + start + 4 + length]
            found[stem(name)] = zlib.decompress(content[4:]) if flags & 1 else content

    walk(0, "")
    return found


def stem(path):
    """A path without its ending and without naev's odd slashes."""
    return re.sub(r"\.[A-Za-z0-9]+$", "", path.removeprefix("./").replace("//", "/"))


def fingerprint(content):
    """256 signs of a picture's coarse horizontal gradient."""
    grey = Image.open(io.BytesIO(content)).convert("L").resize((17, 16), Image.Resampling.BOX)
    values = np.asarray(grey).astype(int)
    return (values[:, 1:] > values[:, :-1]).ravel()


class Gcompris:
    """Finds the names that pictures cut out of gcompris' resource files had, by their bytes."""

    def __init__(self, package, older):
        self.names = {}
        for file in sorted(Path(package).rglob("*.rcc")):
            for name, content in resources(file).items():
                self.names.setdefault(content, name)
        self.older = {}
        for file in sorted(Path(older).rglob("*.rcc")):
            self.older.update(resources(file))

    def source_path(self, picture):
        """Path in the source package, without ending."""
        return self.names[Path(picture).read_bytes()].removeprefix("gcompris/")

    def is_new(self, picture):
        """Whether the older release had no picture, or another one, under the same name."""
        content = Path(picture).read_bytes()
        before = self.older.get(self.names[content])
        if before is None:
            return True
        return int((fingerprint(content) != fingerprint(before)).sum()) > SAME


def stanzas(file):
    """All (pattern, licence, holders) of a machine-readable copyright file, in order."""
    with open(file, encoding="utf-8") as text:
        rows = Copyright(text, strict=False).all_files_paragraphs()
    return [
        (pattern.removeprefix("./").replace("//", "/"), row.license.synopsis, row.copyright)
        for row in rows
        for pattern in row.files
    ]


def best(rows, path):
    """The stanza that counts for a path (the last one that fits): (ground, its row)."""
    ground, kept = "open", None
    for row in rows:
        pattern = row[0]
        if pattern == "*":
            ground, kept = ("package", row) if kept is None else (ground, kept)
        elif fnmatch.fnmatchcase(path, pattern) or (pattern[-1] != "*" and stem(pattern) == path):
            ground, kept = ("folder" if "*" in pattern else "named"), row
    return ground, kept


def source_path(package, picture):
    """Where the source package keeps an installed picture."""
    installed = picture.split("/", 2)[2]
    if "lomiri" in package:
        return f"{package[-5:]}/{installed.rsplit('/', 1)[-1]}"
    for before, after in FOLDERS.items():
        if installed.startswith(before):
            return after + installed[len(before) :]
    return installed


def from_gnome_text(file, picture):
    """What gnome-backgrounds' older, plain copyright files say of a picture: (licence, holders)."""
    for paragraph in Path(file).read_text("utf-8").split("\n\n"):
        listed = re.findall(r"^ - (\S+?)(?:\.jpg)?:?$", paragraph, re.M)
        said = re.search(r"Licensed under Creative Commons (\S+) (\d\.\d)", paragraph)
        if said and any(fnmatch.fnmatchcase(Path(picture).stem, name) for name in listed):
            kind = "BY-SA" if "ShareAlike" in said[1] else "BY"
            holders = re.findall(r"Copyright © (.*)", paragraph)
            return f"CC-{kind}-{said[2]}", ", ".join(holders)
    return None


def from_neighbour(picture):
    """Licence and author in a palapeli puzzle's .desktop file, or None."""
    file = Path(picture).with_suffix(".desktop")
    if not file.exists():
        return None
    words = dict(re.findall(r"^X-KDE-PluginInfo-(\w+)=(.*)$", file.read_text("utf-8"), re.M))
    licence = {"FDL": "GFDL", "GNU-FDL": "GFDL", "Public Domain": "public-domain"}
    said = words.get("License", "")
    return licence.get(said, said), words.get("Author", "")


def settle(picture, rows, gcompris, older_patterns):
    """(licence, ground, holders) of one picture."""
    package = picture.split("/")[1]
    if "palapeli" in package and (said := from_neighbour(picture)):
        return said[0], "own", said[1]
    if "skimage" in package:
        name = Path(picture).stem
        said = SKIMAGE.get(name)
        return (said[0], "own", said[1]) if said else ("", "open", "")
    if package.endswith("gnome-backgrounds") and package != NEWEST_GNOME:
        own = f"x/{package}/usr/share/doc/gnome-backgrounds/copyright"
        if said := from_gnome_text(own, picture):
            return said[0], "named", said[1]
    mine = "gcompris" in package
    path = gcompris.source_path(picture) if mine else source_path(package, picture)
    ground, row = best(rows, path)
    if row is None:
        return "", "open", ""
    many = any(k in package for k in MANY_ORIGINS)
    if ground == "package" and (many or ("gnome" in package and package != NEWEST_GNOME)):
        ground = "open"
    # Words that the older release has too are about the picture that it had under this name.
    if mine and ground != "open" and row[0] in older_patterns and gcompris.is_new(picture):
        ground = "open"
    return row[1], ground, " ".join((row[2] or "").split())[:160]


def main():
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("curated")
    parser.add_argument("--older", required=True, help="an older gcompris-qt-data, unpacked")
    parser.add_argument("--tiles", nargs="+", default=[], help="tile lists (name, src)")
    parser.add_argument("--out", default="corpus_licences.json")
    options = parser.parse_args()
    with open(options.curated) as file:
        curated = json.load(file)

    def copyright_file(package):
        # Older releases of gnome-backgrounds have no machine-readable one.
        package = NEWEST_GNOME if package.endswith("gnome-backgrounds") else package
        return f"x/{package}/usr/share/doc/{package.split('-', 1)[1]}/copyright"

    gcompris = Gcompris("x/t-gcompris-qt-data", options.older)
    older = f"{options.older}/usr/share/doc/gcompris-qt-data/copyright"
    older_patterns = {row[0] for row in stanzas(older)}
    read, holders, pictures, counts = {}, {}, {}, collections.Counter()
    for picture in curated:
        package = picture.split("/")[1]
        if package not in read:
            read[package] = stanzas(copyright_file(package))
        licence, ground, holder = settle(picture, read[package], gcompris, older_patterns)
        number = holders.setdefault(holder, len(holders))
        entry = [licence, ground, number]
        if "gcompris" in package:
            entry.append(gcompris.source_path(picture))
        pictures[picture.removeprefix("x/")] = entry
        counts[licence if ground != "open" else "open"] += 1
    result = {
        "fields": ["licence", "ground", "number of the holder", "path in the source package"],
        "holders": list(holders),
        "pictures": pictures,
    }
    with open(options.out, "w", encoding="utf-8") as file:
        json.dump(result, file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")

    tiles = []
    for name in options.tiles:
        with open(name) as file:
            tiles += json.load(file)
    refused, kept = [], collections.Counter()
    for tile in tiles:
        licence, ground = pictures[tile["src"].removeprefix("x/")][:2]
        if ground == "open" or REFUSED.search(licence):
            refused.append(tile["name"])
        else:
            kept[licence] += 1
    Path("leave_out.txt").write_text("".join(f"{name}\n" for name in sorted(refused)))
    print("pictures", len(pictures), dict(counts.most_common()))
    print("tiles", len(tiles), "left out", len(refused), dict(kept.most_common()))


if __name__ == "__main__":
    main()
