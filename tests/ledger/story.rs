//! The story that the golden entries tell: every kind of command, each with the text of its request. Made without a service.

use std::collections::BTreeMap;

use piaolian::base::ids::{ChainId, IdempotencyKey, MerchantId};
use piaolian::base::{LegalDate, Secret, UnixMs};
use piaolian::chain::canonical::to_canonical;
use piaolian::chain::{
    Change, Hash, IssuerKey, Member, MemberName, Roster, SealKey, change_text, holder_hash, keccak256, next_roster,
    rotation_text,
};
use piaolian::invoice::{CheckPolicy, Checked, Draft, LineShare, Seller, Severity};
use piaolian::ledger::command::{Keyed, Reverse, Unsigned, request_hash};
use piaolian::ledger::record::RosterRecord;
use piaolian::ledger::state::Nothing;
use piaolian::ledger::{Command, Entry, Outcome, Position, State, execute};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// 2026-11-22, the last millisecond of the legal day.
pub const TIME: UnixMs = UnixMs(1_795_363_199_999);

/// The next legal day.
const NEXT_DAY: UnixMs = UnixMs(1_795_363_200_000);

/// Unlike a usual key it needs escapes in JSON.
pub const AWKWARD_KEY: &str = r#"order-"2"\2026/11"#;

const TRANSACTION: &str = "4200001234202611220000000001";

pub fn chain() -> ChainId {
    ChainId::try_from("shenzhen-sandbox").unwrap()
}

fn issuer(nth: u8) -> IssuerKey {
    IssuerKey::from_secret(&Secret::new([nth; 32])).unwrap()
}

fn seal_key(nth: u8) -> SealKey {
    SealKey::from_secret(&Secret::new([nth; 32])).unwrap()
}

/// A company, a financier or a payer: salt of one byte, identity in clear.
fn holder(salt: u8, identity: &str) -> Hash {
    holder_hash(&[salt; 32], identity)
}

fn company() -> Hash {
    holder(1, "91440300MA5EXAMPL1")
}

fn financier() -> Hash {
    holder(2, "91440300MA5EXAMPL2")
}

fn payer() -> Hash {
    holder(3, "openid-1")
}

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::try_from(text).unwrap()
}

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// What is executed: a command with the text whose hash is its `request`, if it has one.
pub struct Asked {
    pub command: Command,
    pub fingerprint: Option<String>,
}

fn fingerprint(kind: &str, request: &Value) -> (String, Hash) {
    let text = to_canonical(&json!({"chain": chain(), "kind": kind, "request": request})).unwrap();
    let hash = request_hash(&chain(), kind, request).unwrap();
    assert_eq!(keccak256(&text), hash, "the fingerprint of {kind} is another than README says");
    (text, hash)
}

/// A story that is being told: each command is executed at once, since later ones name what came of earlier ones.
pub struct Story {
    state: State<Nothing>,
    time: UnixMs,
    height: u64,
    version: u32,
    drafts: BTreeMap<u64, Checked>,
    pub entries: Vec<Told>,
}

/// An entry of the story.
#[derive(Clone)]
pub struct Told {
    pub kind: &'static str,
    pub text: String,
    pub leaf: Hash,
    pub fingerprint: Option<String>,
    pub height: u64,
}

impl Story {
    pub fn begin(version: u32) -> Self {
        let mut state = State::default();
        state.put_roster(RosterRecord { from_height: 0, roster: founders() });
        Self { state, time: TIME, height: 1, version, drafts: BTreeMap::new(), entries: Vec::new() }
    }

    /// The next block, at a time.
    fn block(&mut self, time: UnixMs) {
        (self.height, self.time) = (self.height + 1, time);
    }

    /// Executes a command in a block, which must accept it.
    pub fn execute(
        &mut self,
        command: &Command,
        height: u64,
        time: UnixMs,
        version: u32,
    ) -> (&'static str, String, Hash) {
        let (chain, index) = (chain(), self.next());
        let at = Position { chain: &chain, height, index, time, version };
        match execute(&mut self.state, command, at) {
            Ok(Outcome::Accepted { kind, text, leaf }) => {
                if let Some(draft) = Entry::parse(&text).unwrap().draft {
                    self.drafts.insert(index, draft);
                }
                (kind.as_str(), text, leaf)
            }
            other => panic!("entry {index}: {other:?}"),
        }
    }

    /// Puts an entry on record.
    pub fn keep(&mut self, told: Told) {
        self.entries.push(told);
    }

