"""Whether PDFs keep the rules of PDF/A-3u that can be checked without veraPDF, which no package registry has (../shared/pdf.md 4, 10).

Reads with pikepdf (objects, content) and fontTools (embedded fonts); knows nothing of this project's code.

  python archive.py check FILE...     -> {FILE: [[rule, what is wrong], ...]}
  python archive.py defects FILE      -> {defect: [rule, ...]}: what is found in FILE when it is damaged in each way that DEFECTS knows
  python archive.py rules             -> [rule, ...]
"""

import io
import json
import re
import sys
import zlib
from datetime import datetime

import pikepdf
from fontTools.ttLib import TTFont
from lxml import etree
from pikepdf import Array, Dictionary, Name, Stream, String

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
SPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "pdf": "http://ns.adobe.com/pdf/1.3/",
    "pdfaid": "http://www.aiim.org/pdfa/ns/id/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
}
RULES = {}


def rule(name):
    def add(check):
        RULES[name] = check
        return check
    return add


class File:
    """A PDF opened, with what several rules look at."""

    def __init__(self, data):
        self.data = data
        self.pdf = pikepdf.open(io.BytesIO(data))
        self.root = self.pdf.Root
        self.info = self.pdf.docinfo
        self.objects = [o for o in self.pdf.objects if isinstance(o, pikepdf.Object)]
        self.inner = list(every(self.objects))
        self.shown, self.fonts, self.operators = {}, {}, set()
        for page in self.pdf.pages:
            self.read(page.obj, page.obj.get("/Resources", Dictionary()))

    def read(self, content, resources):
        """Notes which codes are shown in which font and which operators are used, forms included."""
        stack, font = [], None
        for operands, operator in pikepdf.parse_content_stream(content):
            operator = str(operator)
            self.operators.add(operator)
            if operator == "q":
                stack.append(font)
            elif operator == "Q":
                font = stack.pop()
            elif operator == "Tf":
                font = resources["/Font"][operands[0]]
                self.fonts[font.objgen] = font
            elif operator in ("Tj", "'", '"'):
                self.show(font, operands[-1])
            elif operator == "TJ":
                for part in operands[0]:
                    if isinstance(part, String):
                        self.show(font, part)
            elif operator == "Do":
                form = resources["/XObject"][operands[0]]
                if form.get("/Subtype") == Name.Form:
                    self.read(form, form.get("/Resources", resources))

    def show(self, font, text):
        text = bytes(text)
        codes = {text[i] << 8 | text[i + 1] for i in range(0, len(text) - 1, 2)}
        self.shown.setdefault(font.objgen, set()).update(codes)
        if len(text) % 2:
            self.shown[font.objgen].add(-1)


def every(objects):
    """All objects with what stands in them."""
    stack, seen = list(objects), set()
    while stack:
        o = stack.pop()
        if not isinstance(o, (Dictionary, Array, Stream)):
            continue
        if o.is_indirect:
            if o.objgen in seen:
                continue
            seen.add(o.objgen)
        yield o
        stack.extend(o.values() if isinstance(o, (Dictionary, Stream)) else list(o))


def filters(stream):
    found = stream.get("/Filter", Array())
    return [str(f) for f in found] if isinstance(found, Array) else [str(found)]


# --- the file

@rule("header")
def header(f):
    lines = f.data.split(b"\n", 2)
    if lines[0] != b"%PDF-1.7":
        yield f"begins with {lines[0]!r}"
    if not (lines[1][:1] == b"%" and len(lines[1]) >= 5 and all(b > 127 for b in lines[1][1:5])):
        yield "no line of four bytes above 127 after the version"


@rule("trailer-id")
def trailer_id(f):
    ids = f.pdf.trailer.get("/ID")
    if ids is None or len(ids) != 2 or not all(len(bytes(i)) >= 16 for i in ids):
        yield "no ID of two strings in the trailer"


@rule("end")
def end(f):
    if not re.search(rb"%%EOF\r?\n?$", f.data):
        yield "something stands after %%EOF"


@rule("encryption")
def encryption(f):
    if "/Encrypt" in f.pdf.trailer:
        yield "is encrypted"


