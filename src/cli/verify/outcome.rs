//! What is found about one file, said to people, to programs and to spreadsheets.

use serde::Serialize;
use serde_json::{Value, json};

use crate::base::{Code, Fault, UnixMs};
use crate::chain::evidence::{EVIDENCE_NOT_COVERED, EvidenceVerdict};
use crate::chain::receipt::Receipt;
use crate::chain::verify::{Sealed, StateSaid, Verdict};
use crate::invoice::money::Fen;

/// What an invoice's entry says of itself. Read for tables; believed only where the verdict is that everything holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// `<code>-<number>`.
    pub invoice: Option<String>,
    /// Legal date.
    pub date: Option<String>,
    /// Name of the seller.
    pub seller: Option<String>,
    /// Name of the buyer.
    pub buyer: Option<String>,
    /// Total with tax, fen.
    pub total: Option<i64>,
}

impl Facts {
    /// Reads a receipt's entry; what it does not have is left out.
    pub fn of(receipt: &Receipt) -> Self {
        let Ok(entry) = serde_json::from_str::<Value>(&receipt.entry) else { return Self::default() };
        let text = |path: &str| entry.pointer(path).and_then(Value::as_str).map(str::to_owned);
        Self {
            invoice: text("/code").zip(text("/number")).map(|(code, number)| format!("{code}-{number}")),
            date: text("/date"),
            seller: text("/draft/seller/name"),
            buyer: text("/draft/buyer/name"),
            total: entry.pointer("/draft/total").and_then(Value::as_i64),
        }
    }
}

/// What a server was asked about the present, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Present {
    /// `VALID`, or the code of what is wrong.
    pub code: &'static str,
    /// Path of what is wrong in the answer; empty when nothing is.
    pub field: String,
    /// A sentence for people.
    pub message: String,
    /// Height of the block that it is as of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u64>,
    /// Time of that block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<UnixMs>,
    /// How long ago that was by this machine's clock, ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<i64>,
    /// Whether that is longer than was allowed, or in the future.
    pub stale: bool,
    /// The state, if its proof holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<StateSaid>,
    /// Where evidence against the members was written, if there is any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

/// What the pages of a PDF say beside the receipt that it carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
#[cfg_attr(not(feature = "server"), expect(dead_code, reason = "the offline build reads no PDFs"))]
pub enum FaceSaid {
    /// The same.
    Same {
        /// Scheme and host of the address in the QR code.
        leads_to: String,
    },
    /// Something else.
    Differs {
        /// Which field.
        #[serde(skip)]
        field: String,
        /// A sentence for people.
        #[serde(skip)]
        message: String,
    },
    /// Nobody knows what.
    Unreadable {
        /// What can't be compared.
        #[serde(skip)]
        field: String,
        /// A sentence for people.
        #[serde(skip)]
        message: String,
    },
}

impl FaceSaid {
    /// A word for tables.
    fn word(&self) -> &'static str {
        match self {
            Self::Same { .. } => "same",
            Self::Differs { .. } => "differs",
            Self::Unreadable { .. } => "unreadable",
        }
    }

    /// What is wrong: code, field and sentence.
    fn fault(&self) -> Option<(&'static str, &str, &str)> {
        match self {
            Self::Same { .. } => None,
            Self::Differs { field, message } => Some((Code::VerdictFaceDiffers.as_str(), field, message)),
            Self::Unreadable { field, message } => Some((Code::VerdictFaceUnreadable.as_str(), field, message)),
        }
    }
}

/// What was found of a receipt or state proof.
pub struct Proof {
    /// The verdict.
    pub verdict: Verdict,
    /// Of a valid receipt.
    pub facts: Facts,
    /// Of a PDF with a valid receipt.
    pub face: Option<FaceSaid>,
    /// With `--online`, of a valid receipt of an invoice.
    pub present: Option<Present>,
}

/// What a comparison covers.
const FACE_COVERED: &str = "the pages, their QR code and the attached data are what the receipt makes";

impl Proof {
    /// What is wrong with the face of a PDF whose receipt is valid.
    fn face_fault(&self) -> Option<(&'static str, &str, &str)> {
        self.face.as_ref().filter(|_| self.verdict.is_valid()).and_then(FaceSaid::fault)
    }