    fn tell(&mut self, Asked { command, fingerprint }: Asked) -> u64 {
        let (index, height) = (self.next(), self.height);
        let (kind, text, leaf) = self.execute(&command, height, self.time, self.version);
        self.keep(Told { kind, text, leaf, fingerprint, height });
        index
    }

    fn next(&self) -> u64 {
        u64::try_from(self.entries.len()).unwrap()
    }

    /// A command with a key whose request is its body.
    fn says<T>(&mut self, name: &str, body: Value, of: fn(Keyed<T>) -> Command) -> u64
    where
        T: DeserializeOwned + Serialize,
    {
        let request = body.clone();
        self.says_by(name, &request, body, of)
    }

    fn says_by<T: DeserializeOwned>(
        &mut self,
        name: &str,
        request: &Value,
        body: Value,
        of: fn(Keyed<T>) -> Command,
    ) -> u64 {
        // The command says which kind it is, the kind is part of the fingerprint.
        let body: T = read(body);
        let mut command = of(Keyed { key: key(name), request: Hash::ZERO, body });
        let (text, request) = fingerprint(command.kind().as_str(), request);
        set_request(&mut command, request);
        self.tell(Asked { command, fingerprint: Some(text) })
    }

    fn notice(&mut self, command: Command) -> u64 {
        self.tell(Asked { command, fingerprint: None })
    }

    fn issue(&mut self, nth: u8, name: &str, draft: &Value) -> u64 {
        self.issue_by(nth, 6 + nth, name, draft)
    }

    /// Signed by a key.
    fn issue_by(&mut self, nth: u8, by: u8, name: &str, draft: &Value) -> u64 {
        let (text, request) = fingerprint("issue", &json!({"draft": draft}));
        let checked = checked(nth, draft);
        let issue = Unsigned::new(key(name), request, checked).unwrap().sign(&issuer(by));
        self.tell(Asked { command: Command::Issue(Box::new(issue)), fingerprint: Some(text) })
    }

    /// What the rule gives for what is left of an invoice, signed by a key.
    fn reverse(&mut self, blue: u64, name: &str, by: u8, asked: &Value, sheet: Option<u64>) -> u64 {
        let (draft, id) = (self.drafts[&blue].clone(), self.id_of(blue));
        let mut request = json!({"invoice": id, "asked": asked});
        if let Some(sheet) = sheet {
            request["confirmation"] = sheet.into();
        }
        let (text, request) = fingerprint("reverse", &request);
        let left: Vec<LineShare> = match self.state.reversal(blue).unwrap() {
            Some(reversal) => reversal.left().unwrap(),
            None => draft.shares().unwrap(),
        };
        let red = draft.reverse(id.as_str().try_into().unwrap(), &left, &read(asked.clone())).unwrap();
        let issue = Unsigned::new(key(name), request, red).unwrap().sign(&issuer(by));
        self.state.know_draft(blue, draft);
        let command = Command::Reverse(Box::new(Reverse::new(issue, sheet).unwrap()));
        self.tell(Asked { command, fingerprint: Some(text) })
    }

    pub fn know(&mut self, blue: u64) {
        self.state.know_draft(blue, self.drafts[&blue].clone());
    }

    fn id_of(&self, entry: u64) -> String {
        let text = &self.entries[usize::try_from(entry).unwrap()].text;
        Entry::parse(text).unwrap().issued().unwrap().id().to_string()
    }

    /// The entry of an invoice.
    pub fn entry_of(&mut self, id: &str) -> u64 {
        self.state.invoice(&id.try_into().unwrap()).unwrap().unwrap().entry
    }

    /// Every merchant's journal: its entries so far and the running hash over them.
    pub fn journals(&mut self) -> BTreeMap<String, (u64, Hash)> {
        let of = |nth: u64| {
            let journal = self.state.journal(&MerchantId::nth(nth).unwrap()).unwrap()?;
            Some((journal.merchant.to_string(), (journal.seq, journal.running)))
        };
        (1..=2).filter_map(of).collect()
    }
}

/// Fills in the request of a command that was made without.
fn set_request(command: &mut Command, hash: Hash) {
    match command {
        Command::RegisterMerchant(it) => it.request = hash,
        Command::SetRules(it) => it.request = hash,
        Command::Lock(it) => it.request = hash,
        Command::Renew(it) => it.request = hash,
        Command::Unlock(it) | Command::Close(it) | Command::Release(it) | Command::Settle(it) => it.request = hash,
        Command::Pledge(it) => it.request = hash,
        Command::Claim(it) => it.request = hash,
        Command::HandOver(it) => it.request = hash,
        Command::Discard(it) => it.request = hash,
        Command::OpenConfirmation(it) => it.request = hash,
        Command::AnswerConfirmation(it) => it.request = hash,
        Command::SuspendMerchant(it) | Command::ResumeMerchant(it) => it.request = hash,
        Command::RotateIssuer(it) => it.request = hash,
        Command::RevokeIssuer(it) => it.request = hash,
        Command::ChangeRoster(it) => it.request = hash,
        Command::CloseDay(it) => it.request = hash,
        Command::Restored(it) => it.request = hash,
        Command::RecordPayment(_) | Command::RecordRefund(_) | Command::Issue(_) | Command::Reverse(_) => {
            panic!("{:?} has its request already, or none", command.kind())
        }
    }
}

