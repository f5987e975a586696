#!/usr/bin/env python3
"""Makes the three font files of the invoice face. Run by build.sh, which fetches what this reads; result committed.

  Debian   fonts-noto-cjk       Noto Serif CJK 2.001, CFF outlines, face "Noto Serif CJK SC"  -> song.ttf
  Debian   fonts-lxgw-wenkai    LXGW WenKai 1.250 Regular                                     -> kai.ttf, and what Noto lacks in song.ttf
  npm      @expo-google-fonts/courier-prime 0.4.1                                             -> figure.ttf
  PyPI     fonttools 4.68.0     (with the compiled cu2qu of the wheel)

Use:  python build.py PACKAGES_ROOT COURIER_PRIME.ttf OUTPUT_FOLDER

song.ttf    every character of Noto Serif CJK SC that an invoice can hold: all of GB 2312, GBK and Extension A, what the source has
            of the other extensions (2,306 characters beyond the BMP), Latin, Greek, Cyrillic, kana, symbols. No hangul.
            What it lacks of ideographs (U+9FEB to U+9FEF of GB 18030, 717 beyond the BMP) and of symbols comes from
            LXGW WenKai (`wanted_from_wenkai`): another hand, but the right character instead of a box.
            Characters that share a glyph in the source get one each, so that copied text gives back the character that was printed.
            Outlines are fitted anew from the cubic original with a tolerance of 6/1000 em on a grid of 256 units per em: at 8 to 20 pt
            and 600 dpi this cannot be told from the original, and it halves the bytes that each invoice carries (pdf.md 6).
kai.ttf     the characters of the printed labels and the title only (LABELS below; a unit test of src/render/font.rs compares).
figure.ttf  ASCII and the yuan sign.

GSUB, GPOS, hints and all names but family, copyright and licence are dropped. The families are renamed because the OFL keeps the
reserved names ("LXGW", "霞鹜") and Noto is a trademark. Glyphs are ordered by code point; glyph 0 is an empty box, never used on purpose.
"""

import sys
from concurrent.futures import ProcessPoolExecutor

from fontTools.fontBuilder import FontBuilder
from fontTools.misc.transform import Transform
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.pens.transformPen import TransformPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

NOTO = "usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc", 2  # face 2 of the collection is SC
WENKAI = "usr/share/fonts/truetype/lxgw-wenkai/LXGWWenKai-Regular.ttf", -1
VERSION = "Version 1.000"
COURIER_COPYRIGHT = "Copyright 2015 The Courier Prime Project Authors (https://github.com/quoteunquoteapps/CourierPrime)."
WENKAI_COPYRIGHT = (
    "Copyright 2021-2023 LXGW (https://github.com/lxgw/LxgwWenKai); Copyright 2020 The Klee Project Authors "
    "(https://github.com/fontworks-fonts/Klee)."
)
NOTO_COPYRIGHT = "(c) 2017-2022 Adobe (http://www.adobe.com/)"
OFL = "This Font Software is licensed under the SIL Open Font License, Version 1.1."