    /// The verdict as it is told: that of the receipt, and where that is valid, of the face.
    fn told(&self) -> (&'static str, &str, &str) {
        let Verdict { code, field, message, .. } = &self.verdict;
        self.face_fault().unwrap_or((code.as_str(), field, message))
    }

    /// What was checked and holds.
    fn covered(&self) -> Vec<&str> {
        let same = matches!(self.face, Some(FaceSaid::Same { .. }));
        self.verdict.covered.iter().map(String::as_str).chain(same.then_some(FACE_COVERED)).collect()
    }

    /// What was not.
    fn not_covered(&self) -> Vec<String> {
        let mut not: Vec<String> = self.verdict.not_covered().iter().map(|&not| not.to_owned()).collect();
        if let Some(FaceSaid::Same { leads_to }) = &self.face
            && !leads_to.is_empty()
        {
            not.push(format!("whether {leads_to}, where the QR code leads, is the issuer's own site"));
        }
        not
    }
}

/// What was found.
pub enum Found {
    /// A receipt or state proof.
    Proof(Box<Proof>),
    /// Equivocation evidence.
    Evidence(EvidenceVerdict),
    /// A PDF without receipt.
    NoReceipt(Fault),
    /// The file can't be used.
    Unusable(Fault),
}

/// One file and what was found.
pub struct Outcome {
    /// As it was named, or found.
    pub file: String,
    /// What was found.
    pub found: Found,
}

#[derive(Serialize)]
struct ProofLine<'a> {
    file: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
    field: &'a str,
    message: &'a str,
    covered: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed: &'a Option<Sealed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: &'a Option<StateSaid>,
    not_covered: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    face: &'a Option<FaceSaid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    present: &'a Option<Present>,
}

#[derive(Serialize)]
struct EvidenceLine<'a> {
    file: &'a str,
    #[serde(flatten)]
    verdict: &'a EvidenceVerdict,
    not_covered: &'a [&'a str],
}

/// A row for spreadsheets: the names of its columns.
pub const COLUMNS: [&str; 14] = [
    "file",
    "verdict",
    "field",
    "index",
    "invoice",
    "date",
    "seller",
    "buyer",
    "total_fen",
    "state",
    "state_block",
    "present",
    "face",
    "qr_leads_to",
];