@rule("filter")
def filter_allowed(f):
    for o in f.inner:
        if isinstance(o, Stream):
            bad = set(filters(o)) - {"/FlateDecode", "/DCTDecode", "/ASCIIHexDecode"}
            if bad:
                yield f"{o.objgen}: {sorted(bad)}"
            if any(key in o for key in ("/F", "/FFilter", "/FDecodeParms")):
                yield f"{o.objgen}: its bytes are in another file"


@rule("action")
def action(f):
    for o in f.inner:
        if isinstance(o, Dictionary):
            kind = str(o.get("/S", ""))
            if "/JS" in o or kind in ("/JavaScript", "/Launch", "/ImportData", "/ResetForm", "/SubmitForm", "/GoToR", "/URI"):
                yield f"{o.objgen}: an action {kind}"
            if "/AA" in o:
                yield f"{o.objgen}: additional actions"
    names = f.root.get("/Names", Dictionary())
    if "/OpenAction" in f.root or "/JavaScript" in names:
        yield "the catalog starts an action"


@rule("transparency")
def transparency(f):
    for o in f.inner:
        if not isinstance(o, (Dictionary, Stream)):
            continue
        if o.get("/SMask", Name.None_) != Name.None_ and "/Subtype" in o or o.get("/Type") == Name.ExtGState and "/SMask" in o:
            yield f"{o.objgen}: a soft mask"
        if o.get("/S") == Name.Transparency:
            yield f"{o.objgen}: a transparency group"
        if any(float(o[key]) != 1 for key in ("/CA", "/ca") if key in o and not isinstance(o[key], String)):
            yield f"{o.objgen}: is not opaque"
        if o.get("/BM", Name.Normal) not in (Name.Normal, Name.Compatible):
            yield f"{o.objgen}: blends"


@rule("colour")
def colour(f):
    if f.operators & {"k", "K"}:
        yield "DeviceCMYK without an output intent for it"
    for o in f.inner:
        if isinstance(o, Stream) and o.get("/ColorSpace") == Name.DeviceCMYK:
            yield f"{o.objgen}: DeviceCMYK"


# --- what the document says about itself

def xmp_of(f):
    tree = etree.fromstring(bytes(f.root.Metadata.read_bytes()))
    found = {}
    for description in tree.iter(f"{{{RDF}}}Description"):
        for key, value in description.attrib.items():
            found[key] = value
        for child in description:
            inner = child.find(f".//{{{RDF}}}li")
            found[child.tag] = (child if inner is None else inner).text
    return tree, found


def moment(text):
    """A date of Info or of XMP."""
    if text.startswith("D:"):
        text = re.sub(r"^D:(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)", r"\1-\2-\3T\4:\5:\6", text)
        text = re.sub(r"(\d\d)'(\d\d)'?$", r"\1:\2", text)
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


@rule("xmp")
def xmp(f):
    stream = f.root.get("/Metadata")
    if not isinstance(stream, Stream) or stream.get("/Type") != Name.Metadata or stream.get("/Subtype") != Name.XML:
        yield "no XMP in the catalog"
    elif filters(stream):
        yield "the XMP is compressed"
    else:
        data = bytes(stream.read_raw_bytes())
        if not data.lstrip(b"\xef\xbb\xbf").startswith(b"<?xpacket begin=") or b"<?xpacket end=" not in data:
            yield "no packet"
        if b"encoding=" in data.split(b"\n", 1)[0] or b"bytes=" in data.split(b"\n", 1)[0]:
            yield "the packet's header has bytes or encoding"
        known = set(SPACES.values()) | {RDF, "adobe:ns:meta/", "http://www.w3.org/XML/1998/namespace",
                                        "http://ns.adobe.com/xap/1.0/mm/", "http://ns.adobe.com/xap/1.0/t/pg/",
                                        "http://www.aiim.org/pdfa/ns/extension/",
                                        "http://www.aiim.org/pdfa/ns/schema#", "http://www.aiim.org/pdfa/ns/property#"}
        tree, found = xmp_of(f)
        for key in found:
            space = etree.QName(key).namespace
            described = any(e.text == space for e in tree.iter("{http://www.aiim.org/pdfa/ns/schema#}namespaceURI"))
            if space not in known and not described:
                yield f"{key} is of no known schema"


@rule("xmp-part")
def xmp_part(f):
    if isinstance(f.root.get("/Metadata"), Stream):
        found = xmp_of(f)[1]
        part = found.get(f"{{{SPACES['pdfaid']}}}part"), found.get(f"{{{SPACES['pdfaid']}}}conformance")
        if part != ("3", "U"):
            yield f"says {part}, not part 3 level U"


