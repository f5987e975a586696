//! A ledger that is made without service and database, straight into a ledger stream: what an audit is measured on.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::load;
use crate::base::ids::{ChainId, IdempotencyKey, MerchantId, Provider, TransactionId};
use crate::base::{Code, Fault, Faults, LegalDate, Secret, UnixMs};
use crate::chain::canonical::Edition;
use crate::chain::hash::{Hash, header_hash, keccak256};
use crate::chain::header::Header;
use crate::chain::issuer::IssuerKey;
use crate::chain::merkle::Edge;
use crate::chain::present::StateKey;
use crate::chain::roster::{Member, MemberName, Roster};
use crate::chain::seal::SealKey;
use crate::chain::seal_all;
use crate::export::{write_stream_block, write_stream_head};
use crate::invoice::{
    CheckPolicy, Checked, Document, Draft, Fen, InvoiceId, LineAsked, NumberSequence, Payment, Reason, ReversalAsked,
    Seller, Severity,
};
use crate::ledger::command::{Issue, Keyed, LockBody, MerchantBody, PaymentBody, Reverse, Unsigned};
use crate::ledger::entry::ENTRY_VERSION;
use crate::ledger::present::{PresentMap, state_of};
use crate::ledger::record::RosterRecord;
use crate::ledger::state::{Nothing, Touched};
use crate::ledger::{Command, Failure, Outcome, Position, State, execute};

/// Merchants that issue in turn.
const MERCHANTS: u64 = 20;

/// Entries of a block.
const BLOCK_ENTRIES: u64 = 1_000;

/// 2026-11-22, noon in Shenzhen; a block a second from there.
const BEGIN: UnixMs = UnixMs(1_795_320_000_000);

/// How long locks hold: three days.
const LEASE_MS: i64 = 259_200_000;

/// What is in a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mix {
    /// Invoices without payment: one signature an entry.
    Signed,
    /// Of ten entries a payment, an invoice for it, six without payment, a lock and a red letter: eight signatures.
    Mixed,
}

/// An invoice of the block before, for a lock or a red letter.
struct Issued {
    id: InvoiceId,
    entry: u64,
    draft: Checked,
    key: Arc<IssuerKey>,
}

/// A command before it is signed.
enum Planned {
    Issue(Unsigned, Arc<IssuerKey>),
    Reverse(Unsigned, Box<Issued>),
    Other(Command),
}

/// The chain so far.
struct Maker {
    mix: Mix,
    seed: u64,
    chain: ChainId,
    roster: Roster,
    members: Vec<(MemberName, SealKey)>,
    merchants: Vec<(MerchantId, Seller, Arc<IssuerKey>)>,
    draft: Draft,
    state: State<Nothing>,
    edge: Edge,
    map: PresentMap,
    invoices: Vec<(u64, InvoiceId, Hash)>,
    numbers: u64,
    tip: Option<Header>,
    before: Vec<Issued>,
    out: BufWriter<File>,
}

fn broken(what: &str) -> Fault {
    Fault::new(Code::Internal, "", what)
}

/// 32 bytes that a seed and a name give.
fn secret(seed: u64, name: &str) -> Secret<[u8; 32]> {
    Secret::new(keccak256(format!("piaolian bench audit {seed} {name}")).0)
}

/// Makes a ledger of so many entries, the same for the same seed; `told` hears how many there are. Gives the founding roster.
///
/// # Errors
/// [`Code::CliFile`] when the file can't be written; else only if this program contradicts itself.
pub fn make(file: &Path, entries: u64, seed: u64, mix: Mix, told: &mut dyn FnMut(u64)) -> Result<Roster, Faults> {
    let mut maker = Maker::begin(file, seed, mix)?;
    maker.block(Vec::new())?;
    let registrations = maker.registrations()?;
    maker.block(registrations)?;
    while maker.edge.size() < entries {
        let wanted = BLOCK_ENTRIES.min(entries.saturating_sub(maker.edge.size()));
        let commands = (0..wanted).map(|nth| maker.plan(nth)).collect::<Result<Vec<_>, _>>()?;
        maker.block(commands)?;
        told(maker.edge.size());
    }
    maker.out.flush().map_err(|e| Fault::new(Code::CliFile, file.display().to_string(), e.to_string()))?;
    Ok(maker.roster)
}

