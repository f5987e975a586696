"""The operator's signature on a PDF as pyHanko validates it.

  python signature.py make FOLDER            writes root.pem (a certification authority of the test), signer.pem and signer.key (P-256, PKCS #8)
  python signature.py check ROOT FILE...     -> {FILE: [{"intact", "valid", "trusted", "coverage", "modification", "digest", "subfilter",
                                                         "profile"}, ...]}: one for each signature
"""

import datetime
import json
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.misc import PdfReadError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

FROM, TO = datetime.datetime(2020, 1, 1), datetime.datetime(2049, 12, 31)


def certificate(name, key, issuer, issuer_key, authority):
    name_of = lambda text: x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"), x509.NameAttribute(NameOID.COMMON_NAME, text)])
    usage = dict.fromkeys(("data_encipherment", "key_agreement", "key_encipherment", "encipher_only", "decipher_only"), False)
    usage |= {"digital_signature": not authority, "content_commitment": not authority, "key_cert_sign": authority, "crl_sign": authority}
    builder = (
        x509.CertificateBuilder().subject_name(name_of(name)).issuer_name(name_of(issuer)).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(FROM).not_valid_after(TO)
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
    )
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def make(folder):
    root, signer = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority, operator = "票链测试根 Piaolian Test Root", "票链样例运营方 Piaolian Test Operator"
    folder = Path(folder)
    (folder / "root.pem").write_bytes(certificate(authority, root, authority, root, True))
    (folder / "signer.pem").write_bytes(certificate(operator, signer, authority, root, False))
    (folder / "signer.key").write_bytes(signer.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


def check(root, file):
    found = []
    with open(file, "rb") as opened:
        try:
            for signature in PdfFileReader(opened).embedded_signatures:
                context = ValidationContext(trust_roots=[load_cert_from_pemder(root)], allow_fetching=False)
                status = validate_pdf_signature(signature, context)
                found.append({
                    "intact": status.intact, "valid": status.valid, "trusted": status.trusted, "coverage": status.coverage.name,
                    "modification": status.modification_level and status.modification_level.name, "digest": status.md_algorithm,
                    "subfilter": str(signature.sig_object["/SubFilter"]),
                    "profile": any(a["type"].native == "signing_certificate_v2" for a in signature.signer_info["signed_attrs"]),
                })
        except (PdfReadError, ValueError) as error:
            found.append({"intact": False, "why": str(error)})
    return found


match sys.argv[1:]:
    case ["make", folder]:
        answer = make(folder)
    case ["check", root, *files] if files:
        answer = {file: check(root, file) for file in files}
    case _:
        sys.exit(__doc__)
json.dump(answer, sys.stdout)