@rule("xmp-info")
def xmp_info(f):
    if not isinstance(f.root.get("/Metadata"), Stream):
        return
    found = xmp_of(f)[1]
    for key, space, tag in (("/Title", "dc", "title"), ("/Producer", "pdf", "Producer"), ("/CreationDate", "xmp", "CreateDate"),
                            ("/ModDate", "xmp", "ModifyDate"), ("/Creator", "xmp", "CreatorTool"), ("/Author", "dc", "creator"),
                            ("/Subject", "dc", "description"), ("/Keywords", "pdf", "Keywords")):
        in_info, in_xmp = f.info.get(key), found.get(f"{{{SPACES[space]}}}{tag}")
        if in_info is None:
            if key in ("/Title", "/Producer", "/CreationDate", "/ModDate"):
                yield f"Info has no {key}"
            continue
        same = in_xmp == str(in_info) or "Date" in key and in_xmp is not None and moment(in_xmp) == moment(str(in_info))
        if not same:
            yield f"{key} is {str(in_info)!r}, in XMP {in_xmp!r}"


@rule("title")
def title(f):
    if not str(f.info.get("/Title", "")).strip():
        yield "no title"
    if not bool(f.root.get("/ViewerPreferences", Dictionary()).get("/DisplayDocTitle", False)):
        yield "the title is not the one that a viewer shows"


@rule("language")
def language(f):
    if not re.fullmatch(r"zh(-[A-Za-z]+)*", str(f.root.get("/Lang", ""))):
        yield f"Lang is {f.root.get('/Lang')!r}"


@rule("output-intent")
def output_intent(f):
    intents = [i for i in f.root.get("/OutputIntents", Array()) if i.get("/S") == Name.GTS_PDFA1]
    if len(intents) != 1:
        yield f"{len(intents)} output intents"
        return
    profile = intents[0].get("/DestOutputProfile")
    if not isinstance(profile, Stream):
        yield "no profile"
        return
    data = bytes(profile.read_bytes())
    if data[36:40] != b"acsp" or int.from_bytes(data[:4], "big") != len(data):
        yield "the profile is no ICC profile"
    elif data[16:20] != b"RGB " or profile.get("/N") != 3:
        yield "the profile is not for RGB"
    if not str(intents[0].get("/OutputConditionIdentifier", "")):
        yield "no condition is named"


# --- fonts

def parts_of(font):
    inner = font.DescendantFonts[0]
    return inner, inner.get("/FontDescriptor", Dictionary())


def truetype_of(font):
    return TTFont(io.BytesIO(bytes(parts_of(font)[1].FontFile2.read_bytes())), lazy=True)


def widths_of(inner):
    """/W as {cid: width}."""
    widths, rest = {}, list(inner.get("/W", Array()))
    while rest:
        first = int(rest.pop(0))
        if isinstance(rest[0], Array):
            widths |= {first + n: float(w) for n, w in enumerate(rest.pop(0))}
        else:
            last, width = int(rest.pop(0)), float(rest.pop(0))
            widths |= {cid: width for cid in range(first, last + 1)}
    return widths


def unicode_of(font):
    """ToUnicode as {code: text}."""
    cmap = bytes(font.ToUnicode.read_bytes()).decode("latin-1")
    text = lambda digits: bytes.fromhex(digits.replace(" ", "")).decode("utf-16-be")
    found = {}
    for block in re.findall(r"beginbfchar(.*?)endbfchar", cmap, re.S):
        for code, to in re.findall(r"<([0-9A-Fa-f ]+)>\s*<([0-9A-Fa-f ]+)>", block):
            found[int(code, 16)] = text(to)
    for block in re.findall(r"beginbfrange(.*?)endbfrange", cmap, re.S):
        for first, last, to in re.findall(r"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*(<[0-9A-Fa-f]+>|\[.*?\])", block, re.S):
            first, last = int(first, 16), int(last, 16)
            if to.startswith("["):
                for code, one in zip(range(first, last + 1), re.findall(r"<([0-9A-Fa-f]+)>", to)):
                    found[code] = text(one)
            else:
                head, tail = to[1:-5], int(to[-5:-1], 16)
                for code in range(first, last + 1):
                    found[code] = text(f"{head}{tail + code - first:04X}")
    return found


