//! `render`: the document of a receipt, made offline.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Done;
use super::new_file::write_new;
use super::verify::{ending, read_rosters, unusable};
use crate::base::{Code, Fault, Faults, Secret};
use crate::chain::receipt::Receipt;
use crate::chain::verify::{VerdictCode, verify_receipt_json};
use crate::render::{Document, DocumentSigner, Press, Rendered};

/// Arguments of `render`.
#[derive(Args)]
#[command(after_help = "\
The same receipt and address give the same bytes, here and from the service: an invoice whose PDF is
lost is not. Without --roster the receipt is drawn as it is, true or not; the PDF carries it, and
`piaolian verify` tells.

--sign-key and --sign-cert add the operator's signature (PAdES-B-B): an EC key of the curve P-256 in
PKCS #8, and its certificate, issuers' after it if they are to be in the signature. It repeats too
(RFC 6979). The proof of the invoice does not depend on it.

Exit code 0: written. 1: the receipt is not valid; nothing was written. 2: a file can't be used.

Examples:
  piaolian render receipt.json --out invoice.pdf --public-url https://fapiao.example.cn
  piaolian render receipt.json --out invoice.xml
  piaolian render receipt.json --roster roster.json --out invoice.pdf --sign-key key.pem --sign-cert cert.pem")]
pub struct RenderArgs {
    /// The receipt of an issued invoice
    #[arg(value_name = "RECEIPT.json")]
    receipt: PathBuf,
    /// File to write, .pdf, .ofd or .xml; it must not exist yet
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// The service's public address, which stands in the QR code
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    public_url: String,
    /// Verify the receipt first, against this roster file; may be given several times
    #[arg(long, value_name = "FILE")]
    roster: Vec<PathBuf>,
    /// Key to sign with (PEM, PKCS #8, P-256)
    #[arg(long, value_name = "FILE", requires = "sign_cert")]
    sign_key: Option<PathBuf>,
    /// Its certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "sign_key")]
    sign_cert: Option<PathBuf>,
}

/// What is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Pdf,
    Ofd,
    Xml,
}

impl Format {
    fn of(out: &Path, is_signed: bool) -> Result<Self, Fault> {
        match (ending(out).as_deref(), is_signed) {
            (Some("pdf"), _) => Ok(Self::Pdf),
            (Some("xml"), false) => Ok(Self::Xml),
            (Some("ofd"), false) => Ok(Self::Ofd),
            (Some("xml" | "ofd"), true) => Err(Fault::new(Code::CliUsage, "--sign-key", "only a PDF is signed")),
            (Some(_) | None, _) => {
                Err(Fault::new(Code::CliUsage, "--out", "the file's name ends in .pdf, .ofd or .xml"))
            }
        }
    }
}

/// Runs it.
pub fn render(args: &RenderArgs) -> Result<Done, Faults> {
    let format = Format::of(&args.out, args.sign_key.is_some())?;
    let json = std::fs::read(&args.receipt).map_err(|e| unusable(&args.receipt, e))?;
    let receipt = Receipt::from_json(&json)?;
    if !args.roster.is_empty() {
        let rosters = args.roster.iter().map(|file| read_rosters(file)).collect::<Result<Vec<_>, _>>()?.concat();
        let verdict = verify_receipt_json(&json, &rosters, None);
        if verdict.code != VerdictCode::Valid {
            eprintln!("{}: {}: {}", args.receipt.display(), verdict.code, verdict.message);
            return Ok(Done::No);
        }
    }
    let document = Document::of(&receipt, &args.public_url)?;
    let bytes = match format {
        Format::Xml => document.xml.into_bytes(),
        Format::Pdf => {
            let press = Press::set_up()?;
            let signer = read_signer(args.sign_key.as_deref(), args.sign_cert.as_deref())?;
            let rendered = match &signer {
                Some(signer) => press.pdf_signed(&document, signer)?,
                None => press.pdf(&document)?,
            };
            drawn(rendered)
        }
        Format::Ofd => drawn(Press::set_up()?.ofd(&document)?),
    };
    Ok(write_new(&args.out, &bytes)?)
}

/// The file, with a word about each character that no font has.
fn drawn(rendered: Rendered) -> Vec<u8> {
    for character in &rendered.missing {
        eprintln!("U+{:04X} is in no font: drawn as a box, copied as itself", u32::from(*character));
    }
    rendered.bytes
}

/// Reads who signs, if both files are named.
pub fn read_signer(key: Option<&Path>, certificate: Option<&Path>) -> Result<Option<DocumentSigner>, Fault> {
    let Some((key, certificate)) = key.zip(certificate) else { return Ok(None) };
    let text = |file: &Path| std::fs::read_to_string(file).map_err(|e| unusable(file, e));
    let secret = Secret::new(text(key)?);
    DocumentSigner::from_pem(secret.expose(), &text(certificate)?).map(Some)
}
