//! Each new kind of record as the store keeps it: written, read back the same, changed, read back changed; a second one refused.

use piaolian::base::ids::{Provider, TransactionId};
use piaolian::base::{LegalDate, UnixMs};
use piaolian::chain::hash::Hash;
use piaolian::chain::issuer::Address;
use piaolian::invoice::money::{Fen, Quantity, TaxRate};
use piaolian::invoice::number::{InvoiceCode, InvoiceId, InvoiceNumber};
use piaolian::invoice::reversal::{LineShare, Reason, ReversalAsked};
use piaolian::ledger::confirmation::{Confirmation, SheetState};
use piaolian::ledger::day::{Day, Journal};
use piaolian::ledger::life::{Life, LifeState, WalletState};
use piaolian::ledger::lookup::LookUp;
use piaolian::ledger::record::{Invoice, Issuer, Payment};
use piaolian::ledger::reversal::Reversal;
use piaolian::ledger::state::{Nothing, Reader as _, State, Tables};
use piaolian::store::{ConfirmationFilter, DayFilter, PaymentFilter, Reader, Store, StoreError, Tx};

use super::scene::merchant;
use crate::database::TestDatabase;

fn fen(value: i64) -> Fen {
    Fen::new(value).unwrap()
}

fn share(line: u32, rate: u16, quantity: Option<i64>, amount: i64, tax: i64) -> LineShare {
    LineShare {
        line,
        rate: TaxRate::new(rate).unwrap(),
        quantity: quantity.map(Quantity::from_scaled),
        amount: fen(amount),
        tax: fen(tax),
        total: fen(amount + tax),
    }
}

fn invoice(entry: u64, number: &str, total: i64, blue: Option<u64>) -> Invoice {
    Invoice {
        entry,
        code: InvoiceCode::try_from("144032609110".to_owned()).unwrap(),
        number: InvoiceNumber::try_from(number.to_owned()).unwrap(),
        merchant: merchant(1),
        date: "2026-11-22".to_owned(),
        buyer: "深圳市样例买方有限公司".to_owned(),
        amount: fen(total),
        tax: fen(0),
        total: fen(total),
        payment: None,
        blue,
    }
}

fn payment(entry: u64, awaiting: i64) -> Payment {
    Payment {
        provider: Provider::try_from("wechat-pay".to_owned()).unwrap(),
        transaction: TransactionId::try_from(format!("4200{entry}")).unwrap(),
        merchant: merchant(1),
        order: TransactionId::try_from(format!("order-{entry}")).unwrap(),
        paid_at: UnixMs(1),
        paid: fen(1_000),
        refunded: fen(100),
        awaiting: fen(awaiting),
        invoiced: fen(900),
        entry,
    }
}

/// What the second batch makes of the first one's records.
#[derive(Debug, Clone, PartialEq)]
struct Records {
    issuers: Vec<Issuer>,
    journals: Vec<Journal>,
    days: Vec<Day>,
    reversals: Vec<Reversal>,
    lives: Vec<Life>,
    sheets: Vec<Confirmation>,
    payments: Vec<Payment>,
}

fn first() -> Records {
    let date = |text| LegalDate::parse(text).unwrap();
    let mut taken =
        Reversal::new(3, &[share(0, 600, Some(2), 943, 57), share(2, 600, None, 100, 6), share(4, 0, Some(0), 5, 0)])
            .unwrap();
    taken.take(&[share(0, 600, Some(1), 400, 24)]).unwrap();
    let mut other = Reversal::new(5, &[share(0, 300, Some(1), 50, 1)]).unwrap();
    other.take(&[share(0, 300, None, 50, 1)]).unwrap();
    let mut issued = Day::new(merchant(1), date("2026-11-22"));
    let blue = invoice(3, "00000001", 1_111, None);
    issued.figures.add(InvoiceId { code: blue.code, number: blue.number }, false, &[]).unwrap();
    issued.figures.add(InvoiceId::try_from("269520000000-00000001").unwrap(), false, &[]).unwrap();
    let held = Life {
        state: LifeState::Locked,
        fence: 9,
        holder: Some(Hash([7; 32])),
        lease_until: Some(UnixMs(99)),
        ..Life::new(3)
    };
    let sheet = |entry, buyer: Option<Hash>, state| Confirmation {
        entry,
        invoice: 3,
        merchant: merchant(1),
        by_seller: buyer.is_none(),
        buyer,
        asked: ReversalAsked { reason: Reason::SalesReturn, lines: Vec::new() },
        state,
        fence: 9,
        opened_at: UnixMs(10),
        until: UnixMs(20),
        red: None,
    };
    let issuer =
        |byte, merchant| Issuer { address: Address([byte; 20]), merchant, since: 1, until: None, revoked: false };
    Records {
        issuers: vec![issuer(1, merchant(1)), issuer(2, merchant(2))],
        journals: vec![
            Journal { merchant: merchant(1), seq: 1, running: Hash([1; 32]) },
            Journal { merchant: merchant(2), seq: 5, running: Hash([2; 32]) },
        ],
        days: vec![issued, Day::new(merchant(1), date("2026-11-23")), Day::new(merchant(2), date("2026-11-22"))],
        reversals: vec![taken, other],
        lives: vec![
            held.clone(),
            Life { wallet: WalletState::Claimed, wallet_holder: Some(Hash([8; 32])), ..Life::new(5) },
        ],
        sheets: vec![
            sheet(11, None, SheetState::BuyerToConfirm),
            sheet(12, Some(Hash([7; 32])), SheetState::SellerToConfirm),
        ],
        payments: vec![payment(30, 0), payment(31, 200)],
    }
}