@rule("font-embedded")
def font_embedded(f):
    for font in f.fonts.values():
        if font.get("/Subtype") != Name.Type0 or parts_of(font)[0].get("/Subtype") != Name.CIDFontType2:
            yield f"{font.objgen}: not a composite TrueType font"
        elif not isinstance(parts_of(font)[1].get("/FontFile2"), Stream):
            yield f"{font.objgen}: not embedded"
        else:
            file = parts_of(font)[1].FontFile2
            if int(file.get("/Length1", -1)) != len(bytes(file.read_bytes())):
                yield f"{font.objgen}: Length1 is not the length"


def embedded(f):
    return [font for font in f.fonts.values() if isinstance(parts_of(font)[1].get("/FontFile2"), Stream)]


@rule("font-name")
def font_name(f):
    names = []
    for font in f.fonts.values():
        inner, descriptor = parts_of(font)
        three = [str(x) for x in (font.get("/BaseFont"), inner.get("/BaseFont"), descriptor.get("/FontName"))]
        if len(set(three)) != 1 or not re.fullmatch(r"/[A-Z]{6}\+[A-Za-z0-9-]+", three[0]):
            yield f"{font.objgen}: named {three}"
        names.append(three[0])
    if len(set(names)) != len(names):
        yield f"two subsets have one name: {sorted(names)}"


@rule("font-encoding")
def font_encoding(f):
    for font in f.fonts.values():
        inner, _ = parts_of(font)
        system = inner.get("/CIDSystemInfo", Dictionary())
        if font.get("/Encoding") != Name("/Identity-H"):
            yield f"{font.objgen}: encoding {font.get('/Encoding')}"
        if inner.get("/CIDToGIDMap") != Name.Identity:
            yield f"{font.objgen}: no CIDToGIDMap Identity"
        if (str(system.get("/Registry")), str(system.get("/Ordering"))) != ("Adobe", "Identity"):
            yield f"{font.objgen}: CIDSystemInfo"


@rule("font-width")
def font_width(f):
    for font in embedded(f):
        inner, truetype = parts_of(font)[0], truetype_of(font)
        em, order, metrics = truetype["head"].unitsPerEm, truetype.getGlyphOrder(), truetype["hmtx"].metrics
        widths, default = widths_of(inner), float(inner.get("/DW", 1000))
        for code in sorted(f.shown.get(font.objgen, ())):
            if 0 <= code < len(order):
                true = metrics[order[code]][0] * 1000 / em
                if abs(widths.get(code, default) - true) > 1:
                    yield f"{font.objgen}: glyph {code} is {true:.1f} wide, said to be {widths.get(code, default)}"


@rule("font-glyph")
def font_glyph(f):
    for font in embedded(f):
        count = truetype_of(font)["maxp"].numGlyphs
        for code in sorted(f.shown.get(font.objgen, ())):
            if not 0 < code < count:
                yield f"{font.objgen}: code {code} of {count} glyphs is shown"


@rule("font-unicode")
def font_unicode(f):
    for font in f.fonts.values():
        if not isinstance(font.get("/ToUnicode"), Stream):
            yield f"{font.objgen}: no ToUnicode"
            continue
        known = unicode_of(font)
        for code in sorted(f.shown.get(font.objgen, ())):
            text = known.get(code, "")
            if not text or text in ("\0", "\ufeff", "\ufffe"):
                yield f"{font.objgen}: code {code} is shown and means {text!r}"


# --- attachments

def listed(f):
    tree, found = f.root.get("/Names", Dictionary()).get("/EmbeddedFiles", Dictionary()), []
    stack = [tree]
    while stack:
        node = stack.pop()
        names = list(node.get("/Names", Array()))
        found += list(zip(map(str, names[::2]), names[1::2]))
        stack += list(node.get("/Kids", Array()))
    return found


@rule("attachment-listed")
def attachment_listed(f):
    names = listed(f)
    if not names:
        yield "nothing is attached"
    if [n for n, _ in names] != sorted(n for n, _ in names):
        yield "the names are not sorted"
    associated = {o.objgen for o in f.root.get("/AF", Array())}
    if associated != {o.objgen for _, o in names}:
        yield "AF of the catalog and the name tree list different files"
    for name, spec in names:
        if name != str(spec.get("/UF", "")):
            yield f"{name} is the name of {spec.get('/UF')}"


