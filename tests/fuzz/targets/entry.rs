//! Entries, as an audit reads them from a stream, and drafts, as a merchant asks for invoices: an entry is read, taken for a command and
//! executed on an empty ledger; a draft that passes its check passes the check of stored ones too.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use piaolian::base::ids::{ChainId, MerchantId};
use piaolian::base::{LegalDate, UnixMs};
use piaolian::chain::{draft_slice, leaf_hash, parse_canonical, to_canonical};
use piaolian::invoice::{CheckPolicy, Checked, Draft, Fen, Seller, Severity};
use piaolian::ledger::entry::IssuedOutline;
use piaolian::ledger::{Entry, Outcome, Position, State, execute};

fn read_entry(entry: &Entry, text: &str) {
    let _ = (entry.scope(), entry.blue_invoice());
    if let (Some(issued), Ok(outline)) = (entry.issued(), IssuedOutline::read(text)) {
        assert_eq!(issued.id(), outline.id());
        assert_eq!(outline.gist().map(|gist| gist.total).ok(), Some(issued.draft.total()));
    }
    if parse_canonical(text).is_ok() {
        assert_eq!(to_canonical(entry).unwrap(), text);
        let draft = entry.draft.as_ref().map(|draft| to_canonical(draft).unwrap());
        assert_eq!(draft.as_deref(), draft_slice(text));
    }
    if let Some(draft) = &entry.draft {
        let _ = draft.recheck_rates(entry.date.unwrap_or(today()));
        if draft.recheck().is_ok() {
            check_sums(draft);
        }
    }
    let Ok(command) = entry.command() else { return };
    let Entry { chain, index, time, v: version, .. } = entry;
    let at = Position { chain, height: 1, index: *index, time: *time, version: *version };
    if let Ok(Outcome::Accepted { kind, leaf, text }) = execute(&mut State::default(), &command, at) {
        assert_eq!((kind, leaf), (entry.kind, leaf_hash(&text)));
        assert!(parse_canonical(&text).is_ok() && Entry::parse(&text).is_ok());
    }
}

fn check_sums(draft: &Checked) {
    let sum =
        |of: fn(&piaolian::invoice::CheckedLine) -> Fen| draft.lines().iter().map(|line| of(line).get()).sum::<i64>();
    assert_eq!(sum(|line| line.amount()), draft.amount().get());
    assert_eq!(sum(|line| line.tax()), draft.tax().get());
    assert_eq!(sum(|line| line.total()), draft.total().get());
    assert_eq!(draft.amount().get() + draft.tax().get(), draft.total().get());
}

fn today() -> LegalDate {
    LegalDate::of(UnixMs(1_795_320_000_000)).unwrap()
}

fn check_draft(draft: &Draft) {
    let seller = Seller {
        name: "深圳票链样例餐饮有限公司".to_owned(),
        taxpayer_id: "91440300PLSEL001X5".to_owned(),
        address_phone: None,
        bank_account: None,
    };
    let (chain, merchant) = (ChainId::try_from("test").unwrap(), MerchantId::nth(1).unwrap());
    let policy = CheckPolicy { uscc_check_digit: Severity::Warn };
    let Ok((checked, _warnings)) = draft.check(&seller, &chain, &merchant, today(), &policy) else { return };
    checked.recheck().unwrap();
    checked.recheck_rates(today()).unwrap();
    check_sums(&checked);
    assert!(checked.total().is_positive());
    assert!(draft.total.is_none_or(|total| total == checked.total()));
    let text = to_canonical(&checked).unwrap();
    assert_eq!(serde_json::from_str::<Checked>(&text).unwrap(), checked);
}

fuzz_target!(|text: &str| {
    match Entry::parse(text) {
        Ok(entry) => read_entry(&entry, text),
        Err(_) => {
            if let Ok(draft) = serde_json::from_str::<Draft>(text) {
                check_draft(&draft);
            }
        }
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, size_max: usize, seed: u32| {
    fuzzed::mutate::json_lines(data, size, size_max, seed)
});
