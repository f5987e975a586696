//! The whole life of invoices, told by two merchants: money taken back in parts and whole, claims and hand-overs, holds that end and holds
//! that don't, pledges, confirmation sheets in every state, keys and standing, announced rules, days, another roster. Every command goes
//! straight to the sequencer, one a block.

use std::path::Path;
use std::sync::Arc;

use piaolian::base::clock::FixedClock;
use piaolian::base::ids::IdempotencyKey;
use piaolian::base::{Clock, LegalDate, UnixMs};
use piaolian::chain::hash::holder_hash;
use piaolian::chain::{Change, Hash, IssuerKey, MemberName, Roster, SealKey, change_text, next_roster, rotation_text};
use piaolian::config::keyring::{Keyring, add_seal_key};
use piaolian::invoice::{CheckPolicy, Draft, InvoiceId, LineAsked, Reason, ReversalAsked, Severity};
use piaolian::ledger::command::{
    AnswerConfirmationBody, Answering, ChangeRosterBody, ClaimBody, CloseDayBody, DiscardBody, HandOverBody, HeldBody,
    Keyed, LockBody, MerchantBody, OpenConfirmationBody, PaymentBody, PledgeBody, RefundBody, RenewBody, Reverse,
    RevokeIssuerBody, RotateIssuerBody, RulesBody, Side, StandingBody, Unsigned, request_hash,
};
use piaolian::ledger::record::RulesScope;
use piaolian::ledger::reversal::Reversal;
use piaolian::ledger::state::Reader as _;
use piaolian::ledger::{Command, Entry};
use piaolian::sequencer::desk::Recorded;
use piaolian::store::StoreError;
use serde::Serialize;
use serde_json::{Value, json};

use super::bare::{Bare, seal_keys};
use super::scene::{self, draft_json, key, merchant, own_key, registration};
use crate::database::TestDatabase;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;

/// Merchants of a story.
pub const MERCHANTS: u64 = 2;
/// Their keys.
pub const ISSUERS: u64 = 4;

/// What a story adds to the ledger; each invoice, blue or red, is an entry.
pub const ENTRIES: usize = 88;
/// Blue and red.
pub const INVOICES: u64 = 28;
/// Of one merchant, each from a height of its own.
pub const RULES: u64 = 3;
/// Payments, and refunds of them.
pub const PAYMENTS: u64 = 2;

/// Days on which something was issued, and the empty one that was closed.
pub const DAYS: u64 = 4;

/// Rows that a story adds to the tables that nothing else writes to.
pub const ROWS: [(&str, u64); 5] =
    [("reversals", 7), ("reversed_lines", 8), ("reversed_rates", 8), ("lives", 18), ("confirmations", 11)];

/// An issued blue invoice.
#[derive(Debug, Clone, Copy)]
pub struct Blue {
    pub id: InvoiceId,
    pub entry: u64,
}

/// A story under way.
struct Lives<'a> {
    bare: Bare,
    clock: &'a FixedClock,
    first: u64,
    recorded: Vec<Recorded>,
}

/// Tells the story: `first` is the number of the first of its two merchants, the next to be registered. The clock goes on for five days.
pub async fn live(database: &TestDatabase, keys: &Path, clock: &Arc<FixedClock>, first: u64) -> Vec<Recorded> {
    let member = MemberName::try_from("tencent").unwrap();
    let new_key = key_to_come(keys, &member);
    let bare = Bare::start(database, keys, Arc::<FixedClock>::clone(clock));
    // Leases are counted in block time, which a clock behind the chain would hold up.
    clock.set(clock.now().max(bare.tip().time));
    let mut lives = Lives { bare, clock, first, recorded: Vec::new() };
    lives.register().await;
    let change = Change::Rotate { member, key: new_key.public() };
    lives.change_roster(keys, change).await;
    lives.money().await;
    lives.registry().await;
    lives.wallets().await;
    lives.sheets().await;
    lives.keys().await;
    lives.books().await;
    let Lives { bare, recorded, .. } = lives;
    bare.stop().await;
    recorded
}

/// A member's later key, made if it is not there yet: the same keys give the same story.
fn key_to_come(keys: &Path, member: &MemberName) -> SealKey {
    let Keyring { roster, seal_keys, .. } = Keyring::load(keys).unwrap();
    let later =
        |(name, key): &(MemberName, SealKey)| name == member && roster.member(name).unwrap().key != key.public();
    let found = seal_keys.into_iter().find(later).map(|(_, key)| key);
    found.unwrap_or_else(|| add_seal_key(keys, member).unwrap())
}