@rule("attachment")
def attachment(f):
    for name, spec in listed(f):
        if spec.get("/Type") != Name.Filespec or not spec.get("/F") or str(spec.get("/F")) != str(spec.get("/UF", "")):
            yield f"{name}: the file specification"
        if spec.get("/AFRelationship") not in (Name.Data, Name.Source, Name.Alternative, Name.Supplement, Name.Unspecified):
            yield f"{name}: no relationship"
        if not str(spec.get("/Desc", "")):
            yield f"{name}: no description"
        files = spec.get("/EF", Dictionary())
        stream = files.get("/F")
        if not isinstance(stream, Stream) or stream.get("/Type") != Name.EmbeddedFile:
            yield f"{name}: no embedded file"
            continue
        if "/UF" in files and files.UF.objgen != stream.objgen:
            yield f"{name}: F and UF are two files"
        if not re.fullmatch(r"/[a-z]+/[a-z0-9.+-]+", str(stream.get("/Subtype", ""))):
            yield f"{name}: media type {stream.get('/Subtype')}"
        parameters = stream.get("/Params", Dictionary())
        if "/ModDate" not in parameters:
            yield f"{name}: no ModDate"
        if int(parameters.get("/Size", -1)) != len(bytes(stream.read_bytes())):
            yield f"{name}: Size is not its size"


@rule("annotation")
def annotation(f):
    for page in f.pdf.pages:
        for note in page.obj.get("/Annots", Array()):
            flags, box = int(note.get("/F", 0)), [float(x) for x in note.get("/Rect", [0, 0, 0, 0])]
            if flags & 0b100011 or not flags & 0b100:
                yield f"{note.objgen}: hidden, or not printed"
            empty = box[0] == box[2] or box[1] == box[3]
            if not empty and "/AP" not in note:
                yield f"{note.objgen}: no appearance"


def check(data):
    f = File(data)
    found = []
    for name, rule_of in RULES.items():
        try:
            found += [[name, what] for what in rule_of(f)]
        except Exception as error:  # an object that is not even of the kind that the rule reads breaks the rule
            found.append([name, f"{type(error).__name__}: {error}"])
    return found


# --- damage

def saved(change):
    """Damage done to the objects."""
    def damage(data):
        pdf = pikepdf.open(io.BytesIO(data))
        change(pdf)
        out = io.BytesIO()
        pdf.save(out, min_version="1.7", object_stream_mode=pikepdf.ObjectStreamMode.preserve, fix_metadata_version=False,
                 linearize=False, static_id=True, compress_streams=False, recompress_flate=False,
                 stream_decode_level=pikepdf.StreamDecodeLevel.none)
        return out.getvalue()
    return damage


def font_of(pdf):
    f = File.__new__(File)
    f.shown, f.fonts, f.operators = {}, {}, set()
    for page in pdf.pages:
        f.read(page.obj, page.obj.get("/Resources", Dictionary()))
    return max(f.fonts.values(), key=lambda font: len(f.shown.get(font.objgen, ()))), f


def in_font(change):
    return saved(lambda pdf: change(font_of(pdf)[0]))


def in_xmp(pattern, to):
    def change(pdf):
        data = bytes(pdf.Root.Metadata.read_bytes())
        new = re.sub(pattern, to, data, count=1)
        assert new != data, pattern
        pdf.Root.Metadata.write(new)
    return saved(change)


def first_file(pdf):
    return pdf.Root.AF[0]


def put(of, key, value):
    """Sets `key` of what `of` finds to a value, or takes it away."""
    def change(pdf):
        place = of(pdf)
        if value is None:
            assert key in place, key
            del place[key]
        else:
            place[key] = value(pdf) if callable(value) else value
    return saved(change)


def prepend(content):
    def change(pdf):
        page = pdf.pages[0]
        page.contents_add(content, prepend=True)
    return saved(change)


def fewer_codes(pdf):
    font = font_of(pdf)[0]
    text = bytes(font.ToUnicode.read_bytes()).decode("latin-1")
    new = re.sub(r"(\d+) beginbfchar.*?endbfchar", "1 beginbfchar <FFFF> <0041> endbfchar", text, flags=re.S)
    new = re.sub(r"(\d+) beginbfrange.*?endbfrange", "", new, flags=re.S)
    font.ToUnicode.write(new.encode("latin-1"))