impl Maker {
    fn begin(file: &Path, seed: u64, mix: Mix) -> Result<Self, Faults> {
        let chain = ChainId::try_from("bench-sandbox".to_owned())?;
        let named = ["kingdee", "tax-bureau", "tencent"].map(|name| -> Result<(MemberName, SealKey), Fault> {
            Ok((MemberName::try_from(name)?, SealKey::from_secret(&secret(seed, name))?))
        });
        let members = named.into_iter().collect::<Result<Vec<_>, _>>()?;
        let founders = members.iter().map(|(name, key)| Member { name: name.clone(), power: 1, key: key.public() });
        let roster = Roster::new(chain.clone(), 0, founders.collect())?;
        let unusable = |e: std::io::Error| Fault::new(Code::CliFile, file.display().to_string(), e.to_string());
        let mut out = BufWriter::new(File::create_new(file).map_err(unusable)?);
        write_stream_head(&mut out, &roster)?;
        let mut state = State::default();
        state.put_roster(RosterRecord { from_height: 0, roster: roster.clone() });
        let asked = load::draft().get_mut("draft").map(Value::take).unwrap_or_default();
        let draft = serde_json::from_value(asked).map_err(|e| broken(&e.to_string()))?;
        Ok(Self {
            mix,
            seed,
            chain,
            roster,
            members,
            merchants: Vec::new(),
            draft,
            state,
            edge: Edge::empty(),
            map: PresentMap::default(),
            invoices: Vec::new(),
            numbers: 0,
            tip: None,
            before: Vec::new(),
            out,
        })
    }

    fn time(&self) -> UnixMs {
        let height = self.tip.as_ref().map_or(0, |tip| tip.height.saturating_add(1));
        UnixMs(BEGIN.0.saturating_add(i64::try_from(height).unwrap_or(0).saturating_mul(1_000)))
    }

    fn key(&self, what: &str, nth: u64) -> Result<(IdempotencyKey, Hash), Fault> {
        let name = format!("{what}-{}-{nth}", self.edge.size());
        Ok((IdempotencyKey::try_from(name.clone())?, keccak256(name)))
    }

    fn registrations(&mut self) -> Result<Vec<Planned>, Faults> {
        let mut planned = Vec::new();
        for nth in 1..=MERCHANTS {
            let issuer = Arc::new(IssuerKey::from_secret(&secret(self.seed, &format!("merchant {nth}")))?);
            let seller = Seller {
                name: format!("深圳市票链样例第{nth}商行"),
                taxpayer_id: format!("9144030000TEST{nth:04}"),
                address_phone: Some(format!("深圳市南山区样例路{nth}号 0755-0000{nth:04}")),
                bank_account: Some(format!("票链样例银行深圳分行 000000000000{nth:04}")),
            };
            let (key, request) = self.key("merchant", nth)?;
            let (mchid, issuer_address) = (Some((1_900_000_000u64.saturating_add(nth)).to_string()), issuer.address());
            let body = MerchantBody { seller: seller.clone(), mchid, issuer: issuer_address, issue_on_payment: false };
            planned.push(Planned::Other(Command::RegisterMerchant(Keyed { key, request, body })));
            let id = MerchantId::nth(nth).ok_or_else(|| broken("no such merchant"))?;
            self.merchants.push((id, seller, issuer));
        }
        Ok(planned)
    }

    /// The command at a place of the next block.
    fn plan(&mut self, nth: u64) -> Result<Planned, Faults> {
        match (self.mix, nth.checked_rem(10)) {
            (Mix::Signed, _) => self.invoice(nth, None),
            (Mix::Mixed, Some(0)) => self.payment(nth),
            (Mix::Mixed, Some(1)) => self.invoice(nth, Some(self.transaction(nth.saturating_sub(1))?)),
            (Mix::Mixed, Some(2)) => match self.before.pop() {
                Some(issued) => self.reverse(nth, issued),
                None => self.invoice(nth, None),
            },
            (Mix::Mixed, Some(3)) => match self.before.pop() {
                Some(issued) => self.lock(nth, issued.id),
                None => self.invoice(nth, None),
            },
            (Mix::Mixed, _) => self.invoice(nth, None),
        }
    }