/// The commitment to a holder.
pub fn holder(nth: u8) -> Hash {
    holder_hash(&[nth; 32], "9144030031933100XX")
}

/// Two lines with a discount, of two rates, one without a quantity; 500.10 yuan.
fn two_lines() -> Value {
    json!({
        "buyer": {"kind": "individual", "name": "个人"},
        "pricing": "inclusive",
        "lines": [
            {"category": "餐饮服务", "name": "餐费", "classification": "3070401000000000000", "quantity": "2",
             "price": "249.05", "rate": 600, "discount": 1_000},
            {"category": "蔬菜", "name": "菜心", "classification": "1010115000000000000", "amount": 1_200, "rate": 0,
             "mark": "exempt"},
        ],
        "total": 50_010,
    })
}

/// A line of which so much is asked back.
fn line(line: u32, total: Option<i64>, quantity: Option<&str>) -> LineAsked {
    let mut asked = json!({"line": line});
    if let Some(total) = total {
        asked["total"] = total.into();
    }
    if let Some(quantity) = quantity {
        asked["quantity"] = quantity.into();
    }
    serde_json::from_value(asked).unwrap()
}

fn part(reason: Reason, lines: &[LineAsked]) -> ReversalAsked {
    ReversalAsked { reason, lines: lines.to_vec() }
}

fn whole(reason: Reason) -> ReversalAsked {
    part(reason, &[])
}

