//! The service's few web pages, filled in on the server: no scripts, nothing loaded from elsewhere, readable on a phone.
//!
//! Everything that is filled in is escaped by the template engine; the tests at the end hold it to that.

use askama::Template;

use crate::base::{Code, Fault};

/// What the check of an invoice came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Found, and hash, number and amount agree.
    Valid,
    /// No such entry on this chain.
    NotFound,
    /// Something does not agree; the reason says what.
    Mismatch,
}

impl Verdict {
    /// The verdict in Chinese.
    fn chinese(self) -> &'static str {
        match self {
            Verdict::Valid => "查验一致",
            Verdict::NotFound => "查无此票",
            Verdict::Mismatch => "查验不一致",
        }
    }

    /// The verdict in English.
    fn english(self) -> &'static str {
        match self {
            Verdict::Valid => "Valid",
            Verdict::NotFound => "Not found",
            Verdict::Mismatch => "Mismatch",
        }
    }

    /// The sign before the verdict, so that it does not hang on colour alone.
    fn sign(self) -> &'static str {
        match self {
            Verdict::Valid => "✓",
            Verdict::NotFound => "?",
            Verdict::Mismatch => "✗",
        }
    }

    /// The style class.
    fn class(self) -> &'static str {
        match self {
            Verdict::Valid => "good",
            Verdict::NotFound => "unknown",
            Verdict::Mismatch => "bad",
        }
    }
}

/// The answer to a scanned or typed invoice. Plain texts, ready to be read.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/verify.html")]
pub struct VerifyPage {
    /// Chain id.
    pub chain: String,
    /// Whether documents of the chain are samples.
    pub sandbox: bool,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in a sentence; empty when there is nothing to add.
    pub reason: String,
    /// Stable code of the reason; empty when there is none.
    pub reason_code: String,
    /// What was asked for: name and value as they came.
    pub asked: Vec<(String, String)>,
    /// The invoice, when the asker proved to have it.
    pub shown: Option<Shown>,
    /// What the check covered, a sentence each.
    pub covered: Vec<String>,
    /// What it did not cover, a sentence each.
    pub not_covered: Vec<String>,
    /// Where the form to type an invoice in is.
    pub form_path: String,
}

/// An invoice as the verify page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Seller's name.
    pub seller: String,
    /// Seller's taxpayer id.
    pub seller_taxpayer_id: String,
    /// Buyer's name as it may be shown to whoever scans.
    pub buyer: String,
    /// Tax-inclusive total with `¥`.
    pub total: String,
    /// Ex-tax amount with `¥`.
    pub amount: String,
    /// Tax with `¥`, or `***`.
    pub tax: String,
    /// Day of issue.
    pub date: String,
    /// How it stands in words, for example `有效` or `已入账`.
    pub state: String,
    /// The time for which that is said.
    pub state_time: String,
    /// Height of the block whose header proves the state; empty where none does.
    pub state_block: String,
    /// Of a red invoice the blue one, `<code>-<number>`; empty for a blue one.
    pub blue: String,
    /// Invoice code.
    pub code: String,
    /// Invoice number.
    pub number: String,
    /// Check code.
    pub check_code: String,
    /// Printed hash.
    pub hash: String,
    /// Height of the block.
    pub block_height: String,
    /// Time of the block.
    pub block_time: String,
    /// Index of the entry.
    pub entry_index: String,
    /// Address of the issuer's key.
    pub issuer: String,
    /// The members' seals.
    pub seals: Vec<SealLine>,
}

/// One member's seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealLine {
    /// Member.
    pub member: String,
    /// What is said about its seal: power, round, shortened signature.
    pub text: String,
}

/// The form to type an invoice in. It asks with GET: `hash`, `bill_num`, `total_yuan`.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/form.html")]
pub struct FormPage {
    /// Chain id.
    pub chain: String,
    /// Whether documents of the chain are samples.
    pub sandbox: bool,
    /// Where the form is sent to.
    pub action: String,
    /// Hash typed before.
    pub hash: String,
    /// Number typed before.
    pub number: String,
    /// Amount typed before, yuan.
    pub total_yuan: String,
    /// What was wrong with what was typed; empty when nothing.
    pub problem: String,
}

/// Where a claim link leads in a browser: how to claim. It knows nothing of any invoice.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/claim.html")]
pub struct ClaimPage {
    /// Chain id.
    pub chain: String,
    /// Whether documents of the chain are samples.
    pub sandbox: bool,
}

/// The service's first page.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/index.html")]
pub struct IndexPage {
    /// Chain id.
    pub chain: String,
    /// Whether documents of the chain are samples.
    pub sandbox: bool,
    /// Version of the program.
    pub version: String,
    /// Height of the newest sealed block.
    pub height: String,
    /// Entries so far.
    pub entries: String,
    /// Time of the newest sealed block.
    pub time: String,
    /// Where the API documents are.
    pub docs_path: String,
    /// Where the verify form is.
    pub form_path: String,
    /// Where the newest checkpoint is.
    pub checkpoint_path: String,
}

fn filled(page: &impl Template) -> Result<String, Fault> {
    page.render().map_err(|e| Fault::new(Code::RenderPage, "", e.to_string()))
}

/// The HTML of a verify page.
///
/// # Errors
/// [`Code::RenderPage`] when the template can't be filled in.
pub fn verify_page(page: &VerifyPage) -> Result<String, Fault> {
    filled(page)
}

