"""Draws page.json over and over with one program and tells its processor time: python peers.py (reportlab|weasyprint|typst) SECONDS [OUT.pdf]

Each time the eight digits of the invoice number are others, so that no program can give the same page back. Fonts are loaded once where
the program lets one. Standard output: {"peer", "version", "cpu_ms", "bytes", "count", "archive"}; `archive` says whether the file is
PDF/A-3 with the receipt attached (ReportLab can do neither).

  reportlab    a canvas, the texts placed; fonts subset for each file
  weasyprint   HTML with the texts placed by CSS and the rest as SVG; PDF/A-3u, the receipt attached
  typst        markup with everything placed, compiled by one compiler; PDF/A-3u, the receipt attached
"""

import html
import io
import json
import math
import os
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
FONTS = HERE.parents[2] / "templates/face/fonts"
FILES = {"Kai": "kai.ttf", "Song": "song.ttf", "Figure": "figure.ttf"}
PAGE = json.loads((HERE / "page.json").read_text())
NUMBER = next(n for n, text in enumerate(PAGE["texts"]) if len(text["text"]) == 8 and text["text"].isdigit())


def texts(nth):
    for n, text in enumerate(PAGE["texts"]):
        yield {**text, "text": f"{nth:08}"} if n == NUMBER else text


def reportlab():
    import reportlab
    from reportlab.lib.colors import HexColor
    from reportlab.lib.units import mm
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.pdfgen.canvas import Canvas

    for name, file in FILES.items():
        pdfmetrics.registerFont(TTFont(name, str(FONTS / file)))

    def draw(nth):
        out = io.BytesIO()
        height = PAGE["height"] * mm
        canvas = Canvas(out, (PAGE["width"] * mm, height), pageCompression=1)
        canvas.setTitle("深圳电子普通发票")
        for x1, y1, x2, y2, width, colour in PAGE["lines"]:
            canvas.setLineWidth(width * mm)
            canvas.setStrokeColor(HexColor(colour))
            canvas.line(x1 * mm, height - y1 * mm, x2 * mm, height - y2 * mm)
        for x, y, w, h, width, colour in PAGE["rings"]:
            canvas.setLineWidth(width * mm)
            canvas.setStrokeColor(HexColor(colour))
            canvas.ellipse(x * mm, height - (y + h) * mm, (x + w) * mm, height - y * mm)
        canvas.setFillColor(HexColor("#000000"))
        path = canvas.beginPath()
        for x, y, w, h in PAGE["boxes"]:
            path.rect(x * mm, height - (y + h) * mm, w * mm, h * mm)
        canvas.drawPath(path, stroke=0, fill=1)
        for text in texts(nth):
            turn = math.radians(text["turn"])
            piece = canvas.beginText()
            piece.setFont(text["font"], text["size"])
            piece.setFillColor(HexColor(text["colour"]))
            piece.setTextTransform(math.cos(turn), math.sin(turn), -math.sin(turn), math.cos(turn), text["x"] * mm, height - text["y"] * mm)
            piece.textOut(text["text"])
            canvas.drawText(piece)
        canvas.save()
        return out.getvalue()

    return reportlab.__version__, draw, False