impl Lives<'_> {
    /// Has a command sealed in a block of its own; gives its entry.
    async fn say(&mut self, command: Command) -> u64 {
        let kind = command.kind();
        let nth = self.recorded.len();
        let recorded = self.bare.submit(command).await;
        let recorded = recorded.unwrap_or_else(|faults| panic!("{kind:?}, command {nth}: {faults}"));
        let entry = recorded.receipt.index;
        self.recorded.push(recorded);
        entry
    }

    /// A command under a key of its own.
    async fn ask<T: Serialize>(&mut self, of: fn(Keyed<T>) -> Command, body: T) -> u64 {
        let request = request_hash(&self.bare.chain, "life", &body).unwrap();
        let key = self.next_key();
        self.say(of(Keyed { key, request, body })).await
    }

    fn next_key(&self) -> IdempotencyKey {
        key(format!("life-{}", self.recorded.len()))
    }

    fn pass(&self, ms: i64) {
        self.clock.set(UnixMs(self.clock.now().0 + ms));
    }

    /// One of the two merchants, 0 or 1.
    fn nth(&self, which: u64) -> u64 {
        self.first + which
    }

    async fn issue(&mut self, which: u64, draft: Value) -> Blue {
        let (nth, date) = (self.nth(which), LegalDate::of(self.clock.now()).unwrap());
        let draft: Draft = serde_json::from_value(draft).unwrap();
        let policy = CheckPolicy { uscc_check_digit: Severity::Warn };
        let seller = registration(nth, None).seller;
        let (checked, _) = draft.check(&seller, &self.bare.chain, &merchant(nth), date, &policy).unwrap();
        let request = request_hash(&self.bare.chain, "life", &checked).unwrap();
        let issue = Unsigned::new(self.next_key(), request, checked).unwrap().sign(&own_key(nth));
        let entry = self.say(Command::Issue(Box::new(issue))).await;
        let written = Entry::parse(&self.recorded.last().unwrap().receipt.entry).unwrap();
        Blue { id: InvoiceId { code: written.code.unwrap(), number: written.number.unwrap() }, entry }
    }

    /// An invoice of one line.
    async fn plain(&mut self, which: u64, amount: i64) -> Blue {
        self.issue(which, draft_json(amount, None)).await
    }

    async fn reverse(&mut self, issuer: &IssuerKey, blue: Blue, asked: &ReversalAsked, sheet: Option<u64>) -> u64 {
        let command = red_letter(&self.bare, issuer, blue, asked, sheet, self.next_key());
        self.say(command).await
    }

    async fn register(&mut self) {
        for nth in self.first..self.first + MERCHANTS {
            let issuer = own_key(nth).address();
            let asked = registration(nth, Some(issuer));
            let body = MerchantBody { seller: asked.seller, mchid: asked.mchid, issuer, issue_on_payment: false };
            self.ask(Command::RegisterMerchant, body).await;
        }
    }

    /// A change of the roster that is in force three blocks later, and the blocks up to there.
    async fn change_roster(&mut self, keys: &Path, change: Change) {
        let from = self.bare.tip().height + 3;
        let body = change_body(keys, self.bare.rosters().last().unwrap(), change, from);
        self.ask(Command::ChangeRoster, body).await;
        for cap in [1_000_000, 1_100_000] {
            self.rules(cap, None).await;
        }
        assert_eq!(self.bare.tip().next_members, self.bare.rosters().last().unwrap().hash());
    }

    async fn rules(&mut self, cap: i64, from: Option<u64>) {
        let rules = serde_json::from_value(json!({"per_invoice_cap": cap})).unwrap();
        let scope = RulesScope::Merchant(merchant(self.nth(0)));
        self.ask(Command::SetRules, RulesBody { scope, rules, from }).await;
    }

    async fn pay(&mut self, transaction: u64, paid: i64) {
        let body = json!({
            "provider": "wechat-pay", "transaction": scene::transaction(transaction), "merchant": merchant(self.nth(0)),
            "order": format!("order-{transaction}"), "paid": paid, "paid_at": self.clock.now(),
        });
        let body: PaymentBody = serde_json::from_value(body).unwrap();
        self.say(Command::RecordPayment(body)).await;
    }

    async fn refund(&mut self, transaction: u64, amount: i64) {
        let body = json!({
            "provider": "wechat-pay", "refund": format!("503{transaction}"), "transaction": scene::transaction(transaction),
            "amount": amount, "refunded_at": self.clock.now(),
        });
        let body: RefundBody = serde_json::from_value(body).unwrap();
        self.say(Command::RecordRefund(body)).await;
    }

    /// Two payments with refunds of what is invoiced: one awaits its red letter, of the other a part has come.
    async fn money(&mut self) {
        let issuer = own_key(self.nth(0));
        let lined = self.issue(0, two_lines()).await;
        for (transaction, paid, invoiced, refunded) in [(9_001, 10_000, 6_000, 8_000), (9_002, 20_000, 12_000, 15_000)]
        {
            self.pay(transaction, paid).await;
            let blue = self.issue(0, draft_json(invoiced, Some(&scene::transaction(transaction)))).await;
            self.refund(transaction, refunded).await;
            if transaction == 9_002 {
                let asked = part(Reason::SalesReturn, &[line(0, Some(5_000), None)]);
                self.reverse(&issuer, blue, &asked, None).await;
            }
        }
        // In three steps, the last of which takes what is left of one line only.
        let takes = [
            part(Reason::SalesDiscount, &[line(2, Some(700), None)]),
            part(Reason::SalesReturn, &[line(0, None, Some("1"))]),
            part(Reason::ServiceSuspention, &[line(2, None, None)]),
        ];
        for asked in &takes {
            self.reverse(&issuer, lined, asked, None).await;
        }
    }

    async fn lock(&mut self, blues: &[Blue], by: u8, lease_ms: i64) -> u64 {
        let invoices = blues.iter().map(|blue| blue.id).collect();
        self.ask(Command::Lock, LockBody { invoices, holder: holder(by), lease_ms }).await
    }

    async fn held(&mut self, of: fn(Keyed<HeldBody>) -> Command, blue: Blue, by: u8, fence: u64) {
        self.ask(of, HeldBody { invoices: vec![blue.id], holder: holder(by), fence }).await;
    }

    async fn pledge(&mut self, blue: Blue, to: u8) -> u64 {
        let body = PledgeBody { merchant: merchant(self.nth(1)), invoice: blue.id, holder: holder(to) };
        self.ask(Command::Pledge, body).await
    }

    /// Holds of every kind, each left in another state.
    async fn registry(&mut self) {
        let [kept, lapsed, given_back] =
            [self.plain(1, 3_001).await, self.plain(1, 3_002).await, self.plain(1, 3_003).await];
        let short = self.lock(&[kept, lapsed, given_back], 1, MINUTE_MS).await;
        let body = RenewBody { invoices: vec![kept.id], holder: holder(1), fence: short, lease_ms: 30 * DAY_MS };
        self.ask(Command::Renew, body).await;
        self.held(Command::Unlock, given_back, 1, short).await;
        self.pass(MINUTE_MS);
        // Its lease has ended: another company's now.
        let other = self.lock(&[lapsed], 2, MINUTE_MS).await;
        assert!(other > short);
        let [pledged, released, settled, locked] = [
            self.plain(1, 3_004).await,
            self.plain(1, 3_005).await,
            self.plain(1, 3_006).await,
            self.plain(1, 3_007).await,
        ];
        self.pledge(pledged, 3).await;
        let fence = self.pledge(released, 3).await;
        self.held(Command::Release, released, 3, fence).await;
        for blue in [settled, locked] {
            let fence = self.pledge(blue, 4).await;
            self.held(Command::Settle, blue, 4, fence).await;
        }
        self.lock(&[locked], 1, 30 * DAY_MS).await;
    }

    async fn claim(&mut self, blue: Blue, by: u8) {
        self.ask(Command::Claim, ClaimBody { invoice: blue.id, holder: holder(by) }).await;
    }

    /// One kept, one handed over, one thrown away, one gone with its invoice.
    async fn wallets(&mut self) {
        let [kept, passed, thrown, gone] = [
            self.plain(0, 3_101).await,
            self.plain(0, 3_102).await,
            self.plain(0, 3_103).await,
            self.plain(0, 3_104).await,
        ];
        for (blue, by) in [(kept, 11), (passed, 12), (thrown, 13), (gone, 14)] {
            self.claim(blue, by).await;
        }
        let body = HandOverBody { invoice: passed.id, holder: holder(12), to: holder(15) };
        self.ask(Command::HandOver, body).await;
        self.ask(Command::Discard, DiscardBody { invoice: thrown.id, holder: holder(13) }).await;
        let issuer = own_key(self.nth(0));
        self.reverse(&issuer, gone, &whole(Reason::IssueError), None).await;
        // A wallet's holder asks for a red letter; nobody has answered yet.
        let by = Side::Buyer { holder: holder(11), fence: None };
        self.open(kept, by, whole(Reason::SalesReturn)).await;
    }

    async fn open(&mut self, blue: Blue, by: Side, asked: ReversalAsked) -> u64 {
        self.ask(Command::OpenConfirmation, OpenConfirmationBody { invoice: blue.id, by, asked }).await
    }

    async fn answer(&mut self, confirmation: u64, by: Side, action: Answering) {
        self.ask(Command::AnswerConfirmation, AnswerConfirmationBody { confirmation, action, by }).await;
    }

    /// Sheets of every state: needless and withdrawn, agreed and used, refused by either side, timed out, withdrawn late, open.
    async fn sheets(&mut self) {
        let issuer = own_key(self.nth(0));
        let seller = Side::Seller { merchant: merchant(self.nth(0)) };
        let free = self.plain(0, 3_201).await;
        let needless = self.open(free, seller.clone(), whole(Reason::IssueError)).await;
        self.answer(needless, seller.clone(), Answering::Withdraw).await;
        let asked = part(Reason::SalesDiscount, &[line(0, Some(201), None)]);
        let used = self.open(free, seller.clone(), asked.clone()).await;
        self.reverse(&issuer, free, &asked, Some(used)).await;

        let [booked, locked] = [self.plain(0, 3_202).await, self.plain(0, 3_203).await];
        let fence = self.lock(&[booked, locked], 5, 30 * DAY_MS).await;
        self.held(Command::Close, booked, 5, fence).await;
        let buyer = Side::Buyer { holder: holder(5), fence: Some(fence) };
        // The buyer asks for a part of what it has booked, the seller agrees.
        let asked = part(Reason::SalesReturn, &[line(0, Some(1_000), None)]);
        let agreed = self.open(booked, buyer.clone(), asked.clone()).await;
        self.answer(agreed, seller.clone(), Answering::Agree).await;
        self.reverse(&issuer, booked, &asked, Some(agreed)).await;
        let refused = self.open(booked, buyer.clone(), whole(Reason::SalesReturn)).await;
        self.answer(refused, seller.clone(), Answering::Refuse).await;
        // The seller asks; the buyer refuses, agrees and the seller takes it back, does not answer, agrees.
        let ask = whole(Reason::IssueError);
        let refused = self.open(locked, seller.clone(), ask.clone()).await;
        self.answer(refused, buyer.clone(), Answering::Refuse).await;
        let taken_back = self.open(locked, seller.clone(), ask.clone()).await;
        self.answer(taken_back, buyer.clone(), Answering::Agree).await;
        self.answer(taken_back, seller.clone(), Answering::Withdraw).await;
        self.open(locked, seller.clone(), ask.clone()).await;
        self.pass(3 * DAY_MS);
        let agreed = self.open(locked, seller.clone(), ask.clone()).await;
        self.answer(agreed, buyer.clone(), Answering::Agree).await;
        self.reverse(&issuer, locked, &ask, Some(agreed)).await;
        // Two are left waiting: agreed to but not used, and not answered.
        let waiting = self.open(booked, seller.clone(), ask.clone()).await;
        self.answer(waiting, buyer, Answering::Agree).await;
        let unanswered = self.plain(0, 3_204).await;
        self.lock(&[unanswered], 6, 30 * DAY_MS).await;
        self.open(unanswered, seller, ask).await;
    }

    /// The first merchant's key is replaced, revoked and replaced by the bureau; the second one's is revoked, and it is suspended.
    async fn keys(&mut self) {
        let (nth, second) = (self.nth(0), self.nth(1));
        let [first, next, last] = [own_key(nth), own_key(100 + nth), own_key(150 + nth)];
        let blue = self.plain(0, 3_301).await;
        self.rotate(&first, &next, true).await;
        self.revoke(nth, &next).await;
        self.rotate(&next, &last, false).await;
        // What the first key has issued, the last one takes back.
        self.reverse(&last, blue, &whole(Reason::SalesReturn), None).await;
        let standing = |why: &str| StandingBody { merchant: merchant(second), reason: why.to_owned() };
        self.ask(Command::SuspendMerchant, standing("未按期申报")).await;
        self.ask(Command::ResumeMerchant, standing("已申报")).await;
        self.ask(Command::SuspendMerchant, standing("再次未按期申报")).await;
        self.revoke(second, &own_key(second)).await;
    }

    async fn rotate(&mut self, old: &IssuerKey, new: &IssuerKey, by_merchant: bool) {
        let merchant = merchant(self.nth(0));
        let text = rotation_text(&self.bare.chain, &merchant, &old.address(), &new.address()).unwrap();
        let body = RotateIssuerBody {
            merchant,
            old: old.address(),
            new: new.address(),
            old_signature: by_merchant.then(|| old.sign(&text)),
            new_signature: new.sign(&text),
        };
        self.ask(Command::RotateIssuer, body).await;
    }

    async fn revoke(&mut self, nth: u64, issuer: &IssuerKey) {
        let (merchant, issuer) = (merchant(nth), issuer.address());
        let body = RevokeIssuerBody { merchant, issuer, reason: "密钥遗失".to_owned() };
        self.ask(Command::RevokeIssuer, body).await;
    }

    /// Rules for a height to come; a day with and one without invoices is closed.
    async fn books(&mut self) {
        let from = self.bare.tip().height + 1_000;
        self.rules(1_200_000, Some(from)).await;
        let began = UnixMs(self.clock.now().0 - 3 * DAY_MS);
        self.pass(DAY_MS);
        for (which, at) in [(0, began), (1, began), (1, UnixMs(began.0 - 30 * DAY_MS))] {
            let (merchant, date) = (merchant(self.nth(which)), LegalDate::of(at).unwrap());
            self.ask(Command::CloseDay, CloseDayBody { merchant, date }).await;
        }
    }
}

