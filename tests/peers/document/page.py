"""The marks of the first page of an invoice, for other programs to draw the same page: python page.py FACE.pdf RECEIPT.json > page.json

Needs PyMuPDF (tests/readers/requirements.txt). FACE.pdf is what `piaolian render RECEIPT.json` makes. page.json is committed (ten lines in
the words of `piaolian bench documents`, 223 different characters in the font of values); made again when the face changes. Millimetres from the top left
corner; sizes in points; {"width", "height", "texts": [{"x", "y", "size", "font", "colour", "turn", "text"}], "lines": [[x1, y1, x2, y2,
width, colour]], "boxes": [[x, y, width, height]], "rings": [[x, y, width, height, line, colour]], "receipt": ".."}
"""

import json
import math
import sys

import pymupdf

MM = 25.4 / 72
colour_of = lambda c: "#%02x%02x%02x" % tuple(round(255 * v) for v in c or (0, 0, 0))


def texts(page):
    for block in page.get_text("rawdict", flags=pymupdf.TEXT_PRESERVE_WHITESPACE)["blocks"]:
        for line in block.get("lines", ()):
            turn = round(math.degrees(math.atan2(-line["dir"][1], line["dir"][0])), 2)
            for span in line["spans"]:
                x, y = span["chars"][0]["origin"]
                yield {"x": round(x * MM, 3), "y": round(y * MM, 3), "size": round(span["size"], 3), "font": span["font"].removeprefix("Piaolian"),
                       "colour": "#%06x" % span["color"], "turn": turn, "text": "".join(c["c"] for c in span["chars"])}


def main():
    page = pymupdf.open(sys.argv[1])[0]
    lines, boxes, rings = [], [], []
    for drawing in page.get_drawings():
        width = round((drawing["width"] or 0) * MM, 3)
        kinds = {item[0] for item in drawing["items"]}
        if kinds == {"c"}:
            r = drawing["rect"]
            rings.append([round(v * MM, 3) for v in (r.x0, r.y0, r.width, r.height)] + [width, colour_of(drawing["color"])])
        for item in drawing["items"]:
            if item[0] == "l" and drawing["type"] == "s":
                lines.append([round(v * MM, 3) for v in (*item[1], *item[2])] + [width, colour_of(drawing["color"])])
            elif item[0] in ("re", "qu") and colour_of(drawing["fill"]) == "#000000":
                r = item[1] if item[0] == "re" else item[1].rect
                boxes.append([round(v * MM, 4) for v in (r.x0, r.y0, r.width, r.height)])
    with open(sys.argv[2]) as receipt:
        answer = {"width": round(page.rect.width * MM, 2), "height": round(page.rect.height * MM, 2), "texts": list(texts(page)),
                  "lines": lines, "boxes": boxes, "rings": rings, "receipt": receipt.read()}
    json.dump(answer, sys.stdout, ensure_ascii=False, separators=(",", ":"))


main()