def stray_code(code):
    def change(pdf):
        font, f = font_of(pdf)
        pdf.pages[0].obj.Resources.Font["/Stray"] = font
        pdf.pages[0].contents_add(b"BT /Stray 8 Tf <%04X> Tj ET" % code, prepend=False)
    return saved(change)


def narrow(font):
    truetype = truetype_of(font)
    for name, (width, bearing) in list(truetype["hmtx"].metrics.items()):
        truetype["hmtx"].metrics[name] = width + width // 10 + 8, bearing
    out = io.BytesIO()
    truetype.save(out)
    font.DescendantFonts[0].FontDescriptor.FontFile2.write(out.getvalue())
    font.DescendantFonts[0].FontDescriptor.FontFile2["/Length1"] = len(out.getvalue())


def lzw(pdf):
    pdf.Root["/Extra"] = pdf.make_indirect(Stream(pdf, b"\x80\x0b\x60\x50\x22\x0c\x0c\x85\x01", Filter=Name.LZWDecode))


root = lambda pdf: pdf.Root
info = lambda pdf: pdf.docinfo
descriptor = lambda pdf: font_of(pdf)[0].DescendantFonts[0].FontDescriptor
inner_font = lambda pdf: font_of(pdf)[0].DescendantFonts[0]
embedded_file = lambda pdf: first_file(pdf).EF.F
state = lambda **keys: lambda pdf: pdf.make_indirect(Dictionary(Type=Name.ExtGState, **keys))

DEFECTS = {
    "another version": ("header", lambda data: data.replace(b"%PDF-1.7", b"%PDF-1.4", 1)),
    "no binary line": ("header", lambda data: re.sub(rb"\n%[^\n]*\n", b"\n%text\n", data, count=1)),
    "no ID": ("trailer-id", lambda data: re.sub(rb"/ID", b"/XY", data)),
    "bytes after the end": ("end", lambda data: data + b"more"),
    "a password": ("encryption", lambda data: encrypted(data)),
    "LZW": ("filter", saved(lzw)),
    "bytes in another file": ("filter", put(embedded_file, "/F", String("elsewhere.bin"))),
    "a script": ("action", put(root, "/OpenAction", Dictionary(S=Name.JavaScript, JS=String("app.alert(1)")))),
    "a named script": ("action", put(lambda pdf: pdf.Root.Names, "/JavaScript", Dictionary(Names=Array([])))),
    "half opaque": ("transparency", put(root, "/Extra", state(ca=0.5))),
    "multiplied": ("transparency", put(root, "/Extra", state(BM=Name.Multiply))),
    "a soft mask": ("transparency", put(root, "/Extra", state(SMask=Dictionary(S=Name.Alpha)))),
    "a transparency group": ("transparency", put(lambda pdf: pdf.pages[0].obj, "/Group", Dictionary(S=Name.Transparency))),
    "CMYK": ("colour", prepend(b"0 0 0 1 k")),
    "no XMP": ("xmp", put(root, "/Metadata", None)),
    "compressed XMP": ("xmp", lambda data: compressed_xmp(data)),
    "XMP of a schema that nobody knows": ("xmp", in_xmp(rb"(<rdf:Description )", rb'\1xmlns:zz="http://example.cn/zz" zz:a="b" ')),
    "PDF/A-2": ("xmp-part", in_xmp(rb"(pdfaid:part(?:>|=\"))3", rb"\g<1>2")),
    "level B": ("xmp-part", in_xmp(rb"(pdfaid:conformance(?:>|=\"))U", rb"\g<1>B")),
    "another title": ("xmp-info", put(info, "/Title", String("another"))),
    "another producer": ("xmp-info", put(info, "/Producer", String("another"))),
    "another date": ("xmp-info", put(info, "/ModDate", String("D:20200101000000Z"))),
    "no date": ("xmp-info", put(info, "/CreationDate", None)),
    "no title": ("title", put(info, "/Title", None)),
    "no language": ("language", put(root, "/Lang", None)),
    "no output intent": ("output-intent", put(root, "/OutputIntents", None)),
    "a profile that is none": ("output-intent", saved(lambda pdf: pdf.Root.OutputIntents[0].DestOutputProfile.write(b"no"))),
    "a font that is not embedded": ("font-embedded", put(descriptor, "/FontFile2", None)),
    "a wrong Length1": ("font-embedded", put(lambda pdf: descriptor(pdf).FontFile2, "/Length1", 7)),
    "a font of two names": ("font-name", put(descriptor, "/FontName", Name("/ABCDEF+Other"))),
    "a font without a tag": ("font-name", in_font(lambda font: untagged(font))),
    "no CIDToGIDMap": ("font-encoding", put(inner_font, "/CIDToGIDMap", None)),
    "widths of nobody": ("font-width", in_font(narrow)),
    "glyph 0": ("font-glyph", stray_code(0)),
    "a glyph that is not there": ("font-glyph", stray_code(0xFFFF)),
    "no ToUnicode": ("font-unicode", saved(lambda pdf: font_of(pdf)[0].__delitem__("/ToUnicode"))),
    "ToUnicode of another text": ("font-unicode", saved(fewer_codes)),
    "no AF": ("attachment-listed", put(root, "/AF", None)),
    "no name tree": ("attachment-listed", put(lambda pdf: pdf.Root.Names, "/EmbeddedFiles", None)),
    "another name": ("attachment-listed", put(first_file, "/UF", String("other.json"))),
    "no relationship": ("attachment", put(first_file, "/AFRelationship", None)),
    "no media type": ("attachment", put(embedded_file, "/Subtype", None)),
    "a wrong size": ("attachment", put(lambda pdf: embedded_file(pdf).Params, "/Size", 1)),
    "no ModDate": ("attachment", put(lambda pdf: embedded_file(pdf).Params, "/ModDate", None)),
    "a note": ("annotation", put(lambda pdf: pdf.pages[0].obj, "/Annots", lambda pdf: Array([pdf.make_indirect(
        Dictionary(Type=Name.Annot, Subtype=Name.Text, Rect=Array([0, 0, 9, 9]), Contents=String("paid")))]))),
}