/// The whole story.
pub fn told() -> Story {
    let mut story = Story::begin(2);
    admitted(&mut story);
    story.block(TIME);
    let (paid, bare, owed) = traded(&mut story);
    story.block(TIME);
    let [paid_id, bare_id, owed_id] = [paid, bare, owed].map(|entry| story.id_of(entry));
    in_wallets(&mut story, &paid_id);
    held(&mut story, &bare_id, &owed_id);
    story.block(TIME);
    reversed(&mut story, (paid, &paid_id), (bare, &bare_id));
    let body = json!({"invoice": owed_id, "holder": payer()});
    story.says("claim-2", body.clone(), Command::Claim);
    story.says("discard", body, Command::Discard);
    story.block(NEXT_DAY);
    governed(&mut story);
    digital(&mut story);
    story
}

fn admitted(story: &mut Story) {
    let request = json!({"seller": seller(1), "mchid": "1900000001", "issue_on_payment": true, "custody": "kingdee"});
    let body = json!({
        "seller": seller(1), "mchid": "1900000001", "issuer": issuer(7).address(), "issue_on_payment": true,
    });
    story.says_by("register-1", &request, body, Command::RegisterMerchant);
    let address = issuer(8).address();
    let request = json!({"seller": seller(2), "issue_on_payment": false, "custody": {"own": address}});
    let body = json!({"seller": seller(2), "issuer": address, "issue_on_payment": false});
    story.says_by("register-2", &request, body, Command::RegisterMerchant);
    let all = json!({"scope": "*", "rules": {
        "per_invoice_cap": 100_000_000, "monthly_cap": 9_007_199_254_740_991_i64, "monthly_count": 1_000_000,
        "rates": [0, 100, 300, 600, 900, 1_300], "classification_prefixes": ["1", "3"], "uscc_check_digit": "warn",
        "payment_required": false,
    }});
    story.says("rules-all", all, Command::SetRules);
    let own = json!({"scope": "M00000001", "rules": {
        "per_invoice_cap": 5_000_000, "monthly_cap": 50_000_000, "rates": [600, 0],
        "classification_prefixes": ["307", "1010115"], "uscc_check_digit": "refuse", "payment_required": true,
    }});
    story.says("rules-M00000001", own, Command::SetRules);
    story.says("rules-M00000002", json!({"scope": "M00000002", "rules": {}, "from": 2}), Command::SetRules);
}

/// A payment and a refund, an invoice on the payment and two on none.
fn traded(story: &mut Story) -> (u64, u64, u64) {
    story.notice(Command::RecordPayment(read(json!({
        "provider": "wechat-pay", "transaction": TRANSACTION, "merchant": "M00000001", "order": "order-1",
        "paid": 60_000, "paid_at": 1_795_363_100_000_i64,
    }))));
    let paid = story.issue(1, "order-1", &full_draft());
    // 9,990 fen of it are not invoiced; the others await a red letter.
    story.notice(Command::RecordRefund(read(json!({
        "provider": "wechat-pay", "refund": "50300000001", "transaction": TRANSACTION, "amount": 10_500,
        "refunded_at": 1_795_363_150_000_i64,
    }))));
    let bare = story.issue(2, AWKWARD_KEY, &bare_draft());
    let owed = story.issue(2, "order-3", &bare_draft());
    (paid, bare, owed)
}

fn in_wallets(story: &mut Story, paid: &str) {
    story.says("claim", json!({"invoice": paid, "holder": holder(4, "openid-1")}), Command::Claim);
    let body = json!({"invoice": paid, "holder": holder(4, "openid-1"), "to": payer()});
    story.says("hand-over", body, Command::HandOver);
}