/// Everything that can change has changed.
fn second() -> Records {
    let mut now = first();
    now.issuers[0] = Issuer { until: Some(40), revoked: true, ..now.issuers[0].clone() };
    now.issuers[1].until = Some(41);
    for journal in &mut now.journals {
        (journal.seq, journal.running) = (journal.seq + 1, Hash([3; 32]));
    }
    now.days[0].closed = Some(42);
    now.days[1].figures.count = 7;
    now.reversals[0].take(&[share(0, 600, Some(1), 543, 33), share(4, 0, None, 5, 0)]).unwrap();
    now.lives[0] = Life { state: LifeState::Closed, lease_until: None, confirmation: Some(11), ..now.lives[0].clone() };
    now.lives[1] = Life { wallet: WalletState::Discarded, wallet_holder: None, ..now.lives[1].clone() };
    now.sheets[0] = Confirmation {
        state: SheetState::Confirmed,
        buyer: Some(Hash([7; 32])),
        red: Some(50),
        ..now.sheets[0].clone()
    };
    now.sheets[1].state = SheetState::SellerRefused;
    (now.payments[0].awaiting, now.payments[1].awaiting) = (fen(1), fen(0));
    now
}

/// The records as one batch writes them, over what is there.
fn put<R: piaolian::ledger::state::Reader<Error: std::fmt::Debug>>(mut state: State<R>, records: &Records) -> Tables {
    let Records { issuers, journals, days, reversals, lives, sheets, payments } = records.clone();
    for it in issuers {
        state.issuer(&it.address).unwrap();
        state.put_issuer(it);
    }
    for it in journals {
        state.journal(&it.merchant).unwrap();
        state.put_journal(it);
    }
    for it in days {
        state.day(&it.merchant, it.date).unwrap();
        state.put_day(it);
    }
    for it in reversals {
        state.reversal(it.entry).unwrap();
        state.put_reversal(it);
    }
    for it in lives {
        state.life(it.entry).unwrap();
        state.put_life(it);
    }
    for it in sheets {
        state.confirmation(it.entry).unwrap();
        state.put_confirmation(it);
    }
    for it in payments {
        state.payment(&it.provider, &it.transaction).unwrap();
        state.put_payment(it);
    }
    state.into_tables()
}

fn write(store: &Store, records: &Records) {
    store
        .write_blocking(|tx: &mut Tx<'_>| {
            let tables = put(State::over(&mut **tx), records);
            tx.put_changes(&tables)
        })
        .unwrap();
}

fn read(reader: &mut Reader<'_>) -> Result<Records, StoreError> {
    let wanted = first();
    let mut found = Records { payments: Vec::new(), ..wanted.clone() };
    for it in &mut found.issuers {
        *it = reader.issuer(&it.address)?.unwrap();
    }
    for it in &mut found.journals {
        *it = reader.journal(&it.merchant)?.unwrap();
    }
    for it in &mut found.days {
        *it = reader.day(&it.merchant, it.date)?.unwrap();
    }
    for it in &mut found.reversals {
        *it = reader.reversal(it.entry)?.unwrap();
    }
    for it in &mut found.lives {
        *it = reader.life(it.entry)?.unwrap();
    }
    for it in &mut found.sheets {
        *it = reader.confirmation(it.entry)?.unwrap();
    }
    found.payments = reader.payments_by(&[30, 31])?;
    Ok(found)
}