def encrypted(data):
    pdf, out = pikepdf.open(io.BytesIO(data)), io.BytesIO()
    pdf.save(out, encryption=pikepdf.Encryption(owner="owner", user=""))
    return out.getvalue()


def compressed_xmp(data):
    """By hand, as a second revision: whatever qpdf saves has its XMP uncompressed."""
    pdf = pikepdf.open(io.BytesIO(data))
    body = zlib.compress(bytes(pdf.Root.Metadata.read_bytes()))
    number, _ = pdf.Root.Metadata.objgen
    at, before = len(data), int(re.findall(rb"startxref\s+(\d+)", data)[-1])
    ids = b"".join(b"<%s>" % bytes(i).hex().encode() for i in pdf.trailer.ID)
    head = b"%d 0 obj\n<</Type/Metadata/Subtype/XML/Filter/FlateDecode/Length %d>>\nstream\n" % (number, len(body))
    added = head + body + b"\nendstream\nendobj\n"
    trailer = b"trailer\n<</Size %d/Root %d 0 R/Info %d 0 R/ID[%s]/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (
        int(pdf.trailer.Size), pdf.trailer.Root.objgen[0], pdf.trailer.Info.objgen[0], ids, before, at + len(added))
    return data + added + b"xref\n%d 1\n%010d 00000 n \n" % (number, at) + trailer


def untagged(font):
    inner, descriptor_of = parts_of(font)
    plain = Name("/" + str(font.BaseFont).split("+")[1])
    font["/BaseFont"] = inner["/BaseFont"] = descriptor_of["/FontName"] = plain


def read(path):
    with open(path, "rb") as file:
        return file.read()


def main():
    match sys.argv[1:]:
        case ["check", *files] if files:
            answer = {file: check(read(file)) for file in files}
        case ["defects", file]:
            data = read(file)
            answer = {name: [sought, sorted({found for found, _ in check(damage(data))})] for name, (sought, damage) in DEFECTS.items()}
            answer[""] = ["", sorted({found for found, _ in check(saved(lambda pdf: None)(data))})]
        case ["rules"]:
            answer = sorted(RULES)
        case _:
            sys.exit(__doc__)
    json.dump(answer, sys.stdout, ensure_ascii=False)


if __name__ == "__main__":
    main()