/// An expense claim over two invoices, one of which is booked; and a pledge that is given back, and another that is settled.
fn held(story: &mut Story, bare: &str, owed: &str) {
    let held =
        |invoices: &[&str], holder: Hash, fence: u64| json!({"invoices": invoices, "holder": holder, "fence": fence});
    let lock = json!({"invoices": [bare, owed], "holder": company(), "lease_ms": 2_592_000_000_i64});
    let fence = story.says("lock", lock, Command::Lock);
    let mut renew = held(&[bare, owed], company(), fence);
    renew["lease_ms"] = 60_000.into();
    story.says("renew", renew, Command::Renew);
    story.says("unlock", held(&[owed], company(), fence), Command::Unlock);
    story.says("close", held(&[bare], company(), fence), Command::Close);
    let pledge = json!({"merchant": "M00000002", "invoice": owed, "holder": financier()});
    let fence = story.says("pledge-1", pledge.clone(), Command::Pledge);
    story.says("release", held(&[owed], financier(), fence), Command::Release);
    let fence = story.says("pledge-2", pledge, Command::Pledge);
    story.says("settle", held(&[owed], financier(), fence), Command::Settle);
}

/// A part of a booked invoice, agreed to; and all of one that is in a wallet.
fn reversed(story: &mut Story, (paid, paid_id): (u64, &str), (bare, bare_id): (u64, &str)) {
    let part = json!({"reason": "SALES_RETURN", "lines": [{"line": 0, "quantity": "0.25"}]});
    let seller = json!({"side": "seller", "merchant": "M00000002"});
    story.know(bare);
    let open = json!({"invoice": bare_id, "by": seller, "asked": part});
    let sheet = story.says("sheet-1", open, Command::OpenConfirmation);
    let fence = lock_of(story);
    let buyer = json!({"side": "buyer", "holder": company(), "fence": fence});
    story.says("agree", json!({"confirmation": sheet, "action": "agree", "by": buyer}), Command::AnswerConfirmation);
    story.reverse(bare, "red-1", 8, &part, Some(sheet));
    story.know(paid);
    let buyer = json!({"side": "buyer", "holder": payer()});
    let open = json!({"invoice": paid_id, "by": buyer, "asked": {"reason": "SERVICE_SUSPENTION"}});
    let sheet = story.says("sheet-2", open, Command::OpenConfirmation);
    let withdraw = json!({"confirmation": sheet, "action": "withdraw", "by": buyer});
    story.says("withdraw", withdraw, Command::AnswerConfirmation);
    story.reverse(paid, "red-2", 7, &json!({"reason": "ISSUE_ERROR", "lines": [{"line": 2, "total": 200}]}), None);
    story.reverse(paid, "red-3", 7, &json!({"reason": "ISSUE_ERROR"}), None);
}

fn lock_of(story: &Story) -> u64 {
    u64::try_from(story.entries.iter().position(|told| told.kind == "lock").unwrap()).unwrap()
}

/// Suspended and resumed; keys replaced; the day closed; the roster changed; the ledger gone on from an older copy.
fn governed(story: &mut Story) {
    let standing = |reason: &str| json!({"merchant": "M00000002", "reason": reason});
    story.says("suspend", standing("税务机关通知：暂停开票"), Command::SuspendMerchant);
    story.says("resume", standing("问题已更正"), Command::ResumeMerchant);
    let rotation = |nth: u64, old: u8, new: u8| {
        let (old, new) = (issuer(old), issuer(new));
        let text = rotation_text(&chain(), &MerchantId::nth(nth).unwrap(), &old.address(), &new.address()).unwrap();
        (old.sign(&text), new.sign(&text), old.address(), new.address())
    };
    let (by_old, by_new, old, new) = rotation(1, 7, 9);
    let own = json!({"new": new, "old_signature": by_old, "new_signature": by_new});
    let body = json!({
        "merchant": "M00000001", "old": old, "new": new, "old_signature": by_old, "new_signature": by_new,
    });
    story.says_by("rotate-1", &json!({"merchant": "M00000001", "own": own}), body, Command::RotateIssuer);
    let revoke = json!({"merchant": "M00000002", "issuer": issuer(8).address(), "reason": "密钥遗失"});
    story.says("revoke", revoke, Command::RevokeIssuer);
    let (_, by_new, old, new) = rotation(2, 8, 10);
    let own = json!({"new": new, "new_signature": by_new});
    let body = json!({"merchant": "M00000002", "old": old, "new": new, "new_signature": by_new});
    story.says_by("rotate-2", &json!({"merchant": "M00000002", "own": own}), body, Command::RotateIssuer);
    for nth in 1..=2 {
        let body = json!({"merchant": format!("M{nth:08}"), "date": "2026-11-22"});
        story.says(&format!("close-{nth}"), body, Command::CloseDay);
    }
    roster_changed(story);
    story.block(NEXT_DAY);
    let tip = json!({"height": story.height - 1, "hash": keccak256("tip")});
    let remembered = json!({"height": 9, "hash": keccak256("remembered")});
    let reason = "数据库从备份恢复";
    let body = json!({"reason": reason, "remembered": remembered, "tip": tip});
    story.says_by("restored", &json!({"reason": reason}), body, Command::Restored);
}