impl Outcome {
    /// The verdict, for counting.
    pub fn code(&self) -> &'static str {
        match &self.found {
            Found::Proof(proof) => proof.told().0,
            Found::Evidence(verdict) => verdict.code.as_str(),
            Found::NoReceipt(fault) | Found::Unusable(fault) => fault.code.as_str(),
        }
    }

    /// Whether the answer is yes: everything holds, the present state included where it was asked for.
    pub fn holds(&self) -> bool {
        match &self.found {
            Found::Proof(proof) => {
                proof.verdict.is_valid()
                    && proof.face_fault().is_none()
                    && proof.present.as_ref().is_none_or(|present| present.code == "VALID")
            }
            Found::Evidence(verdict) => verdict.is_proven(),
            Found::NoReceipt(_) | Found::Unusable(_) => false,
        }
    }

    /// One JSON object.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let file = &self.file;
        match &self.found {
            Found::Proof(proof) => {
                let (code, field, message) = proof.told();
                let Verdict { index, sealed, state, .. } = &proof.verdict;
                let (covered, not_covered) = (proof.covered(), proof.not_covered());
                let (face, present, index) = (&proof.face, &proof.present, *index);
                serde_json::to_string(&ProofLine {
                    file,
                    code,
                    index,
                    field,
                    message,
                    covered,
                    sealed,
                    state,
                    not_covered,
                    face,
                    present,
                })
            }
            Found::Evidence(verdict) => {
                serde_json::to_string(&EvidenceLine { file, verdict, not_covered: EVIDENCE_NOT_COVERED })
            }
            Found::NoReceipt(fault) | Found::Unusable(fault) => serde_json::to_string(&json!({
                "file": file, "code": fault.code, "field": "", "message": fault.message, "covered": [], "not_covered": [],
            })),
        }
    }

    /// One row of a table (RFC 4180).
    pub fn to_csv(&self) -> String {
        let (field, index, facts, said, present) = match &self.found {
            Found::Proof(proof) => {
                let Proof { verdict, facts, present, .. } = &**proof;
                // What an invalid receipt says of itself is nobody's word.
                let facts = verdict.is_valid().then_some(facts);
                let state = verdict.state.as_ref().zip(verdict.sealed.as_ref().map(|sealed| sealed.height));
                let now = present.as_ref().and_then(|present| present.state.as_ref().zip(present.height));
                (proof.told().1, verdict.index, facts, now.or(state), present.as_ref())
            }
            Found::Evidence(verdict) => (verdict.field.as_str(), None, None, None, None),
            Found::NoReceipt(_) | Found::Unusable(_) => ("", None, None, None, None),
        };
        let (face, leads_to) = match &self.found {
            Found::Proof(proof) => match &proof.face {
                Some(FaceSaid::Same { leads_to }) => ("same", leads_to.clone()),
                Some(face) => (face.word(), String::new()),
                None => ("not compared", String::new()),
            },
            Found::Evidence(_) | Found::NoReceipt(_) | Found::Unusable(_) => ("not compared", String::new()),
        };
        let of = |text: Option<&String>| text.cloned().unwrap_or_default();
        let cells: [String; COLUMNS.len()] = [
            self.file.clone(),
            self.code().to_owned(),
            field.to_owned(),
            index.map(|index| index.to_string()).unwrap_or_default(),
            of(facts.and_then(|facts| facts.invoice.as_ref())),
            of(facts.and_then(|facts| facts.date.as_ref())),
            of(facts.and_then(|facts| facts.seller.as_ref())),
            of(facts.and_then(|facts| facts.buyer.as_ref())),
            facts.and_then(|facts| facts.total).map(|total| total.to_string()).unwrap_or_default(),
            said.map(|(state, _)| state.word.to_owned()).unwrap_or_default(),
            said.map(|(_, height)| height.to_string()).unwrap_or_default(),
            present.map(|present| present.code.to_owned()).unwrap_or_default(),
            face.to_owned(),
            leads_to,
        ];
        cells.map(|cell| quoted(&cell)).join(",")
    }

    /// Sentences for people: one line, and with `at_length` what is covered and what is not.
    pub fn to_text(&self, at_length: bool) -> String {
        let file = &self.file;
        let bad = |code: &str, field: &str, message: &str| {
            let place = if field.is_empty() { String::new() } else { format!(" at {field}") };
            format!("{file}: {code}{place}  {message}")
        };
        match &self.found {
            Found::Proof(proof) => {
                let Proof { verdict, facts, face, present } = &**proof;
                let (code, field, message) = proof.told();
                if code != "VALID" {
                    return bad(code, field, message);
                }
                let mut summary = summary(verdict, facts, present.as_ref());
                if let Some(FaceSaid::Same { leads_to }) = face {
                    let leads = if leads_to.is_empty() { "nowhere".to_owned() } else { format!("to {leads_to}") };
                    summary = format!("the face says what the receipt says, its QR code leads {leads}; {summary}");
                }
                let mut lines = vec![format!("{file}: VALID  {summary}")];
                if at_length {
                    lines.extend(said(proof.covered(), proof.not_covered()));
                }
                lines.join("\n")
            }
            Found::Evidence(verdict) => {
                let mut lines = vec![bad(verdict.code.as_str(), &verdict.field, &verdict.message)];
                if at_length {
                    lines.extend(said(&verdict.covered, EVIDENCE_NOT_COVERED));
                }
                lines.join("\n")
            }
            Found::NoReceipt(fault) | Found::Unusable(fault) => bad(fault.code.as_str(), "", &fault.message),
        }
    }
}

fn said<T: std::fmt::Display, N: std::fmt::Display>(
    covered: impl IntoIterator<Item = T>,
    not_covered: impl IntoIterator<Item = N>,
) -> Vec<String> {
    let covered = covered.into_iter().map(|covered| format!("  ✓ {covered}"));
    covered.chain(not_covered.into_iter().map(|not| format!("  – not covered: {not}"))).collect()
}