LABELS = (
    "深圳电子普通发票发票代码发票号码开票日期校验码购买方销售方名称纳税人识别号地址、电话开户行及账号电子支付标识密码区"
    "货物或应税劳务、服务名称规格型号单位数量单价金额税率税额合计价税合计（大写）（小写）备注收款人复核开票人销售方（章）"
    "区块链交易哈希高度序号机器编号清单附页第共页行小计总计承前页续详见销货清单所属样票仅供测试项目名称打印链上条目红字负数国家税务总局市税务局监制"
    "全国统一章样本作废已电子发票服务局（普通发票）（增值税专用发票）项目销售清单备注开票人下载次数发票联"
    "购买方信息销售方信息统一社会信用代码/纳税人识别号/征收率合计价税合计开户银行银行账号"
    "：，。；（）()：:/-⊗¥%*. 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)


def wanted_in_song(code):
    """Whether song.ttf keeps a code point: everything but controls, hangul and the Latin extensions that only fill the file."""
    return not (
        code < 0x20 or 0x7F <= code < 0xA0 or code == 0xAD
        or 0x1100 <= code <= 0x11FF or 0x3130 <= code <= 0x318F or 0xA960 <= code <= 0xA97F
        or 0xAC00 <= code <= 0xD7FF or 0xFFA0 <= code <= 0xFFDC
    )


def wanted_from_wenkai(code):
    """What song.ttf takes from LXGW WenKai where Noto has nothing: symbols that are no format characters, ideographs of every plane."""
    return 0x2030 <= code < 0x2C00 and not 0x2060 <= code < 0x2070 or 0x3400 <= code < 0xA000 or code >= 0x20000


_SOURCE = {}


def refit(job):
    """Glyphs `names` of a font, scaled to `em`, curves fitted to quadratics within `tolerance` (in units of the new em)."""
    path, number, names, em, tolerance = job
    if (path, number) not in _SOURCE:
        _SOURCE[path, number] = TTFont(path, fontNumber=number, lazy=True)
    font = _SOURCE[path, number]
    glyphs = font.getGlyphSet()
    scale = em / font["head"].unitsPerEm
    cubic = "CFF " in font
    fitted = []
    for name in names:
        recording = DecomposingRecordingPen(glyphs)  # flattens composites
        glyphs[name].draw(recording)
        pen = TTGlyphPen(None)
        # CFF runs counter to TrueType: turn the contours round.
        target = Cu2QuPen(pen, tolerance, reverse_direction=True) if cubic else pen
        recording.replay(TransformPen(target, Transform(scale, 0, 0, scale, 0, 0)))
        fitted.append((name, pen.glyph(), round(glyphs[name].width * scale)))
    return fitted


def rounded(glyph):
    """The glyph on the integer grid, without points that fell onto their neighbour."""
    if glyph.numberOfContours > 0:
        glyph.coordinates.toInt()
    return glyph


def make(target, sources, em, tolerance, family, copyright_text, pool):
    """Writes one font file of `sources`: (path, number, which code points it gives where those before it had none)."""
    cmap, parts = {}, []
    for path, number, keep in sources:
        found = TTFont(path, fontNumber=number, lazy=True).getBestCmap()
        found = {code: (path, name) for code, name in found.items() if code not in cmap and keep(code)}
        cmap |= found
        names = list(dict.fromkeys(name for _, name in found.values()))
        parts += [(path, number, names[i:i + 500], em, tolerance) for i in range(0, len(names), 500)]
    cmap = dict(sorted(cmap.items()))
    fitted = {}
    box = TTGlyphPen(None)
    for ring in (((0, 0), (0, 7), (5, 7), (5, 0)), ((1, 1), (4, 1), (4, 6), (1, 6))):
        points = [(x * em // 10 + em // 5, y * em // 10) for x, y in ring]
        box.moveTo(points[0])
        for point in points[1:]:
            box.lineTo(point)
        box.closePath()
    for (path, *_), part in zip(parts, pool.map(refit, parts)):
        for name, glyph, width in part:
            fitted[path, name] = rounded(glyph), width
    glyphs, advances = {".notdef": box.glyph()}, {".notdef": em}
    for code, of in cmap.items():
        glyphs[f"u{code:X}"], advances[f"u{code:X}"] = fitted[of]
    order = list(glyphs)
    builder = FontBuilder(em, isTTF=True)
    builder.setupGlyphOrder(order)
    builder.setupCharacterMap({code: f"u{code:X}" for code in cmap})
    builder.setupGlyf(glyphs)
    glyf = builder.font["glyf"]
    for name in order:
        glyf[name].recalcBounds(glyf)
    builder.setupHorizontalMetrics({name: (advances[name], getattr(glyf[name], "xMin", 0)) for name in order})
    ascent, descent = round(0.88 * em), -round(0.12 * em)
    builder.setupHorizontalHeader(ascent=ascent, descent=descent)
    builder.setupOS2(sTypoAscender=ascent, sTypoDescender=descent, usWinAscent=ascent, usWinDescent=-descent, fsType=0)
    builder.setupPost(keepGlyphNames=False)
    builder.setupNameTable({}, mac=False)
    record = builder.font["name"]
    postscript = family.replace(" ", "") + "-Regular"
    for number_of_name, text in ((0, copyright_text), (1, family), (2, "Regular"), (4, family), (5, VERSION), (6, postscript),
                                 (13, OFL), (14, "https://openfontlicense.org")):
        record.setName(text, number_of_name, 3, 1, 0x409)
    builder.font["head"].created = builder.font["head"].modified = 0xC2B5_0000  # the same bytes every time
    builder.font.recalcTimestamp = False
    builder.save(target)
    print(f"{target}: {len(order)} glyphs, {len(cmap)} characters")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    root, courier, folder = sys.argv[1:]
    noto, wenkai = ((f"{root}/{path}", number) for path, number in (NOTO, WENKAI))
    labels = {ord(c) for c in LABELS}
    with ProcessPoolExecutor() as pool:
        make(f"{folder}/figure.ttf", [(courier, -1, lambda c: 0x20 <= c < 0x7F or c == 0xA5)], 512, 0.003 * 512, "Piaolian Figure",
             f"{COURIER_COPYRIGHT} Changed for piaolian.", pool)
        make(f"{folder}/kai.ttf", [(*wenkai, labels.__contains__)], 512, 0.003 * 512, "Piaolian Kai",
             f"{WENKAI_COPYRIGHT} Changed for piaolian.", pool)
        make(f"{folder}/song.ttf", [(*noto, wanted_in_song), (*wenkai, wanted_from_wenkai)], 256, 0.006 * 256, "Piaolian Song",
             f"{NOTO_COPYRIGHT}; {WENKAI_COPYRIGHT} Changed for piaolian.", pool)


if __name__ == "__main__":
    main()