/// A red letter over what is left of an invoice now, signed by the merchant's key of the time.
pub fn red_letter(
    bare: &Bare,
    issuer: &IssuerKey,
    blue: Blue,
    asked: &ReversalAsked,
    sheet: Option<u64>,
    key: IdempotencyKey,
) -> Command {
    let read = bare.store.read_blocking(|reader| {
        let draft = reader.draft(blue.entry)?.unwrap();
        Ok::<_, StoreError>((reader.reversal(blue.entry)?, draft))
    });
    let (before, draft) = read.unwrap();
    let before = before.unwrap_or_else(|| Reversal::new(blue.entry, &draft.shares().unwrap()).unwrap());
    let red = draft.reverse(blue.id, &before.left().unwrap(), asked).unwrap();
    let request = request_hash(&bare.chain, "life", &red).unwrap();
    let red = Unsigned::new(key, request, red).unwrap().sign(issuer);
    Command::Reverse(Box::new(Reverse::new(red, sheet).unwrap()))
}

/// What asks for a change of the last roster there is, signed by every key in a folder that can.
pub fn change_body(keys: &Path, last: &Roster, change: Change, from: u64) -> ChangeRosterBody {
    let new = next_roster(last, &change, from).unwrap();
    let text = change_text(last, &new, &change).unwrap();
    let members: Vec<_> = last.members().iter().chain(new.members()).map(|member| member.key).collect();
    let signing = seal_keys(keys).into_iter().filter(|key| members.contains(&key.public()));
    let signatures = signing.map(|key| key.sign_statement(&text).unwrap()).collect();
    ChangeRosterBody { change, from, roster: new.text().to_owned(), signatures }
}