    fn merchant(&self, nth: u64) -> Result<&(MerchantId, Seller, Arc<IssuerKey>), Fault> {
        // A payment and its invoice, one behind the other, are of one merchant.
        let at =
            nth.checked_div(2).and_then(|pair| pair.checked_rem(MERCHANTS)).and_then(|at| usize::try_from(at).ok());
        at.and_then(|at| self.merchants.get(at)).ok_or_else(|| broken("no merchant"))
    }

    fn transaction(&self, nth: u64) -> Result<TransactionId, Fault> {
        TransactionId::try_from(format!("4200{:020}", self.edge.size().saturating_add(nth)))
    }

    fn provider() -> Result<Provider, Fault> {
        Provider::try_from("wechat-pay".to_owned())
    }

    fn payment(&self, nth: u64) -> Result<Planned, Faults> {
        let (transaction, time) = (self.transaction(nth)?, self.time());
        let body = PaymentBody {
            provider: Self::provider()?,
            order: TransactionId::try_from(format!("order-{transaction}"))?,
            transaction,
            merchant: self.merchant(nth)?.0.clone(),
            paid: Fen::new(120_000)?,
            paid_at: time,
        };
        Ok(Planned::Other(Command::RecordPayment(body)))
    }

    fn invoice(&mut self, nth: u64, paid: Option<TransactionId>) -> Result<Planned, Faults> {
        let date = LegalDate::of(self.time())?;
        self.draft.payment = match paid {
            Some(transaction) => Some(Payment { provider: Self::provider()?, transaction }),
            None => None,
        };
        self.draft.remark = Some(format!("压测样例 {}, 非真实交易", self.edge.size().saturating_add(nth)));
        let (merchant, seller, issuer) = self.merchant(nth)?.clone();
        let policy = CheckPolicy { uscc_check_digit: Severity::Warn };
        let (checked, _) = self.draft.check(&seller, &self.chain, &merchant, date, &policy)?;
        let (key, request) = self.key("invoice", nth)?;
        Ok(Planned::Issue(Unsigned::new(key, request, checked)?, issuer))
    }

    /// Takes the first line of an invoice back, of which nothing was taken before.
    fn reverse(&self, nth: u64, blue: Issued) -> Result<Planned, Faults> {
        let lines = vec![LineAsked { line: 0, quantity: None, total: None }];
        let asked = ReversalAsked { reason: Reason::IssueError, lines };
        let red = blue.draft.reverse(blue.id, &blue.draft.shares()?, &asked)?;
        let (key, request) = self.key("red", nth)?;
        Ok(Planned::Reverse(Unsigned::new(key, request, red)?, Box::new(blue)))
    }

    fn lock(&self, nth: u64, invoice: InvoiceId) -> Result<Planned, Faults> {
        let (key, request) = self.key("lock", nth)?;
        let body = LockBody { invoices: vec![invoice], holder: keccak256(b"a company"), lease_ms: LEASE_MS };
        Ok(Planned::Other(Command::Lock(Keyed { key, request, body })))
    }