/// What is known of a valid document: where it is, who sealed it when, and what state it was in.
fn summary(verdict: &Verdict, facts: &Facts, present: Option<&Present>) -> String {
    let mut parts = Vec::new();
    let total = facts.total;
    if let Some(sealed) = &verdict.sealed
        && let (Some(power), Some(whole)) = (sealed.power, sealed.total)
    {
        let at = format!("sealed by {power} of {whole} (power) at {} CST", sealed.time.to_shanghai_text());
        parts.push(match verdict.index {
            Some(index) => format!("in the ledger at index {index}, {at}"),
            None => at,
        });
        if let Some(state) = &verdict.state {
            parts.push(format!("state as of block {}: {}", sealed.height, state_in_words(state, total)));
        }
    }
    match present {
        Some(Present { code: "VALID", height: Some(height), state: Some(state), message, .. }) => {
            parts.push(format!("present state as of block {height}, {message}: {}", state_in_words(state, total)));
        }
        Some(present) => parts.push(format!("PRESENT STATE NOT SHOWN: {} {}", present.code, present.message)),
        None if verdict.state.is_none() => parts.push("present state not checked".to_owned()),
        None => {}
    }
    parts.join("; ")
}

/// A state as people say it. `total` is what the invoice was for, fen.
fn state_in_words(state: &StateSaid, total: Option<i64>) -> String {
    let yuan = |fen: i64| Fen::new(fen).map_or_else(|_| fen.to_string(), Fen::to_yuan);
    let until = || match state.until {
        Some(until) => format!(" until {} CST", until.to_shanghai_text()),
        None => String::new(),
    };
    let word = match state.word {
        "locked" => format!("locked for reimbursement{}", until()),
        "closed" => "reimbursed and booked".to_owned(),
        "pledged" => "pledged".to_owned(),
        "settled" => "open (a pledge was settled)".to_owned(),
        "settled_locked" => format!("locked for reimbursement{} (a pledge was settled)", until()),
        "reversed" => "reversed in full".to_owned(),
        "red" => "a red letter".to_owned(),
        "absent" => "no such number was issued".to_owned(),
        other => other.to_owned(),
    };
    match (state.word, state.left, total) {
        ("reversed" | "red" | "absent", ..) | (_, None, _) => format!("{}: {word}", state.invoice),
        (_, Some(left), Some(total)) if left == total => format!("{}: {word}, nothing reversed", state.invoice),
        (_, Some(left), Some(total)) => {
            format!("{}: {word}, reversed in part: {} of {} yuan left", state.invoice, yuan(left), yuan(total))
        }
        (_, Some(left), None) => format!("{}: {word}, {} yuan not reversed", state.invoice, yuan(left)),
    }
}

/// A cell: quoted where it must be, and not taken for a formula by a spreadsheet (as in exports). Names come from receipts.
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell.parse::<i64>().is_err();
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    let plain = !cell.contains(['"', ',', '\n', '\r']);
    if plain { cell } else { format!("\"{}\"", cell.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_are_no_formulas() {
        for (cell, written) in [
            ("深圳市", "深圳市"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=1+1", "'=1+1"),
            ("-5", "-5"),
            ("@a,b", "\"'@a,b\""),
        ] {
            assert_eq!(quoted(cell), written);
        }
    }

    #[test]
    fn every_state_is_said() {
        let said = |word, left, until| {
            let state = StateSaid { invoice: "1-2".to_owned(), word, left, until };
            state_in_words(&state, Some(19_800))
        };
        assert_eq!(said("open", Some(19_800), None), "1-2: open, nothing reversed");
        assert_eq!(said("open", Some(9_800), None), "1-2: open, reversed in part: 98.00 of 198.00 yuan left");
        assert_eq!(said("reversed", Some(0), None), "1-2: reversed in full");
        assert_eq!(said("absent", None, None), "1-2: no such number was issued");
        let locked = said("locked", Some(19_800), Some(UnixMs(0)));
        assert_eq!(locked, "1-2: locked for reimbursement until 1970-01-01 08:00:00 CST, nothing reversed");
        let words: std::collections::BTreeSet<String> =
            ["open", "locked", "closed", "pledged", "settled", "settled_locked", "reversed", "red", "absent"]
                .map(|word| said(word, Some(19_800), None))
                .into();
        assert_eq!(words.len(), 9);
    }
}