fn written() -> (TestDatabase, Store) {
    let database = TestDatabase::migrated();
    let store = Store::open(&database.url(), 2).unwrap();
    // A record of a payment is found by its entry's keys.
    let keys = first()
        .payments
        .into_iter()
        .map(|it| (LookUp::Payment(it.provider.as_str(), it.transaction.as_str()).fingerprint(), it.entry));
    let keys: Vec<_> = keys.collect();
    store.write_blocking(|tx| tx.put_keys(1, &keys, 0)).unwrap();
    write(&store, &first());
    (database, store)
}

#[test]
fn what_is_written_is_read_back_and_changed_in_place() {
    let (_database, store) = written();
    assert_eq!(store.read_blocking(read).unwrap(), first());
    write(&store, &second());
    assert_eq!(store.read_blocking(read).unwrap(), second());
}

#[test]
fn what_another_has_changed_meanwhile_is_not_taken_for_new() {
    let (_database, store) = written();
    let unaware = put(State::<Nothing>::default(), &second());
    let refused = store.write_blocking(|tx| tx.put_changes(&unaware));
    assert!(matches!(refused, Err(StoreError::Constraint(_))), "{refused:?}");
    assert_eq!(store.read_blocking(read).unwrap(), first());
}

#[test]
fn lists_are_cut_where_they_are_asked_to() {
    let (_database, store) = written();
    let mut state = State::<Nothing>::default();
    for it in [
        invoice(3, "00000001", 1_111, None),
        invoice(5, "00000002", 51, None),
        invoice(50, "00000003", -400, Some(3)),
        invoice(51, "00000004", -51, Some(5)),
        invoice(52, "00000005", -300, Some(3)),
    ] {
        state.put_invoice(it);
    }
    store.write_blocking(|tx| tx.put_changes(&state.into_tables())).unwrap();
    let id = |number: &str| InvoiceId::try_from(format!("144032609110-{number}")).unwrap();
    let date = |text| LegalDate::parse(text).unwrap();
    let entries = |found: Vec<Invoice>| found.iter().map(|it| it.entry).collect::<Vec<_>>();
    let reading = |reader: &mut Reader<'_>| {
        assert_eq!(entries(reader.red_letters(3, None, 9)?), [50, 52]);
        assert_eq!(entries(reader.red_letters(3, Some(50), 9)?), [52]);
        assert_eq!(entries(reader.red_letters(3, None, 1)?), [50]);
        let lives = reader.lives_of(&[id("00000002"), id("99999999"), id("00000004"), id("00000001")])?;
        let lives: Vec<_> = lives.into_iter().map(|(of, life)| (of.entry, life)).collect();
        let [held, claimed] = first().lives.try_into().unwrap();
        assert_eq!(lives, [(5, Some(claimed)), (51, None), (3, Some(held))]);
        let awaiting =
            PaymentFilter { merchant: Some(merchant(1)), awaiting: true, limit: 9, ..PaymentFilter::default() };
        assert_eq!(reader.payments(&awaiting)?, [payment(31, 200)]);
        let open = PaymentFilter { open: true, awaiting: false, ..awaiting };
        assert_eq!(reader.payments(&open)?, []);
        let sheets = |before, limit| ConfirmationFilter { merchant: merchant(1), before, limit };
        let found = |reader: &mut Reader<'_>, filter| {
            let found = reader.confirmations(&filter)?;
            Ok::<_, StoreError>(found.iter().map(|it| it.entry).collect::<Vec<_>>())
        };
        assert_eq!(found(reader, sheets(None, 9))?, [12, 11]);
        assert_eq!(found(reader, sheets(Some(12), 9))?, [11]);
        let others = ConfirmationFilter { merchant: merchant(2), ..sheets(None, 9) };
        assert_eq!(found(reader, others)?, Vec::<u64>::new());
        let days = |before, limit| DayFilter { merchant: merchant(1), before, limit };
        let dates = |found: Vec<Day>| found.iter().map(|it| it.date.to_string()).collect::<Vec<_>>();
        assert_eq!(dates(reader.days(&days(None, 9))?), ["2026-11-23", "2026-11-22"]);
        assert_eq!(dates(reader.days(&days(Some(date("2026-11-23")), 9))?), ["2026-11-22"]);
        assert_eq!(dates(reader.days(&days(None, 1))?), ["2026-11-23"]);
        let (early, late) = (date("2026-11-22"), date("2026-11-23"));
        assert_eq!(reader.unclosed_days(late, 9)?, [(merchant(1), early), (merchant(2), early)]);
        assert_eq!(reader.unclosed_days(early, 9)?, []);
        Ok::<_, StoreError>(())
    };
    store.read_blocking(reading).unwrap();
    write(&store, &second());
    let left = store.read_blocking(|reader| reader.unclosed_days(date("2026-11-24"), 1)).unwrap();
    assert_eq!(left, [(merchant(2), date("2026-11-22"))]);
}
