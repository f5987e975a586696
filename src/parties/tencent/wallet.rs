//! The sandbox twin of the card wallet: keeps which invoice cards a payer has. In memory, gone with the process.
//!
//! Promise: inserting the same card again changes nothing and gives the same card id; another card under the same invoice id
//! is refused. *Invariant:* emits nothing: no event, no request, no log line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::base::secret::constant_time_eq;
use crate::base::{Code, Fault, Secret};
use crate::invoice::{Fen, InvoiceId};

/// An invoice as a card shows it (domain.md 4, `insert`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// The invoice.
    pub invoice: InvoiceId,
    /// 收款方: the seller's name.
    pub payee: String,
    /// 抬头: the buyer's name.
    pub title: String,
    /// Tax-inclusive total.
    pub fee: Fen,
    /// Without tax.
    pub fee_without_tax: Fen,
    /// The tax.
    pub tax: Fen,
    /// Unix seconds of issue.
    pub billing_time: i64,
    /// Last five characters of the printed hash.
    pub check_code: String,
}

/// Whether a card is in the wallet (domain.md 1.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardStatus {
    /// In the wallet.
    Inserted,
    /// Taken out after a reversal.
    Discarded,
}

impl CardStatus {
    /// WeChat's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            CardStatus::Inserted => "INSERTED",
            CardStatus::Discarded => "DISCARDED",
        }
    }
}

struct Slot {
    openid: Secret<String>,
    card: Card,
    status: CardStatus,
}

/// What is in the wallets.
#[derive(Default)]
struct Cards {
    slots: BTreeMap<InvoiceId, Slot>,
    /// Invoices that were reversed before their card came.
    never: BTreeSet<InvoiceId>,
}

/// The sandbox wallet of all payers.
#[derive(Default)]
pub struct Wallet(Mutex<Cards>);

impl fmt::Debug for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wallet").field("cards", &self.cards().slots.len()).finish()
    }
}

impl Wallet {
    fn cards(&self) -> MutexGuard<'_, Cards> {
        // Every change is one insertion or one assignment: a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a card into a payer's wallet; gives back the card's code. The same card again gives the same code, also when it has been
    /// discarded in the meantime (a late repeat must not bring a reversed invoice back).
    ///
    /// # Errors
    /// [`Code::WalletCardConflict`] when the invoice id is taken by another card or another payer.
    pub fn insert(&self, openid: &Secret<String>, card: &Card) -> Result<String, Fault> {
        let mut cards = self.cards();
        if let Some(slot) = cards.slots.get(&card.invoice) {
            let same_payer = constant_time_eq(slot.openid.expose().as_bytes(), openid.expose().as_bytes());
            if !same_payer || slot.card != *card {
                let message = format!("invoice {} has another card", card.invoice);
                return Err(Fault::new(Code::WalletCardConflict, "", message));
            }
        } else {
            let reversed = cards.never.remove(&card.invoice);
            let status = if reversed { CardStatus::Discarded } else { CardStatus::Inserted };
            cards.slots.insert(card.invoice, Slot { openid: openid.clone(), card: card.clone(), status });
        }
        Ok(card_code(card.invoice))
    }

    /// Takes the card of a reversed invoice out. Gives back whether there is a card; one that comes later is out from the start.
    /// Doing it again changes nothing.
    pub fn discard(&self, invoice: InvoiceId) -> bool {
        let mut cards = self.cards();
        match cards.slots.get_mut(&invoice) {
            Some(slot) => {
                slot.status = CardStatus::Discarded;
                true
            }
            None => {
                cards.never.insert(invoice);
                false
            }
        }
    }

    /// Where an invoice's card is.
    pub fn status(&self, invoice: InvoiceId) -> Option<CardStatus> {
        self.cards().slots.get(&invoice).map(|slot| slot.status)
    }

    /// The cards that a payer has, in order of their invoice ids.
    pub fn cards_of(&self, openid: &Secret<String>) -> Vec<Card> {
        let wanted = openid.expose().as_bytes();
        let cards = self.cards();
        let held = cards.slots.values().filter(|slot| {
            slot.status == CardStatus::Inserted && constant_time_eq(slot.openid.expose().as_bytes(), wanted)
        });
        held.map(|slot| slot.card.clone()).collect()
    }
}

/// The card's code: made of the invoice id, so that it needs no counter.
fn card_code(invoice: InvoiceId) -> String {
    format!("card-{invoice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payer(name: &str) -> Secret<String> {
        Secret::new(name.to_owned())
    }

    fn card(number: &str, fee: i64) -> Card {
        Card {
            invoice: InvoiceId::try_from(format!("144032609110-{number}")).unwrap(),
            payee: "深圳票链样例餐饮有限公司".to_owned(),
            title: "个人".to_owned(),
            fee: Fen::new(fee).unwrap(),
            fee_without_tax: Fen::new(fee).unwrap(),
            tax: Fen::ZERO,
            billing_time: 1_795_320_000,
            check_code: "c7c7c".to_owned(),
        }
    }

    #[test]
    fn the_same_card_again_is_one_card() {
        let wallet = Wallet::default();
        let first = wallet.insert(&payer("o1"), &card("00000001", 100)).unwrap();
        assert_eq!(wallet.insert(&payer("o1"), &card("00000001", 100)).unwrap(), first);
        assert_eq!(wallet.cards_of(&payer("o1")).len(), 1);
    }

    #[test]
    fn another_card_or_payer_under_the_same_invoice_is_refused() {
        let wallet = Wallet::default();
        wallet.insert(&payer("o1"), &card("00000001", 100)).unwrap();
        for (who, fee) in [("o1", 101), ("o2", 100)] {
            let fault = wallet.insert(&payer(who), &card("00000001", fee)).unwrap_err();
            assert_eq!(fault.code, Code::WalletCardConflict);
        }
    }

    #[test]
    fn payers_see_their_own_cards_only() {
        let wallet = Wallet::default();
        wallet.insert(&payer("o1"), &card("00000001", 100)).unwrap();
        wallet.insert(&payer("o2"), &card("00000002", 200)).unwrap();
        assert_eq!(wallet.cards_of(&payer("o2")), [card("00000002", 200)]);
        assert_eq!(wallet.cards_of(&payer("o3")), []);
    }

    #[test]
    fn a_late_repeat_does_not_bring_a_discarded_card_back() {
        let wallet = Wallet::default();
        let card = card("00000001", 100);
        wallet.insert(&payer("o1"), &card).unwrap();
        assert!(wallet.discard(card.invoice));
        wallet.insert(&payer("o1"), &card).unwrap();
        assert_eq!(wallet.status(card.invoice), Some(CardStatus::Discarded));
        assert_eq!(wallet.cards_of(&payer("o1")), []);
    }

    #[test]
    fn a_card_that_comes_after_its_reversal_is_out_from_the_start() {
        let wallet = Wallet::default();
        let card = card("00000001", 100);
        assert!(!wallet.discard(card.invoice));
        wallet.insert(&payer("o1"), &card).unwrap();
        assert_eq!(wallet.status(card.invoice), Some(CardStatus::Discarded));
        assert_eq!(wallet.cards_of(&payer("o1")), []);
    }
}