/// The HTML of the form page.
///
/// # Errors
/// [`Code::RenderPage`] when the template can't be filled in.
pub fn form_page(page: &FormPage) -> Result<String, Fault> {
    filled(page)
}

/// The HTML of the page of claim links.
///
/// # Errors
/// [`Code::RenderPage`] when the template can't be filled in.
pub fn claim_page(page: &ClaimPage) -> Result<String, Fault> {
    filled(page)
}

/// The HTML of the first page.
///
/// # Errors
/// [`Code::RenderPage`] when the template can't be filled in.
pub fn index_page(page: &IndexPage) -> Result<String, Fault> {
    filled(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "\"><script>alert(1)</script>&'";

    fn verify() -> VerifyPage {
        let hostile = || HOSTILE.to_owned();
        VerifyPage {
            chain: hostile(),
            sandbox: true,
            verdict: Verdict::Mismatch,
            reason: hostile(),
            reason_code: hostile(),
            asked: vec![(hostile(), hostile())],
            shown: Some(Shown {
                seller: hostile(),
                seller_taxpayer_id: hostile(),
                buyer: hostile(),
                total: hostile(),
                amount: hostile(),
                tax: hostile(),
                date: hostile(),
                state: hostile(),
                state_time: hostile(),
                state_block: hostile(),
                blue: hostile(),
                code: hostile(),
                number: hostile(),
                check_code: hostile(),
                hash: hostile(),
                block_height: hostile(),
                block_time: hostile(),
                entry_index: hostile(),
                issuer: hostile(),
                seals: vec![SealLine { member: hostile(), text: hostile() }],
            }),
            covered: vec![hostile()],
            not_covered: vec![hostile()],
            form_path: hostile(),
        }
    }

    fn form() -> FormPage {
        let hostile = || HOSTILE.to_owned();
        FormPage {
            chain: hostile(),
            sandbox: false,
            action: hostile(),
            hash: hostile(),
            number: hostile(),
            total_yuan: hostile(),
            problem: hostile(),
        }
    }

    fn index() -> IndexPage {
        let hostile = || HOSTILE.to_owned();
        IndexPage {
            chain: hostile(),
            sandbox: true,
            version: hostile(),
            height: hostile(),
            entries: hostile(),
            time: hostile(),
            docs_path: hostile(),
            form_path: hostile(),
            checkpoint_path: hostile(),
        }
    }

    #[test]
    fn everything_filled_in_is_escaped() {
        let claim = claim_page(&ClaimPage { chain: HOSTILE.to_owned(), sandbox: true }).unwrap();
        let (form, index) = (form_page(&form()).unwrap(), index_page(&index()).unwrap());
        for html in [verify_page(&verify()).unwrap(), form, index, claim] {
            assert!(html.contains("&#60;script&#62;"), "{html}");
            assert!(!html.contains("<script"), "{html}");
            assert!(!html.contains("\">alert"), "{html}");
        }
    }

    #[test]
    fn pages_load_nothing_from_elsewhere() {
        let claim = claim_page(&ClaimPage { chain: "c".to_owned(), sandbox: true }).unwrap();
        let (form, index) = (form_page(&form()).unwrap(), index_page(&index()).unwrap());
        for html in [verify_page(&verify()).unwrap(), form, index, claim] {
            for forbidden in ["src=", "@import", "url(", "<link", "http://", "https://"] {
                assert!(!html.contains(forbidden), "{forbidden}");
            }
        }
    }

    #[test]
    fn seller_total_date_and_verdict_come_before_the_details() {
        let mut page = verify();
        if let Some(shown) = &mut page.shown {
            shown.seller = "SELLER".to_owned();
            shown.total = "TOTAL".to_owned();
            shown.date = "DATE".to_owned();
            shown.code = "CODE".to_owned();
        }
        let html = verify_page(&page).unwrap();
        let place = |text: &str| html.find(text).unwrap();
        for first in ["SELLER", "TOTAL", "DATE", "Mismatch"] {
            assert!(place(first) < place("CODE"), "{first}");
        }
    }

    #[test]
    fn how_it_stands_is_said_to_be_proven_or_the_word_of_the_service() {
        let mut page = verify();
        let word = |html: &str| html.contains("收据不能证明") && html.contains("no receipt proves it");
        if let Some(shown) = &mut page.shown {
            shown.state_block = "17".to_owned();
        }
        let html = verify_page(&page).unwrap();
        assert!(html.contains("区块 17 的状态根") && html.contains("root of block 17") && !word(&html));
        if let Some(shown) = &mut page.shown {
            shown.state_block = String::new();
        }
        assert!(word(&verify_page(&page).unwrap()));
    }

    #[test]
    fn only_a_sandbox_carries_the_mark() {
        let mut page = verify();
        assert!(verify_page(&page).unwrap().contains("SANDBOX"));
        page.sandbox = false;
        assert!(!verify_page(&page).unwrap().contains("SANDBOX"));
    }

    #[test]
    fn an_invoice_that_is_not_shown_leaves_no_details() {
        let page = VerifyPage { shown: None, verdict: Verdict::NotFound, ..verify() };
        let html = verify_page(&page).unwrap();
        assert!(html.contains("Not found"));
        assert!(!html.contains("发票代码"));
    }
}