/// A fully digital invoice and what takes it back, numbered by themselves; then their day is closed.
fn digital(story: &mut Story) {
    let mut draft = bare_draft();
    draft["document"] = json!("fully-digital");
    let blue = story.issue_by(2, 10, "digital", &draft);
    story.reverse(blue, "digital-red", 10, &json!({"reason": "SALES_RETURN"}), None);
    story.block(UnixMs(NEXT_DAY.0 + 86_400_000));
    story.says("close-digital", json!({"merchant": "M00000002", "date": "2026-11-23"}), Command::CloseDay);
}

fn name(text: &str) -> MemberName {
    MemberName::try_from(text).unwrap()
}

/// Four members; their secrets are 32 bytes 01 to 04.
fn founders() -> Roster {
    let member = |(nth, text)| Member { name: name(text), power: 1, key: seal_key(nth).public() };
    let members = [(1, "auditor"), (2, "kingdee"), (3, "tax-bureau"), (4, "tencent")].map(member);
    Roster::new(chain(), 0, members.into()).unwrap()
}

/// A member's key is lost; the three others and the new key sign.
fn roster_changed(story: &mut Story) {
    let change = Change::Rotate { member: name("tencent"), key: seal_key(5).public() };
    let (old, from) = (founders(), story.height + 4);
    let new = next_roster(&old, &change, from).unwrap();
    let text = change_text(&old, &new, &change).unwrap();
    let signatures: Vec<_> = [1, 2, 3, 5].iter().map(|nth| seal_key(*nth).sign_statement(&text).unwrap()).collect();
    let request = json!({"change": change, "from": from, "signatures": signatures});
    let body = json!({"change": change, "from": from, "roster": new.text(), "signatures": signatures});
    story.says_by("roster", &request, body, Command::ChangeRoster);
}

fn checked(nth: u8, draft: &Value) -> Checked {
    let (draft, seller): (Draft, Seller) = (read(draft.clone()), read(seller(nth)));
    let merchant = MerchantId::nth(u64::from(nth)).unwrap();
    let policy = CheckPolicy { uscc_check_digit: Severity::Refuse };
    let (checked, warnings) = draft.check(&seller, &chain(), &merchant, LegalDate::of(TIME).unwrap(), &policy).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    checked
}

/// A seller with everything, and one with nothing, that is optional.
fn seller(nth: u8) -> Value {
    match nth {
        1 => json!({
            "name": "深圳市票链样例\"一\"商行", "taxpayer_id": "91440300708461136T",
            "address_phone": "深圳市南山区样例路1号 0755-00000001", "bank_account": "票链样例银行深圳分行 0000000000000001",
        }),
        _ => json!({"name": "深圳市票链样例第二商行", "taxpayer_id": "91440300708437873H"}),
    }
}

/// A payment, an organisation, a discount, a line without tax, and every text that a draft may have.
fn full_draft() -> Value {
    json!({
        "payment": {"provider": "wechat-pay", "transaction": TRANSACTION},
        "buyer": {
            "kind": "organisation", "name": "深圳市样例买方有限公司", "taxpayer_id": "91440300319331004W",
            "address_phone": "深圳市福田区样例道2号 0755-00000002", "bank_account": "票链样例银行福田支行 0000000000000002",
        },
        "pricing": "inclusive",
        "lines": [
            {"category": "餐饮服务", "name": "餐费", "classification": "3070401000000000000", "specification": "双人/套",
             "unit": "餐", "quantity": "2", "price": "249.05", "rate": 600, "discount": 1_000},
            {"category": "蔬菜", "name": "有机\"菜心\"", "classification": "1010115000000000000", "amount": 1_200,
             "rate": 0, "mark": "exempt"},
        ],
        "total": 50_010,
        "remark": "桌号：A12\n路径：C:\\pos",
        "payee": "张三",
        "reviewer": "李四",
        "drawer": "王五",
    })
}

/// Nothing that is optional, and the tax on top.
fn bare_draft() -> Value {
    json!({
        "buyer": {"kind": "individual", "name": "个人"},
        "pricing": "exclusive",
        "lines": [
            {"category": "计算机外部设备", "name": "显示器", "classification": "1090512000000000000", "quantity": "0.5",
             "price": "3804.42", "rate": 1_300},
        ],
    })
}