    /// Executes and seals the next block and writes it.
    fn block(&mut self, planned: Vec<Planned>) -> Result<(), Faults> {
        let (height, time) = (self.tip.as_ref().map_or(0, |tip| tip.height.saturating_add(1)), self.time());
        let numbers = NumberSequence::of(Document::BlockchainOrdinary, LegalDate::of(time)?);
        let (mut leaves, mut texts) = (Vec::new(), Vec::new());
        self.before.clear();
        for (command, place) in signed(planned)? {
            let index = self.edge.size().saturating_add(u64::try_from(leaves.len()).unwrap_or(0));
            let at = Position { chain: &self.chain, height, index, time, version: ENTRY_VERSION };
            if let Place::Reverse(blue) = &place {
                self.state.know_draft(blue.entry, blue.draft.clone());
            }
            let (leaf, text) = match execute(&mut self.state, &command, at) {
                Ok(Outcome::Accepted { leaf, text, .. }) => (leaf, text),
                Ok(Outcome::Replayed { .. }) => return Err(broken("a command is said twice").into()),
                Err(Failure::Refused(faults)) => return Err(faults),
                Err(Failure::Unreadable(never)) => match never {},
            };
            if let Some(draft) = command.draft() {
                self.numbers = self.numbers.saturating_add(1);
                let id = numbers.nth(self.numbers)?;
                self.invoices.push((index, id, leaf));
                if let Place::Issue(key) = place {
                    self.before.push(Issued { id, entry: index, draft: draft.clone(), key });
                }
            }
            leaves.push(leaf);
            texts.push(text);
        }
        if !leaves.is_empty() {
            self.edge.append(&leaves);
        }
        let header = self.header(height, time)?;
        let text = header.to_text()?;
        let keys: Vec<(&MemberName, &SealKey)> = self.members.iter().map(|(name, key)| (name, key)).collect();
        let seals = seal_all(&keys, &self.chain, height, 0, &header_hash(&text))?;
        write_stream_block(&mut self.out, &text, &seals, texts.iter().map(String::as_str))?;
        self.tip = Some(header);
        Ok(())
    }

    fn header(&mut self, height: u64, time: UnixMs) -> Result<Header, Faults> {
        let proposer = self.members.first().map(|(name, _)| name.clone()).ok_or_else(|| broken("no member"))?;
        let root = self.present_states()?;
        let Some(tip) = &self.tip else { return Ok(Header::genesis(&self.roster, time, proposer)) };
        Ok(Header {
            v: Edition::Second,
            chain: self.chain.clone(),
            height,
            prev: tip.hash()?,
            size: self.edge.size(),
            root: self.edge.root(),
            time,
            members: self.roster.hash(),
            next_members: self.roster.hash(),
            proposer,
            state: Some(root),
        })
    }

    fn present_states(&mut self) -> Result<Hash, Faults> {
        let mut states: Vec<(StateKey, String)> = Vec::new();
        let Ok(touched) = self.state.take_touched(0);
        for Touched { entry, reversal, life } in touched {
            let at = self.invoices.binary_search_by_key(&entry, |(entry, ..)| *entry).ok();
            let (_, id, leaf) = at.and_then(|at| self.invoices.get(at)).ok_or_else(|| broken("no invoice"))?;
            let Ok(invoice) = self.state.invoice(id);
            let invoice = invoice.ok_or_else(|| broken("no invoice"))?;
            states.push(state_of(leaf, &invoice, reversal.as_deref(), life.as_deref())?);
        }
        Ok(self.map.put(states)?)
    }
}

/// What a command is to the maker.
enum Place {
    /// An invoice, which a lock or a red letter may follow.
    Issue(Arc<IssuerKey>),
    /// A red letter, with its blue invoice.
    Reverse(Box<Issued>),
    /// Anything else.
    Other,
}

/// Signs what is to be signed, all together; gives commands in order.
fn signed(planned: Vec<Planned>) -> Result<Vec<(Command, Place)>, Faults> {
    let (mut unsigned, mut places) = (Vec::new(), Vec::new());
    for one in planned {
        let (place, other) = match one {
            Planned::Issue(draft, key) => {
                unsigned.push((draft, Arc::clone(&key)));
                (Place::Issue(key), None)
            }
            Planned::Reverse(draft, blue) => {
                unsigned.push((draft, Arc::clone(&blue.key)));
                (Place::Reverse(blue), None)
            }
            Planned::Other(command) => (Place::Other, Some(command)),
        };
        places.push((place, other));
    }
    let mut issues = Issue::sign_all(unsigned).into_iter();
    let commands = places.into_iter().map(|(place, other)| {
        let mut next = || issues.next().ok_or_else(|| broken("a signature is missing"));
        let command = match (&place, other) {
            (_, Some(command)) => command,
            (Place::Reverse(_), None) => Command::Reverse(Box::new(Reverse::new(next()?, None)?)),
            (Place::Issue(_) | Place::Other, None) => Command::Issue(Box::new(next()?)),
        };
        Ok((command, place))
    });
    commands.collect()
}
