"""Two readers of OFD say what they find in files: ofdkit (text, invoice data by attachment, custom tags and document data) and easyofd
(the objects of each page and the fonts they name; fontTools then looks for each character in the font).

    ofd_check.py FILE...    answers {file: {...}} as JSON
"""

import base64
import contextlib
import io
import json
import sys
import zipfile

import easyofd.ofd
import ofdkit
from fontTools.ttLib import TTFont
from loguru import logger

logger.remove()


def by_ofdkit(path):
    with ofdkit.open(path) as document:
        invoice = document.invoice()
        return {
            "pages": [page.text() for page in document.pages],
            "boxes": [list(page.box) for page in document.pages],
            "runs": [[run.text for run in page.runs] for page in document.pages],
            "data": document.info.custom_data,
            "invoice": invoice.to_dict() if invoice else None,
            "warnings": document.warnings + (invoice.warnings if invoice else []),
        }


def by_easyofd(path):
    reader = easyofd.ofd.OFD()
    with open(path, "rb") as file, contextlib.redirect_stdout(io.StringIO()):
        reader.read(base64.b64encode(file.read()).decode(), save_xml=False)
    (document,) = reader.data
    fonts = {
        number: set(TTFont(io.BytesIO(base64.b64decode(font["font_b64"]))).getBestCmap())
        for number, font in document["fonts"].items()
    }
    pages = []
    for number in sorted(document["page_info"]):
        page = document["page_info"][number]
        texts = page["text_list"]
        pages.append({
            "texts": [text["text"] for text in texts],
            "lines": len(page["line_list"]),
            "lacking": [text["text"] for text in texts if not {ord(c) for c in text["text"]} <= fonts[text["font"]]],
        })
    return {"pages": pages}


def attachments(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {
            name.rsplit("/", 1)[1]: archive.read(name).decode()
            for name in archive.namelist()
            if name.startswith("Doc_0/Attachs/")
        }


print(json.dumps({
    path: {"ofdkit": by_ofdkit(path), "easyofd": by_easyofd(path), "attachments": attachments(path)}
    for path in sys.argv[1:]
}))
