//! What a caller does next: something new, something said before once more, mostly what follows from what it or another was told, also
//! where it comes too late or is none of its business.

use crate::client::Dice;
use crate::history::Attempt;
use crate::operation::{
    Action, Claim, Document, GoOn, Hold, Issue, Link, Lock, Open, Operation, Order, Pay, Pledge, Refund, Reply,
    Reverse, Way,
};

/// Companies that there are to choose from.
pub const COMPANIES: usize = 3;

/// Whether it is of an invoice's life after it was issued, with more to come.
fn is_late(attempt: &Attempt) -> bool {
    match &*attempt.operation {
        Operation::Pay(_) | Operation::Order(_) | Operation::Issue(_) | Operation::Refund(_) => false,
        Operation::Reverse(_) | Operation::Claim(_) => false,
        Operation::Lock(_) | Operation::GoOn(_) | Operation::Pledge(_) | Operation::Link(_) => true,
        Operation::Open(_) | Operation::Reply(_) => true,
    }
}

/// A choice to be made.
pub struct Choice<'a> {
    pub dice: &'a mut Dice,
    /// A name that nobody else has, for whatever is chosen.
    pub name: String,
}

impl Choice<'_> {
    /// What to do, mostly one thing; `newest` is what was done last.
    pub fn next(mut self, newest: &[Attempt]) -> Vec<Operation> {
        if newest.is_empty() {
            return self.begin();
        }
        // Of two, rather what is later in a life: otherwise few lives would get far.
        let (one, other) = (self.dice.pick(newest), self.dice.pick(newest));
        let before = if is_late(other) { other } else { one };
        match self.dice.below(10) {
            0 => vec![Operation::clone(&before.operation)],
            1..8 => match self.follow(before, newest) {
                Some(operation) => vec![operation],
                None => self.begin(),
            },
            _ => self.begin(),
        }
    }

    /// Something that nothing went before.
    fn begin(mut self) -> Vec<Operation> {
        let (fen, name) = (self.fen(100_000) + 100, self.name);
        let order = format!("order-{name}");
        match self.dice.below(6) {
            0 => {
                let pay = Pay { transaction: name, order: order.clone(), fen, billed: true };
                vec![Operation::Order(Order { order, fen }), Operation::Pay(pay)]
            }
            1..4 => vec![Operation::Issue(Issue { key: name, fen, payment: None })],
            _ => vec![Operation::Pay(Pay { transaction: name, order, fen, billed: false })],
        }
    }

    /// What may come after something, if anything does.
    fn follow(&mut self, before: &Attempt, newest: &[Attempt]) -> Option<Operation> {
        match (&*before.operation, before.told()) {
            (Operation::Pay(pay), _) if !pay.billed => Some(self.after_payment(pay)),
            (Operation::Issue(issue), None) => Some(Operation::Issue(Issue { fen: issue.fen + 1, ..issue.clone() })),
            (Operation::Issue(issue), Some(answer)) => Some(self.after_issue(issue, Document::told(answer), newest)),
            (Operation::Lock(lock), Some(answer)) => {
                let hold = Hold { company: lock.company, fence: answer.json()["fence"].as_u64().unwrap() };
                Some(self.while_locked(hold, &lock.invoices))
            }
            (Operation::Pledge(pledge), Some(answer)) => {
                let hold = Hold { company: pledge.company, fence: answer.json()["fence"].as_u64().unwrap() };
                Some(self.while_pledged(hold, &pledge.invoice))
            }
            (Operation::GoOn(done), Some(_)) => Some(self.after_going_on(done)),
            (Operation::Link(link), Some(answer)) => Some(self.claim(&link.invoice, Link::token(answer))),
            (Operation::Open(open), Some(answer)) => {
                Some(self.on_sheet(open, answer.json()["confirmation"].as_u64().unwrap()))
            }
            (Operation::Reply(reply), Some(_)) if reply.action == Action::Agree => Some(self.after_agreement(reply)),
            (_, _) => None,
        }
    }

    fn fen(&mut self, most: i64) -> i64 {
        1 + i64::try_from(self.dice.below(u64::try_from(most).unwrap())).unwrap()
    }

    fn company(&mut self) -> usize {
        usize::try_from(self.dice.below(u64::try_from(COMPANIES).unwrap())).unwrap()
    }

    fn key(&self) -> String {
        self.name.clone()
    }

    /// Sometimes more than is left, of the invoice or of the payment; also of what is invoiced.
    fn after_payment(&mut self, pay: &Pay) -> Operation {
        let (fen, Pay { transaction, order, fen: paid, .. }) = (self.fen(pay.fen), pay.clone());
        match self.dice.below(3) {
            0 => Operation::Refund(Refund { refund: self.key(), transaction, order, paid, fen }),
            _ => Operation::Issue(Issue { key: self.key(), fen, payment: Some(transaction) }),
        }
    }

    fn after_issue(&mut self, issue: &Issue, document: Document, newest: &[Attempt]) -> Operation {
        let invoice = document.id.clone();
        match self.dice.below(13) {
            // The same key for something else.
            0 => Operation::Issue(Issue { fen: issue.fen + 1, ..issue.clone() }),
            1..5 => {
                let more = self.dice.pick(newest);
                let more = match (&*more.operation, more.told()) {
                    (Operation::Issue(_), Some(answer)) => Some(Document::told(answer)),
                    (_, _) => None,
                };
                let more = more.filter(|more| *more != document);
                self.lock([document].into_iter().chain(more).collect())
            }
            5 | 6 => self.pledge(document),
            7 | 8 => Operation::Link(Link { invoice }),
            9 => self.open(&invoice, None, None),
            10 => self.reverse(invoice, None),
            _ => {
                let part = self.fen(issue.fen);
                self.reverse(invoice, Some(part))
            }
        }
    }

    fn while_locked(&mut self, hold: Hold, invoices: &[Document]) -> Operation {
        let first = invoices[0].clone();
        match self.dice.below(16) {
            0 | 1 | 14 => self.go_on(hold, invoices, Way::Renew),
            2 | 15 => self.go_on(hold, invoices, Way::Unlock),
            3 | 4 => self.go_on(hold, &invoices[..1], Way::Book),
            5 => self.lock(invoices.to_vec()),
            6 => {
                let other = Hold { company: (hold.company + 1) % COMPANIES, ..hold };
                self.go_on(other, invoices, Way::Unlock)
            }
            7 => self.pledge(first),
            8 => self.reverse(first.id, None),
            9 | 10 => self.open(&first.id, Some(hold), Some(hold)),
            _ => self.open(&first.id, None, Some(hold)),
        }
    }

    fn while_pledged(&mut self, hold: Hold, invoice: &Document) -> Operation {
        let invoices = std::slice::from_ref(invoice);
        match self.dice.below(10) {
            0..3 => self.go_on(hold, invoices, Way::Release),
            3..6 => self.go_on(hold, invoices, Way::Settle),
            6 => self.lock(invoices.to_vec()),
            7 => Operation::Link(Link { invoice: invoice.id.clone() }),
            8 => self.open(&invoice.id, Some(hold), Some(hold)),
            _ => self.open(&invoice.id, None, Some(hold)),
        }
    }

    /// What is still the holder's, somebody else's turn, or too late.
    fn after_going_on(&mut self, done: &GoOn) -> Operation {
        let (hold, invoices) = (done.hold, done.invoices.as_slice());
        match (done.way, self.dice.below(3)) {
            (Way::Renew, _) => self.while_locked(hold, invoices),
            (Way::Unlock, 0) => self.go_on(hold, invoices, Way::Book),
            (Way::Release, 0) => self.go_on(hold, invoices, Way::Settle),
            (Way::Release | Way::Settle, 1) => self.pledge(invoices[0].clone()),
            (Way::Book, 0) => self.open(&invoices[0].id, None, Some(hold)),
            (Way::Book, 1) => self.open(&invoices[0].id, Some(hold), Some(hold)),
            (Way::Unlock | Way::Book | Way::Release | Way::Settle, _) => self.lock(invoices.to_vec()),
        }
    }

    /// The other side answers, or who opened it takes it back; where nobody has to agree the red letter comes at once.
    fn on_sheet(&mut self, open: &Open, sheet: u64) -> Operation {
        let Some(hold) = open.hold else {
            return Operation::Reverse(Reverse { confirmation: Some(sheet), ..self.red(&open.invoice, open.part) });
        };
        let other = if open.by.is_some() { None } else { Some(hold) };
        let (action, by) = match self.dice.below(8) {
            0 => (Action::Refuse, other),
            1 => (Action::Withdraw, open.by),
            _ => (Action::Agree, other),
        };
        Operation::Reply(Reply { key: self.key(), sheet, about: Box::new(open.clone()), action, by })
    }

    fn after_agreement(&mut self, reply: &Reply) -> Operation {
        let Open { invoice, part, by, .. } = &*reply.about;
        match self.dice.below(6) {
            0 => Operation::Reply(Reply { key: self.key(), action: Action::Withdraw, by: *by, ..reply.clone() }),
            _ => Operation::Reverse(Reverse { confirmation: Some(reply.sheet), ..self.red(invoice, *part) }),
        }
    }

    fn red(&self, invoice: &str, part: Option<i64>) -> Reverse {
        Reverse { key: self.key(), invoice: invoice.to_owned(), part, confirmation: None }
    }

    fn reverse(&mut self, invoice: String, part: Option<i64>) -> Operation {
        Operation::Reverse(self.red(&invoice, part))
    }

    fn lock(&mut self, invoices: Vec<Document>) -> Operation {
        // The shortest lease there is lasts longer than a test's round: no lock ends by itself in the middle of one.
        let lease_ms = (self.dice.below(2) == 0).then_some(31_536_000_000);
        Operation::Lock(Lock { key: self.key(), company: self.company(), invoices, lease_ms })
    }

    fn pledge(&mut self, invoice: Document) -> Operation {
        Operation::Pledge(Pledge { key: self.key(), company: self.company(), invoice })
    }

    fn go_on(&mut self, hold: Hold, invoices: &[Document], way: Way) -> Operation {
        Operation::GoOn(GoOn { key: self.key(), hold, invoices: invoices.to_vec(), way })
    }

    fn claim(&mut self, invoice: &str, token: String) -> Operation {
        let person = format!("payer of {}", self.name);
        Operation::Claim(Claim { key: self.key(), invoice: invoice.to_owned(), token, person })
    }

    fn open(&mut self, invoice: &str, by: Option<Hold>, hold: Option<Hold>) -> Operation {
        let part = (self.dice.below(2) == 0).then(|| self.fen(50));
        Operation::Open(Open { key: self.key(), invoice: invoice.to_owned(), part, by, hold })
    }
}