def weasyprint():
    import weasyprint
    from weasyprint.text.fonts import FontConfiguration

    fonts = FontConfiguration()
    faces = "".join(f"@font-face{{font-family:P{name};src:url(file://{FONTS / file})}}" for name, file in FILES.items())
    sheet = weasyprint.CSS(string=f"@page{{size:{PAGE['width']}mm {PAGE['height']}mm;margin:0}}{faces}"
                           "b{position:absolute;font-weight:400;line-height:0;white-space:pre;transform-origin:0 0}svg{position:absolute;left:0;top:0}",
                           font_config=fonts)
    shapes = [f'<line x1="{a}" y1="{b}" x2="{c}" y2="{d}" stroke-width="{w}" stroke="{k}"/>' for a, b, c, d, w, k in PAGE["lines"]]
    shapes += [f'<ellipse cx="{x + w / 2}" cy="{y + h / 2}" rx="{w / 2}" ry="{h / 2}" fill="none" stroke-width="{t}" stroke="{k}"/>'
               for x, y, w, h, t, k in PAGE["rings"]]
    shapes.append('<path d="' + "".join(f"M{x} {y}h{w}v{h}h{-w}z" for x, y, w, h in PAGE["boxes"]) + '"/>')
    picture = f'<svg width="{PAGE["width"]}mm" height="{PAGE["height"]}mm" viewBox="0 0 {PAGE["width"]} {PAGE["height"]}">{"".join(shapes)}</svg>'

    def draw(nth):
        placed = "".join(
            f'<b style="left:{t["x"]}mm;top:{t["y"] - t["size"] * 0.12:.3f}mm;font:{t["size"]}pt/0 P{t["font"]};color:{t["colour"]};'
            f'transform:rotate({-t["turn"]}deg)">{html.escape(t["text"])}</b>' for t in texts(nth))
        page = f'<html lang="zh-CN"><title>深圳电子普通发票</title><body>{picture}{placed}</body></html>'
        attached = weasyprint.Attachment(string=PAGE["receipt"], name="receipt.json", description="receipt", relationship="Data")
        return weasyprint.HTML(string=page).write_pdf(stylesheets=[sheet], font_config=fonts, attachments=[attached], pdf_variant="pdf/a-3u")

    return weasyprint.__version__, draw, True


def typst():
    from importlib.metadata import version

    import typst

    string = lambda text: json.dumps(text, ensure_ascii=False)
    folder = Path(tempfile.mkdtemp())
    (folder / "receipt.json").write_text(PAGE["receipt"])
    lines = [f'#set document(title: "深圳电子普通发票", date: datetime(year: 2026, month: 11, day: 22))',
             f'#set page(width: {PAGE["width"]}mm, height: {PAGE["height"]}mm, margin: 0mm)', '#set text(lang: "zh", cjk-latin-spacing: none, top-edge: "baseline", bottom-edge: "baseline")',
             '#pdf.attach("receipt.json", relationship: "data", mime-type: "application/json", description: "receipt")']
    for a, b, c, d, w, k in PAGE["lines"]:
        lines.append(f'#place(line(start: ({a}mm, {b}mm), end: ({c}mm, {d}mm), stroke: {w}mm + rgb("{k}")))')
    for x, y, w, h, t, k in PAGE["rings"]:
        lines.append(f'#place(dx: {x}mm, dy: {y}mm, ellipse(width: {w}mm, height: {h}mm, stroke: {t}mm + rgb("{k}")))')
    moves = "".join(f"curve.move(({x}mm, {y}mm)), curve.line(({x + w:.4f}mm, {y}mm)), curve.line(({x + w:.4f}mm, {y + h:.4f}mm)), "
                    f"curve.line(({x}mm, {y + h:.4f}mm)), curve.close(), " for x, y, w, h in PAGE["boxes"])
    lines.append(f"#place(curve(fill: black, {moves}))")
    for n, t in enumerate(PAGE["texts"]):
        content = 'sys.inputs.at("number")' if n == NUMBER else string(t["text"])
        lines.append(f'#place(dx: {t["x"]}mm, dy: {t["y"]}mm, rotate({-t["turn"]}deg, origin: left + bottom, '
                     f'text(font: "Piaolian {t["font"]}", size: {t["size"]}pt, fill: rgb("{t["colour"]}"), {content})))')
    (folder / "page.typ").write_text("\n".join(lines))
    compiler = typst.Compiler(str(folder / "page.typ"), font_paths=[str(FONTS)], ignore_system_fonts=True)

    def draw(nth):
        return compiler.compile(format="pdf", sys_inputs={"number": f"{nth:08}"}, pdf_standards="a-3u", pdf_tags=False)

    return version("typst"), draw, True


def main():
    peer, seconds = sys.argv[1], float(sys.argv[2])
    version, draw, archive = {"reportlab": reportlab, "weasyprint": weasyprint, "typst": typst}[peer]()
    one = draw(0)
    if len(sys.argv) > 3:
        Path(sys.argv[3]).write_bytes(one)
    count, total, begun = 0, 0, time.process_time()
    while count < 3 or time.process_time() - begun < seconds:
        count += 1
        total += len(draw(count))
    spent = (time.process_time() - begun) / count
    print(json.dumps({"peer": peer, "version": version, "cpu_ms": round(1000 * spent, 3), "bytes": total // count, "count": count, "archive": archive}))


main()
